"""What contrastive objectives share: cosines, pairs left out, and the cross entropy itself.

A pair is left out with a logit of -inf, so that its share is 0 and it gets no gradient. Logits are
scaled before pairs are left out, since the gradient of a learned scale would be 0 x inf after.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def cosines(rows: "torch.Tensor", columns: "torch.Tensor") -> "torch.Tensor":
    """(n, m) cosines of all pairs of (n, dim) and (m, dim) vectors."""
    from torch.nn.functional import normalize

    return normalize(rows, dim=1) @ normalize(columns, dim=1).T


def duplicates(batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
    """(n, n) bool: where row j is no negative of row i; never on the diagonal."""
    import torch

    own = torch.eye(len(batch["passage"]), dtype=torch.bool, device=batch["passage"].device)
    return batch.get("duplicate", torch.zeros_like(own)) & ~own


def without(logits: "torch.Tensor", left_out: "torch.Tensor") -> "torch.Tensor":
    """(n, m) logits, -inf where (n, m) ``left_out`` is true."""
    return logits.masked_fill(left_out, float("-inf"))


def nce(*logits: "torch.Tensor") -> "torch.Tensor":
    """Mean over rows of -log(exp(s_ii) / sum_j exp(s_ij)), each candidate a column.

    Args:
        logits: blocks (n, m) of s, side by side. The first one's diagonal holds each row's
            positive, which must not be left out: so every sum has a term.
    """
    import torch
    from torch.nn.functional import cross_entropy

    scores = torch.cat(logits, dim=1)
    return cross_entropy(scores, torch.arange(len(scores), device=scores.device))
