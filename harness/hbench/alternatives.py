"""Other tests by name, for readers who expect them; ``statistics`` holds the default.

Both compare trained models as they are: seeds are averaged first and then forgotten, so that what
they call significant may be nothing but another seed. The test of items also takes the items of one
cluster (an article's questions, say) for independent.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Literal

import numpy as np

from hbench.records import FloatArray, Int64Array
from hbench.statistics import Estimate, Scores, contributions, estimates

Test = Literal["clusters+seeds", "paired-t", "sign-flip"]
DEFAULT: Test = "clusters+seeds"
NAMES: dict[Test, str] = {
    "clusters+seeds": "clusters + seeds t test",
    "paired-t": "paired t test on items",
    "sign-flip": "sign-flip randomisation test on clusters",
}
FLIPS = 9_999  # p is then known to .0022 at .05; with 13 clusters or fewer all flips are done


def compared(
    methods: Sequence[Scores], items: Int64Array, test: Test, alpha: float
) -> tuple[list[Estimate], list[Estimate]]:
    """The level of each method and the difference of each pair, as ``statistics.estimates``.

    Args:
        methods: with the same rows.
        items: (rows,) the item of each row.
        test: ``paired-t``: Student's t test on the means of items, with its interval;
            ``sign-flip``: p from random signs of the clusters' parts of the difference, with the
            interval of the t test on clusters.
        alpha: of the intervals.
    """
    if test == DEFAULT:
        return estimates(methods, alpha)
    averaged = [
        replace(method, values=method.values.mean(axis=0, keepdims=True), trained=False)
        for method in methods
    ]
    if test == "paired-t":
        return estimates([replace(method, cluster=items) for method in averaged], alpha)
    levels, differences = estimates(averaged, alpha)
    parts = np.stack([contributions(method) for method in averaged])
    pairs = combinations(range(len(methods)), 2)
    flipped = [
        found if found.p is None else replace(found, p=_sign_flip(parts[a] - parts[b]))
        for (a, b), found in zip(pairs, differences, strict=True)
    ]
    return levels, flipped


def _sign_flip(parts: FloatArray) -> float:
    """Two-sided p of a sum of parts whose signs are random under the null (scipy's)."""
    from scipy.stats import permutation_test

    found = permutation_test(
        (parts,),
        lambda each, axis: each.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=FLIPS,
        batch=1000,
        rng=np.random.Generator(np.random.Philox(0)),  # the same inputs, the same p
    )
    return float(found.pvalue)
