"""Target-language recall at k: are answers in other languages found?"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from hbench.records import Direction, FloatArray, Ranks


def recall_where(ranks: Ranks, k: int, *, same_language: bool) -> FloatArray:
    """(n,) recall at k of the relevant passages in, or not in, the query's language.

    NaN for a query without such a passage.
    """
    own = ranks.pool.index(ranks.query_language) if ranks.query_language in ranks.pool else -2
    wanted = np.isfinite(ranks.rank) & ((ranks.language == own) == same_language)
    counts = wanted.sum(axis=1).astype(np.float64)
    found = (wanted & (ranks.rank <= k)).sum(axis=1)
    values: FloatArray = found / np.where(counts > 0, counts, np.nan)
    return values


@dataclass(frozen=True)
class TLR:
    """Share of the relevant passages in other languages than the query's among the first k.

    Range [0, 1]; absent where there is no such passage. The ranks are those in the whole pool.
    Source: TLR@k of SHIFT (arXiv 2606.18801), there with k = 20.

    Args:
        k: the cut-off.
    """

    k: Annotated[int, Ge(1)]
    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        return recall_where(ranks, self.k, same_language=False)
