"""``hbench run``: plan, run what is missing, print the tables."""

import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hbench.cli import completing
from hbench.cli.common import (
    DeviceOption,
    OnlyOption,
    ResultsOption,
    SetOption,
    SpecArgument,
    answering,
    tell,
)

if TYPE_CHECKING:
    from hbench.findings import Ended, Results
    from hbench.plan import Plan

FAILED = 1


def run(
    file: SpecArgument,
    only: OnlyOption = None,
    results: ResultsOption = Path("results"),
    executor: Annotated[
        str,
        typer.Option(help="The plugin that runs the jobs.", autocompletion=completing.executors),
    ] = "local",
    device: DeviceOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Download nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at a failure.")] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="Refuse results that other versions made.")
    ] = False,
    overrides: SetOption = None,
    trackers: Annotated[
        list[str] | None,
        typer.Option(
            "--track",
            metavar="NAME",
            help="Report training to tensorboard, wandb, mlflow, ...; may be repeated.",
        ),
    ] = None,
) -> None:
    """Train and evaluate what is missing, then print the tables."""
    with answering() as answer:
        from hbench.study import go_offline, load

        # A scheduler that ends a job sends this first: what is at work then ends as by Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if offline:
            go_offline()
        study = load(file, overrides or ())
        if dry_run:
            plan = study.plan(results, only=only or (), device=device)
            answer.text(_described(plan, results))
            return
        found = study.run(
            results,
            only=only or (),
            device=device,
            executor=executor,
            fail_fast=fail_fast,
            locked=locked,
            trackers=trackers or (),
        )
        for text in found.write_tables():
            answer.text(text)
        _print_failures(found)


def _described(plan: "Plan", results: Path) -> str:
    from hbench.announcing import announce_downloads
    from hbench.cli.plan import describe
    from hbench.store import Store

    return "\n".join([describe(plan), *announce_downloads(plan, Store(results))])


def _print_failures(found: "Results") -> None:
    """What is missing, what failed and what was skipped; exit code 1 if anything failed."""
    for name in _partly(found).missing:
        tell(f"missing in the tables: {name}")
    for line in _causes(found.failed):
        tell(line)
    if found.failed:
        skipped = sum(each.outcome.state == "skipped" for each in found.ended)
        one = len(found.failed) == 1
        jobs = "1 job" if one else f"{len(found.failed)} jobs"
        tell(
            f"{jobs} failed, {skipped} were skipped for want of {'it' if one else 'them'}; "
            f"to try again: {shlex.join(['hbench', *sys.argv[1:]])}"
        )
        raise typer.Exit(FAILED)


def _partly(found: "Results") -> "Results":
    """The results without the evaluations that no system has scores in: a line tells of these."""
    from hbench.wording import evaluated

    details = []
    for detail, entry in zip(found.details, found.comparisons, strict=True):
        _, absent = evaluated(entry)
        evaluations = detail["evaluations"].items()
        kept = {name: each for name, each in evaluations if name not in absent}
        details.append({**detail, "evaluations": kept})
    return replace(found, details=details)


def _causes(failed: "Sequence[Ended]") -> Iterator[str]:
    """Why jobs failed, each reason once."""
    titles: dict[str, list[str]] = {}
    for each in failed:
        reason = each.outcome.message.rpartition("\n")[2] or "no reason given"
        titles.setdefault(reason, []).append(each.title)
    for reason, of in titles.items():
        if len(of) == 1:
            yield f"failed: {of[0]}: {reason}"
        else:
            yield f"{len(of)} jobs failed: {reason}"
            yield from (f"    {title}" for title in of)
