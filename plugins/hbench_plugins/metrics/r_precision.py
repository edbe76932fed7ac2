"""R-precision."""

from dataclasses import dataclass
from typing import ClassVar

from hbench.records import Direction, FloatArray, Ranks


@dataclass(frozen=True)
class RPrecision:
    """Share of relevant passages among the first R, with R relevant ones in the pool.

    Range [0, 1]. Source: trec_eval's ``Rprec``.
    """

    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        relevant = ranks.relevant
        values: FloatArray = (ranks.rank <= relevant[:, None]).sum(axis=1) / relevant
        return values
