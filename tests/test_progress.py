"""What a run says without a terminal, by a clock that the test turns."""

import pytest

import hbench
from hbench import progress
from hbench.jobs import TrainJob
from hbench.progress import Lines
from hbench.records import Outcome

SPEC = """\
version: 1
benchmarks:
  tiny:
    train: {data: {babel: {use: babel, split: train}}, steps: 300, batch_size: 4}
    encoders: {e: {use: scratch, hidden: 16, layers: 1}}
    samplers: {mono: {use: mono}}
    objectives: {infonce: {use: infonce}}
    seeds: [1]
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono], metrics: [map]}
"""


@pytest.fixture
def clock(monkeypatch):
    """Seconds, to be set."""
    now = [1000.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def plan(tmp_path):
    """Two data jobs, leakage, training, encoding, ranking, scoring: none is done."""
    (tmp_path / "f.yaml").write_text(SPEC)
    return hbench.load(tmp_path / "f.yaml").plan(tmp_path / "results", device="cpu")


def told(capsys):
    """The lines on standard error since the last look."""
    return capsys.readouterr().err.splitlines()


def test_a_training_says_every_half_minute_which_step_it_is_at(plan, clock, capsys):
    (train,) = [job for job in plan.todo if isinstance(job, TrainJob)]
    lines = Lines(plan)
    lines.started(train)
    shown: dict[int, str] = {}
    for step in range(1, 31):  # 7 seconds each
        clock[0] += 7
        lines.moved(train, step / 300, f"loss {step}.0")
        for line in told(capsys):
            shown[7 * step] = line
    assert list(shown) == [35, 70, 105, 140, 175, 210]
    assert shown[35] == "[1/7] train mono, seed 1: 2 %, step 5 of 300, loss 5.0"
    assert shown[210] == "[1/7] train mono, seed 1: 10 %, step 30 of 300, loss 30.0"
    lines.ended(train, Outcome("done", 211.0))
    assert told(capsys) == ["[1/7] train mono, seed 1: 211.0 s (loss 30.0)"]


def test_other_jobs_say_what_they_note_and_each_has_its_own_half_minute(plan, clock, capsys):
    first, second = [job for job in plan.todo if not isinstance(job, TrainJob)][:2]
    lines = Lines(plan)
    lines.started(first)
    clock[0] += 30
    lines.moved(first, 0.296, "")
    assert told(capsys) == [f"[1/7] {first.title}: 30 %"]
    lines.ended(first, Outcome("done", 30.0))
    told(capsys)
    clock[0] += 29
    lines.started(second)
    clock[0] += 29
    lines.moved(second, 0.5, "comparing babel")
    assert told(capsys) == []
    clock[0] += 1
    lines.moved(second, 0.5, "comparing\x1b babel")
    assert told(capsys) == [f"[2/7] {second.title}: 50 %, comparing? babel"]
