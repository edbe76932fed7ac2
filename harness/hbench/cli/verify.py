"""``hbench verify``: what the figures say of each claim."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hbench.cli.common import BenchmarksArgument, ResultsOption, answering

UNSUPPORTED = 1
NO_CLAIMS = "no claims; write some under 'claims:' in the benchmark's file"
FINE = ("supported", "description")


def verify(
    benchmarks: BenchmarksArgument = None,
    results: ResultsOption = Path("results"),
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", help="How to print.")
    ] = "table",
) -> None:
    """Say of each claim whether the figures support it.

    Ends with exit code 1 unless all claims are supported.
    """
    with answering() as answer:
        from hbench.findings import read_results

        found = read_results(results, benchmarks or ()).verdicts
        if form == "json":
            answer.json(found)
        else:
            answer.text("\n\n".join("\n".join(_lines(claim)) for claim in found) or NO_CLAIMS)
    if any(claim["verdict"] not in FINE for claim in found):
        raise typer.Exit(UNSUPPORTED)


def _lines(claim: Mapping[str, Any]) -> Sequence[str]:
    """A claim for people: what is claimed, the verdict, the figures, what else is to be known."""
    lines = [f"{claim['benchmark']}: {claim['claim']}", f"  {claim['verdict'].upper()}"]
    if claim["low"] is not None:
        p = "" if claim["p"] is None else f", Holm's p {_p(claim['p'])}"
        interval = f"95 % interval {claim['low']:+.3f} to {claim['high']:+.3f}"
        lines[1] += f": {claim['effect']:+.3f}, {interval}{p}"
    return [*lines, *(f"  {note}" for note in claim["notes"])]


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "<0.001"
