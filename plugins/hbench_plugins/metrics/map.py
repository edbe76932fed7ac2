"""Average precision; its mean over queries is mAP."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hbench.records import Direction, FloatArray, Ranks


@dataclass(frozen=True)
class AveragePrecision:
    """Mean over the relevant passages of the precision at their rank: (1/R) sum_j j / rank_j.

    No cut-off. Range (0, 1]. Source: trec_eval's ``map``.
    """

    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        position = np.arange(1, ranks.rank.shape[1] + 1)
        values: FloatArray = (position / ranks.rank).sum(axis=1) / ranks.relevant
        return values
