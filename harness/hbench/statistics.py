"""How sure a score or a difference of scores is: one closed-form t test, no resampling.

What was sampled counts: clusters of items (articles, say) and training seeds, never rows (one
question in one language): tests on rows take chance for a difference in 20-45 % of cases. Languages
are fixed. This module knows nothing of metrics or claims: signs and margins are the caller's.

With d[r] a row's score or difference of scores, averaged over the seeds of each method, n_c the
rows of component c, C the components and G the clusters that occur:

    D      = mean_c D_c,  D_c = mean of d over the rows of c              the number in the table
    e[g]   = sum over the rows r of cluster g of (d[r] - D_c) / (C n_c)   the cluster's influence
    V_item = G / (G - 1) * sum_g e[g]^2                                   cluster-robust, CR1
    v_m    = var over the seeds of m (their table scores, ddof 1) / S_m,  V_seed = sum_m v_m
    V      = V_item + V_seed
    df     = V^2 / (V_item^2 / (G - 1) + sum_m v_m^2 / (S_m - 1))         Satterthwaite 1946
    p      = 2 P(T_df > |D| / sqrt(V)),  interval D -+ t_{df, 1 - alpha/2} sqrt(V)
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hbench.records import FloatArray, Int64Array

ROUNDING = 1e-12  # what is less than this share of the largest score counts as 0


@dataclass(frozen=True)
class Scores:
    """Per-query scores of one method in one setting, and how its queries are grouped.

    All components weigh the same; a component or cluster number that does not occur is none.

    Raises:
        ValueError: shapes that do not fit, or a score that is not finite.
    """

    values: FloatArray  # (seeds, rows), finite; one row per (query, pool)
    component: Int64Array  # (rows,) the (query language, pool) that the row belongs to, from 0
    cluster: Int64Array  # (rows,) the cluster of the row's item, from 0
    trained: bool  # False: a fixed checkpoint, whose seed variance is 0

    def __post_init__(self) -> None:
        shapes = [self.values.shape, self.component.shape, self.cluster.shape]
        if len(shapes[0]) != 2 or 0 in shapes[0] or not shapes[0][1:] == shapes[1] == shapes[2]:
            raise ValueError(f"expected (seeds, rows), (rows,), (rows,), none empty; got {shapes}")
        if not np.isfinite(self.values).all():
            raise ValueError("a score is NaN or infinite; leave its row out")

    @cached_property
    def _summary(self) -> "_Summary":
        n = np.bincount(self.component)
        occurring = np.count_nonzero(n)
        sums = np.array([np.bincount(self.component, weights=row) for row in self.values])
        means = sums / np.maximum(n, 1)  # (seeds, components)
        table = means.sum(axis=1) / occurring
        d = self.values.mean(axis=0) - means.mean(axis=0)[self.component]
        d /= (occurring * n)[self.component]
        influence = np.bincount(self.cluster, weights=d).astype(np.float64)
        clusters = int(np.count_nonzero(np.bincount(self.cluster)))
        rounding = ROUNDING * float(np.abs(self.values).max())
        seeds = len(table) if self.trained else 0
        sd = float(table.std(ddof=1)) if seeds > 1 else 0.0
        variance = sd * sd / seeds if sd > rounding else 0.0
        return _Summary(table, float(table.mean()), influence, clusters, variance, seeds, rounding)


@dataclass(frozen=True, slots=True)
class _Summary:
    """What the formulas need of a method; e is linear in d, so a pair subtracts two of them."""

    table: FloatArray  # (seeds,)
    value: float
    influence: FloatArray  # (largest cluster + 1,)
    clusters: int
    seed_variance: float
    seeds: int  # 0 for a fixed checkpoint
    rounding: float


@dataclass(frozen=True)
class Estimate:
    """A level or a difference, and how sure it is; None is what the data cannot tell.

    The interval and p need two clusters and V > 0, unless two methods are equal (p = 1). Where
    ``one_seed`` is not 0 it speaks of trained models, not of the methods that trained them.
    """

    value: float  # D
    low: float | None
    high: float | None
    p: float | None  # two-sided, never 0; None for a level
    item_variance: float | None  # V_item; None if G = 1
    seed_variance: float  # V_seed
    df: float | None  # None if G = 1 or V = 0
    clusters: int  # G
    one_seed: int  # how many methods were trained only once: their v_m is unknown, taken as 0


def table_score(scores: Scores) -> FloatArray:
    """(seeds,) the macro average of each seed: queries -> component -> setting."""
    return scores._summary.table


def level(scores: Scores, alpha: float = 0.05) -> Estimate:
    """The macro average over seeds, with its 1 - alpha interval and no p: nothing is tested."""
    x = scores._summary
    return _estimate(x.value, x.influence, alpha, x)


def difference(a: Scores, b: Scores, alpha: float = 0.05) -> Estimate:
    """The macro average of a - b; seeds are unpaired (safe if they are shared) and may differ.

    Raises:
        ValueError: the rows of a and b are grouped differently.
    """
    if not (np.array_equal(a.component, b.component) and np.array_equal(a.cluster, b.cluster)):
        raise ValueError("a and b must have the same rows in the same order")
    x, y = a._summary, b._summary
    return _estimate(x.value - y.value, x.influence - y.influence, alpha, x, y)


def _estimate(value: float, influence: FloatArray, alpha: float, *methods: _Summary) -> Estimate:
    from scipy import special  # 0.4 s that `hbench --help` need not pay

    rounding = max(m.rounding for m in methods)
    seed = sum(m.seed_variance for m in methods)
    counts = methods[0].clusters, sum(m.seeds == 1 for m in methods)
    value = value if abs(value) > rounding else 0.0
    if (g := counts[0]) == 1:
        return Estimate(value, None, None, None, None, seed, None, *counts)
    item = g / (g - 1) * float(np.square(influence).sum())
    item = item if item > rounding**2 else 0.0
    total = item + seed
    tested = len(methods) == 2
    if total == 0:
        end, p = (0.0, 1.0) if tested and value == 0 else (None, None)
        return Estimate(value, end, end, p, item, seed, None, *counts)
    # The seeds' terms are summed first, so that swapping a and b changes no bit.
    by_seed = sum((m.seed_variance / total) ** 2 / max(m.seeds - 1, 1) for m in methods)
    df = 1 / ((item / total) ** 2 / (g - 1) + by_seed)
    error = math.sqrt(total)
    half = -float(special.stdtrit(df, alpha / 2)) * error
    tail = 2 * float(special.stdtr(df, -abs(value) / error))
    p = max(tail, sys.float_info.min) if tested else None
    return Estimate(value, value - half, value + half, p, item, seed, df, *counts)


def holm(p: FloatArray) -> FloatArray:
    """(n,) p adjusted so that alpha bounds the chance of any false rejection (Holm 1979).

    NaN (not tested) stays NaN, here and below, and does not count as a member of the family.

    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    return _adjusted(p, lambda s: np.maximum.accumulate(s * np.arange(len(s), 0, -1)))


def benjamini_hochberg(p: FloatArray) -> FloatArray:
    """(n,) p adjusted so that alpha bounds the false share (Benjamini & Hochberg 1995).

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.04, 0.04]
    """
    return _adjusted(
        p, lambda s: np.minimum.accumulate((s * (len(s) / np.arange(1, len(s) + 1)))[::-1])[::-1]
    )


def _adjusted(p: FloatArray, rule: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Applies a rule for ascending p values to those that are numbers, each in its place."""
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(rule(p[order]), 1)
    return adjusted
