"""Showing a run to people: one bar in a terminal or a notebook, lines elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING

import typer

from hbench.errors import printable
from hbench.executor import Watcher
from hbench.jobs import Job, TrainJob
from hbench.mixture import Mixture, printable_table
from hbench.plan import Plan
from hbench.records import Outcome

if TYPE_CHECKING:
    from rich.progress import Progress

SILENCE = 30.0  # seconds at least between two lines on one job


@contextmanager
def watching(plan: Plan) -> Iterator[Watcher]:
    """The watcher that fits where the messages go (standard error)."""
    from rich.console import Console

    console = Console(stderr=True)
    # In a notebook rich draws through ipywidgets.
    in_notebook = console.is_jupyter and find_spec("ipywidgets") is not None
    if not (console.is_terminal or in_notebook):
        yield Lines(plan)
        return
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True, speed_estimate_period=120) as bar:
        yield Bar(plan, bar)


class Lines:
    """A line when a job ends, and now and then while it moves."""

    def __init__(self, plan: Plan) -> None:
        self.total = len(plan.todo)
        self.number = 0
        self.note = ""
        self.shown = 0.0

    def started(self, job: Job) -> None:
        """Nothing is shown yet."""
        self.number += 1
        self.total = max(self.total, self.number)  # what was damaged is done once more
        self.note = ""
        self.shown = monotonic()

    def moved(self, job: Job, share: float, note: str) -> None:
        """Say how far the job is, unless a line is recent; keep its last word for the end."""
        self.note = note
        if monotonic() - self.shown >= SILENCE:
            self.shown = monotonic()
            line = f"[{self.number}/{self.total}] {job.title}: {standing(job, share, note)}"
            typer.echo(printable(line), err=True)

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Show the job's line, and what is noteworthy of it."""
        for line in ending(job, outcome, f"[{self.number}/{self.total}]", self.note):
            typer.echo(printable(line), err=True)

    def mixed(self, benchmark: str, sources: Sequence[Mixture]) -> None:
        """Show the table."""
        typer.echo(printable_table(benchmark, sources), err=True)

    def noted(self, lines: Sequence[str]) -> None:
        """Show the lines."""
        for line in lines:
            typer.echo(printable(f"note: {line}"), err=True)


class Bar:
    """One bar for the whole plan, with what is at work."""

    def __init__(self, plan: Plan, bar: "Progress") -> None:
        self.bar = bar
        self.total = len(plan.todo)
        self.task = self.bar.add_task("", total=sum(job.work for job in plan.todo))
        self.number = 0
        self.before = 0.0
        self.shown = 0.0

    def started(self, job: Job) -> None:
        """Show what is at work."""
        self.number += 1
        self.total = max(self.total, self.number)
        self._show(job, 0.0, "")

    def moved(self, job: Job, share: float, note: str) -> None:
        """Advance the bar, ten times a second at most."""
        if monotonic() - self.shown > 0.1:
            self._show(job, share, note)

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Leave a line above the bar if the job has something to say."""
        self.before += job.work
        self._show(job, 0.0, "")
        lines = ending(job, outcome, f"[{self.number}/{self.total}]", "")
        for line in lines if outcome.state == "failed" else lines[1:]:
            self.bar.console.print(printable(line), markup=False, highlight=False)

    def mixed(self, benchmark: str, sources: Sequence[Mixture]) -> None:
        """Show the table above the bar."""
        table = printable_table(benchmark, sources)
        self.bar.console.print(table, markup=False, highlight=False)

    def noted(self, lines: Sequence[str]) -> None:
        """Show the lines above the bar."""
        for line in lines:
            self.bar.console.print(printable(f"note: {line}"), markup=False, highlight=False)

    def _show(self, job: Job, share: float, note: str) -> None:
        self.shown = monotonic()
        what = f"[{self.number}/{self.total}] {job.title}" + (f": {note}" if note else "")
        completed = self.before + share * job.work
        self.bar.update(self.task, completed=completed, description=printable(what))


def standing(job: Job, share: float, note: str) -> str:
    """How far a job is: per cent, the step of a training, and what the job notes."""
    parts = [f"{100 * share:.0f} %"]
    if isinstance(job, TrainJob) and job.training:
        steps = job.training.steps
        parts.append(f"step {round(share * steps):,} of {steps:,}")
    return ", ".join([*parts, note] if note else parts)


def ending(job: Job, outcome: Outcome, count: str, note: str) -> list[str]:
    """How a job ended, in a line, and lines on what is noteworthy."""
    if outcome.state == "failed":
        return [f"{count} FAILED {job.title}: {outcome.message}"]
    if outcome.state == "skipped":
        return [f"{count} {job.title}: put off: {outcome.message}"]
    if outcome.message:
        return [f"{count} {job.title}: done {outcome.message}"]
    last = f" ({note})" if note and job.title.startswith("train") else ""
    lines = [f"{count} {job.title}: {outcome.seconds:.1f} s{last}"]
    notes = outcome.detail.get("notes", [])
    return lines + ([f"    note: {text}" for text in notes] if isinstance(notes, list) else [])
