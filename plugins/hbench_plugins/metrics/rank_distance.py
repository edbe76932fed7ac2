"""Rank distance: language bias as the spread of the ranks of translations of one answer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hbench.records import Direction, FloatArray, Ranks


def spread(ranks: Ranks) -> FloatArray:
    """(n,) worst minus best rank of the relevant passages; NaN without two relevant languages."""
    present = np.isfinite(ranks.rank)
    worst = np.where(present, ranks.rank, 0).max(axis=1)
    first = ranks.language[:, :1]
    two_languages = (present & (ranks.language != first)).any(axis=1)
    return np.where(two_languages, worst - ranks.rank[:, 0], np.nan)


@dataclass(frozen=True)
class RankDistance:
    """Worst minus best rank of a query's parallel relevant passages; lower is less biased.

    Range [R - 1, pool - 1]; absent where fewer than two languages hold a relevant passage. It
    grows with the pool: see ``rank_distance_norm`` to compare pools of different size.

    Source: KD-SPD (arXiv 2305.09025), as used in arXiv 2408.10536, section 4 and footnote 6.
    """

    version: ClassVar[int] = 1
    direction: ClassVar[Direction] = "lower"

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) one value a query."""
        return spread(ranks)
