"""Do the first passages have the languages of the pool?"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge

from hbench.records import Direction, FloatArray, Top
from hbench_plugins.metrics.language_share import shares


@dataclass(frozen=True)
class LanguageSkew:
    """Half the sum over languages of |share of the first k - share of the pool|; lower is better.

    The total variation distance of the two distributions over languages. Range [0, 1): 0 where each
    language has its share; absent where the pool is one language. With k passages and more than k
    languages it cannot be 0.

    Args:
        k: the cut-off.
    """

    k: Annotated[int, Ge(1)]
    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "lower"
    needs: ClassVar[Literal["top"]] = "top"

    def values(self, top: Top) -> FloatArray:
        """(n,) one value a query."""
        if len(top.pool) < 2:
            return np.full(len(top.language), np.nan)
        expected = top.pool_sizes / top.pool_sizes.sum()
        values: FloatArray = np.abs(shares(top) - expected).sum(axis=1) / 2
        return values
