"""Same-language recall at k: what ``tlr`` may be bought with."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from hbench.records import Direction, FloatArray, Ranks
from hbench_plugins.metrics.tlr import recall_where


@dataclass(frozen=True)
class SameLanguageRecall:
    """Share of the relevant passages in the query's own language among the first k.

    Range [0, 1]; absent where there is no such passage. The ranks are those in the whole pool, so
    that it falls where passages of other languages take the places. Source: reported beside TLR@k
    in checks of SHIFT (arXiv 2606.18801), whose gain for other languages costs some of it.

    Args:
        k: the cut-off.
    """

    k: Annotated[int, Ge(1)]
    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        return recall_where(ranks, self.k, same_language=True)
