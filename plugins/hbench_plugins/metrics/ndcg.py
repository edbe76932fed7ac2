"""Normalised discounted cumulative gain at k."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from hbench.records import Direction, FloatArray, Ranks


@dataclass(frozen=True)
class NDCG:
    """DCG of the first k over the DCG of the best order: gain = grade, discount = log2(rank + 1).

    Range [0, 1]. Source: trec_eval's ``ndcg_cut_k`` (Jarvelin & Kekalainen 2002, linear gain).

    Args:
        k: the cut-off.
    """

    k: Annotated[int, Ge(1)]
    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "higher"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        counted = ranks.rank <= self.k
        gained = (ranks.grade * counted / np.log2(ranks.rank + 1)).sum(axis=1)
        best_grades = -np.sort(-ranks.grade, axis=1)[:, : self.k]
        best = (best_grades / np.log2(np.arange(best_grades.shape[1]) + 2)).sum(axis=1)
        values: FloatArray = gained / best
        return values
