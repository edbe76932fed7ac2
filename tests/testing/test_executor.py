"""Right executors pass; for each rule executors that break it alone are caught by it."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.testing.right_executors import (
    SKIPPED,
    Backwards,
    Retrying,
    RetryingThreads,
    Right,
    Threads,
)

from hbench.records import Outcome
from hbench.testing import ContractError, check_executor
from hbench.testing.executor import RULES


@pytest.mark.parametrize(
    "executor", [Right(), Threads(), Backwards(), Retrying(), RetryingThreads()]
)
def test_right_executors_pass(executor):
    check_executor(executor)


BROKEN: list[tuple[str, type[Right]]] = []


def breaks(rule):
    """Notes an executor under the rule that it breaks."""

    def noted(executor):
        BROKEN.append((rule, executor))
        return executor

    return noted


class After(Right):
    """Changes what was returned."""

    change: Any

    def execute(self, jobs, run, *, fail_fast):
        return self.change(super().execute(jobs, run, fail_fast=fail_fast))


@breaks("an-outcome-for-every-job")
class TellsOnlyWhatRan(After):
    def change(self, outcomes):
        return {key: each for key, each in outcomes.items() if each.state != "skipped"}


@breaks("an-outcome-for-every-job")
class AsList(After):
    def change(self, outcomes):
        return list(outcomes.values())


@breaks("an-outcome-for-every-job")
class States(After):
    def change(self, outcomes):
        return {key: outcome.state for key, outcome in outcomes.items()}


@breaks("each-job-runs-once")
class RunsEachAgain(Right):
    def execute(self, jobs, run, *, fail_fast):
        super().execute(jobs, run, fail_fast=fail_fast)
        return super().execute(jobs, run, fail_fast=fail_fast)


@breaks("each-job-runs-once")
class RunsEachTwice(Right):
    def execute(self, jobs, run, *, fail_fast):
        return super().execute(jobs, lambda job: (run(job), run(job))[1], fail_fast=fail_fast)


@breaks("each-job-runs-once")
class RunsNothing(Right):
    def execute(self, jobs, run, *, fail_fast):
        return {job.key: Outcome("done") for job in jobs}


@breaks("each-job-runs-once")
class OutcomesOfItsOwn(After):
    def change(self, outcomes):
        return {
            key: Outcome("done") if each.state == "done" else each for key, each in outcomes.items()
        }


@breaks("needs-come-first")
class LastFirst(Right):
    def execute(self, jobs, run, *, fail_fast):
        return super().execute(list(reversed(jobs)), run, fail_fast=fail_fast)


@breaks("needs-come-first")
class AllAtOnce(Right):
    def execute(self, jobs, run, *, fail_fast):
        with ThreadPoolExecutor(5) as pool:
            outcomes = pool.map(run, jobs)
        return {job.key: outcome for job, outcome in zip(jobs, outcomes, strict=True)}


@breaks("needs-outside-the-list-are-done")
class KnowsOnlyTheList(Right):
    def is_free(self, job, outcomes):
        return all(need.key in outcomes for need in job.needs) and super().is_free(job, outcomes)


@breaks("needs-outside-the-list-are-done")
class LooksForAllNeeds(Right):
    def is_free(self, job, outcomes):
        return all(outcomes[need.key].state == "done" for need in job.needs)


@breaks("a-failure-is-an-outcome")
class Raises(After):
    def change(self, outcomes):
        if self.has_failed(outcomes):
            raise RuntimeError("a job failed")
        return outcomes


@breaks("a-failure-is-an-outcome")
class HidesFailures(After):
    def change(self, outcomes):
        return {
            key: Outcome("skipped") if each.state == "failed" else each
            for key, each in outcomes.items()
        }


@breaks("what-needs-a-failed-job-is-skipped")
class RunsAll(Right):
    def is_free(self, job, outcomes):
        return True


@breaks("what-needs-a-failed-job-is-skipped")
class LooksOneStepBack(Right):
    def is_free(self, job, outcomes):
        return all(
            need.key not in outcomes or outcomes[need.key].state != "failed" for need in job.needs
        )


@breaks("what-needs-a-failed-job-is-skipped")
class SaysFailed(After):
    def change(self, outcomes):
        return {
            key: Outcome("failed") if each.state == "skipped" and key != "bad" else each
            for key, each in outcomes.items()
        }


@breaks("the-rest-runs")
class AlwaysFailsFast(Right):
    def execute(self, jobs, run, *, fail_fast):
        return super().execute(jobs, run, fail_fast=True)


@breaks("fail-fast-starts-nothing-more")
class NeverFailsFast(Right):
    def execute(self, jobs, run, *, fail_fast):
        return super().execute(jobs, run, fail_fast=False)


@breaks("fail-fast-starts-nothing-more")
class ThreadsNeverFailFast(Threads):
    def execute(self, jobs, run, *, fail_fast):
        return super().execute(jobs, run, fail_fast=False)


@breaks("what-did-not-run-is-skipped")
class FastFailsAll(Right):
    def execute(self, jobs, run, *, fail_fast):
        outcomes: Mapping[str, Any] = super().execute(jobs, run, fail_fast=fail_fast)
        if not fail_fast or not self.has_failed(outcomes):
            return outcomes
        return {
            key: Outcome("failed") if each is SKIPPED else each for key, each in outcomes.items()
        }


@breaks("an-interruption-is-raised")
class CatchesAll(Right):
    def execute(self, jobs, run, *, fail_fast):
        def caught(job):
            try:
                return run(job)
            except BaseException as error:
                return Outcome("failed", message=repr(error))

        return super().execute(jobs, caught, fail_fast=fail_fast)


@breaks("an-interruption-is-raised")
class WrapsAll(Right):
    def execute(self, jobs, run, *, fail_fast):
        try:
            return super().execute(jobs, run, fail_fast=fail_fast)
        except BaseException as error:
            raise RuntimeError("the walk ended") from error


@pytest.mark.parametrize(("rule", "executor"), BROKEN)
def test_a_broken_executor_is_caught_by_the_rule_that_it_breaks(rule, executor):
    with pytest.raises(ContractError) as caught:
        check_executor(executor())
    assert caught.value.rule.name == rule


def test_every_rule_has_an_executor_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {rule.name for rule in RULES}


def test_a_message_says_which_rule_on_which_input_what_was_found_and_what_is_right():
    with pytest.raises(ContractError) as caught:
        check_executor(LooksOneStepBack())
    assert str(caught.value) == (
        "LooksOneStepBack() breaks the rule 'what-needs-a-failed-job-is-skipped': A job that needs "
        "one that failed or was skipped, directly or through others, does not run.\n"
        "  input: jobs bad, good, after (needs bad), beside (needs good), later (needs good, "
        "after), run('bad') gives 'failed', fail_fast=False\n"
        "  found: later: done, and it ran\n"
        "  right: Outcome('skipped', message='something it needs was not done')"
    )


def test_an_error_without_a_failed_job_is_the_executors_own_and_is_raised():
    class Lost(Right):
        def execute(self, jobs, run, *, fail_fast):
            raise ConnectionError("no cluster")

    with pytest.raises(ConnectionError, match="no cluster") as caught:
        check_executor(Lost())
    assert caught.value.__notes__[0].endswith("checked with jobs none, fail_fast=False")


def test_no_thread_is_left_behind():
    before = threading.active_count()
    check_executor(Threads())
    assert threading.active_count() == before
