"""Max@R, freed of the pool's size."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hbench.records import Direction, FloatArray, Ranks
from hbench_plugins.metrics.max_rank import worst


@dataclass(frozen=True)
class MaxRankNorm:
    """100 (log2 pool - log2 M) / (log2 pool - log2 R), M the worst of the R relevant ranks.

    Range [0, 100]: 100 where the relevant passages stand on top, 0 where one of them is last;
    absent where the whole pool is relevant. Source: Max@R_norm of arXiv 2604.05684.
    """

    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        pool = np.log2(float(ranks.pool_sizes.sum()))
        room = pool - np.log2(ranks.relevant)
        room = np.where(room > 0, room, np.nan)
        values: FloatArray = 100 * (pool - np.log2(worst(ranks))) / room
        return values
