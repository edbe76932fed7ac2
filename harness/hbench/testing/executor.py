"""The contract of executors, as checks."""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hbench.errors import shown
from hbench.protocols import Executor
from hbench.records import Outcome
from hbench.testing.common import check_common
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

# Seconds in which an executor with threads or processes may still start what was on its way.
GRACE = 0.2

EVERY = Rule(
    "an-outcome-for-every-job",
    "It returns a mapping of an Outcome for the key of each job, and for nothing else.",
    "{job.key: outcome, ...}; {} where there are no jobs",
)
ONCE = Rule(
    "each-job-runs-once",
    "`run` is called with each job whose needs are done, never again with one that it did, and its "
    "outcome is returned. A job that failed may be tried again.",
    "outcomes[job.key] = run(job), in this process: threads see what `run` changes, others do not",
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
    "A job that fails is returned as `run` last returned it; nothing is raised.",
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
    "With `fail_fast` no other job starts after one has failed.",
    "what has not started yet is skipped",
)
NOT_RUN = Rule(
    "what-did-not-run-is-skipped",
    "With `fail_fast` the outcome of a job that did not run is 'skipped'.",
    "Outcome('skipped', message='another job failed')",
)
INTERRUPTED = Rule(
    "an-interruption-is-raised",
    "KeyboardInterrupt or SystemExit, which `run` raises when hbench is to end, ends `execute` and "
    "is raised from it.",
    "no `except BaseException` around run(job); of a job in a thread, future.result()",
)
RULES = (EVERY, ONCE, BEFORE, OUTSIDE, FAILED, SKIPPED, REST, FAST, NOT_RUN, INTERRUPTED)


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
    """When and in which thread a job ran, and how that ended."""

    key: str
    state: str
    start: float
    end: float
    thread: int


@dataclass
class _Case:
    """What an executor is given, and what came of it.

    Args:
        jobs: in an order in which each comes after what it needs.
        state: what ``run`` answers for the job that is called bad; or it raises an interruption.
        fail_fast: as in `hbench.protocols.Executor`.
        seconds: that the other jobs take.
    """

    jobs: tuple[ToyJob, ...]
    state: Literal["done", "failed", "skipped", "interrupted"] = "done"
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
        answer = {
            "done": "",
            "interrupted": ", run('bad') raises KeyboardInterrupt",
        }.get(self.state, f", run('bad') gives {self.state!r}")
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
        state = self.state if is_bad else "done"
        if state == "interrupted":
            raise KeyboardInterrupt
        outcome = Outcome(state, message=f"{job.title} ran", detail={"job": job.key})
        end, thread = time.monotonic(), threading.get_ident()
        self.spans.append(_Span(job.key, state, start, end, thread))
        self.returned[job.key] = outcome
        return outcome


BAD, GOOD, DONE = ToyJob("bad"), ToyJob("good"), ToyJob("done-before")
AFTER = ToyJob("after", (BAD,))
BESIDE = ToyJob("beside", (GOOD,))
LATER = ToyJob("later", (GOOD, AFTER))


def check_executor(plugin: object) -> None:
    """Check all rules of executors, with jobs that do nothing but wait less than a second.

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
    _check_interruption(checked, _Case((BAD, AFTER), "interrupted"))


def _executed(checked: Checked, case: _Case) -> Mapping[str, Outcome]:
    """What the executor returns, with the rules that always hold."""
    executor: Any = checked.plugin
    try:
        with checked.asked(EVERY, str(case)):
            outcomes = executor.execute(case.jobs, case.run, fail_fast=case.fail_fast)
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        is_outside = DONE in case.jobs[0].needs if case.jobs else False
        checked.require(not is_outside, OUTSIDE, given=str(case), found=found, cause=error)
        checked.require(case.state == "done", FAILED, given=str(case), found=found, cause=error)
        raise
    keys = {job.key for job in case.jobs}
    is_mapping = isinstance(outcomes, Mapping)
    checked.require(is_mapping, EVERY, given=str(case), found=shown(outcomes))
    found = f"outcomes of {_listed(outcomes)}; the jobs are {_listed(keys)}"
    checked.require(set(outcomes) == keys, EVERY, given=str(case), found=found)
    for key, outcome in outcomes.items():
        found = f"{key}: {shown(outcome)}"
        checked.require(isinstance(outcome, Outcome), EVERY, given=str(case), found=found)
    times = Counter(span.key for span in case.spans if span.state == "done")
    twice = [key for key, count in times.items() if count > 1]
    found = f"was done, and ran again: {', '.join(twice)}"
    checked.require(not twice, ONCE, given=str(case), found=found)
    for key, outcome in case.returned.items():
        rule = FAILED if key == BAD.key and case.state != "done" else ONCE
        found = f"run({key!r}) gave {outcome}, execute returned {outcomes[key]}"
        checked.require(outcomes[key] == outcome, rule, given=str(case), found=found)
    _check_order(checked, case)
    checked_outcomes: Mapping[str, Outcome] = outcomes
    return checked_outcomes


def _listed(keys: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, keys))) or "none"


def _check_order(checked: Checked, case: _Case) -> None:
    """Each job that ran began after all that it needs had ended, if that ran at all."""
    ends = {span.key: span.end for span in case.spans}  # of the last try
    starts = {span.key: span.start for span in reversed(case.spans)}  # of the first
    for job in case.jobs:
        for need in job.needs:
            if job.key in starts and need.key in ends:
                found = f"{job.key} began before {need.key} had ended"
                holds = ends[need.key] <= starts[job.key]
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
    failed = max((span.end for span in case.spans if span.key == BAD.key), default=math.inf)
    late = [span.key for span in case.spans if span.start > failed + grace]
    found = f"began after the failure: {', '.join(late)}"
    checked.require(not late, FAST, given=str(case), found=found)
    for key in outcomes.keys() - set(case.ran):
        state = outcomes[key].state
        found = f"{key} did not run: {state}"
        checked.require(state == "skipped", NOT_RUN, given=str(case), found=found)


def _check_interruption(checked: Checked, case: _Case) -> None:
    executor: Any = checked.plugin
    try:
        outcomes = executor.execute(case.jobs, case.run, fail_fast=case.fail_fast)
    except KeyboardInterrupt:
        return
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        checked.require(False, INTERRUPTED, given=str(case), found=found, cause=error)
    found = f"execute returned {shown(outcomes)}"
    checked.require(False, INTERRUPTED, given=str(case), found=found)
