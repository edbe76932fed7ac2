"""Executors that keep their contract: in order, backwards, with threads, and with second tries."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, ClassVar

from hbench.records import Outcome

SKIPPED = Outcome("skipped", message="something it needs was not done")


@dataclass(frozen=True)
class Right:
    """One job after the other; the others change what it does."""

    version: ClassVar[int] = 1

    def execute(self, jobs, run, *, fail_fast):
        outcomes: dict[str, Outcome] = {}
        for job in jobs:
            if self.is_free(job, outcomes) and not (fail_fast and self.has_failed(outcomes)):
                outcomes[job.key] = run(job)
            else:
                outcomes[job.key] = SKIPPED
        return outcomes

    def is_free(self, job, outcomes):
        """Whether nothing keeps a job from running."""
        done = Outcome("done")
        return all(outcomes.get(need.key, done).state == "done" for need in job.needs)

    def has_failed(self, outcomes):
        return any(outcome.state == "failed" for outcome in outcomes.values())


@dataclass(frozen=True)
class Threads(Right):
    """Two jobs at once."""

    def execute(self, jobs, run, *, fail_fast):
        outcomes: dict[str, Outcome] = {}
        waiting: list[Any] = list(jobs)
        running: dict[Any, Any] = {}
        with ThreadPoolExecutor(2) as pool:
            while waiting or running:
                for job in list(waiting):
                    if fail_fast and self.has_failed(outcomes):
                        outcomes[job.key] = SKIPPED
                    elif any(need in waiting or need in running.values() for need in job.needs):
                        continue
                    elif self.is_free(job, outcomes):
                        running[pool.submit(run, job)] = job
                    else:
                        outcomes[job.key] = SKIPPED
                    waiting.remove(job)
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    outcomes[running.pop(future).key] = future.result()
        return outcomes


@dataclass(frozen=True)
class Backwards(Right):
    """In another order in which each job comes after what it needs."""

    def execute(self, jobs, run, *, fail_fast):
        keys = {job.key for job in jobs}
        left: list[Any] = list(reversed(jobs))
        order: list[Any] = []
        while left:
            placed = {job.key for job in order}
            free = [
                job for job in left if all(n.key in placed or n.key not in keys for n in job.needs)
            ]
            order.append(free[0])
            left.remove(free[0])
        return super().execute(order, run, fail_fast=fail_fast)


@dataclass(frozen=True)
class Retrying(Right):
    """A job that failed is run again before it counts as failed."""

    def execute(self, jobs, run, *, fail_fast):
        def tried(job):
            outcome = run(job)
            return outcome if outcome.state == "done" else run(job)

        return super().execute(jobs, tried, fail_fast=fail_fast)


@dataclass(frozen=True)
class RetryingThreads(Retrying, Threads):
    """Likewise, two jobs at once."""
