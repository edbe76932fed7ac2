"""How a plan is walked: alone, together with others, past failures and damage."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from hbench import executor
from hbench.errors import DataError
from hbench.executor import MOST, _Walk
from hbench.failures import Failures
from hbench.jobs import Job
from hbench.locks import alone
from hbench.manifests import check, forget_checks, read_manifest
from hbench.provenance import Hardware
from hbench.records import Outcome
from hbench.site import Site
from hbench.store import Store
from hbench.worker import run_job
from hbench_plugins.executors.local import Local


@dataclass(frozen=True)
class Toy(Job):
    """A job that writes its name."""

    name: str
    needs: tuple[Job, ...] = ()

    @property
    def title(self):  # type: ignore[override]
        return self.name

    @property
    def inputs(self):
        return {"name": self.name}

    def folder(self, store):
        return store.root / "toys" / self.name


@dataclass
class Plan:
    """As much of a plan as is walked."""

    jobs: tuple[Toy, ...]
    benchmarks: tuple[()] = ()

    def left(self, store):
        return [job for job in self.jobs if not job.is_done(store)]


@dataclass
class Lines:
    """What a watcher is told."""

    lines: list[str] = field(default_factory=list)

    def started(self, job):
        self.lines.append(f"start {job.name}")

    def moved(self, job, share, note):
        raise AssertionError("these jobs do not move")

    def ended(self, job, outcome):
        self.lines.append(f"{outcome.state} {job.name}")

    def mixed(self, benchmark, sources):
        raise AssertionError("nothing is drawn here")

    def noted(self, lines):
        self.lines += [f"note {line.partition(' was ')[0].rpartition('/')[2]}" for line in lines]


A = Toy("a")
B = Toy("b", (A,))
C = Toy("c")
PLAN: Any = Plan((A, B, C))


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Walks the plan; what a job does besides can be set by its name."""
    return World(tmp_path, monkeypatch)


class World:
    def __init__(self, root, monkeypatch):
        self.store = Store(root)
        self.site = Site(self.store, Hardware("cpu", 1))
        self.ran: Counter[str] = Counter()
        self.does = {}
        monkeypatch.setattr("hbench.worker._RUN", {Toy: self.run})
        monkeypatch.setattr(executor, "run_job", run_job)
        monkeypatch.setattr(executor, "SHORTEST", 0.01)
        monkeypatch.setattr("hbench.executor.check_data", lambda plan, store: None)

    def run(self, job, site, progress):
        self.ran[job.name] += 1
        for need in job.needs:
            check(need.folder(self.store))
        self.does.get(job.name, lambda: None)()
        self.write(job)
        return {}

    def write(self, job):
        with self.store.writing(job.folder(self.store), {"key": job.key}) as (folder, _):
            (folder / "name").write_text(job.name)

    def walk(self, **options):
        watcher: Any = Lines()
        walk = _Walk(PLAN, self.site, Local(), watcher, options.pop("fail_fast", False))
        walk.run()
        names = {job.key: job.name for job in PLAN.jobs}
        self.lines = watcher.lines
        return {names[key]: outcome for key, outcome in walk.outcomes.items()}


def states(outcomes):
    return {name: outcome.state for name, outcome in sorted(outcomes.items())}


def test_all_jobs_run_once_in_their_order_and_are_done(world):
    assert states(world.walk()) == {"a": "done", "b": "done", "c": "done"}
    assert world.lines == ["start a", "done a", "start b", "done b", "start c", "done c"]
    assert world.walk() == {}
    assert world.ran == {"a": 1, "b": 1, "c": 1}


def test_a_job_that_another_process_is_at_is_left_to_it_and_the_rest_goes_on(world):
    order = []
    world.does = {name: lambda name=name: order.append(name) for name in "abc"}
    begun = threading.Event()

    def other():
        with alone(world.store.lock(A.written(world.store))):
            begun.set()
            while not order:
                time.sleep(0.01)
            world.write(A)

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    begun.wait()
    outcomes = world.walk()
    thread.join()
    assert order == ["c", "b"]
    assert set(states(outcomes).values()) == {"done"}
    assert world.ran == {"b": 1, "c": 1}


def test_who_waits_for_others_for_a_while_says_for_which_jobs(world, monkeypatch):
    monkeypatch.setattr(executor, "LONGEST", 0.04)
    world.write(C)
    begun = threading.Event()

    def other():
        with alone(world.store.lock(A.written(world.store))):
            begun.set()
            time.sleep(0.3)
            world.write(B)
            world.write(A)

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    begun.wait()
    world.walk()
    thread.join()
    assert world.lines.count("note waiting for other processes, which are at: a") == 1
    assert world.ran == {}


def test_a_job_whose_process_died_is_taken_over(world):
    with alone(world.store.lock(A.written(world.store))):
        pass  # the lock's file is there, and nobody holds it
    assert states(world.walk())["a"] == "done"


def test_a_job_that_was_done_between_planning_and_its_turn_is_not_done_again(world):
    world.does = {"a": lambda: world.write(C)}
    outcomes = world.walk()
    assert outcomes["c"] == Outcome("done", message="by another process")
    assert world.ran == {"a": 1, "b": 1}


def fail():
    raise DataError("no such luck")


def test_what_needs_a_failed_job_is_skipped_and_the_reason_is_kept_in_a_manifest(world):
    world.does = {"a": fail}
    assert states(world.walk()) == {"a": "failed", "b": "skipped", "c": "done"}
    kept = read_manifest(world.store.failure(A.key))
    assert (kept["job"], kept["message"], kept["inputs"]) == ("a", "no such luck", {"name": "a"})
    world.does = {}
    assert states(world.walk()) == {"a": "done", "b": "done"}
    assert read_manifest(world.store.failure(A.key)) == {}


def test_with_fail_fast_nothing_starts_after_a_failure(world):
    world.does = {"a": fail}
    assert states(world.walk(fail_fast=True)) == {"a": "failed", "b": "skipped", "c": "skipped"}
    assert world.ran == {"a": 1}


def test_what_failed_in_another_process_meanwhile_is_not_tried_once_more(world):
    other = Failures(world.store, world.site.hardware)

    def meanwhile():
        other.note(C, Outcome("failed", message="no such luck"))

    world.does = {"a": meanwhile}
    outcomes = world.walk()
    assert outcomes["c"] == Outcome("failed", message="in another process: no such luck")
    assert world.ran == {"a": 1, "b": 1}
    assert states(world.walk()) == {"c": "done"}  # another run tries


def damage(job, store):
    forget_checks()  # as in a process that has not looked before
    (job.folder(store) / "name").write_text("?")


def test_what_is_found_damaged_is_set_aside_made_anew_and_then_used(world):
    world.write(A)
    damage(A, world.store)
    assert states(world.walk()) == {"a": "done", "b": "done", "c": "done"}
    assert world.ran == {"a": 1, "b": 2, "c": 1}
    assert world.lines[:3] == ["start b", "skipped b", "note a"]
    assert (A.folder(world.store) / "name").read_text() == "a"


def test_a_disk_that_damages_all_that_is_written_is_told_in_the_end(world, monkeypatch):
    write = world.write

    def badly(job):
        write(job)
        if job.name == "a":
            damage(job, world.store)

    monkeypatch.setattr(world, "write", badly)
    outcomes = world.walk()
    assert states(outcomes) == {"a": "failed", "b": "skipped", "c": "done"}
    assert outcomes["a"].message.startswith("its outcome: damaged, and again")
    assert world.ran == {"a": MOST + 1, "b": MOST, "c": 1}


def test_a_job_whose_outcome_never_counts_is_not_done_without_end(world, monkeypatch):
    write = world.write

    def cut_off(job):
        write(job)
        if job.name == "c":
            (job.folder(world.store) / "name").write_text("")  # of another size: incomplete

    monkeypatch.setattr(world, "write", cut_off)
    assert states(world.walk()) == {"a": "done", "b": "done", "c": "failed"}
    assert world.ran["c"] == MOST + 1


def test_what_a_job_itself_writes_and_finds_damaged_is_not_tried_without_end(world):
    """As a list of tokens, which whoever needs it first makes."""
    tokens = world.store.root / "tokens"

    def use():
        with world.store.writing(tokens, {}) as (folder, _):
            (folder / "name").write_text("tokens")
        (tokens / "name").write_text("tokons")
        check(tokens)

    world.does = {"c": use}
    assert states(world.walk()) == {"a": "done", "b": "done", "c": "failed"}
    assert world.ran["c"] == MOST + 1


def test_a_job_whose_needs_were_set_aside_by_another_process_is_no_failure(world):
    def gone():
        if world.ran["b"] == 1:
            damage(A, world.store)
            world.store.put_aside(A.folder(world.store), "by another process")
            raise FileNotFoundError

    world.does = {"b": gone}
    assert states(world.walk()) == {"a": "done", "b": "done", "c": "done"}
    assert world.ran == {"a": 2, "b": 2, "c": 1}


def test_an_executor_that_does_nothing_does_not_hang_a_run(world, monkeypatch):
    monkeypatch.setattr(
        Local,
        "execute",
        lambda self, jobs, run, fail_fast: {j.key: Outcome("skipped") for j in jobs},
    )
    assert states(world.walk()) == {"a": "skipped", "b": "skipped", "c": "skipped"}


def test_an_executor_that_forgets_jobs_is_told_and_does_not_hang_a_run(world, monkeypatch):
    monkeypatch.setattr(Local, "execute", lambda self, jobs, run, fail_fast: {})
    outcomes = world.walk()
    assert states(outcomes) == {"a": "failed", "b": "failed", "c": "failed"}
    assert "no outcome" in outcomes["a"].message


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_ends_a_run_and_gives_the_lock_back(world, error):
    def interrupted():
        raise error

    world.does = {"a": interrupted}
    with pytest.raises(error):
        world.walk()
    with alone(world.store.lock(A.written(world.store)), wait=False) as ours:
        assert ours
