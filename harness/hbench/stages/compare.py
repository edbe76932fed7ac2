"""Compare stage: stored scores become means, intervals and tests; no ranx, no torch.

Tables speak of methods; a method's figure is the mean over its seeds of the macro average. Tests
of the primary family (the first metric of each evaluation in each of its settings, and what claims
name, over all pairs of methods) are corrected by Holm, all others by Benjamini-Hochberg.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from hbench.evaluated import Evaluated, Rows, scores_file
from hbench.settings import MACRO
from hbench.statistics import Estimate, benjamini_hochberg, difference, holm, level

ALPHA = 0.05
CORRECTION = "holm"


def run(resolved: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Compare the methods of one benchmark.

    Args:
        resolved: the benchmark's ``resolved.json``.
        root: the results folder.

    Returns:
        The benchmark's entry of ``hbench compare --format json``. Methods without complete scores
        are left out; ``missing`` names them.
    """
    tables: list[dict[str, Any]] = []
    matrix: list[dict[str, Any]] = []
    for dataset, evaluation in resolved["evaluations"].items():
        evaluated = Evaluated.read(resolved["methods"], evaluation, root)
        for setting in evaluation["settings"]:
            for metric, facts in evaluation["metrics"].items():
                place = {"dataset": dataset, "setting": setting, "metric": metric}
                primary = (dataset, setting, metric) in primary_tests(resolved)
                tables.append(
                    place | _table(evaluated, setting, metric, facts["direction"], primary)
                )
        for metric in evaluation["metrics"]:
            matrix += [{"dataset": dataset, **row} for row in _matrix(evaluated, metric)]
    size = _correct(tables)
    family = {"size": size, "correction": CORRECTION, "alpha": ALPHA}
    return {
        "benchmark": resolved["benchmark"],
        "family": family,
        "tables": tables,
        "matrix": matrix,
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


def _table(
    evaluated: Evaluated, setting: str, metric: str, direction: str, primary: bool
) -> dict[str, Any]:
    """One table: a row for each method, a comparison for each pair."""
    rows, scores = evaluated.scores(setting, metric)
    listed = [
        {
            "method": method,
            **_bounds(level(scores[method], ALPHA) if method in scores else None, "mean"),
            **_counts(rows),
            "seeds": len(values[metric])
            if evaluated.seeded[method]
            else 0,  # 0: a fixed checkpoint
        }
        for method, values in evaluated.values.items()
    ]
    comparisons = [
        _comparison(a, b, difference(scores[a], scores[b], ALPHA), primary)
        for a, b in combinations(scores, 2)
    ]
    return {"direction": direction, "rows": listed, "comparisons": comparisons}


def _matrix(evaluated: Evaluated, metric: str) -> Iterator[dict[str, Any]]:
    """The mean of each (method, query language, pool), whichever settings hold it."""
    for method, values in evaluated.values.items():
        seen: set[tuple[str, str]] = set()
        for rows in evaluated.settings.values():
            means = values[metric][:, rows.index].mean(axis=0)
            for number, (language, pool) in enumerate(rows.names):
                part = means[rows.component == number]
                if (language, pool) not in seen:
                    seen.add((language, pool))
                    present = part[~np.isnan(part)]
                    yield {
                        "metric": metric,
                        "method": method,
                        "query_language": language,
                        "pool": pool,
                        "mean": float(present.mean()) if len(present) else None,
                        "queries": len(present),
                    }


def _bounds(estimate: Estimate | None, value: str) -> dict[str, float | None]:
    if estimate is None:
        return {value: None, "low": None, "high": None}
    return {value: estimate.value, "low": estimate.low, "high": estimate.high}


def _counts(rows: Rows | None) -> dict[str, int]:
    parts = {"queries": "query", "items": "item", "clusters": "cluster"}
    if rows is None:
        return dict.fromkeys(parts, 0)
    return {name: len(np.unique(getattr(rows, part))) for name, part in parts.items()}


def _comparison(a: str, b: str, estimate: Estimate, primary: bool) -> dict[str, Any]:
    return {
        "a": a,
        "b": b,
        **_bounds(estimate, "difference"),
        "p": estimate.p,
        "p_adjusted": None,
        "significant": estimate.one_seed == 0,  # and p_adjusted <= alpha, once that is known
        "primary": primary,
    }


def _correct(tables: Sequence[dict[str, Any]]) -> int:
    """Fill in adjusted p and decisions; returns the number of tests in the primary family."""
    comparisons = [comparison for table in tables for comparison in table["comparisons"]]
    for primary, adjust in ((True, holm), (False, benjamini_hochberg)):
        family = [c for c in comparisons if c["primary"] == primary]
        p = np.array([np.nan if c["p"] is None else c["p"] for c in family], np.float64)
        for comparison, adjusted in zip(family, adjust(p).tolist(), strict=True):
            tested = comparison["p"] is not None
            comparison["p_adjusted"] = adjusted if tested else None
            comparison["significant"] &= tested and adjusted <= ALPHA
    return sum(c["primary"] and c["p"] is not None for c in comparisons)
