"""Walks a plan: its jobs go to an executor plugin, then every benchmark is compared.

Any number of processes may walk one plan on one results folder: whoever holds a job's lock runs it,
the others go on with other jobs and come back.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hbench.checks import check_data
from hbench.errors import Damaged
from hbench.failures import Failures
from hbench.jobs import DataJob, Job, LeakageJob
from hbench.locks import alone
from hbench.manifests import check, forget_checks
from hbench.mixture import Mixture, mixtures
from hbench.plan import Plan
from hbench.planner import BenchmarkPlan
from hbench.protocols import Executor
from hbench.records import Outcome
from hbench.resolved import replaced, resolved
from hbench.site import Site, prepare_torch
from hbench.stages import compare
from hbench.store import Store, as_json
from hbench.worker import damaged, run_job

ABOUT_DATA = (DataJob, LeakageJob)
MOST = 3  # times that a folder is made anew in one run, if it is found damaged again
NOTHING = Outcome("failed", message="the executor brought no outcome: a mistake of that plugin")
SHORTEST, LONGEST = 0.1, 5.0  # seconds between two looks at what other processes have done


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

    def noted(self, lines: Sequence[str]) -> None:
        """What is noteworthy besides, a line each."""
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
        StoreError: the results folder cannot be read or written.
    """
    store = site.store
    if plan.todo and site.hardware.device != "cpu":
        prepare_torch(site.hardware)  # before anything is written: a job would say it too late
    store.sweep()
    forget_checks()
    details = [(part, resolved(part, store)) for part in plan.benchmarks]
    for part, detail in details:
        watcher.noted(_replaced(store, detail))
        _write(store, part, "resolved.json", detail)
    walk = _Walk(plan, site, executor, watcher, fail_fast)
    while True:
        try:
            walk.run()
            comparisons = [compare.run(detail, store.root) for _, detail in details]
            break
        except Damaged as error:  # what has read it cannot make it anew, its job can
            if walk.is_hopeless(error.folders):
                raise
            store.put_all_aside(error)
    for (part, _), entry in zip(details, comparisons, strict=True):
        _write(store, part, "compare.json", [entry])
    watcher.noted(store.told())
    return Result(walk.outcomes, comparisons)


@dataclass
class _Walk:
    """A plan's jobs, run until each is done, has failed, or lacks what failed.

    Args:
        outcomes: by job key, of the jobs that have ended.
        busy: titles, by key, of jobs that another process is at.
        ran: how many jobs this process has run.
        damaged: how often each folder was found damaged, and each job was done, by its key.
    """

    plan: Plan
    site: Site
    executor: Executor
    watcher: Watcher
    fail_fast: bool
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    busy: dict[str, str] = field(default_factory=dict)
    ran: int = 0
    damaged: Counter[str] = field(default_factory=Counter)
    has_mixed: bool = False

    def __post_init__(self) -> None:
        self.failures = Failures(self.site.store, self.site.hardware)

    def run(self) -> None:
        """Run all that is left. Data first: what it can offer must be known before any training.

        Raises:
            DataError: stored data cannot serve what is asked of it.
            Damaged: what was to be read is not what was written.
        """
        store = self.site.store
        self._run(lambda job: isinstance(job, ABOUT_DATA))
        check_data(self.plan, store)
        if not (self.has_mixed or any(o.state != "done" for o in self.outcomes.values())):
            left = self.plan.left(store)
            for part in self.plan.benchmarks:
                if sources := mixtures(part, left, store):
                    self.watcher.mixed(part.name, sources)
            self.has_mixed = True
        self._run(lambda job: True)

    def _run(self, wanted: Callable[[Job], bool]) -> None:
        """Run all jobs that are left and wanted."""
        pause = SHORTEST
        while left := self._ready(filter(wanted, self.plan.left(self.site.store))):
            self.busy.clear()
            before = len(self.outcomes), self.ran
            found = self.executor.execute(left, self._one, fail_fast=self.fail_fast)
            for key, outcome in found.items():
                if outcome.state != "skipped":
                    self.outcomes[key] = outcome
            is_stuck = before == (len(self.outcomes), self.ran)
            if is_stuck and not self.busy:  # an executor that does nothing, and may say so
                self.outcomes |= {job.key: found.get(job.key, NOTHING) for job in left}
            if self.busy:
                pause = self._wait(pause) if is_stuck else SHORTEST

    def _wait(self, pause: float) -> float:
        """Wait for other processes, and say so if it takes longer; returns how long next time."""
        time.sleep(pause)
        if pause < LONGEST <= 2 * pause:
            others = ", ".join(self.busy.values())
            self.watcher.noted([f"waiting for other processes, which are at: {others}"])
        return min(2 * pause, LONGEST)

    def _ready(self, left: Iterable[Job]) -> list[Job]:
        """Those that may still be done; the others get their outcome."""
        ready = []
        has_failed = any(outcome.state == "failed" for outcome in self.outcomes.values())
        for job in left:
            if self._state(job) != "done":
                continue  # it has failed, or was skipped, for good
            if any(self._state(need) != "done" for need in job.needs):
                message = "something it needs was not done"
            elif has_failed and self.fail_fast:
                message = "another job failed"
            else:
                ready.append(job)
                continue
            self.outcomes[job.key] = Outcome("skipped", message=message)
        return ready

    def _state(self, job: Job) -> str:
        """How a job has ended; ``done`` if it has not."""
        return self.outcomes[job.key].state if job.key in self.outcomes else "done"

    def is_hopeless(self, folders: Iterable[str]) -> bool:
        """Whether one of these folders was damaged, or one of these jobs done, too often."""
        self.damaged.update(folders)
        return any(self.damaged[folder] > MOST for folder in folders)

    def _one(self, job: Any) -> Outcome:  # noqa: ANN401 - executors see protocols.Job, we get ours back
        """Run a job, unless another process is at it or has done it."""
        store = self.site.store
        with alone(store.lock(job.written(store)), wait=False) as ours:
            if not ours:
                self.busy[job.key] = job.title
                return Outcome("skipped", message="another process is at it")
            if job.is_done(store):
                outcome = Outcome("done", message="by another process")
            elif (told := self.failures.since_start(job)) is not None:
                outcome = Outcome("failed", message=told)
            else:
                return self._own(job)
        self.watcher.started(job)
        self.watcher.ended(job, outcome)
        return outcome

    def _own(self, job: Job) -> Outcome:
        """Run a job, which nobody else runs."""
        self.ran += 1
        self.watcher.started(job)
        outcome = run_job(job, self.site, lambda share, note: self.watcher.moved(job, share, note))
        is_done = outcome.state == "done"  # and yet left again, if what it wrote is damaged
        if self.is_hopeless([job.key] if is_done else damaged(outcome)):
            what = "its outcome" if is_done else ", ".join(damaged(outcome))
            message = f"{what}: damaged, and again each time that it was made anew"
            outcome = Outcome("failed", message=f"{message}; the disk or the memory fails")
        self.failures.note(job, outcome)
        self.watcher.ended(job, outcome)
        self.watcher.noted(self.site.store.told())
        return outcome


def _replaced(store: Store, detail: Mapping[str, Any]) -> list[str]:
    """What is replaced of an earlier run, if that is known."""
    folder = store.benchmark(detail["benchmark"])
    try:
        check(folder, ["resolved.json"])
        note = replaced(json.loads((folder / "resolved.json").read_text(encoding="utf-8")), detail)
    except (Damaged, FileNotFoundError):
        return []
    return [note] if note else []


def _write(store: Store, part: BenchmarkPlan, name: str, content: Any) -> None:  # noqa: ANN401
    store.put(store.benchmark(part.name), name, as_json(content))
