"""``hbench validate``: all mistakes of a spec at once."""

import typer

from hbench.cli.common import SetOption, SpecArgument, mistakes_end_here
from hbench.errors import printable


def validate(file: SpecArgument, overrides: SetOption = None) -> None:
    """Check a benchmark file: all mistakes, with line and column."""
    with mistakes_end_here():
        from hbench.validate import load_spec

        spec = load_spec(file, overrides or ())
        text = f"{file}: valid; benchmarks: {', '.join(spec.benchmarks)}"
        typer.echo(printable(text.replace("\n", " ")))
