"""``hbench new``: a distribution of its own for a new plugin, which works as it is."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hbench.cli import completing
from hbench.cli.common import mistakes_end_here
from hbench.errors import printable

if TYPE_CHECKING:
    from hbench.registry import Kind
    from hbench.scaffold import Names


def new(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="sampler, encoder, dataset, objective, metric, transform or executor.",
            autocompletion=completing.kinds,
        ),
    ],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What specs call it, as english-first.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Its folder; default: hbench-NAME.")
    ] = None,
) -> None:
    """Write a package with a plugin that works, and its tests."""
    with mistakes_end_here():
        from hbench.scaffold import names_of, write

        names = names_of(_kind(kind), name)
        folder = to or Path(names.distribution)
        files = write(names, folder)
        typer.echo(printable("\n".join(_told(names, folder, files))))


def _kind(given: str) -> "Kind":
    from hbench.errors import OptionError, did_you_mean
    from hbench.registry import KINDS

    for kind in KINDS:
        if given in (kind, f"{kind}s"):
            return kind
    raise OptionError(f"no kind of plugin is named {given!r}: {did_you_mean(given, KINDS)}")


def _told(names: "Names", folder: Path, files: list[str]) -> list[str]:
    """What was written, and what to type next."""
    marks = {
        f"src/{names.package}/{names.kind}.py": "the plugin; change it first",
        f"tests/test_{names.kind}.py": "its contract, and values worked out by hand",
        "benchmark.yaml": "a run of seconds that uses it",
        "README.md": "how to install, use, test and change it",
    }
    column = max(map(len, files))
    enter = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    return [
        f"{names.kind} {names.name!r}, class {names.class_name}, written to {folder}:",
        *(f"  {file:<{column}}  {marks.get(file, '')}".rstrip() for file in files),
        "",
        "Next:",
        f"  {enter}pip install -e '.[dev]'",
        "  pytest && mypy",
        f"  {names.run}",
    ]
