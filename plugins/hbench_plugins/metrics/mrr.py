"""Reciprocal rank; its mean over queries is MRR."""

from dataclasses import dataclass
from typing import ClassVar

from hbench.records import Direction, FloatArray, Ranks


@dataclass(frozen=True)
class ReciprocalRank:
    """One over the rank of the best relevant passage. No cut-off. Range (0, 1].

    Source: trec_eval's ``recip_rank``.
    """

    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        values: FloatArray = 1 / ranks.rank[:, 0]
        return values
