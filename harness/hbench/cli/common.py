"""What the commands share: how mistakes end, and the options that several of them take."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hbench.cli import completing
from hbench.errors import HBenchError, printable

MISTAKE = 2
INTERRUPTED = 130

SpecArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The benchmark file (YAML).")]
ResultsOption = Annotated[Path, typer.Option("--results", help="Where results lie.")]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="NAME",
        help="Only this benchmark; may be repeated.",
        autocompletion=completing.benchmarks_of_file,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a value of the file, as benchmarks.quickstart.train.steps=10.",
    ),
]
BenchmarksArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="BENCHMARK",
        help="Default: all in results.",
        autocompletion=completing.benchmarks,
    ),
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="cpu, cuda, cuda:0, mps; default: CUDA if there.")
]


@contextmanager
def mistakes_end_here() -> Iterator[None]:
    """A user's mistake ends as one message and exit code 2, an interrupt as 130."""
    try:
        yield
    except HBenchError as error:
        typer.echo(printable(f"error: {error}"), err=True)
        raise typer.Exit(MISTAKE) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; what was finished is kept, the same command goes on", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has gone, as `head` does
        raise typer.Exit(0) from None
