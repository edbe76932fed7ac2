"""``hbench init``: a starter spec for the user's own data."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hbench.cli import completing
from hbench.cli.common import mistakes_end_here, tell
from hbench.errors import printable

if TYPE_CHECKING:
    from hbench.starter import Starter

ENDINGS = (".yaml", ".yml")
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="PATTERN",
        help="Your data, as 'data/{lang}.tsv': {lang} stands for a language's code; or "
        "de=german.tsv,en=english.tsv. Aligned lines, .tsv or .jsonl; one table with columns for "
        "each language; BEIR's folders; SQuAD's .json.",
    ),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="As `hbench plugins encoder` lists it.",
        autocompletion=completing.encoders,
    ),
]


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write.")] = Path(
        "my-benchmark.yaml"
    ),
    data: DataOption = None,
    query: Annotated[
        str | None, typer.Option(metavar="FIELD", help="The column of the query.")
    ] = None,
    passage: Annotated[
        str | None, typer.Option(metavar="FIELD", help="The column of its answer; -: none.")
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option("--id", metavar="FIELD", help="The column that joins languages; -: none."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="The column of what items share, as their page."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODES", help="Only these, as de,en,sw.")
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="Data to evaluate on; else a part is put aside."),
    ] = None,
    encoder: EncoderOption = None,
    samplers: Annotated[
        str | None, typer.Option(metavar="NAMES", help="To compare, as mono,cross,hybrid.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="N", help="Trainings of each method; 3 or more.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
) -> None:
    """Write a commented starter spec for your own data.

    Asks for what the options leave open.
    """
    with mistakes_end_here():
        from hbench.starter import Answers, make_starter

        check_target(file, force=force)
        given = {
            "data": data, "query": query, "passage": passage, "id": identity,
            "cluster": cluster, "language": language, "test": test, "encoder": encoder,
            "samplers": samplers, "seeds": seeds,
        }  # fmt: skip
        answers = Answers(given, _ask if at_a_terminal() else None, tell)
        try:
            starter = make_starter(file, answers)
        except typer.Abort:
            raise KeyboardInterrupt from None
        put(file, starter.text)
        _tell(file, starter)


def at_a_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty()


def check_target(file: Path, *, force: bool) -> None:
    """Whether the file may be written.

    Raises:
        OptionError: it has no name of a spec, is there already, or its folder is not.
    """
    from hbench.errors import OptionError

    if file.suffix not in ENDINGS:
        raise OptionError(
            f"{file}: a spec's name ends in .yaml (if a shell has put file names in place of a "
            "pattern, quote it: --data 'data/{lang}.tsv')"
        )
    if file.is_dir():
        raise OptionError(f"{file}: is a folder; give another name")
    if file.exists() and not force:
        raise OptionError(f"{file}: is there already; give another name, or --force to replace it")
    if not file.parent.is_dir():
        raise OptionError(f"{file}: there is no folder {file.parent}; make it, or give another")


def put(file: Path, text: str) -> None:
    """Write a spec whole or not at all, after it was checked as ``hbench validate`` does.

    Raises:
        SpecError: it is not valid, or the data cannot offer what it asks for.
        StoreError: the folder cannot be written.
    """
    from tempfile import TemporaryDirectory

    from hbench.errors import StoreError
    from hbench.store import put_in_place
    from hbench.validate import load_spec

    try:
        with TemporaryDirectory(prefix=".hbench-", dir=file.parent) as folder:
            draft = Path(folder) / file.name
            draft.write_text(text, encoding="utf-8")
            load_spec(draft)
            put_in_place(draft, file)
    except OSError as error:
        cause = error.strerror or error
        raise StoreError(f"{file}: cannot be written ({cause}); give another FILE") from error


def _ask(question: str, default: str) -> str:
    asked = printable(f"{question} [{default}]" if default else question)
    answer: str = typer.prompt(asked, default=default, show_default=False, err=True)
    return answer.strip()


def _tell(file: Path, starter: "Starter") -> None:
    """What was found and taken for granted, then the next commands."""
    import shlex

    for line in [*starter.facts, *(f"warning: {warning}" for warning in starter.warnings)]:
        tell(line)
    name = shlex.quote(str(file))
    typer.echo(printable(f"wrote {file}; next: hbench plan {name}, then hbench run {name}"))
