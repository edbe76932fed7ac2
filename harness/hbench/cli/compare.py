"""``hbench compare``: significance-tested tables from what is in the results folder."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hbench.cli.common import ResultsOption, mistakes_end_here


def compare(
    benchmarks: Annotated[
        list[str] | None, typer.Argument(metavar="[BENCHMARK]...", help="Default: all in results.")
    ] = None,
    results: ResultsOption = Path("results"),
    form: Annotated[
        Literal["table", "markdown", "json"], typer.Option("--format", help="How to print.")
    ] = "table",
) -> None:
    """Print the tables of finished benchmarks; trains and evaluates nothing."""
    with mistakes_end_here():
        from hbench.footnotes import footnotes
        from hbench.stages import compare as stage

        found = read_benchmarks(results, benchmarks or [])
        entries = [stage.run(detail, results) for detail in found]
        if form == "json":
            typer.echo(json.dumps(entries, indent=1, ensure_ascii=False, allow_nan=False))
        else:
            from hbench.tables import render

            notes = [footnotes(detail, results) for detail in found]
            typer.echo(render(entries, form, notes), nl=False)
        for detail in found:
            for name in stage.missing(detail, results):
                typer.echo(f"missing: {detail['benchmark']}: {name}; run it again", err=True)


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
