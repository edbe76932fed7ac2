"""Complete at k: are all relevant passages found?"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from hbench.records import Direction, FloatArray, Ranks
from hbench_plugins.metrics.max_rank import worst


@dataclass(frozen=True)
class Complete:
    """1 if all relevant passages stand among the first k, else 0.

    With more than k relevant passages it is always 0. Source: Comp@k of arXiv 2604.05684, which
    prints its mean as a percentage.

    Args:
        k: the cut-off.
    """

    k: Annotated[int, Ge(1)]
    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        values: FloatArray = (worst(ranks) <= self.k).astype(float)
        return values
