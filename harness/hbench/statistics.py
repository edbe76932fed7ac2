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

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

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
    return _summed([scores]).tables


def contributions(scores: Scores) -> FloatArray:
    """(largest cluster + 1,) each cluster's part of the macro average: their sum is the value."""
    n = np.bincount(scores.component)
    weight = 1 / (np.count_nonzero(n) * n[scores.component])
    parts: FloatArray = _sums((scores.values.mean(axis=0) * weight)[None], scores.cluster)[0]
    return parts


def level(scores: Scores, alpha: float = 0.05) -> Estimate:
    """The macro average over seeds, with its 1 - alpha interval and no p: nothing is tested."""
    return estimates([scores], alpha)[0][0]


def difference(a: Scores, b: Scores, alpha: float = 0.05) -> Estimate:
    """The macro average of a - b; seeds are unpaired (safe if they are shared) and may differ.

    Raises:
        ValueError: the rows of a and b are grouped differently.
    """
    return estimates([a, b], alpha)[1][0]


def estimates(
    methods: Sequence[Scores], alpha: float = 0.05
) -> tuple[list[Estimate], list[Estimate]]:
    """The level of each method, and the difference of each pair, as ``combinations`` lists them.

    Raises:
        ValueError: the rows of two methods are grouped differently.
    """
    count = len(methods)
    pairs = [(number, count) for number in range(count)] + list(combinations(range(count), 2))
    found = _estimates(_summed(methods), np.array(pairs), alpha)
    return found[:count], found[count:]


@dataclass(frozen=True, slots=True)
class _Summed:
    """What the formulas need of M methods; e is linear in d, so a pair subtracts two of them.

    Behind the methods stands one that is 0: the level of a method is the difference from it.
    """

    tables: FloatArray  # (systems,)
    values: FloatArray  # (M + 1,)
    influence: FloatArray  # (M + 1, largest cluster + 1)
    clusters: int
    seed_variance: FloatArray  # (M + 1,)
    seeds: Int64Array  # (M + 1,) 0 for a fixed checkpoint
    rounding: FloatArray  # (M + 1,)


def _summed(methods: Sequence[Scores]) -> _Summed:
    component, cluster = methods[0].component, methods[0].cluster
    for other in methods[1:]:
        if not (_equal(component, other.component) and _equal(cluster, other.cluster)):
            raise ValueError("a and b must have the same rows in the same order")
    systems = np.concatenate([method.values for method in methods])
    count = np.array([len(method.values) for method in methods])
    first = np.cumsum(count) - count  # of the systems of each method

    def averaged(values: FloatArray) -> FloatArray:
        """Over the seeds of each method."""
        sums = np.add.reduceat(values, first)
        means: FloatArray = sums / count.reshape(-1, *[1] * (values.ndim - 1))
        return means

    n = np.bincount(component)
    occurring = int(np.count_nonzero(n))
    means = _sums(systems, component) / np.maximum(n, 1)  # (systems, components)
    tables = means.sum(axis=1) / occurring
    values = averaged(tables)
    d = (averaged(systems) - averaged(means)[:, component]) / (occurring * n)[component]
    trained = np.array([method.trained for method in methods])
    rounding = ROUNDING * np.maximum.reduceat(np.abs(systems).max(axis=1), first)
    squares = np.add.reduceat(np.square(tables - np.repeat(values, count)), first)
    variance = np.where(trained, squares / np.maximum(count - 1, 1), 0.0)
    variance = np.where(variance > rounding**2, variance / count, 0.0)
    return _Summed(
        tables,
        np.append(values, 0.0),
        _sums(np.concatenate([d, np.zeros((1, d.shape[1]))]), cluster),
        int(np.count_nonzero(np.bincount(cluster))),
        np.append(variance, 0.0),
        np.append(np.where(trained, count, 0), 0),
        np.append(rounding, 0.0),
    )


def _equal(a: Int64Array, b: Int64Array) -> bool:
    return a is b or np.array_equal(a, b)


def _sums(values: FloatArray, group: Int64Array) -> FloatArray:
    """(m, groups) the sums over the columns of each group, for each of m rows of values."""
    groups = int(group.max()) + 1
    number = np.arange(len(values))[:, None] * groups + group
    sums = np.bincount(number.ravel(), weights=values.ravel(), minlength=len(values) * groups)
    return sums.reshape(len(values), groups).astype(np.float64)


def _estimates(found: _Summed, pairs: Int64Array, alpha: float) -> list[Estimate]:
    """The difference of each (method, other); levels are those from the last, which is 0."""
    from scipy import special  # 0.4 s that `hbench --help` need not pay

    a, b = pairs.T
    rounding = np.maximum(found.rounding[a], found.rounding[b])
    value = found.values[a] - found.values[b]
    value = np.where(np.abs(value) > rounding, value, 0.0)
    # The seeds' terms are summed first, so that swapping a and b changes no bit.
    seed = found.seed_variance[a] + found.seed_variance[b]
    g = found.clusters
    item = np.square(found.influence[a] - found.influence[b]).sum(axis=1) * (g / max(g - 1, 1))
    item = np.where(item > rounding**2, item, 0.0)
    total = item + seed
    safe = np.where(total > 0, total, 1.0)
    by_seed = sum(
        (found.seed_variance[m] / safe) ** 2 / np.maximum(found.seeds[m] - 1, 1) for m in (a, b)
    )
    terms = (item / safe) ** 2 / max(g - 1, 1) + by_seed
    df = 1 / np.where(total > 0, terms, 1.0)
    error = np.sqrt(safe)
    half = -special.stdtrit(df, alpha / 2) * error
    p = np.maximum(2 * special.stdtr(df, -np.abs(value) / error), sys.float_info.min)
    once = (found.seeds[a] == 1).astype(int) + (found.seeds[b] == 1)
    is_level = b == len(found.seeds) - 1
    columns = (value, value - half, value + half, p, item, seed, df)
    lists = zip(*(column.tolist() for column in (*columns, once, is_level)), strict=True)
    return [
        _known(Estimate(value, low, high, p, item, seed, df, g, once), is_level)
        for value, low, high, p, item, seed, df, once, is_level in lists
    ]


def _known(found: Estimate, is_level: bool) -> Estimate:
    """An estimate less what the data cannot tell."""
    if found.clusters == 1:
        return replace(found, low=None, high=None, p=None, item_variance=None, df=None)
    if found.item_variance or found.seed_variance:
        return replace(found, p=None) if is_level else found
    is_equal = not is_level and found.value == 0
    end, p = (0.0, 1.0) if is_equal else (None, None)
    return replace(found, low=end, high=end, p=p, df=None)


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
