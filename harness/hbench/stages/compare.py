"""Compare stage: stored scores become means, intervals and tests; no ranx, no torch.

Tables speak of methods; a method's figure is the mean over its seeds of the macro average. Tests
of the primary family (the first metric of each evaluation in each of its settings, and what claims
name, over all pairs of methods) are corrected by Holm, all others by Benjamini-Hochberg.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from hbench.errors import StoreError
from hbench.records import FloatArray, Int64Array
from hbench.scorefile import StoredScores, read_scores
from hbench.settings import MACRO
from hbench.statistics import Estimate, Scores, benjamini_hochberg, difference, holm, level
from hbench.store import read_manifest

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
                tables.append(place | evaluated.table(setting, metric, facts["direction"], primary))
        for metric in evaluation["metrics"]:
            matrix += [{"dataset": dataset, **row} for row in evaluated.matrix(metric)]
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
                if _scores_file(evaluation, method["name"], seed, root) is None:
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


@dataclass(frozen=True)
class Rows:
    """The rows of all systems of an evaluation in one setting; the same for every system."""

    index: Int64Array  # into what was read of the scores files
    component: Int64Array
    cluster: Int64Array
    query: Int64Array
    item: Int64Array
    names: Sequence[tuple[str, str]]  # query language and pool of each component


@dataclass(frozen=True)
class Evaluated:
    """Everything that was scored on one dataset.

    Args:
        settings: rows by setting.
        values: by method and metric the (seeds, all rows) values.
        seeded: methods that depend on a seed.
    """

    settings: Mapping[str, Rows]
    values: Mapping[str, Mapping[str, FloatArray]]
    seeded: Mapping[str, bool]

    @classmethod
    def read(
        cls, methods: Sequence[Mapping[str, Any]], evaluation: Mapping[str, Any], root: Path
    ) -> "Evaluated":
        """Read the scores of all methods; a method of which a seed is missing has fewer seeds."""
        cells = [
            (name, language, pool)
            for name, parts in evaluation["settings"].items()
            for language, pool in parts
        ]
        metrics = list(evaluation["metrics"])
        first: StoredScores | None = None
        values: dict[str, dict[str, FloatArray]] = {}
        for method in methods:
            found = []
            for seed in method["systems"]:
                path = _scores_file(evaluation, method["name"], seed, root)
                if path is not None:
                    found.append(read_scores(path, cells, metrics))
                    first = first or found[0]
                    if not found[-1].same_rows(first):
                        message = f"{path}: holds other queries than its neighbours; run again"
                        raise StoreError(message)
            if found:
                values[method["name"]] = {
                    metric: np.stack([scores.values[metric] for scores in found])
                    for metric in metrics
                }
        settings = _rows(first, evaluation["settings"]) if first is not None else {}
        return cls(settings, values, {m["name"]: m["seeded"] for m in methods})

    def table(self, setting: str, metric: str, direction: str, primary: bool) -> dict[str, Any]:
        """One table: a row for each method, a comparison for each pair."""
        rows, scores = self._scores(setting, metric)
        listed = [
            {
                "method": method,
                **_bounds(level(scores[method], ALPHA) if method in scores else None, "mean"),
                **_counts(rows),
                "seeds": len(values[metric]) if self.seeded[method] else 0,  # 0: a fixed checkpoint
            }
            for method, values in self.values.items()
        ]
        comparisons = [
            _comparison(a, b, difference(scores[a], scores[b], ALPHA), primary)
            for a, b in combinations(scores, 2)
        ]
        return {"direction": direction, "rows": listed, "comparisons": comparisons}

    def matrix(self, metric: str) -> Iterator[dict[str, Any]]:
        """The mean of each (method, query language, pool), whichever settings hold it."""
        for method, values in self.values.items():
            seen: set[tuple[str, str]] = set()
            for rows in self.settings.values():
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

    def _scores(self, setting: str, metric: str) -> tuple[Rows | None, dict[str, Scores]]:
        """The rows for which every method has a value, and each method's scores of them."""
        rows = self.settings.get(setting)
        if rows is None:
            return None, {}
        present = np.ones(len(rows.index), bool)
        for values in self.values.values():
            present &= ~np.isnan(values[metric][:, rows.index]).any(axis=0)
        if not present.any():
            return None, {}
        kept = Rows(
            rows.index[present],
            rows.component[present],
            rows.cluster[present],
            rows.query[present],
            rows.item[present],
            rows.names,
        )
        scores = {
            method: Scores(
                np.ascontiguousarray(values[metric][:, kept.index]),
                kept.component,
                kept.cluster,
                self.seeded[method],
            )
            for method, values in self.values.items()
        }
        return kept, scores


def _scores_file(evaluation: Mapping[str, Any], method: str, seed: str, root: Path) -> Path | None:
    """The scores of a method's system, if they hold all that the evaluation asks for."""
    entry = evaluation["scores"][method][seed]
    folder = root / entry["folder"]
    manifest = read_manifest(folder)
    stored = manifest.get("scores", {})
    complete = manifest.get("key") == entry["key"] and all(
        stored.get(metric, {}).get("key") == facts["key"]
        and {f"{q}>{pool}" for q, pool in cells} <= set(stored[metric]["cells"].get(setting, ()))
        for metric, facts in evaluation["metrics"].items()
        for setting, cells in evaluation["settings"].items()
    )
    return folder / "scores.parquet" if complete else None


def _rows(stored: StoredScores, settings: Mapping[str, Any]) -> dict[str, Rows]:
    """The rows of each setting, whose cells follow each other in the order of the settings."""
    found: dict[str, Rows] = {}
    first = 0
    for name, parts in settings.items():
        begin, end = np.searchsorted(stored.cell, [first, first + len(parts)])
        rows = slice(begin, end)
        if begin < end:
            found[name] = Rows(
                np.arange(begin, end),
                stored.cell[rows] - first,
                stored.cluster[rows],
                stored.query[rows],
                stored.item[rows],
                [(language, pool) for language, pool in parts],
            )
        first += len(parts)
    return found


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
