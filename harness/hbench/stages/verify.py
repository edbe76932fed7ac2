"""Verify stage: what the stored scores say of each claim of a benchmark; no torch, no ranx."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hbench.evaluated import Evaluated
from hbench.overlap import leaks, told
from hbench.statistics import difference
from hbench.store import read_manifest
from hbench.verdicts import Kind, Part, verdict_of, verdict_of_all, would_decide

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
            _comparison(claim, resolved, comparison, evaluated)
            if any(kind in claim for kind in KINDS)
            else _fact(claim, resolved, root)
        ]
    ]


def _comparison(
    claim: Claim,
    resolved: Mapping[str, Any],
    comparison: Mapping[str, Any],
    evaluated: Mapping[str, Evaluated],
) -> dict[str, Any]:
    kind = next(kind for kind in KINDS if kind in claim)
    margin = claim.get("margin") or 0.0
    parts = list(_parts(claim, kind, resolved, evaluated))
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
        p=_adjusted(comparison, claim, part),
        notes=[note for note in notes if note],
    )


def _parts(
    claim: Claim, kind: Kind, resolved: Mapping[str, Any], evaluated: Mapping[str, Evaluated]
) -> Iterator[Part]:
    """Every two methods that the claim compares, on each dataset that measures it."""
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
        _, scores = own.scores(setting, metric)
        seeds = {
            method: len(values[metric]) if own.seeded[method] else 0
            for method, values in own.values.items()
        }
        for rival in rivals:
            for a, b in _pairs(claim["method"], rival, resolved["methods"]):
                there = a in scores and b in scores
                estimate = difference(scores[a], scores[b], ALPHA) if there else None
                yield Part(name, a, b, estimate, sign, (seeds.get(a, 0), seeds.get(b, 0)))


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
    """A claim about the data, or one that no figure can decide."""
    if claim.get("description"):
        return _result("description")
    names = [claim["dataset"]] if "dataset" in claim else list(resolved["evaluations"])
    found = [_differing(claim, name, resolved["evaluations"][name], root) for name in names]
    notes = [note for _, texts in found for note in texts]
    if any(is_known is None for is_known, _ in found):
        return _result("inconclusive", notes=notes)
    holds = all(is_known for is_known, _ in found)
    return _result("supported" if holds else "refuted", notes=notes)


def _differing(
    claim: Claim, name: str, evaluation: Mapping[str, Any], root: Path
) -> tuple[bool | None, list[str]]:
    """Whether a fact holds for a dataset, None if it is not known, and what there is instead."""
    if "languages" in claim:
        cells = [cell for parts in evaluation["settings"].values() for cell in parts]
        languages = {tag for query, pool in cells for tag in (query, *pool.split("+"))}
        return len(languages) == claim["languages"], [f"{name}: {len(languages)} languages"]
    if "settings" in claim:
        counts = {setting: len(parts) for setting, parts in evaluation["settings"].items()}
        texts = [f"{name}, {key}: {counts.get(key, 0)}" for key in claim["settings"]]
        return all(counts.get(key) == wanted for key, wanted in claim["settings"].items()), texts
    known = evaluation.get("leakage")
    if known is None:
        return claim["leakage"] == 0, [f"{name}: nothing is trained"]
    detail = read_manifest(root / known["folder"]).get("detail")
    if detail is None:
        return None, [f"{name}: it is not known what occurs in training; run the benchmark"]
    if known["action"] == "drop":
        return claim["leakage"] == 0, [f"{name}: {told(detail)}; none of that is trained on"]
    exact = detail["queries"]["exact"] + detail["passages"]["exact"]
    near = leaks(detail) - exact
    seen = f"{name}: {told(detail)}" + ("; near ones are not counted" if near else "")
    return exact == claim["leakage"], [seen]


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
