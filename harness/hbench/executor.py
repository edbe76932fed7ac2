"""Walks a plan: its jobs go to an executor plugin, then every benchmark is compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hbench.checks import check_data
from hbench.jobs import DataJob, Job, LeakageJob
from hbench.mixture import Mixture, mixtures
from hbench.plan import Plan
from hbench.planner import BenchmarkPlan
from hbench.protocols import Executor
from hbench.records import Outcome
from hbench.resolved import resolved
from hbench.site import Site, prepare_torch
from hbench.stages import compare
from hbench.store import Store
from hbench.worker import run_job

ABOUT_DATA = (DataJob, LeakageJob)


class Watcher(Protocol):
    """Is told what happens; shows it to people."""

    def started(self, job: Job) -> None:
        """A job begins."""
        ...

    def moved(self, job: Job, share: float, note: str) -> None:
        """A job has done a share of its work, from 0 to 1."""
        ...

    def ended(self, job: Job, outcome: Outcome) -> None:
        """A job is done or failed."""
        ...

    def mixed(self, benchmark: str, sources: Sequence[Mixture]) -> None:
        """This is what a benchmark's batches will be made of."""
        ...


@dataclass(frozen=True)
class Result:
    """What a run brought.

    Args:
        outcomes: by job key, of the jobs that were to be done.
        comparisons: one entry a benchmark, as ``hbench compare --format json`` prints.
    """

    outcomes: Mapping[str, Outcome]
    comparisons: Sequence[Mapping[str, Any]]


def execute(
    plan: Plan,
    site: Site,
    executor: Executor,
    watcher: Watcher,
    *,
    fail_fast: bool = False,
) -> Result:
    """Run what is to be done, then compare every benchmark of the plan.

    Raises:
        DeviceError: torch does not see the device; nothing was written.
        StoreError: the results folder cannot be written.
    """
    store = site.store
    if plan.todo and site.hardware.device != "cpu":
        prepare_torch(site.hardware)  # before anything is written: a job would say it too late
    details = [(part, resolved(part, store)) for part in plan.benchmarks]
    for part, detail in details:
        _write(store, part, "resolved.json", detail)

    def run(job: Any) -> Outcome:  # noqa: ANN401 - executors see protocols.Job, we get ours back
        watcher.started(job)
        outcome = run_job(job, site, lambda share, note: watcher.moved(job, share, note))
        watcher.ended(job, outcome)
        return outcome

    # Data first: whether it can offer what is asked of it must be known before any training.
    data = [job for job in plan.todo if isinstance(job, ABOUT_DATA)]
    outcomes = dict(executor.execute(data, run, fail_fast=fail_fast))
    check_data(plan, store)
    failed = {key for key, outcome in outcomes.items() if outcome.state != "done"}
    for part in plan.benchmarks:
        if not failed and (sources := mixtures(part, plan.todo, store)):
            watcher.mixed(part.name, sources)
    if not (failed and fail_fast):
        rest = [job for job in plan.todo if not isinstance(job, ABOUT_DATA)]
        outcomes |= executor.execute(rest, _after(run, failed), fail_fast=fail_fast)
    comparisons = []
    for part, detail in details:
        entry = compare.run(detail, store.root)
        _write(store, part, "compare.json", [entry])
        comparisons.append(entry)
    return Result(outcomes, comparisons)


def _after(run: Callable[[Any], Outcome], failed: set[str]) -> Callable[[Any], Outcome]:
    """``run`` for what follows the data jobs: skips what needs one that failed."""

    def guarded(job: Any) -> Outcome:  # noqa: ANN401
        if any(need.key in failed for need in job.needs):
            return Outcome("skipped", message="its data was not done")
        return run(job)

    return guarded


def _write(store: Store, part: BenchmarkPlan, name: str, content: Any) -> None:  # noqa: ANN401
    store.write_json(store.benchmark(part.name) / name, content)
