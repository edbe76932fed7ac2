"""Rank distance, freed of the pool's size."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hbench.records import Direction, FloatArray, Ranks
from hbench_plugins.metrics.rank_distance import spread


@dataclass(frozen=True)
class RankDistanceNorm:
    """(distance - (R - 1)) / (pool - R): 0 where the R relevant passages stand together.

    Range [0, 1]; lower is less biased; absent where fewer than two languages hold a relevant
    passage, or where the whole pool is relevant. Source of the distance: ``rank_distance``.
    """

    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "lower"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        relevant = ranks.relevant
        others = float(ranks.pool_sizes.sum()) - relevant
        room = np.where(others > 0, others, np.nan)
        values: FloatArray = (spread(ranks) - (relevant - 1)) / room
        return values
