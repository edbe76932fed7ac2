"""``hbench compare``: significance-tested tables from what is in the results folder."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hbench.cli import completing
from hbench.cli.common import BenchmarksArgument, ResultsOption, answering, tell
from hbench.errors import printable

Entry = dict[str, Any]
Form = Literal["table", "markdown", "latex", "csv", "json", "html"]
Written = Literal["table", "markdown", "latex", "csv", "html"]


def _only(known: Callable[[typer.Context], list[str]]) -> Any:  # noqa: ANN401 - typer's OptionInfo
    """An option that keeps the tables of some names."""
    return typer.Option(
        metavar="NAME", help="Only this one; may be repeated.", autocompletion=known
    )


ByOption = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="NAME",
        help="Split the queries: language, pair, family, script, seen (in training), length, "
        "overlap (with the passage), or a column that the dataset brings.",
    ),
]
BaselineOption = Annotated[
    str | None,
    typer.Option(
        metavar="METHOD",
        help="Show the others' differences to this method.",
        autocompletion=completing.methods,
    ),
]
TestOption = Annotated[
    Literal["clusters+seeds", "paired-t", "sign-flip"],
    typer.Option(
        "--test",
        help="clusters+seeds: new clusters of items and new seeds. paired-t: on items; sign-flip: "
        "on clusters, by randomisation. Both of these forget the seeds, so they speak of these "
        "trained models only, and paired-t takes the items of one cluster for independent.",
    ),
]


def compare(
    benchmarks: BenchmarksArgument = None,
    results: ResultsOption = Path("results"),
    form: Annotated[Form, typer.Option("--format", help="How to print.")] = "table",
    dataset: Annotated[list[str] | None, _only(completing.evaluations)] = None,
    setting: Annotated[list[str] | None, _only(completing.settings)] = None,
    metric: Annotated[list[str] | None, _only(completing.metrics)] = None,
    by: ByOption = None,
    baseline: BaselineOption = None,
    test: TestOption = "clusters+seeds",
    alpha: Annotated[
        float, typer.Option(help="Of significance; intervals cover 1 - alpha.")
    ] = 0.05,
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            "--run",
            metavar="PATH",
            help="A TREC run of another system, or a folder with one a pool; may be repeated.",
        ),
    ] = None,
) -> None:
    """Print the tables of finished benchmarks.

    Trains and evaluates nothing. --dataset, --setting and --metric choose what is shown, and change
    no test.
    """
    with answering() as answer:
        from hbench.errors import OptionError
        from hbench.findings import read_results
        from hbench.stages import compare as stage

        if not 0 < alpha < 1:
            raise OptionError(f"--alpha {alpha}: must lie between 0 and 1, as 0.05")
        found = read_results(results, benchmarks or ())
        entries = []
        for detail in found.details:
            others = _runs_of(detail, runs or (), dataset or ())
            asked = stage.Asked(alpha, test, by, others, dataset or ())
            entries.append(stage.run(detail, results, asked))
        wanted = {"dataset": dataset, "setting": setting, "metric": metric}
        entries = _chosen(entries, wanted)
        _check_baseline(baseline, entries)
        if form == "json":
            answer.json(entries)
        else:
            answer.as_it_is(_shown(entries, found.notes, form, baseline).removesuffix("\n"))
        for name in found.missing:
            tell(f"missing: {name}; run it again")


def _shown(
    entries: Sequence[Entry],
    notes: Sequence[Mapping[str, Sequence[str]]],
    form: Written,
    baseline: str | None,
) -> str:
    if form == "csv":
        from hbench.csvtable import as_csv

        return printable(as_csv(entries))
    if form == "html":
        from hbench.page import tables_page

        return tables_page(entries, notes, baseline)
    from hbench.render import render

    return render(entries, form, notes, baseline)


def _runs_of(
    detail: Mapping[str, Any], runs: Sequence[Path], datasets: Sequence[str]
) -> dict[str, Sequence[Path]]:
    """The evaluation that other systems' runs belong to."""
    from hbench.errors import OptionError

    if not runs:
        return {}
    names = [name for name in detail["evaluations"] if name in datasets or not datasets]
    if len(names) != 1:
        raise OptionError(
            f"--run {runs[0]}: {detail['benchmark']} evaluates on "
            f"{', '.join(detail['evaluations'])}; choose one with --dataset"
        )
    return {names[0]: runs}


def _check_baseline(baseline: str | None, entries: Sequence[Mapping[str, Any]]) -> None:
    from hbench.errors import OptionError, did_you_mean

    for entry in entries if baseline is not None else ():
        known = {row["method"]: None for table in entry["tables"] for row in table["rows"]}
        if known and baseline not in known:
            hint = did_you_mean(str(baseline), known)
            raise OptionError(
                f"--baseline {baseline}: {entry['benchmark']} has no such method; {hint}"
            )


def _chosen(entries: Sequence[Entry], wanted: Mapping[str, Sequence[str] | None]) -> list[Entry]:
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
                         for part in ("tables", "matrix", "published")}
                for entry in kept
            ]  # fmt: skip
    return kept
