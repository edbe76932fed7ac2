"""What the commands share: how mistakes end, and the options that several of them take."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TextIO

import typer

from hbench.cli import completing
from hbench.errors import HBenchError, is_printable, printable

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
        tell(f"error: {error}")
        raise typer.Exit(MISTAKE) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; what was finished is kept, the same command goes on", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has gone, as `head` does
        raise typer.Exit(0) from None


@dataclass(frozen=True)
class Answer:
    """Standard output, for what a command was asked for and for nothing else."""

    stream: TextIO

    def text(self, text: object) -> None:
        """Write text for people, without what a terminal would obey."""
        typer.echo(printable(str(text)), file=self.stream)

    def json(self, value: object, *, ascii_only: bool = False) -> None:
        """Write a value for programs, with what a terminal would obey escaped."""
        text = json.dumps(value, indent=1, ensure_ascii=ascii_only, allow_nan=False)
        self.as_it_is("".join(s if is_printable(s) or s == "\n" else _escape(s) for s in text))

    def as_it_is(self, text: str) -> None:
        """Write what is safe already."""
        typer.echo(text, file=self.stream)


@contextmanager
def answering() -> Iterator[Answer]:
    """As ``mistakes_end_here``; what is yielded alone writes to standard output.

    What plugins and libraries print when they are imported or called goes to standard error, so
    that a program which reads the answer gets nothing else. (What compiled code writes to the
    file itself, past Python, is not caught.)
    """
    answer = Answer(sys.stdout)
    with mistakes_end_here(), redirect_stdout(sys.stderr):
        yield answer


def tell(text: object) -> None:
    """Write a note for people to standard error."""
    typer.echo(printable(str(text)), err=True)


def _escape(sign: str) -> str:
    """A character as JSON writes it in a string."""
    return json.dumps(sign)[1:-1]
