"""Walks a plan: its jobs go to an executor plugin, then every benchmark is compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hbench.jobs import Job
from hbench.plan import BenchmarkPlan, Plan, resolved
from hbench.protocols import Executor
from hbench.provenance import Hardware
from hbench.records import Outcome
from hbench.stages import compare
from hbench.store import Store
from hbench.worker import prepare_torch, run_job


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


@dataclass(frozen=True)
class Result:
    """What a run brought.

    Args:
        outcomes: by job key, of the jobs that were to be done.
        comparisons: one entry a benchmark, as ``hbench compare --format json`` prints.
        missing: systems without complete scores, in words.
    """

    outcomes: Mapping[str, Outcome]
    comparisons: Sequence[Mapping[str, Any]]
    missing: Sequence[str]


def execute(
    plan: Plan,
    store: Store,
    hardware: Hardware,
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
    if plan.todo and hardware.device != "cpu":
        prepare_torch(hardware)  # before anything is written: a job would say it too late
    details = [(part, resolved(part, store)) for part in plan.benchmarks]
    for part, detail in details:
        _write(store, part, "resolved.json", detail)

    def run(job: Any) -> Outcome:  # noqa: ANN401 - executors see protocols.Job, we get ours back
        watcher.started(job)
        outcome = run_job(job, store, hardware, lambda share, note: watcher.moved(job, share, note))
        watcher.ended(job, outcome)
        return outcome

    outcomes = executor.execute(plan.todo, run, fail_fast=fail_fast)
    comparisons = []
    missing: list[str] = []
    for part, detail in details:
        entry = compare.run(detail, store.root)
        _write(store, part, "compare.json", [entry])
        comparisons.append(entry)
        missing += [f"{part.name}: {name}" for name in compare.missing(detail, store.root)]
    return Result(outcomes, comparisons, missing)


def _write(store: Store, part: BenchmarkPlan, name: str, content: Any) -> None:  # noqa: ANN401
    store.write_json(store.benchmark(part.name) / name, content)
