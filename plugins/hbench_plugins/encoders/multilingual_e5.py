"""Multilingual E5 as published: its hub ids and revisions, and the prefixes it was trained with."""

from pathlib import Path
from typing import Literal

from hbench_plugins.encoders.huggingface import DType, HuggingFace, Length, Share

REVISIONS = {
    "small": "fd1525a9fd15316a2d503bf26ab031a61d056e98",
    "base": "d13f1b27baf31030b7fd040960d60d909913633f",
    "large": "ab10c1a7f42e74530fe7ae5be82e6d4f11a719eb",
}


def multilingual_e5(
    size: Literal["small", "base", "large"] = "base",
    model: Path | None = None,
    query_prefix: str = "query: ",
    passage_prefix: str = "passage: ",
    max_query_length: Length = 96,
    max_passage_length: Length = 256,
    dtype: DType = "float32",
    dropout: Share | None = None,
    gradient_checkpointing: bool = False,
) -> HuggingFace:
    """Multilingual E5 (arXiv 2402.05672) at a pinned revision: mean of the tokens, length 1.

    Args:
        size: which of the three published models.
        model: a folder that holds the model, in place of the hub; it decides the size then.
        query_prefix: put before every query; the model was trained with this one.
        passage_prefix: put before every passage, likewise.
        max_query_length: tokens of a query, special ones included; longer ones are cut.
        max_passage_length: tokens of a passage, likewise.
        dtype: of the weights, in training and encoding.
        dropout: share of activations dropped in training; not given: the published 0.1. With 0,
            attention on a GPU runs faster.
        gradient_checkpointing: compute each layer anew when its gradients are due: less memory.
    """
    return HuggingFace(
        model=model or f"intfloat/multilingual-e5-{size}",
        revision=None if model else REVISIONS[size],
        pooling="mean",
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
        max_query_length=max_query_length,
        max_passage_length=max_passage_length,
        dtype=dtype,
        dropout=dropout,
        gradient_checkpointing=gradient_checkpointing,
    )
