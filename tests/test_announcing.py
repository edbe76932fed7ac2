"""What is said before a run about what hinders it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from hbench.announcing import crowded
from hbench.jobs import TrainJob
from hbench.provenance import find_hardware

TRAINING = object.__new__(TrainJob)
TWO = replace(find_hardware("cpu"), threads=2)


def told(monkeypatch, busy, hardware=TWO, jobs=(TRAINING,)):
    """What is said while the cores are busy by so many per cent each."""
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval, percpu: list(busy))
    plan: Any = SimpleNamespace(todo=list(jobs))
    return crowded(plan, hardware)


def test_cores_that_others_hold_are_named_with_what_helps(monkeypatch):
    (note,) = told(monkeypatch, [100.0, 20.0])
    assert note.startswith("note: other processes hold 1.2 of 2 cores, and 2 threads that share")
    assert "OMP_NUM_THREADS=1" in note


@pytest.mark.parametrize(
    ("busy", "hardware", "jobs"),
    [
        ([20.0, 10.0], TWO, [TRAINING]),  # a machine at rest
        ([100.0, 0.0, 0.0, 0.0], TWO, [TRAINING]),  # cores enough
        ([100.0, 20.0], replace(TWO, threads=1), [TRAINING]),
        ([100.0, 20.0], replace(TWO, device="cuda"), [TRAINING]),
        ([100.0, 20.0], TWO, []),  # nothing to train
    ],
)
def test_nothing_is_said_where_nothing_hinders(monkeypatch, busy, hardware, jobs):
    assert told(monkeypatch, busy, hardware, jobs) == []
