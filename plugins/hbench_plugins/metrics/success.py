"""Success at k."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from hbench.records import Direction, FloatArray, Ranks


@dataclass(frozen=True)
class Success:
    """1 if a relevant passage stands among the first k, else 0.

    Source: trec_eval's ``success_k``.

    Args:
        k: the cut-off.
    """

    k: Annotated[int, Ge(1)]
    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        return (ranks.rank[:, 0] <= self.k).astype(np.float64)
