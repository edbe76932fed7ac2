"""Compare stage: stored scores become means, intervals and tests; no ranx, no torch.

Tables speak of methods; a method's figure is the mean over its seeds of the macro average. Tests
of the primary family (the first metric of each evaluation in each of its settings, and what claims
name, over all pairs of methods) are corrected by Holm, all others by Benjamini-Hochberg. Tables of
strata (the queries of one language, say) are outside the family.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from hbench.alternatives import DEFAULT, Test, compared
from hbench.errors import DataError, OptionError, StoreError
from hbench.evaluated import Evaluated, Rows, scores_file
from hbench.published import beside_published
from hbench.settings import MACRO
from hbench.splits import corpus_of, split
from hbench.statistics import Estimate, Scores, benjamini_hochberg, holm

CORRECTION = "holm"
NOTHING = {"queries": 0, "items": 0, "clusters": 0}


@dataclass(frozen=True)
class Asked:
    """How to compare; what is given here changes no score.

    Args:
        alpha: of the intervals and of significance.
        test: its name.
        by: what the queries are split by into tables of their own; None leaves them together.
        runs: by evaluation the TREC runs of other systems that join the methods.
        split: the evaluations whose queries are split; empty means all.
    """

    alpha: float = 0.05
    test: Test = DEFAULT
    by: str | None = None
    runs: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    split: Sequence[str] = ()


def run(resolved: Mapping[str, Any], root: Path, asked: Asked | None = None) -> dict[str, Any]:
    """Compare the methods of one benchmark.

    Args:
        resolved: the benchmark's ``resolved.json``.
        root: the results folder.
        asked: how; None is the default test on all rows.

    Returns:
        The benchmark's entry of ``hbench compare --format json``. Methods without complete scores
        are left out; ``missing`` names them.

    Raises:
        DataError: fewer than two items were evaluated, or a run does not fit the data.
        OptionError: the queries cannot be split so.
        StoreError: scores are damaged, or not all of the same data, or the data is gone.
    """
    asked = asked or Asked()
    tables: list[dict[str, Any]] = []
    matrix: list[dict[str, Any]] = []
    notes: dict[str, list[str]] = {}
    family = primary_tests(resolved)
    for dataset, evaluation in resolved["evaluations"].items():
        if asked.by and asked.split and dataset not in asked.split:
            continue
        evaluated = Evaluated.read(resolved["methods"], evaluation, root)
        _check_items(dataset, evaluated)
        runs = asked.runs.get(dataset, ())
        evaluated, notes[dataset] = _joined(dataset, evaluated, evaluation, runs, root)
        for setting in evaluation["settings"]:
            rows = evaluated.settings.get(setting)
            parts, left_out = split(rows, asked.by, evaluation, resolved, root)
            notes[dataset] += [f"{setting}: {left_out}"] if left_out else []
            for metric, facts in evaluation["metrics"].items():
                place = {"dataset": dataset, "setting": setting, "metric": metric}
                primary = asked.by is None and (dataset, setting, metric) in family
                for part in parts:
                    split_by = {"by": asked.by, "stratum": part.stratum} if asked.by else {}
                    head = {**place, "direction": facts["direction"], **split_by}
                    sampled, scores = evaluated.scores(setting, metric, part.where)
                    tables.append(head | _table(evaluated, sampled, scores, primary, asked))
        for metric in evaluation["metrics"]:
            matrix += [{"dataset": dataset, **row} for row in _matrix(evaluated, metric)]
    size = _correct(tables, asked.alpha)
    return {
        "benchmark": resolved["benchmark"],
        "family": {
            "size": size,
            "correction": CORRECTION,
            "alpha": asked.alpha,
            "test": asked.test,
        },
        "tables": tables,
        "matrix": matrix,
        "published": [] if asked.by else beside_published(resolved, tables, matrix),
        "notes": notes,
    }


def missing(resolved: Mapping[str, Any], root: Path) -> list[str]:
    """Systems of a benchmark whose scores are not complete, in words."""
    found: list[str] = []
    for dataset, evaluation in resolved["evaluations"].items():
        for method in resolved["methods"]:
            for seed in method["systems"]:
                if scores_file(evaluation, method["name"], seed, root) is None:
                    found.append(f"{method['name']} (seed {seed}) on {dataset}")
    return found


def primary_tests(resolved: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """The (dataset, setting, metric) whose pairs of methods are the primary family."""
    evaluations = resolved["evaluations"]
    family = {
        (dataset, setting, next(iter(evaluation["metrics"])))
        for dataset, evaluation in evaluations.items()
        for setting in evaluation["settings"]
        if setting in MACRO
    }
    for claim in resolved["spec"].get("claims", ()):
        if "metric" in claim and "setting" in claim:
            for dataset in [claim["dataset"]] if "dataset" in claim else evaluations:
                family.add((dataset, claim["setting"], claim["metric"]))
    return family


def _check_items(dataset: str, evaluated: Evaluated) -> None:
    items = {int(item) for rows in evaluated.settings.values() for item in np.unique(rows.item)}
    if len(items) == 1:
        raise DataError(
            f"{dataset}: only one item was evaluated, and nothing can be said from one; "
            "evaluate on two items at least"
        )


def _joined(
    dataset: str,
    evaluated: Evaluated,
    evaluation: Mapping[str, Any],
    runs: Sequence[Path],
    root: Path,
) -> tuple[Evaluated, list[str]]:
    """The methods and other systems' runs beside them, with what is noteworthy of these."""
    notes: list[str] = []
    if not runs:
        return evaluated, notes
    from hbench.outside import values_of_run
    from hbench.registry import build

    corpus = corpus_of(evaluation, root)
    if corpus is None:
        raise StoreError(
            f"--run {runs[0]}: the texts and judgements of {dataset} are not in the results "
            "folder any more; run the benchmark again"
        )
    metrics = {
        label: build("metric", facts["use"], facts["options"]).plugin
        for label, facts in evaluation["metrics"].items()
    }
    for path in runs:
        found = values_of_run(path, corpus, evaluated.settings, metrics)
        if found.name in evaluated.values:
            raise OptionError(f"--run {path}: a method is named {found.name!r}; rename the file")
        evaluated = evaluated.joined_by(found.name, found.values)
        notes += [f"{found.name}: {note}" for note in found.notes]
    return evaluated, notes


def _table(
    evaluated: Evaluated,
    sampled: Rows | None,
    scores: Mapping[str, Scores],
    primary: bool,
    asked: Asked,
) -> dict[str, Any]:
    """One table: a row for each method, a comparison for each pair."""
    estimated: dict[str, Estimate] = {}
    comparisons: list[dict[str, Any]] = []
    counts = NOTHING
    if sampled is not None:
        levels, differences = compared(list(scores.values()), sampled.item, asked.test, asked.alpha)
        estimated = dict(zip(scores, levels, strict=True))
        comparisons = [
            _comparison(a, b, found, primary, asked.alpha)
            for (a, b), found in zip(combinations(scores, 2), differences, strict=True)
        ]
        counts = {
            "queries": len(np.unique(sampled.query)),
            "items": len(np.unique(sampled.item)),
            "clusters": len(np.unique(sampled.cluster)),
        }
    rows = [
        _row(method, estimated.get(method), counts, evaluated.seeds(method))
        for method in evaluated.values
    ]
    return {"rows": rows, "comparisons": comparisons}


def _row(
    method: str, found: Estimate | None, counts: Mapping[str, int], seeds: int
) -> dict[str, Any]:
    """A method's level; all absent where it has no scores."""
    if found is None:
        bounds: dict[str, float | None] = dict.fromkeys(("mean", "low", "high"))
        return {"method": method, **bounds, **NOTHING, "seeds": seeds, "seed_sd": None}
    spread = math.sqrt(found.seed_variance * seeds) if seeds > 1 else None
    return {"method": method, **_bounds(found, "mean"), **counts, "seeds": seeds, "seed_sd": spread}


def _matrix(evaluated: Evaluated, metric: str) -> Iterator[dict[str, Any]]:
    """The mean of each (method, query language, pool), whichever settings hold it."""
    for method, values in evaluated.values.items():
        seen: set[tuple[str, str]] = set()
        for rows in evaluated.settings.values():
            means = values[metric][:, rows.index].mean(axis=0)
            present = ~np.isnan(means)
            counts = np.bincount(rows.component[present], minlength=len(rows.names))
            sums = np.bincount(rows.component[present], means[present], len(rows.names))
            for number, (language, pool) in enumerate(rows.names):
                if (language, pool) not in seen:
                    seen.add((language, pool))
                    queries = int(counts[number])
                    yield {
                        "metric": metric,
                        "method": method,
                        "query_language": language,
                        "pool": pool,
                        "mean": float(sums[number]) / queries if queries else None,
                        "queries": queries,
                    }


def _bounds(estimate: Estimate, value: str) -> dict[str, float | None]:
    return {value: estimate.value, "low": estimate.low, "high": estimate.high}


def _comparison(a: str, b: str, estimate: Estimate, primary: bool, alpha: float) -> dict[str, Any]:
    item = estimate.item_variance
    return {
        "a": a,
        "b": b,
        **_bounds(estimate, "difference"),
        "p": estimate.p,
        "p_adjusted": None,
        "significant": estimate.one_seed == 0,  # and p_adjusted <= alpha, once that is known
        "primary": primary,
        "item_error": None if item is None else math.sqrt(item),
        "seed_error": None if estimate.one_seed else math.sqrt(estimate.seed_variance),
        "seed_sd_limit": _seed_sd_limit(estimate, alpha),
    }


def _seed_sd_limit(estimate: Estimate, alpha: float) -> float | None:
    """The seed sd above which what differs as models, trained once, would not as methods."""
    if not estimate.one_seed or estimate.item_variance is None:
        return None
    reach = NormalDist().inv_cdf(1 - alpha / 2)
    spare = (estimate.value / reach) ** 2 - estimate.item_variance - estimate.seed_variance
    return math.sqrt(max(0.0, spare) / estimate.one_seed)


def _correct(tables: Sequence[dict[str, Any]], alpha: float) -> int:
    """Fill in adjusted p and decisions; returns the number of tests in the primary family."""
    comparisons = [comparison for table in tables for comparison in table["comparisons"]]
    for primary, adjust in ((True, holm), (False, benjamini_hochberg)):
        family = [c for c in comparisons if c["primary"] == primary]
        p = np.array([np.nan if c["p"] is None else c["p"] for c in family], np.float64)
        for comparison, adjusted in zip(family, adjust(p).tolist(), strict=True):
            tested = comparison["p"] is not None
            comparison["p_adjusted"] = adjusted if tested else None
            comparison["significant"] &= tested and adjusted <= alpha
    return sum(c["primary"] and c["p"] is not None for c in comparisons)
