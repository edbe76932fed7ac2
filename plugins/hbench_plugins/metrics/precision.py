"""Precision at k."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from hbench.records import Direction, FloatArray, Ranks


@dataclass(frozen=True)
class Precision:
    """Share of the first k that is relevant: hits / k, also where the pool is smaller than k.

    Range [0, 1]. Source: trec_eval's ``P_k``.

    Args:
        k: the cut-off.
    """

    k: Annotated[int, Ge(1)]
    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        values: FloatArray = (ranks.rank <= self.k).sum(axis=1) / self.k
        return values
