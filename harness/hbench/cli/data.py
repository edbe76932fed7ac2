"""``hbench data``: a dataset fetched, checked, and shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hbench.cli import completing
from hbench.cli.common import ResultsOption, answering, tell

if TYPE_CHECKING:
    from hbench.jobs import DataJob
    from hbench.store import Store

DIFFERS = 1
WIDTH = 100  # characters of an example


def data(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="As `hbench plugins` lists it.", autocompletion=completing.datasets
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help="An option of the dataset, in YAML."),
    ] = None,
    results: ResultsOption = Path("results"),
    offline: Annotated[bool, typer.Option("--offline", help="Download nothing.")] = False,
    examples: Annotated[int, typer.Option(min=0, help="To show in each language.")] = 1,
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", help="How to print.")
    ] = "table",
) -> None:
    """Fetch a dataset, check it, and show its languages.

    Its counts are held against those that are known, and exit code 1 says that they differ.
    """
    with answering() as answer:
        from hbench.errors import Damaged
        from hbench.inspection import inspect
        from hbench.jobs import DataJob
        from hbench.registry import build
        from hbench.store import Store
        from hbench.study import go_offline
        from hbench.validate import apply_override

        if offline:
            go_offline()
        options: dict[str, Any] = {}
        for override in overrides or ():
            apply_override(options, override)
        dataset, store = build("dataset", name, options), Store(results)
        job = DataJob(dataset, dataset.plugin.fingerprint())
        try:
            _fetch(job, store)
            found = inspect(job, store, examples)
        except Damaged as error:
            store.put_all_aside(error)
            tell("\n".join(store.told()))
            _fetch(job, store)
            found = inspect(job, store, examples)
        if form == "json":
            answer.json(found)
        else:
            answer.text("\n".join(_described(found)))
    if found["differs"]:
        raise typer.Exit(DIFFERS)


def _fetch(job: "DataJob", store: "Store") -> None:
    """Download and store the dataset unless it is here, with a word on what is going on."""
    from hbench.announcing import announce
    from hbench.errors import DataError
    from hbench.locks import alone
    from hbench.provenance import find_hardware
    from hbench.site import Site
    from hbench.worker import run_job

    if job.is_done(store):
        return
    for line in announce([job], store):
        tell(line)
    said = ""

    def progress(share: float, what: str) -> None:
        nonlocal said
        if what != said:
            tell(what)
            said = what

    with alone(store.lock(job.written(store))):  # others that want it wait
        if job.is_done(store):
            return
        outcome = run_job(job, Site(store, find_hardware("cpu")), progress)
    if outcome.state != "done":
        raise DataError(f"{job.title}: {outcome.message}")


def _described(found: dict[str, Any]) -> list[str]:
    """The lines for people."""
    from tabulate import tabulate

    options = "".join(f" {key}={value}" for key, value in found["options"].items() if value)
    kind = "parallel" if found["parallel"] else "not parallel"
    head = ["language", "queries", "passages", "judgements", "relevant"]
    rows = [
        [name, *(f"{facts[column]:,}" for column in head[1:])]
        for name, facts in found["languages"].items()
    ]
    sums = [sum(facts[column] for facts in found["languages"].values()) for column in head[1:]]
    rows.append(["all", *(f"{total:,}" for total in sums)])
    align = ("left", *["right"] * 4)
    table = tabulate(rows, head, colalign=align, disable_numparse=True)
    return [
        f"{found['dataset']} ({found['distribution']}){options}",
        f"licence: {found['licence'] or 'not told'}",
        f"{found['items']:,} items in {found['clusters']:,} clusters, {kind}",
        f"{found['bytes'] / 1e6:,.1f} MB in {found['folder']}",
        "",
        *table.splitlines(),
        "",
        *_checked(found),
        *(f"note: {note}" for note in found["notes"]),
        "",
        *_shown(found),
    ]


def _checked(found: dict[str, Any]) -> Sequence[str]:
    if not found["checked"]:
        return ["its counts are pinned nowhere"]
    wrong = [
        f"WRONG: {each['what']} in {each['language']}: {each['found']:,}, and it must be "
        f"{each['expected']:,}"
        for each in found["differs"]
    ]
    return wrong or ["all counts are what they must be"]


def _shown(found: dict[str, Any]) -> list[str]:
    """The examples, each text in a line."""
    lines = []
    for name, facts in found["languages"].items():
        for example in facts["examples"]:
            for mark, text in zip("?>", example.values(), strict=True):
                flat = " ".join(text.split())
                lines.append(f"{name} {mark} {flat[:WIDTH]}{'…' if len(flat) > WIDTH else ''}")
    return lines
