"""``hbench run``: plan, run what is missing, print the tables."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hbench.cli.common import (
    DeviceOption,
    OnlyOption,
    ResultsOption,
    SetOption,
    SpecArgument,
    mistakes_end_here,
)

if TYPE_CHECKING:
    from hbench.executor import Result
    from hbench.plan import Plan
    from hbench.store import Store

FAILED = 1


def run(
    file: SpecArgument,
    only: OnlyOption = None,
    results: ResultsOption = Path("results"),
    executor: Annotated[str, typer.Option(help="The plugin that runs the jobs.")] = "local",
    device: DeviceOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Download nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at a failure.")] = False,
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
    with mistakes_end_here():
        if offline:
            os.environ |= {"HF_HUB_OFFLINE": "1", "HBENCH_OFFLINE": "1"}
        from hbench.cli.plan import announce_downloads, describe
        from hbench.errors import HBenchError
        from hbench.plan import make_plan
        from hbench.provenance import find_hardware
        from hbench.registry import build
        from hbench.store import Store
        from hbench.training.trackers import check_trackers
        from hbench.validate import load_spec

        hardware = find_hardware(device)
        spec = load_spec(file, overrides or ())
        chosen = build("executor", executor, {}).plugin
        store = Store(results)
        plan = make_plan(spec, store, hardware, only or ())
        check_trackers(trackers or ())
        announced = announce_downloads(plan, store)
        if dry_run:
            typer.echo("\n".join([describe(plan), *announced]))
            return
        from hbench.cli.progress import watching
        from hbench.executor import execute
        from hbench.site import Site
        from hbench.training.processes import join_processes
        from hbench.worker import follow

        site = Site(store, hardware, join_processes(hardware), tuple(trackers or ()))
        site.processes.agree("planned")  # before the first process changes what is planned upon
        if not site.processes.is_first:
            follow({job.key: job for job in plan.jobs}, site)
            return
        typer.echo("\n".join([_headline(plan, str(hardware)), *announced]), err=True)
        try:
            with watching(plan) as watcher:
                result = execute(plan, site, chosen, watcher, fail_fast=fail_fast)
        except HBenchError:
            site.processes.agree("")
            raise
        site.processes.agree("")  # the others need not wait any more
        _print_tables(plan, result, store)
        _print_failures(plan, result)


def _headline(plan: "Plan", hardware: str) -> str:
    names = ", ".join(part.name for part in plan.benchmarks)
    done = len(plan.jobs) - len(plan.todo)
    if not plan.todo:
        return f"{names}: everything is done already"
    return f"{names}: {len(plan.todo)} jobs to run, {done} need not run, on {hardware}"


def _print_tables(plan: "Plan", result: "Result", store: "Store") -> None:
    """Print each benchmark's tables; those of an unchanged comparison as they were written."""
    from hbench.render import VERSION, Style, render
    from hbench.store import key_of, read_manifest

    styles: tuple[Style, Style] = ("table", "markdown")
    for part, entry, notes in zip(plan.benchmarks, result.comparisons, result.notes, strict=True):
        folder = store.benchmark(part.name) / "tables"
        key = key_of({"tables": VERSION, "comparison": entry, "notes": notes})
        if read_manifest(folder).get("key") != key:
            with store.writing(folder, {"key": key}) as (scratch, _):
                text, markdown = (render([entry], style, [notes]) for style in styles)
                (scratch / "tables.txt").write_text(text, encoding="utf-8")
                (scratch / "tables.md").write_text(markdown, encoding="utf-8")
        typer.echo((folder / "tables.txt").read_text(encoding="utf-8"))


def _print_failures(plan: "Plan", result: "Result") -> None:
    """What failed and was skipped because of it; exit code 1 if anything was."""
    titles = {job.key: job.title for job in plan.todo}
    failed = [key for key, outcome in result.outcomes.items() if outcome.state == "failed"]
    skipped = sum(outcome.state == "skipped" for outcome in result.outcomes.values())
    for key in failed:
        reason = (result.outcomes[key].message.splitlines() or ["no reason given"])[-1]
        typer.echo(f"failed: {titles[key]}: {reason}", err=True)
    for name in result.missing:
        typer.echo(f"missing in the tables: {name}", err=True)
    if failed:
        one = len(failed) == 1
        jobs = "1 job" if one else f"{len(failed)} jobs"
        typer.echo(
            f"{jobs} failed, {skipped} were skipped for want of {'it' if one else 'them'}; "
            "the same command tries them again",
            err=True,
        )
        raise typer.Exit(FAILED)
