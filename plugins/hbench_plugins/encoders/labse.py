"""LaBSE as published by sentence-transformers: its hub id and revision."""

from pathlib import Path

from hbench.errors import OptionError
from hbench_plugins.encoders.huggingface import DType, HuggingFace, Length, Share

REVISION = "836121a0533e5664b21c7aacc5d22951f2b8b25b"


def labse(
    model: Path | None = None,
    query_prefix: str = "",
    passage_prefix: str = "",
    max_query_length: Length = 96,
    max_passage_length: Length = 256,
    dtype: DType = "float32",
    dropout: Share | None = None,
    gradient_checkpointing: bool = False,
) -> HuggingFace:
    """LaBSE (arXiv 2007.01852) at a pinned revision: first token, dense layer with tanh, length 1.

    Args:
        model: a folder that holds the model, in place of the hub.
        query_prefix: put before every query; LaBSE was published without prefixes.
        passage_prefix: put before every passage, likewise.
        max_query_length: tokens of a query, special ones included; longer ones are cut.
        max_passage_length: tokens of a passage, likewise.
        dtype: of the weights, in training and encoding.
        dropout: share of activations dropped in training; not given: the published 0.1. With 0,
            attention on a GPU runs faster.
        gradient_checkpointing: compute each layer anew when its gradients are due: less memory.
    """
    if model is not None and model.is_dir() and not (model / "modules.json").is_file():
        raise OptionError(
            f"{str(model)!r} holds no modules.json, which says how LaBSE pools and that a dense "
            "layer follows; give the folder that sentence-transformers published",
            ("model",),
        )
    return HuggingFace(
        model=model or "sentence-transformers/LaBSE",
        revision=None if model else REVISION,
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
        max_query_length=max_query_length,
        max_passage_length=max_passage_length,
        dtype=dtype,
        dropout=dropout,
        gradient_checkpointing=gradient_checkpointing,
    )
