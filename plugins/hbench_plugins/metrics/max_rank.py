"""Max@R: how far down the last relevant passage is."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hbench.records import Direction, FloatArray, Ranks


def worst(ranks: Ranks) -> FloatArray:
    """(n,) the rank of each query's last relevant passage."""
    values: FloatArray = np.where(np.isfinite(ranks.rank), ranks.rank, 0).max(axis=1)
    return values


@dataclass(frozen=True)
class MaxRank:
    """The worst rank of a query's relevant passages; lower is better.

    Range [R, pool] for R relevant passages. It grows with the pool: see ``max_rank_norm`` to
    compare pools of different size. Source: Max@R of arXiv 2604.05684.
    """

    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "lower"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        return worst(ranks)
