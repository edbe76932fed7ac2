"""What an interval says of a claim: supported, refuted or inconclusive.

With [L, U] the 95 % interval of (method - rival), its sign turned so that more is better, and
m >= 0 the margin that the spec fixed before the run:

    better        supported if L > m             refuted if U < m
    not worse     supported if L > -m            refuted if U < -m
    equal         supported if -m < L, U < m     refuted if L > m or U < -m

A claim of several comparisons is supported if each of them is (intersection-union: no correction);
it is refuted if one of them is after Holm over all of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hbench.statistics import Estimate, holm

Kind = Literal["better_than", "not_worse_than", "equal_to"]
Verdict = Literal["supported", "refuted", "inconclusive"]
NORMAL = 1.96  # standard errors of half a 95 % interval, for the size of another experiment


@dataclass(frozen=True)
class Part:
    """One comparison of a claim.

    Args:
        dataset: the evaluation's name, and the stratum's if the claim is of each.
        method: what the claim speaks for.
        rival: what it is compared with.
        estimate: of method - rival; None where there are no scores.
        sign: 1 if a higher value is better, -1 if a lower one is.
        seeds: of the two methods.
    """

    dataset: str
    method: str
    rival: str
    estimate: Estimate | None
    sign: int
    seeds: tuple[int, int]


def verdict_of(part: Part, kind: Kind, margin: float) -> Verdict:
    """What a comparison alone says; one without an interval says nothing."""
    bounds = _bounds(part)
    if bounds is None:
        return "inconclusive"
    low, high = bounds
    if kind == "equal_to":
        if -margin < low and high < margin:
            return "supported"
        return "refuted" if low > margin or high < -margin else "inconclusive"
    least = margin if kind == "better_than" else -margin
    if low > least:
        return "supported"
    return "refuted" if high < least else "inconclusive"


def verdict_of_all(
    parts: Sequence[Part], kind: Kind, margin: float, alpha: float
) -> tuple[Verdict, Part]:
    """What all comparisons of a claim say, and the one that decides it.

    That is the first that is refuted, else the one farthest from being supported.
    """
    verdicts = [verdict_of(part, kind, margin) for part in parts]
    against = holm(np.array([_against(part, kind, margin) for part in parts]))
    is_refuted = [
        verdict == "refuted" and p <= alpha for verdict, p in zip(verdicts, against, strict=True)
    ]
    if any(is_refuted):
        lowest = min(
            (i for i, refuted in enumerate(is_refuted) if refuted), key=lambda i: against[i]
        )
        return "refuted", parts[lowest]
    weakest = min(parts, key=lambda part: _spare(part, kind, margin))
    return ("supported" if all(v == "supported" for v in verdicts) else "inconclusive"), weakest


def adjusted(parts: Sequence[Part], part: Part) -> float | None:
    """Holm's p of a comparison among all those of its claim."""
    raw = [each.estimate.p if each.estimate is not None else None for each in parts]
    p = holm(np.array([math.nan if each is None else each for each in raw], np.float64))
    found = float(p[[each is part for each in parts].index(True)])
    return None if math.isnan(found) else found


def would_decide(part: Part, kind: Kind, margin: float) -> str:
    """How many more seeds or clusters would about decide an inconclusive comparison."""
    estimate = part.estimate
    if estimate is None or estimate.item_variance is None:
        return ""
    value = part.sign * estimate.value
    edges = {"better_than": [margin], "not_worse_than": [-margin], "equal_to": [-margin, margin]}
    distance = min(abs(value - edge) for edge in edges[kind])
    if distance == 0:
        return "its value lies on the margin: no number of seeds or clusters would decide it"
    wanted = (distance / NORMAL) ** 2  # of V, for an interval that does not reach the edge
    seeds = min(count for count in part.seeds) if all(part.seeds) else max(part.seeds)
    if seeds > 1 and estimate.item_variance < wanted and estimate.seed_variance:
        enough = seeds * estimate.seed_variance / (wanted - estimate.item_variance)
        return f"about {_more(enough, seeds, 'seed')} would decide it"
    share = (estimate.item_variance + estimate.seed_variance) / wanted
    clusters = _more(estimate.clusters * share, estimate.clusters, "cluster")
    seeds_too = f" and {_more(seeds * share, seeds, 'seed')}" if estimate.seed_variance else ""
    return f"about {clusters}{seeds_too} would decide it"


def _more(enough: float, now: int, what: str) -> str:
    """How many are lacking; one at least, since those that are there do not decide it."""
    count = max(math.ceil(enough) - now, 1)
    return f"{count:,} more {what}{'' if count == 1 else 's'}"


def _bounds(part: Part) -> tuple[float, float] | None:
    """The interval with its sign turned."""
    estimate = part.estimate
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    ends = (part.sign * estimate.low, part.sign * estimate.high)
    return min(ends), max(ends)


def _spare(part: Part, kind: Kind, margin: float) -> float:
    """How far inside what is claimed the interval lies; below 0 if it reaches outside."""
    bounds = _bounds(part)
    if bounds is None:
        return -math.inf
    low, high = bounds
    if kind == "equal_to":
        return min(low + margin, margin - high)
    return low - (margin if kind == "better_than" else -margin)


def _against(part: Part, kind: Kind, margin: float) -> float:
    """The two-sided p of the nearest value that is claimed; 1 if the value is one; NaN unknown."""
    estimate = part.estimate
    if estimate is None or estimate.item_variance is None:
        return math.nan
    value = part.sign * estimate.value
    if kind == "equal_to":
        outside = abs(value) - margin
    else:
        outside = (margin if kind == "better_than" else -margin) - value
    if outside <= 0 or estimate.df is None:
        return 1.0
    from scipy import special

    error = math.sqrt(estimate.item_variance + estimate.seed_variance)
    return float(2 * special.stdtr(estimate.df, -outside / error))
