"""``hbench compare``: significance-tested tables from what is in the results folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hbench.cli.common import ResultsOption, mistakes_end_here

Chosen = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Only this one; may be repeated.")
]


def compare(
    benchmarks: Annotated[
        list[str] | None, typer.Argument(metavar="[BENCHMARK]...", help="Default: all in results.")
    ] = None,
    results: ResultsOption = Path("results"),
    form: Annotated[
        Literal["table", "markdown", "csv", "json"], typer.Option("--format", help="How to print.")
    ] = "table",
    dataset: Chosen = None,
    setting: Chosen = None,
    metric: Chosen = None,
) -> None:
    """Print the tables of finished benchmarks; trains and evaluates nothing.

    --dataset, --setting and --metric choose what is shown, and change no test.
    """
    with mistakes_end_here():
        from hbench.footnotes import footnotes
        from hbench.stages import compare as stage

        found = read_benchmarks(results, benchmarks or [])
        wanted = {"dataset": dataset, "setting": setting, "metric": metric}
        entries = _chosen([stage.run(detail, results) for detail in found], wanted)
        if form == "json":
            typer.echo(json.dumps(entries, indent=1, ensure_ascii=False, allow_nan=False))
        elif form == "csv":
            from hbench.csvtable import as_csv

            typer.echo(as_csv(entries), nl=False)
        else:
            from hbench.tables import render

            notes = [footnotes(detail, results) for detail in found]
            typer.echo(render(entries, form, notes), nl=False)
        for detail in found:
            for name in stage.missing(detail, results):
                typer.echo(f"missing: {detail['benchmark']}: {name}; run it again", err=True)


def _chosen(
    entries: Sequence[dict[str, Any]], wanted: Mapping[str, Sequence[str] | None]
) -> list[dict[str, Any]]:
    """The tables that are asked for, and their part of the matrix."""
    from hbench.errors import OptionError, did_you_mean

    kept = list(entries)
    for what, names in wanted.items():
        known = list(dict.fromkeys(table[what] for entry in entries for table in entry["tables"]))
        for name in names or ():
            if name not in known:
                raise OptionError(f"--{what} {name}: {did_you_mean(name, known)}")
        if names:
            kept = [
                entry | {part: [row for row in entry[part] if row.get(what, names[0]) in names]
                         for part in ("tables", "matrix")}
                for entry in kept
            ]  # fmt: skip
    return kept


def read_benchmarks(results: Path, wanted: list[str]) -> list[Any]:
    """The resolved specs of the benchmarks in a results folder."""
    from hbench.errors import OptionError, StoreError, did_you_mean
    from hbench.store import Store

    folder = results / "benchmarks"
    paths = sorted(folder.glob("*/resolved.json"))
    if not paths:
        raise StoreError(f"{folder}: holds no benchmark; run one with `hbench run benchmarks.yaml`")
    found: dict[str, Any] = {}
    for path in paths:
        try:
            detail = json.loads(path.read_text(encoding="utf-8"))
            found[detail["benchmark"]] = detail
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path}: damaged ({error}); run the benchmark again") from error
    for name in wanted:
        if name not in found:
            place = Store(results).benchmark(name)
            raise OptionError(f"{place}: no such benchmark here; {did_you_mean(name, found)}")
    return [found[name] for name in wanted or found]
