"""Rank distance on a logarithmic scale."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hbench.records import Direction, FloatArray, Ranks
from hbench_plugins.metrics.rank_distance import spread


@dataclass(frozen=True)
class LogRankDistance:
    """log(1 + rank distance), the natural logarithm; lower is less biased.

    Rank distances have a long tail: a few questions run their mean and skew its interval. Of the
    logarithm neither is true.

    Range [log R, log pool]; absent where fewer than two languages hold a relevant passage. Source
    of the distance: ``rank_distance``.
    """

    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "lower"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        values: FloatArray = np.log1p(spread(ranks))
        return values
