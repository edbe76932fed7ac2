"""Everything that was scored on one dataset, read back for comparing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hbench.errors import StoreError
from hbench.manifests import check, read_manifest
from hbench.records import BoolArray, FloatArray, Int64Array
from hbench.scorefile import StoredScores, read_scores
from hbench.statistics import Scores


@dataclass(frozen=True)
class Rows:
    """The rows of all systems of an evaluation in one setting; the same for every system."""

    index: Int64Array  # into what was read of the scores files
    component: Int64Array
    cluster: Int64Array
    query: Int64Array
    item: Int64Array
    names: Sequence[tuple[str, str]]  # query language and pool of each component

    def only(self, where: BoolArray) -> "Rows":
        """Some of them."""
        columns = ("index", "component", "cluster", "query", "item")
        return replace(self, **{name: getattr(self, name)[where] for name in columns})


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
                path = scores_file(evaluation, method["name"], seed, root)
                if path is not None:
                    _check_data(path, evaluation)
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

    def seeds(self, method: str) -> int:
        """How many seeds of a method were evaluated; 0 of a fixed checkpoint."""
        return len(next(iter(self.values[method].values()))) if self.seeded[method] else 0

    def scores(
        self, setting: str, metric: str, where: BoolArray | None = None
    ) -> tuple[Rows | None, dict[str, Scores]]:
        """The rows for which every method has a value, and each method's scores of them.

        A method that has no value at all, as a run of other pools has not, is left out.

        Args:
            setting: one that was evaluated.
            metric: one that was computed.
            where: (rows of the setting,) only these; None takes all.
        """
        rows = self.settings.get(setting)
        if rows is None:
            return None, {}
        rows = rows if where is None else rows.only(where)
        found, absent = {}, []
        for method, values in self.values.items():
            own = values[metric][:, rows.index]
            missing = np.isnan(own).any(axis=0)
            if not missing.all():
                found[method] = own
                absent.append(missing)
        present = ~np.any(absent, axis=0)
        if not found or not present.any():
            return None, {}
        if not present.all():
            rows = rows.only(present)
            found = {method: values[:, present] for method, values in found.items()}
        scores = {
            method: Scores(values, rows.component, rows.cluster, self.seeded[method])
            for method, values in found.items()
        }
        return rows, scores

    def joined_by(self, method: str, values: Mapping[str, FloatArray]) -> "Evaluated":
        """With one more method, a fixed one.

        Args:
            method: its name.
            values: by metric its (1, all rows) values.
        """
        return replace(
            self,
            values={**self.values, method: values},
            seeded={**self.seeded, method: False},
        )


def scores_file(evaluation: Mapping[str, Any], method: str, seed: str, root: Path) -> Path | None:
    """The scores of a method's system, if they hold all that the evaluation asks for.

    Raises:
        Damaged: they are not what was stored.
    """
    entry = evaluation["scores"][method][seed]
    folder: Path = root / entry["folder"]
    manifest = read_manifest(folder)
    stored = manifest.get("scores", {})
    complete = manifest.get("key") == entry["key"] and all(
        stored.get(metric, {}).get("key") == facts["key"]
        and {f"{q}>{pool}" for q, pool in cells} <= set(stored[metric]["cells"].get(setting, ()))
        for metric, facts in evaluation["metrics"].items()
        for setting, cells in evaluation["settings"].items()
    )
    if not complete:
        return None
    check(folder, ["scores.parquet"])
    return folder / "scores.parquet"


def _check_data(path: Path, evaluation: Mapping[str, Any]) -> None:
    """Scores of other data than the evaluation's may not stand beside its own."""
    wanted = str(evaluation.get("data"))
    found = str(read_manifest(path.parent).get("data", wanted))
    if found != wanted:
        raise StoreError(
            f"{path}: holds scores on data {found[:8]}, and the others are on data {wanted[:8]}; "
            "methods can be compared on the same data only: run the benchmark again"
        )


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
