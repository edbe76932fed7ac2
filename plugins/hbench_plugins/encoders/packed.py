"""What goes into and comes out of a transformers model that works on packed texts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hbench.attention import Row
from hbench.packing import Packed, Tokens, to_device
from hbench.records import Int64Array
from hbench_plugins.encoders.layout import Pooling

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LookedUp:
    """The embeddings of all distinct tokens of a step.

    Args:
        ids: (U,) their ids, ascending.
        rows: (U, size) with the graph to the table.
    """

    ids: Int64Array
    rows: "torch.Tensor"


def look_up(body: Any, tokens: Tokens) -> LookedUp | None:  # noqa: ANN401 - transformers' models
    """One look-up of the token embeddings for all micro-batches of a step.

    Its gradient, as large as the vocabulary, is then made once a step. None where no gradient is
    wanted, or where the table does more than to look up (one that scales, say).
    """
    import torch
    from torch.nn.functional import embedding

    table = body.get_input_embeddings()
    is_plain = type(table) is torch.nn.Embedding and table.max_norm is None
    if not (torch.is_grad_enabled() and is_plain and table.weight.requires_grad):
        return None
    ids = np.unique(np.concatenate([np.asarray(text, np.int64) for text in tokens]))
    numbers = to_device(ids, table.weight.device)
    return LookedUp(ids, embedding(numbers, table.weight, table.padding_idx))


def inputs(
    row: Row, looked_up: Int64Array | None, rows: "torch.Tensor"
) -> dict[str, "torch.Tensor"]:
    """Token ids, or their embeddings where the ``rows`` of ids were ``looked_up`` already."""
    from torch.nn.functional import embedding

    if looked_up is None:
        return {"input_ids": row.ids}
    places = np.searchsorted(looked_up, row.packed.ids[None])
    return {"inputs_embeds": embedding(to_device(places, row.device), rows)}


def pooled(hidden: "torch.Tensor", packed: Packed, pooling: Pooling) -> "torch.Tensor":
    """(n, size) from the (T, size) tokens of n packed texts."""
    import torch

    if pooling == "cls":
        return hidden[to_device(packed.bounds[:-1], hidden.device)]
    sizes = [texts * length for texts, length in packed.runs]
    runs = zip(packed.runs, torch.split(hidden, sizes), strict=True)
    return torch.cat([part.view(*run, -1).mean(dim=1) for run, part in runs])
