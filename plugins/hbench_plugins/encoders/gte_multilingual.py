"""GTE multilingual as published: its hub id and revision, and its configuration in other words.

The published config.json asks for Python code from another repository, which no longer runs with
transformers (5.17 took away what it calls). The same architecture is part of transformers now, and
reads the published weights; so no foreign code is run.
"""

import json
from pathlib import Path
from typing import Any

from hbench.errors import DataError
from hbench_plugins.encoders.huggingface import DType, HuggingFace, Length, Share

REVISION = "ca1791e0bcc104f6db161f27de1340241b13c5a4"


class PublishedGTE(HuggingFace):
    """As HuggingFace, in transformers' own GTE."""

    def body_config(self, folder: Path) -> Any:  # noqa: ANN401 - transformers may lack the type
        """The folder's configuration in the words of transformers' GTE; None if it is that."""
        path = folder / "config.json"
        try:
            published: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path}: cannot be read ({error}); give the folder of gte-multilingual-base"
            ) from error
        if published.get("model_type") != "new":
            return None
        try:
            from transformers import GteConfig
        except ImportError as error:
            raise DataError(
                f"{folder}: transformers knows this architecture from version 5.19 on; install a "
                "newer one: `pip install 'transformers>=5.19'`"
            ) from error
        known = {name: published[name] for name in GteConfig.__annotations__ if name in published}
        return GteConfig(**known | {"rope_parameters": _angles(path, published)})


def _angles(path: Path, published: dict[str, Any]) -> dict[str, Any]:
    """How positions turn queries and keys.

    Published is a scaling that multiplies the base by a factor, and divides every angle by the
    factor's (2 / width of a head)-th power; the latter is what transformers calls linear.
    """
    scaling = published.get("rope_scaling") or {}
    if scaling.get("type") != "ntk" or scaling.get("mixed_b") is not None:
        raise DataError(
            f"{path}: rope_scaling is {scaling}, and not gte-multilingual-base's: give that "
            "model's folder, or load this one with `huggingface`"
        )
    factor, width = scaling["factor"], published["hidden_size"] // published["num_attention_heads"]
    return {
        "rope_type": "linear",
        "rope_theta": published["rope_theta"] * factor,
        "factor": factor ** (2 / width),
    }


def gte_multilingual(
    model: Path | None = None,
    query_prefix: str = "",
    passage_prefix: str = "",
    max_query_length: Length = 96,
    max_passage_length: Length = 256,
    dtype: DType = "float32",
    dropout: Share | None = None,
    gradient_checkpointing: bool = False,
) -> HuggingFace:
    """GTE multilingual (arXiv 2407.19669) at a pinned revision: first token, length 1.

    Args:
        model: a folder that holds the model, in place of the hub.
        query_prefix: put before every query; the model was published without prefixes.
        passage_prefix: put before every passage, likewise.
        max_query_length: tokens of a query, special ones included; longer ones are cut.
        max_passage_length: tokens of a passage, likewise.
        dtype: of the weights, in training and encoding.
        dropout: share of activations dropped in training; not given: the published 0.1, and none
            in attention.
        gradient_checkpointing: compute each layer anew when its gradients are due: less memory.
    """
    return PublishedGTE(
        model=model or "Alibaba-NLP/gte-multilingual-base",
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
