"""Texts grouped by token length and laid end to end, so that nothing of a batch is padding.

Knows token counts and ids, not what they mean. Used by encoders in training and encoding alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hbench.records import Int64Array, TokenIds

if TYPE_CHECKING:
    import torch

Tokens = Sequence[TokenIds]
"""The token ids of each text."""


@dataclass(frozen=True)
class Packed:
    """The tokens of n texts in one row, shortest text first.

    Args:
        ids: (T,) token ids.
        positions: (T,) each token's place in its text, from 0.
        bounds: (n + 1,) where each text begins, and T.
        runs: stretches of texts of equal length, as (texts, length).
    """

    ids: Int64Array
    positions: Int64Array
    bounds: Int64Array
    runs: tuple[tuple[int, int], ...]


def pack(tokens: Tokens) -> Packed:
    """Lay texts end to end; they come in ascending length.

    >>> packed = pack([[7], [5, 6], [8, 9]])
    >>> packed.ids.tolist(), packed.positions.tolist(), packed.runs
    ([7, 5, 6, 8, 9], [0, 0, 1, 0, 1], ((1, 1), (2, 2)))
    """
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    values, counts = np.unique(lengths, return_counts=True)
    return Packed(
        ids=np.concatenate([np.asarray(text, np.int64) for text in tokens]),
        positions=np.arange(bounds[-1]) - np.repeat(bounds[:-1], lengths),
        bounds=bounds,
        runs=tuple(zip(counts.tolist(), values.tolist(), strict=True)),
    )


def micro_batches(lengths: Sequence[int] | Int64Array, *, budget: int) -> list[Int64Array]:
    """Split texts into groups of similar length.

    Args:
        lengths: tokens of each text.
        budget: the most tokens of a group if it were padded to its longest text; a longer text
            gets a group of its own.

    Returns:
        Indices of the texts of each group; together every text once, in ascending length.

    >>> [group.tolist() for group in micro_batches([5, 1, 9, 2], budget=15)]
    [[1, 3, 0], [2]]
    >>> [group.tolist() for group in micro_batches([5, 1, 9, 2], budget=8)]
    [[1, 3], [0], [2]]
    """
    order = np.argsort(np.asarray(lengths, np.int64), kind="stable")
    groups: list[Int64Array] = []
    start = 0
    for end in range(1, len(order) + 1):
        is_last = end == len(order)
        if is_last or (end + 1 - start) * lengths[order[end]] > budget:
            groups.append(order[start:end])
            start = end
    return groups


def in_micro_batches(
    embed: "Callable[[Tokens, torch.Tensor], torch.Tensor]",
    tokens: Tokens,
    shared: "torch.Tensor",
    *,
    budget: int,
    recompute: bool,
) -> "torch.Tensor":
    """Embed texts group by group, with the gradients of embedding them at once.

    With ``recompute`` only the vectors are kept, and a group is embedded again, with the same
    dropout, when the gradients of its vectors are known: gradient caching (Gao et al., arXiv
    2101.06983), which bounds the memory of a batch by that of a group.

    Args:
        embed: turns a group, in ascending length, and ``shared`` into (texts, dim) vectors.
        tokens: ids of each text.
        shared: of any shape, what all groups start from, as embeddings that were looked up; else
            any parameter. It says where random numbers are drawn, and must want gradients to
            ``recompute``.
        budget: see ``micro_batches``.
        recompute: whether to cache gradients.

    Returns:
        (len(tokens), dim); row i belongs to text i.
    """
    import torch
    from torch.utils.checkpoint import checkpoint

    groups = micro_batches([len(text) for text in tokens], budget=budget)
    parts: list[torch.Tensor] = []
    for group in groups:
        chosen = [tokens[i] for i in group]
        if recompute and torch.is_grad_enabled():
            parts.append(checkpoint(embed, chosen, shared, use_reentrant=True))
        else:
            parts.append(embed(chosen, shared))
    vectors = torch.cat(parts)
    return vectors[to_device(np.argsort(np.concatenate(groups)), vectors.device)]


def to_device(array: npt.NDArray[Any], device: "torch.device") -> "torch.Tensor":
    """An array on a device; the computation does not wait for the copy.

    Args:
        array: of any shape and type that torch knows.
        device: where the tensor of its shape and type is to be.
    """
    import torch

    tensor = torch.from_numpy(array)
    if device.type == "cuda":  # only from pinned memory can a copy run beside the computation
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
