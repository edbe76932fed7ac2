"""``hbench plan``: what a run would do, and what is there already."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

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
    from hbench.plan import Plan


def plan(
    file: SpecArgument,
    only: OnlyOption = None,
    results: ResultsOption = Path("results"),
    device: DeviceOption = None,
    overrides: SetOption = None,
) -> None:
    """Show the jobs of a benchmark file, and which are done already. Runs and writes nothing."""
    with mistakes_end_here():
        from hbench.plan import make_plan
        from hbench.provenance import find_hardware
        from hbench.store import Store
        from hbench.validate import load_spec

        hardware = find_hardware(device)
        spec = load_spec(file, overrides or ())
        typer.echo(describe(make_plan(spec, Store(results), hardware, only or ())))
        typer.echo(f"would run on {hardware}")


def describe(plan: "Plan") -> str:
    """The jobs of a plan as text: each with its state, then the sums by kind."""
    waiting = {job.key for job in plan.todo}
    lines = [f"{'run ' if job.key in waiting else 'done'}  {job.title}" for job in plan.jobs]
    kinds = Counter(job.title.split()[0] for job in plan.jobs)
    todo = Counter(job.title.split()[0] for job in plan.todo)
    for part in plan.benchmarks:
        evaluations = [len(scores) for scores in part.scores.values()]
        lines.append(
            f"{part.name}: {len(part.systems)} methods, "
            f"{sum(len(by_seed) for by_seed in part.systems.values())} systems, "
            f"{sum(evaluations)} evaluations"
        )
    counts = ", ".join(f"{todo[kind]} of {number} {kind}" for kind, number in kinds.items())
    lines.append(f"to run: {counts}")
    return "\n".join(lines)
