"""Verify stage: what the stored scores say of each claim of a benchmark; no torch, no ranx."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hbench.evaluated import Evaluated
from hbench.facts import judge_fact
from hbench.splits import split
from hbench.statistics import difference
from hbench.verdicts import Kind, Part, adjusted, verdict_of, verdict_of_all, would_decide

ALPHA = 0.05
KINDS: tuple[Kind, ...] = ("better_than", "not_worse_than", "equal_to")
Claim = Mapping[str, Any]


def run(
    resolved: Mapping[str, Any], comparison: Mapping[str, Any], root: Path
) -> list[dict[str, Any]]:
    """Judge the claims of one benchmark.

    Args:
        resolved: its ``resolved.json``.
        comparison: its entry of ``hbench compare --format json``, for Holm's p.
        root: the results folder.

    Returns:
        The benchmark's part of ``hbench verify --format json``, a claim after the other, with
        ``notes`` for people besides.
    """
    evaluated = {
        name: Evaluated.read(resolved["methods"], evaluation, root)
        for name, evaluation in resolved["evaluations"].items()
    }
    return [
        {"benchmark": resolved["benchmark"], "claim": claim["says"], **judged}
        for claim in resolved["spec"].get("claims", ())
        for judged in [
            _comparison(claim, resolved, comparison, evaluated, root)
            if any(kind in claim for kind in KINDS)
            else _fact(claim, resolved, root)
        ]
    ]


def _comparison(
    claim: Claim,
    resolved: Mapping[str, Any],
    comparison: Mapping[str, Any],
    evaluated: Mapping[str, Evaluated],
    root: Path,
) -> dict[str, Any]:
    kind = next(kind for kind in KINDS if kind in claim)
    margin = claim.get("margin") or 0.0
    parts = list(_parts(claim, kind, resolved, evaluated, root))
    if not parts:
        return _result("inconclusive", notes=["no two methods of the benchmark are compared by it"])
    verdict, part = verdict_of_all(parts, kind, margin, ALPHA)
    estimate = part.estimate
    notes = [f"{len(parts)} comparisons; the one that decides: {_named(part)}"]
    if len(parts) == 1:
        notes = [_named(part)]
    if estimate is None:
        notes.append("there are no scores of it; run the benchmark")
        return _result(verdict, notes=notes)
    if verdict == "inconclusive":
        notes.append(would_decide(part, kind, margin))
    if kind == "not_worse_than" and verdict_of(part, "better_than", 0.0) == "refuted":
        notes.append("it is significantly worse all the same, by less than the margin")
    if estimate.one_seed:
        notes.append("trained once: this speaks of the trained models, not of the methods")
    seeds = " and ".join(str(count) if count else "no" for count in dict.fromkeys(part.seeds))
    word = "seed" if seeds == "1" else "seeds"
    notes.append(f"{estimate.clusters:,} clusters, {seeds} {word} a method")
    return _result(
        verdict,
        effect=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p=adjusted(parts, part) if "by" in claim else _adjusted(comparison, claim, part),
        notes=[note for note in notes if note],
    )


def _parts(
    claim: Claim,
    kind: Kind,
    resolved: Mapping[str, Any],
    evaluated: Mapping[str, Evaluated],
    root: Path,
) -> Iterator[Part]:
    """Every two methods that the claim compares, on each dataset, and stratum, that has both."""
    rivals = claim[kind] if isinstance(claim[kind], list) else [claim[kind]]
    metric, setting = claim["metric"], claim["setting"]
    for name, evaluation in resolved["evaluations"].items():
        is_asked = claim.get("dataset", name) == name
        if not is_asked or setting not in evaluation["settings"]:
            continue
        if metric not in evaluation["metrics"]:
            continue
        sign = 1 if evaluation["metrics"][metric]["direction"] == "higher" else -1
        own = evaluated[name]
        seeds = {method: own.seeds(method) for method in own.values}
        rows = own.settings.get(setting)
        for part in split(rows, claim.get("by"), evaluation, resolved, root)[0]:
            _, scores = own.scores(setting, metric, part.where)
            place = f"{name}, {part.stratum}" if part.stratum else name
            for rival in rivals:
                for a, b in _pairs(claim["method"], rival, resolved["methods"]):
                    there = a in scores and b in scores
                    estimate = difference(scores[a], scores[b], ALPHA) if there else None
                    yield Part(place, a, b, estimate, sign, (seeds.get(a, 0), seeds.get(b, 0)))


def _pairs(
    chosen: Mapping[str, str], rival: Mapping[str, str], methods: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Methods that fit the two selectors, and are equal on every axis that neither names.

    An untrained method has no objective, which is equal to any.
    """
    named = chosen.keys() | rival.keys()
    for a in methods:
        for b in methods:
            fits = _fits(chosen, a["axes"]) and _fits(rival, b["axes"]) and a is not b
            free = (a["axes"].keys() & b["axes"].keys()) - named
            if fits and all(a["axes"][axis] == b["axes"][axis] for axis in free):
                yield a["name"], b["name"]


def _fits(selector: Mapping[str, str], axes: Mapping[str, str]) -> bool:
    return all(axes.get(axis) == value for axis, value in selector.items())


def _adjusted(comparison: Mapping[str, Any], claim: Claim, part: Part) -> float | None:
    """Holm's p of a comparison, as the tables have it."""
    wanted = (part.dataset, claim["setting"], claim["metric"])
    for table in comparison["tables"]:
        if (table["dataset"], table["setting"], table["metric"]) == wanted:
            for pair in table["comparisons"]:
                if {pair["a"], pair["b"]} == {part.method, part.rival}:
                    p: float | None = pair["p_adjusted"]
                    return p
    return None


def _fact(claim: Claim, resolved: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """A claim about the data or the batches, or one that no figure can decide."""
    if claim.get("description"):
        return _result("description")
    holds, notes = judge_fact(claim, resolved, root)
    verdict = "inconclusive" if holds is None else "supported" if holds else "refuted"
    return _result(verdict, notes=notes)


def _named(part: Part) -> str:
    return f"{part.method} against {part.rival} on {part.dataset}"


def _result(
    verdict: str,
    *,
    effect: float | None = None,
    low: float | None = None,
    high: float | None = None,
    p: float | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "effect": effect,
        "low": low,
        "high": high,
        "p": p,
        "notes": list(notes),
    }
