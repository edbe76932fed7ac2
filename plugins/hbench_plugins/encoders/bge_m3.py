"""BGE-M3's dense vectors: its hub id, and the revision that holds its weights as safetensors."""

from pathlib import Path

from hbench_plugins.encoders.huggingface import DType, HuggingFace, Length, Share

# The hub's own conversion of 5617a9f61b028005a4858fdac845db406aefb181, one commit after it: the
# main branch has the weights pickled only, and nothing is unpickled here.
REVISION = "9a0624b896d81da7492a910ffa53731274b6cf3d"


def bge_m3(
    model: Path | None = None,
    query_prefix: str = "",
    passage_prefix: str = "",
    max_query_length: Length = 96,
    max_passage_length: Length = 256,
    dtype: DType = "float32",
    dropout: Share | None = None,
    gradient_checkpointing: bool = False,
) -> HuggingFace:
    """BGE-M3 (arXiv 2402.03216) at a pinned revision: first token, length 1; dense vectors alone.

    Args:
        model: a folder that holds the model, in place of the hub.
        query_prefix: put before every query; BGE-M3 was published without prefixes.
        passage_prefix: put before every passage, likewise.
        max_query_length: tokens of a query, special ones included; longer ones are cut.
        max_passage_length: tokens of a passage, likewise.
        dtype: of the weights, in training and encoding.
        dropout: share of activations dropped in training; not given: the published 0.1. With 0,
            attention on a GPU runs faster.
        gradient_checkpointing: compute each layer anew when its gradients are due: less memory.
    """
    return HuggingFace(
        model=model or "BAAI/bge-m3",
        revision=None if model else REVISION,
        pooling="cls",
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
        max_query_length=max_query_length,
        max_passage_length=max_passage_length,
        dtype=dtype,
        dropout=dropout,
        gradient_checkpointing=gradient_checkpointing,
    )
