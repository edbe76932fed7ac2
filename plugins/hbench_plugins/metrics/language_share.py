"""Is a language preferred at the top of the ranking?"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge

from hbench.records import Direction, FloatArray, Top


def shares(top: Top) -> FloatArray:
    """(n, languages of the pool) each language's share of the first passages."""
    counts = (top.language[:, :, None] == np.arange(len(top.pool))).sum(axis=1)
    found: FloatArray = counts / counts.sum(axis=1, keepdims=True)
    return found


@dataclass(frozen=True)
class LanguageShare:
    """A language's share of the first k passages, over its share of the pool.

    1 is what a ranking that is blind to languages gives on average; more says that the language is
    preferred. Range [0, pool / passages in the language]; absent where the pool is one language, or
    lacks this one. Lower counts as better, as for the query's own language, whose preference is the
    usual bias (language preference as in MLAIRE, arXiv 2605.07249); of other languages read the
    value, not the direction.

    Args:
        k: the cut-off.
        language: a language tag; not given, the query's own.
    """

    k: Annotated[int, Ge(1)]
    language: str | None = None
    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "lower"
    needs: ClassVar[Literal["top"]] = "top"

    def values(self, top: Top) -> FloatArray:
        """(n,) one value a query."""
        language = self.language or top.query_language
        if len(top.pool) < 2 or language not in top.pool:
            return np.full(len(top.language), np.nan)
        number = top.pool.index(language)
        expected = top.pool_sizes[number] / top.pool_sizes.sum()
        values: FloatArray = shares(top)[:, number] / expected
        return values
