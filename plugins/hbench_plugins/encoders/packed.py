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
        rows: (U, size), whose gradient goes to the table.
    """

    ids: Int64Array
    rows: "torch.Tensor"


class TokenTable:
    """A body's token embeddings, looked up once a step for all micro-batches.

    The gradient of the table is as large as the vocabulary, and nearly all of it is zero. Autograd
    would ask for that memory anew in each step, which takes longer than to use it; so the gradient
    of the rows that were looked up is added by hand, to a buffer that serves all steps.

    Args:
        table: the body's embedding.
    """

    def __init__(self, table: Any) -> None:  # noqa: ANN401 - transformers' models share no type
        self.table = table
        self._buffer: torch.Tensor | None = None

    def look_up(self, tokens: Tokens) -> LookedUp | None:
        """The embeddings of the tokens.

        None where no gradient is wanted, or where the table does more than to look up (one that
        scales, say).
        """
        import torch

        is_plain = type(self.table) is torch.nn.Embedding and self.table.max_norm is None
        if not (torch.is_grad_enabled() and is_plain and self.table.weight.requires_grad):
            return None
        ids = np.unique(np.concatenate([np.asarray(text, np.int64) for text in tokens]))
        numbers = to_device(ids, self.table.weight.device)
        rows = self.table.weight.detach()[numbers].requires_grad_()
        rows.register_hook(lambda gradient: self._add(numbers, gradient))
        return LookedUp(ids, rows)

    def _add(self, numbers: "torch.Tensor", gradient: "torch.Tensor") -> None:
        """Add the gradient of looked-up rows to that of the table."""
        import torch

        weight, padding = self.table.weight, self.table.padding_idx
        if weight.grad is None:
            if self._buffer is None or self._buffer.device != weight.device:
                self._buffer = torch.empty_like(weight)
            weight.grad = self._buffer.zero_()
        if padding is not None:  # which is never learned
            gradient = gradient.masked_fill((numbers == padding).unsqueeze(1), 0)
        weight.grad.index_add_(0, numbers, gradient)


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
