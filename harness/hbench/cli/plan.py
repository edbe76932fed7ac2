"""``hbench plan``: what a run would do, and what is there already."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hbench.cli.common import (
    DeviceOption,
    OnlyOption,
    ResultsOption,
    SetOption,
    SpecArgument,
    answering,
)

if TYPE_CHECKING:
    from hbench.plan import Plan
    from hbench.store import Store


def plan(
    file: SpecArgument,
    only: OnlyOption = None,
    results: ResultsOption = Path("results"),
    device: DeviceOption = None,
    overrides: SetOption = None,
) -> None:
    """Show the jobs of a benchmark file, and which are done already.

    Runs and writes nothing.
    """
    with answering() as answer:
        from hbench.announcing import announce_downloads
        from hbench.cli.expected import expectations
        from hbench.provenance import find_hardware
        from hbench.store import Store
        from hbench.study import load

        hardware, store = find_hardware(device), Store(results)
        planned = load(file, overrides or ()).plan(results, only=only or (), device=device)
        answer.text("\n".join([describe(planned), *announce_downloads(planned, store)]))
        answer.text(encodes(planned, store))
        for line in expectations(planned, store):
            answer.text(line)
        answer.text(f"would run on {hardware}")


def encodes(plan: "Plan", store: "Store") -> str:
    """How many texts will be encoded, and how many need not be, since their vectors are there."""
    from hbench.jobs import EncodeJob
    from hbench.manifests import is_complete

    todo = [job for job in plan.todo if isinstance(job, EncodeJob)]
    known = [job for job in todo if job.data.is_done(store)]
    places = {place.folder: place.shard for job in known for place in job.places(store)}
    there = sum(shard.texts for folder, shard in places.items() if is_complete(folder))
    missing = sum(shard.texts for shard in places.values()) - there
    line = f"to encode: {missing:,} texts; {there:,} are in the cache"
    unknown = len(todo) - len(known)
    return line + (f"; {unknown} encode jobs wait for their data to be counted" if unknown else "")


def describe(plan: "Plan") -> str:
    """The jobs of a plan as text: each with its state, then the sums by kind."""
    waiting = {job.key for job in plan.todo}
    lines = [f"{'run ' if job.key in waiting else 'done'}  {job.title}" for job in plan.jobs]
    kinds = Counter(job.title.split()[0] for job in plan.jobs)
    todo = Counter(job.title.split()[0] for job in plan.todo)
    for part in plan.benchmarks:
        evaluations = sum(len(by_seed) for s in part.scores.values() for by_seed in s.values())
        lines.append(
            f"{part.name}: {len(part.systems)} methods, "
            f"{len({job.key for by_seed in part.systems.values() for job in by_seed.values()})} "
            f"systems, {evaluations} evaluations"
        )
    counts = ", ".join(f"{todo[kind]} of {number} {kind}" for kind, number in kinds.items())
    lines.append(f"to run: {counts}")
    return "\n".join(lines)
