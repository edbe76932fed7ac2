"""XLM-R as published: its hub ids and revisions, and how hybrid batch training prepares texts."""

from pathlib import Path
from typing import Literal

from hbench_plugins.encoders.huggingface import DType, HuggingFace, Length, Share
from hbench_plugins.encoders.layout import Pooling

REVISIONS = {
    "base": "e73636d4f797dec63c3081bb6ed5c7b0bb3f2089",
    "large": "c23d21b0620b635a76227c604d44e43a9f0ee389",
}


def xlm_r(
    size: Literal["base", "large"] = "base",
    model: Path | None = None,
    pooling: Pooling = "mean",
    query_prefix: str = "Query: ",
    passage_prefix: str = "Passage: ",
    max_query_length: Length = 96,
    max_passage_length: Length = 256,
    dtype: DType = "float32",
    dropout: Share | None = None,
    gradient_checkpointing: bool = False,
) -> HuggingFace:
    """XLM-R (arXiv 1911.02116) at a pinned revision, with the prefixes of arXiv 2408.10536.

    That paper states neither the size nor the pooling.

    Args:
        size: which of the two published models.
        model: a folder that holds the model, in place of the hub; it decides the size then.
        pooling: ``mean`` over a text's tokens, or its first token (``cls``).
        query_prefix: put before every query.
        passage_prefix: put before every passage.
        max_query_length: tokens of a query, special ones included; longer ones are cut.
        max_passage_length: tokens of a passage, likewise.
        dtype: of the weights, in training and encoding.
        dropout: share of activations dropped in training; not given: the published 0.1. With 0,
            attention on a GPU runs faster.
        gradient_checkpointing: compute each layer anew when its gradients are due: less memory.
    """
    return HuggingFace(
        model=model or f"FacebookAI/xlm-roberta-{size}",
        revision=None if model else REVISIONS[size],
        pooling=pooling,
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
        max_query_length=max_query_length,
        max_passage_length=max_passage_length,
        dtype=dtype,
        dropout=dropout,
        gradient_checkpointing=gradient_checkpointing,
    )
