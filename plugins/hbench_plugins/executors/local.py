"""One job after the other, in this process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from hbench.protocols import Job
from hbench.records import Outcome


@dataclass(frozen=True)
class Local:
    """Runs jobs in the given order; what needs a job that failed is skipped."""

    version: ClassVar[int] = 1

    def execute(
        self, jobs: Sequence[Job], run: Callable[[Job], Outcome], *, fail_fast: bool
    ) -> Mapping[str, Outcome]:
        """Run all jobs; see ``hbench.protocols.Executor``."""
        outcomes: dict[str, Outcome] = {}
        stopped = False
        for job in jobs:
            before = [outcomes[need.key] for need in job.needs if need.key in outcomes]
            if stopped or any(outcome.state != "done" for outcome in before):
                outcomes[job.key] = Outcome("skipped", message="something it needs was not done")
                continue
            outcomes[job.key] = run(job)
            stopped = fail_fast and outcomes[job.key].state == "failed"
        return outcomes
