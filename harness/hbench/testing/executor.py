"""The contract of executors, as checks."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hbench.errors import shown
from hbench.protocols import Executor
from hbench.records import Outcome
from hbench.testing.common import check_common
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

# Seconds in which an executor with threads or processes may still start what was on its way.
GRACE = 0.05

EVERY = Rule(
    "an-outcome-for-every-job",
    "It returns a mapping of an Outcome for the key of each job, and for nothing else.",
    "{job.key: outcome, ...}; {} where there are no jobs",
)
ONCE = Rule(
    "each-job-runs-once",
    "`run` is called once with each job whose needs are done, and its outcome is returned.",
    "outcomes[job.key] = run(job)",
)
BEFORE = Rule(
    "needs-come-first",
    "A job starts when all that it needs is done.",
    "jobs in the order given, or in another in which each comes after its needs",
)
OUTSIDE = Rule(
    "needs-outside-the-list-are-done",
    "A job that is needed and not among the jobs was done before, and is not waited for.",
    "the job runs",
)
FAILED = Rule(
    "a-failure-is-an-outcome",
    "A job that fails is returned as `run` returned it; nothing is raised.",
    "outcomes[job.key].state == 'failed'",
)
SKIPPED = Rule(
    "what-needs-a-failed-job-is-skipped",
    "A job that needs one that failed or was skipped, directly or through others, does not run.",
    "Outcome('skipped', message='something it needs was not done')",
)
REST = Rule(
    "the-rest-runs",
    "Without `fail_fast` every job runs that needs nothing that failed.",
    "run(job) for each of them, after the failure as before it",
)
FAST = Rule(
    "fail-fast-starts-nothing-more",
    "With `fail_fast` no job starts after one has failed.",
    "what has not started yet is skipped",
)
NOT_RUN = Rule(
    "what-did-not-run-is-skipped",
    "With `fail_fast` the outcome of a job that did not run is 'skipped'.",
    "Outcome('skipped', message='another job failed')",
)
RULES = (EVERY, ONCE, BEFORE, OUTSIDE, FAILED, SKIPPED, REST, FAST, NOT_RUN)


@dataclass(frozen=True)
class ToyJob:
    """A job that does nothing; see `hbench.protocols.Job`."""

    key: str
    needs: tuple["ToyJob", ...] = ()

    @property
    def title(self) -> str:
        """One line for people."""
        return f"toy {self.key}"


@dataclass(frozen=True)
class _Span:
    """When and in which thread a job ran."""

    key: str
    start: float
    end: float
    thread: int


@dataclass
class _Case:
    """What an executor is given, and what came of it.

    Args:
        jobs: in an order in which each comes after what it needs.
        state: what ``run`` answers for the job that is called bad.
        fail_fast: as in `hbench.protocols.Executor`.
        seconds: that the other jobs take.
    """

    jobs: tuple[ToyJob, ...]
    state: Literal["done", "failed", "skipped"] = "done"
    fail_fast: bool = False
    seconds: float = 0.005
    spans: list[_Span] = field(default_factory=list)
    returned: dict[str, Outcome] = field(default_factory=dict)

    def __str__(self) -> str:
        needs = [
            f"{job.key} (needs {', '.join(need.key for need in job.needs)})"
            if job.needs
            else job.key
            for job in self.jobs
        ]
        answer = "" if self.state == "done" else f", run('bad') gives {self.state!r}"
        return f"jobs {', '.join(needs) or 'none'}{answer}, fail_fast={self.fail_fast}"

    @property
    def ran(self) -> list[str]:
        """The keys of the jobs that ran, in the order in which they ended."""
        return [span.key for span in self.spans]

    def run(self, job: Any) -> Outcome:  # noqa: ANN401 - executors see protocols.Job
        """Do a job, and note when."""
        start = time.monotonic()
        is_bad = job.key == BAD.key
        time.sleep(0.01 if is_bad else self.seconds)
        outcome = Outcome(self.state if is_bad else "done", message=f"{job.title} ran")
        self.spans.append(_Span(job.key, start, time.monotonic(), threading.get_ident()))
        self.returned[job.key] = outcome
        return outcome


BAD, GOOD, DONE = ToyJob("bad"), ToyJob("good"), ToyJob("done-before")
AFTER = ToyJob("after", (BAD,))
BESIDE = ToyJob("beside", (GOOD,))
LATER = ToyJob("later", (GOOD, AFTER))


def check_executor(plugin: object) -> None:
    """Check all rules of executors, with jobs that do nothing but wait some milliseconds.

    An executor may run several jobs at once; what it starts within `GRACE` seconds after a failure
    was on its way. One that runs all jobs in the calling thread has no such excuse.

    Raises:
        ContractError: a rule is broken.
    """
    checked = Checked(plugin)
    check_common(checked, Executor)
    every = (BAD, GOOD, AFTER, BESIDE, LATER)
    for fail_fast in (False, True):
        _check_all_done(checked, _Case((), fail_fast=fail_fast), EVERY)
        _check_all_done(checked, _Case(every, fail_fast=fail_fast), ONCE)
    outside = _Case((ToyJob("next", (DONE,)),))
    _check_all_done(checked, outside, OUTSIDE)
    for state in ("failed", "skipped"):
        _check_failure(checked, _Case(every, state))
    _check_fail_fast(checked, _Case(every, "failed", fail_fast=True, seconds=3 * GRACE))


def _executed(checked: Checked, case: _Case) -> Mapping[str, Outcome]:
    """What the executor returns, with the rules that always hold."""
    executor: Any = checked.plugin
    try:
        with checked.asked(EVERY, str(case)):
            outcomes = executor.execute(case.jobs, case.run, fail_fast=case.fail_fast)
    except Exception as error:
        if case.state == "done":
            raise
        found = f"{type(error).__name__}: {error}"
        checked.require(False, FAILED, given=str(case), found=found, cause=error)
        raise
    keys = {job.key for job in case.jobs}
    found = shown(outcomes)
    is_mapping = isinstance(outcomes, Mapping)
    checked.require(is_mapping and set(outcomes) == keys, EVERY, given=str(case), found=found)
    for key, outcome in outcomes.items():
        found = f"{key}: {shown(outcome)}"
        checked.require(isinstance(outcome, Outcome), EVERY, given=str(case), found=found)
    twice = [key for key, count in Counter(case.ran).items() if count > 1]
    found = f"ran twice: {', '.join(twice)}"
    checked.require(not twice, ONCE, given=str(case), found=found)
    for key, outcome in case.returned.items():
        rule = FAILED if key == BAD.key and case.state != "done" else ONCE
        found = f"run({key!r}) gave {outcome}, execute returned {outcomes[key]}"
        checked.require(outcomes[key] == outcome, rule, given=str(case), found=found)
    _check_order(checked, case)
    checked_outcomes: Mapping[str, Outcome] = outcomes
    return checked_outcomes


def _check_order(checked: Checked, case: _Case) -> None:
    """Each job that ran began after all that it needs had ended, if that ran at all."""
    spans = {span.key: span for span in case.spans}
    for job in case.jobs:
        for need in job.needs:
            if job.key in spans and need.key in spans:
                found = f"{job.key} began before {need.key} had ended"
                holds = spans[need.key].end <= spans[job.key].start
                checked.require(holds, BEFORE, given=str(case), found=found)


def _check_all_done(checked: Checked, case: _Case, rule: Rule) -> None:
    _executed(checked, case)
    missing = sorted({job.key for job in case.jobs} - set(case.ran))
    found = f"did not run: {', '.join(missing)}"
    checked.require(not missing, rule, given=str(case), found=found)


def _check_failure(checked: Checked, case: _Case) -> None:
    """Without fail_fast: what needs the bad job is skipped, all else runs."""
    outcomes = _executed(checked, case)
    for job in (AFTER, LATER):
        state = outcomes[job.key].state
        found = f"{job.key}: {state}" + (", and it ran" if job.key in case.ran else "")
        holds = state == "skipped" and job.key not in case.ran
        checked.require(holds, SKIPPED, given=str(case), found=found)
    missing = [job.key for job in (BAD, GOOD, BESIDE) if job.key not in case.ran]
    found = f"did not run: {', '.join(missing)}"
    checked.require(not missing, REST, given=str(case), found=found)


def _check_fail_fast(checked: Checked, case: _Case) -> None:
    outcomes = _executed(checked, case)
    here = threading.get_ident()
    grace = 0.0 if all(span.thread == here for span in case.spans) else GRACE
    failed = [span.end for span in case.spans if span.key == BAD.key]
    late = [span.key for span in case.spans for end in failed if span.start > end + grace]
    found = f"began after the failure: {', '.join(late)}"
    checked.require(not late, FAST, given=str(case), found=found)
    for key in outcomes.keys() - set(case.ran):
        state = outcomes[key].state
        found = f"{key} did not run: {state}"
        checked.require(state == "skipped", NOT_RUN, given=str(case), found=found)
