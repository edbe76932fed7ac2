"""Recall at k."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from hbench.records import Direction, FloatArray, Ranks


@dataclass(frozen=True)
class Recall:
    """Share of the relevant passages that stand among the first k. Range [0, 1].

    Source: trec_eval's ``recall_k``. With R relevant passages the ceiling is min(k, R) / R.

    Args:
        k: the cut-off.
    """

    k: Annotated[int, Ge(1)]
    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        values: FloatArray = (ranks.rank <= self.k).sum(axis=1) / ranks.relevant
        return values
