"""``hbench run`` where every training fails: the cause is told once, and no empty table."""

import psutil
import pytest
from tests.cli.calling import call

from hbench.errors import TrainingError

SPEC = """\
version: 1
benchmarks:
  tiny:
    train: {data: {babel: {use: babel, split: train}}, steps: 2, batch_size: 4}
    encoders: {e: {use: scratch, hidden: 16, layers: 1}}
    samplers: {mono: {use: mono}, cross: {use: cross}}
    objectives: {infonce: {use: infonce}}
    seeds: [1, 2]
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono, multi], metrics: [map]}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The results folder, and a run whose trainings fail: two of them for one reason."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "f.yaml").write_text(SPEC)

    def fail(job, *_):
        raise TrainingError(f"odd {job.seed}" if "cross" in job.title else "no luck")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hbench.worker.train_here", fail)
        patch.setattr("sys.argv", ["hbench", "run", "f.yaml"])
        words = ("--results", str(folder / "results"), "--device", "cpu")
        return folder / "results", call("run", str(folder / "f.yaml"), *words)


def test_a_reason_that_several_jobs_share_is_told_once_and_last(ran):
    _, result = ran
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-6:] == [
        "2 jobs failed: no luck",
        "    train mono, seed 1",
        "    train mono, seed 2",
        "failed: train cross, seed 1: odd 1",
        "failed: train cross, seed 2: odd 2",
        "4 jobs failed, 12 were skipped for want of them; to try again: hbench run f.yaml",
    ]


def test_without_any_scores_a_line_stands_for_the_tables_and_for_what_is_missing(ran):
    _, result = ran
    assert result.stdout.strip() == "tiny: test: no system has been evaluated; see what failed"
    assert "missing in the tables" not in result.stderr


def test_compare_of_no_scores_says_so_and_what_is_missing(ran):
    folder, _ = ran
    compared = call("compare", "--results", str(folder))
    assert "tiny: test: no system has been evaluated; see what failed" in compared.stdout
    assert "primary family of 0" not in compared.stdout
    assert "missing: tiny: mono (seed 1) on test; run it again\n" in compared.stderr
    assert len(compared.stderr.splitlines()) == 4


def test_a_run_says_before_it_trains_that_others_hold_the_cores(tmp_path, monkeypatch):
    (tmp_path / "f.yaml").write_text(SPEC)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval, percpu: [100.0, 100.0])
    monkeypatch.setattr("hbench.worker.train_here", lambda *_: 1 / 0)  # enough is seen by then
    words = ("--results", str(tmp_path / "results"), "--device", "cpu")
    lines = call("run", str(tmp_path / "f.yaml"), *words).stderr.splitlines()
    assert lines[0].endswith("on cpu, 2 threads")
    assert lines[1].startswith("note: other processes hold 2.0 of 2 cores, and 2 threads")
