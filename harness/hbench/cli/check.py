"""``hbench check``: whether a results folder holds what was written there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hbench.cli.common import ResultsOption, answering

if TYPE_CHECKING:
    from hbench.soundness import Soundness

DAMAGED = 1
MOST = 10  # lines of one kind


def check(
    results: ResultsOption = Path("results"),
    set_aside: Annotated[
        bool,
        typer.Option("--set-aside", help="Move damaged folders away: a run makes them anew."),
    ] = False,
) -> None:
    """Verify every file of a results folder against its sum.

    Ends with exit code 1 if something is damaged.
    """
    with answering() as answer:
        from rich.console import Console

        from hbench.soundness import examine
        from hbench.store import Store

        store = Store(results)
        with Console(stderr=True).status("") as status:
            found = examine(store, lambda folder: status.update(f"checking {folder.name}"))
        answer.text(_told(found, results, set_aside=set_aside))
        if set_aside:
            for each in found.damaged:
                store.put_all_aside(each)
            for line in store.told():
                answer.text(line)
    if found.damaged:
        raise typer.Exit(DAMAGED)


def _told(found: "Soundness", results: Path, *, set_aside: bool) -> str:
    lines = [f"damaged: {each.folder}: {each.cause}" for each in found.damaged]
    lines += _some("in no manifest", [str(path) for path in found.unknown])
    lines += _some("set aside earlier", [str(path) for path in found.set_aside])
    lines += _some("failed when last tried", [f"{job}: {why}" for job, why in found.failures])
    size = f"{found.files:,} files, {found.size / 1e6:,.1f} MB"
    if found.damaged:
        count = f"{len(found.damaged):,} of {found.folders:,} folders damaged ({size})"
        advice = "" if set_aside else "`hbench check --set-aside` moves them away, then "
        lines.append(f"{results}: {count}; {advice}`hbench run` makes anew what it needs of them")
    else:
        lines.append(f"{results}: {found.folders:,} folders, {size}: all is as it was written")
    return "\n".join(lines)


def _some(what: str, names: list[str]) -> list[str]:
    """A line for each, and for many the first ones and how many there are."""
    more = [f"{what}: {len(names) - MOST:,} more"] if len(names) > MOST else []
    return [f"{what}: {name}" for name in names[:MOST]] + more
