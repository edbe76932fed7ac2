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
from hbench.records import SCORE_KEYS, FloatArray, Int64Array
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
            for seed, system in method["systems"].items():
                if _scores_file(evaluation, system["key"], root) is None:
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

    index: Int64Array  # into the scores files
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
        import pyarrow.parquet as pq

        metrics = list(evaluation["metrics"])
        keys: Any = None
        values: dict[str, dict[str, FloatArray]] = {}
        for method in methods:
            paths = [_scores_file(evaluation, s["key"], root) for s in method["systems"].values()]
            tables = []
            for path in paths:
                if path is None:
                    continue
                try:
                    table = pq.read_table(path, columns=[*SCORE_KEYS, *metrics], partitioning=None)
                except (OSError, ValueError) as error:
                    message = f"{path}: damaged ({error}); delete {path.parent} and run again"
                    raise StoreError(message) from error
                table = _wanted(table, evaluation["settings"])
                own = table.select(list(SCORE_KEYS))
                keys = own if keys is None else keys
                if not own.equals(keys):
                    raise StoreError(f"{path}: holds other queries than its neighbours; run again")
                tables.append(table)
            if tables:
                values[method["name"]] = {
                    m: np.stack([t[m].to_numpy().astype(np.float64) for t in tables])
                    for m in metrics
                }
        settings = _rows(keys, evaluation["settings"]) if keys is not None else {}
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


def _scores_file(evaluation: Mapping[str, Any], system: str, root: Path) -> Path | None:
    """The scores of a system, if they hold all that the evaluation asks for."""
    entry = evaluation["scores"][system]
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


def _wanted(table: Any, settings: Mapping[str, Any]) -> Any:  # noqa: ANN401 - pyarrow
    """Only the rows of the settings, and of their pools, that are asked for; in a fixed order."""
    import pyarrow as pa

    cells = [(name, language, pool) for name, parts in settings.items() for language, pool in parts]
    columns = dict(
        zip(("setting", "query_language", "pool"), zip(*cells, strict=True), strict=True)
    )
    names = pa.table({name: pa.array(values) for name, values in columns.items()})
    kept = table.join(names, keys=list(columns), join_type="left semi")
    return kept.sort_by([(n, "ascending") for n in ("setting", "query_language", "pool", "query")])


def _rows(keys: Any, settings: Mapping[str, Any]) -> dict[str, Rows]:  # noqa: ANN401 - pyarrow
    import pyarrow.compute as pc

    def codes(name: str) -> Int64Array:
        encoded = pc.dictionary_encode(keys[name]).combine_chunks()
        numbers: Int64Array = encoded.indices.to_numpy().astype(np.int64)
        return numbers

    cluster, item, query = codes("cluster"), codes("item"), codes("query")
    setting = np.array(keys["setting"].to_pylist())
    pairs = list(zip(keys["query_language"].to_pylist(), keys["pool"].to_pylist(), strict=True))
    found: dict[str, Rows] = {}
    for name, parts in settings.items():
        names = [(language, pool) for language, pool in parts]
        place = {part: number for number, part in enumerate(names)}
        index = np.flatnonzero(setting == name)
        component = np.array([place[pairs[i]] for i in index.tolist()], np.int64)
        if len(index):
            found[name] = Rows(index, component, cluster[index], query[index], item[index], names)
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
