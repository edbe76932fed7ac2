"""Finished benchmarks as a Python user has them: tidy data frames, and the tables as text."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hbench.errors import OptionError, StoreError, did_you_mean, printable
from hbench.records import Outcome

if TYPE_CHECKING:
    import pandas as pd

Record = Mapping[str, Any]
RESOLVED = "resolved.json"
CELL = ("setting", "query_language", "pool")


@dataclass(frozen=True)
class Ended:
    """How a job of a run ended.

    Args:
        title: the job, in a line; jobs of two benchmarks may have one title.
        outcome: ``done``, ``failed`` or ``skipped``, with the reason.
    """

    title: str
    outcome: Outcome


@dataclass(frozen=True, repr=False)
class Results:
    """What some benchmarks found; each property reads the results folder once.

    In a notebook, and printed, they are the significance-tested tables of ``hbench compare``.

    Args:
        root: the results folder.
        details: the benchmarks' ``resolved.json``.
        ended: how each job of the run ended; empty if nothing was run.
        known: the comparisons, if a run has just made them.
    """

    root: Path
    details: Sequence[Record]
    ended: Sequence[Ended] = ()
    known: Sequence[Record] = ()

    @cached_property
    def comparisons(self) -> Sequence[Record]:
        """An entry a benchmark, as ``hbench compare --format json`` prints."""
        from hbench.stages import compare

        return self.known or [compare.run(detail, self.root) for detail in self.details]

    @cached_property
    def notes(self) -> Sequence[Mapping[str, Sequence[str]]]:
        """For each benchmark, by evaluation, what stands under its tables."""
        from hbench.footnotes import footnotes

        return [footnotes(detail, self.root) for detail in self.details]

    @property
    def failed(self) -> Sequence[Ended]:
        """The jobs that failed in this run."""
        return [each for each in self.ended if each.outcome.state == "failed"]

    @cached_property
    def missing(self) -> Sequence[str]:
        """Systems that have no complete scores, and so are in no table."""
        from hbench.stages import compare

        return [
            f"{detail['benchmark']}: {name}"
            for detail in self.details
            for name in compare.missing(detail, self.root)
        ]

    @cached_property
    def levels(self) -> "pd.DataFrame":
        """A row for each benchmark, dataset, setting, metric and method.

        Columns: those, ``direction`` (of the metric: higher or lower is better), ``mean`` with the
        95 % interval from ``low`` to ``high``, and what it is of: ``queries``, ``items``,
        ``clusters``, ``seeds``, and ``seed_sd``. What a setting does not have is missing.
        """
        return self._frame("rows")

    @cached_property
    def differences(self) -> "pd.DataFrame":
        """A row for each pair of methods, ``a`` and ``b``, in each table.

        Columns as in ``levels``, and ``difference`` (a - b) with its interval from ``low`` to
        ``high``, ``p``, ``p_adjusted``, ``significant``, and ``primary``: whether the test belongs
        to the family that was declared beforehand; all others are exploratory.
        """
        return self._frame("comparisons")

    @cached_property
    def matrix(self) -> "pd.DataFrame":
        """The ``mean`` of each dataset, metric, method, query language and pool; ``queries``."""
        import pandas as pd

        return pd.DataFrame(
            {"benchmark": entry["benchmark"], **row}
            for entry in self.comparisons
            for row in entry["matrix"]
        )

    @cached_property
    def verdicts(self) -> Sequence[Record]:
        """An entry a claim, as ``hbench verify --format json`` prints."""
        from hbench.stages import verify

        pairs = zip(self.details, self.comparisons, strict=True)
        return [claim for detail, entry in pairs for claim in verify.run(detail, entry, self.root)]

    @property
    def claims(self) -> "pd.DataFrame":
        """A row for each claim: ``verdict``, ``effect`` from ``low`` to ``high``, ``p``."""
        import pandas as pd

        return pd.DataFrame(self.verdicts)

    @cached_property
    def scores(self) -> "pd.DataFrame":
        """A row for each system, query, setting and pool; a column for each metric.

        Columns: ``benchmark``, ``dataset``, ``method``, ``seed``, then those of ``scores.parquet``:
        ``item``, ``cluster``, ``query``, ``query_language``, ``pool``, ``setting``, the metrics.
        Systems without complete scores have no rows; ``missing`` names them.
        """
        import pandas as pd

        found = list(self._scores())
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

    def write_tables(self) -> Sequence[str]:
        """Write each benchmark's tables; what did not change is left, and read, as it is.

        Returns:
            The tables of each benchmark as text; a line for an evaluation without any scores.
        """
        from hbench.locks import alone
        from hbench.manifests import damage, key_of
        from hbench.render import VERSION, Style, render
        from hbench.store import Store

        store, texts = Store(self.root), []
        styles: Mapping[str, Style] = {"tables.txt": "table", "tables.md": "markdown"}
        for entry, notes in zip(self.comparisons, self.notes, strict=True):
            folder = store.benchmark(entry["benchmark"]) / "tables"
            key = key_of({"tables": VERSION, "comparison": entry, "notes": notes})
            with alone(store.lock(f"tables of {entry['benchmark']}")):
                wrong, manifest = damage(folder)
                if wrong:
                    store.put_aside(folder, ", ".join(wrong))
                if wrong or manifest.get("key") != key:
                    with store.writing(folder, {"key": key}) as (scratch, _):
                        for name, style in styles.items():
                            text = render([entry], style, [notes])
                            (scratch / name).write_text(text, encoding="utf-8")
                texts.append((folder / "tables.txt").read_text(encoding="utf-8"))
        for line in store.told():
            typer.echo(printable(f"note: {line}"), err=True)
        return texts

    def __repr__(self) -> str:
        names = ", ".join(detail["benchmark"] for detail in self.details)
        return f"<hbench.Results of {names} in {self.root}>"

    def __str__(self) -> str:
        from hbench.render import render

        return render(self.comparisons, "table", self.notes)

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        from hbench.render import render

        return render(self.comparisons, "markdown", self.notes)

    def _frame(self, part: str) -> "pd.DataFrame":
        """The rows or comparisons of all tables."""
        import pandas as pd

        keys = ("dataset", "setting", "metric", "direction")
        return pd.DataFrame(
            {"benchmark": entry["benchmark"], **{key: table[key] for key in keys}, **row}
            for entry in self.comparisons
            for table in entry["tables"]
            for row in table[part]
        )

    def _scores(self) -> "Iterator[pd.DataFrame]":
        """Of each system the rows of its benchmark: another's may lie in the same file."""
        import pandas as pd

        from hbench.evaluated import scores_file
        from hbench.records import SCORE_KEYS

        for detail in self.details:
            for dataset, evaluation in detail["evaluations"].items():
                columns = [*SCORE_KEYS, *evaluation["metrics"]]
                cells = pd.MultiIndex.from_tuples(
                    (setting, language, pool)
                    for setting, parts in evaluation["settings"].items()
                    for language, pool in parts
                )
                for method, by_seed in evaluation["scores"].items():
                    for seed in by_seed:
                        path = scores_file(evaluation, method, seed, self.root)
                        if path is None:
                            continue
                        found = pd.read_parquet(path, columns=columns)
                        where = pd.MultiIndex.from_frame(found[list(CELL)])
                        found = found[where.isin(cells)]
                        names = {"benchmark": detail["benchmark"], "dataset": dataset}
                        names |= {"method": method, "seed": int(seed)}
                        for place, (name, value) in enumerate(names.items()):
                            found.insert(place, name, value)
                        yield found


def read_results(root: Path, wanted: Sequence[str] = ()) -> Results:
    """The benchmarks of a results folder.

    Args:
        root: the results folder.
        wanted: names of benchmarks; none means all.

    Raises:
        StoreError: there is no benchmark, or one of those wanted is damaged.
        OptionError: there is no benchmark of such a name.
    """
    from hbench.manifests import MANIFEST
    from hbench.store import Store

    folder = root / "benchmarks"
    places = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    details = []
    for name in wanted:
        place = Store(root).benchmark(name)
        detail = _resolved(place)
        if detail is None or detail["benchmark"] != name:
            if not places:
                raise _empty(folder)
            near = did_you_mean(name, _names(places))
            raise OptionError(f"{place}: no such benchmark here; {near}")
        details.append(detail)
    if not wanted:
        found = [detail for place in places if (detail := _resolved(place)) is not None]
        details = list({detail["benchmark"]: detail for detail in found}.values())
    if not details:
        raise _empty(folder)
    return Results(root, details)


def _empty(folder: Path) -> StoreError:
    return StoreError(f"{folder}: holds no benchmark; run one with `hbench run benchmarks.yaml`")


def _resolved(folder: Path) -> Record | None:
    """A benchmark's ``resolved.json``; None if there is none, or a run is just writing it."""
    from hbench.manifests import check, read_manifest

    if RESOLVED not in read_manifest(folder).get("files", {}):
        return None
    check(folder, [RESOLVED])
    found: Record = json.loads((folder / RESOLVED).read_text(encoding="utf-8"))
    return found


def _names(folders: Iterable[Path]) -> Iterator[str]:
    """The benchmarks in some folders, without those that are damaged."""
    for folder in folders:
        with suppress(StoreError):
            detail = _resolved(folder)
            if detail is not None:
                yield detail["benchmark"]
