"""What runs short ends one job in words; the others go on, and the same command tries again."""

import json
import subprocess
import sys

import pytest
from tests.toy_spec import toy_spec
from typer.testing import CliRunner

from hbench import manifests
from hbench.cli import app
from hbench.training import checkpoint
from hbench.training.gradients import Gradients

TRAINING = "steps: 8, batch_size: 4"


@pytest.fixture
def toy(tmp_path):
    (tmp_path / "f.yaml").write_text(toy_spec(training=TRAINING, more="seeds: [1, 2]"))
    return tmp_path


def run(folder, *words):
    manifests.forget_checks()
    results = str(folder / "results")
    return CliRunner().invoke(app, ["run", str(folder / "f.yaml"), "--results", results, *words])


def test_a_loss_that_is_no_number_ends_its_job_alone_and_leaves_the_last_good_checkpoint(
    toy, monkeypatch
):
    """Seed 1 breaks at its seventh step; a checkpoint follows each step."""
    add, steps = Gradients.add, []

    def broken(self, batch):
        steps.append(1)
        loss = add(self, batch)
        return loss * float("nan") if len(steps) == 7 else loss

    with monkeypatch.context() as patched:
        patched.setattr(Gradients, "add", broken)
        patched.setattr(checkpoint.Checkpoints, "is_due", True)
        patched.setattr(sys, "argv", ["hbench", "run", "my file.yaml"])
        done = run(toy)
    assert done.exit_code == 1
    assert "FAILED train mono, seed 1: the loss or its gradient is no number at step 6" in (
        done.stderr
    )
    told = "1 job failed, 3 were skipped for want of it; to try again: hbench run 'my file.yaml'"
    assert told in done.stderr
    assert "missing in the tables: toy: mono (seed 1) on test" in done.stderr
    assert "mono" in done.stdout  # seed 2 is in the tables
    (failure,) = toy.glob("results/failures/*/manifest.json")
    assert json.loads(failure.read_text())["message"].startswith("the loss or its gradient is no")
    kept = sorted(path.name for path in toy.glob("results/cache/checkpoints/*/*"))
    assert kept == ["step-000000000005", "step-000000000006"]
    again = run(toy)
    assert again.exit_code == 0, again.stderr
    assert not list(toy.glob("results/failures/*"))
    (system,) = toy.glob("results/systems/*-s1-*/manifest.json")
    assert json.loads(system.read_text())["detail"]["first_step"] == 6


@pytest.mark.slow
def test_a_model_for_which_there_is_no_memory_fails_in_words_and_the_others_go_on(toy):
    """With an address space of 8 GB; the large model's embeddings alone take 12."""
    large = "large: {use: scratch, hidden: 1048576, heads: 1, layers: 1, vocabulary: 3000}"
    tiny = "tiny: {use: scratch, hidden: 8, layers: 1, vocabulary: 300}"
    (toy / "f.yaml").write_text(toy_spec(training=TRAINING, encoders=f"{large}, {tiny}"))
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (8 * 10**9,) * 2)\n"
        "from hbench.cli import main; main()"
    )
    words = ["run", "f.yaml", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=toy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "FAILED train large, seed 1: out of memory (" in done.stderr
    assert "use a smaller model" in done.stderr
    assert "Traceback" not in done.stderr
    assert "tiny " in done.stdout


def test_a_scheduler_that_ends_a_run_is_obeyed_as_ctrl_c_is(toy):
    code = (
        "import os, signal\n"
        "from hbench.training.gradients import Gradients\n"
        "add = Gradients.add\n"
        "def ended(self, batch):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return add(self, batch)\n"
        "Gradients.add = ended\n"
        "from hbench.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "f.yaml", "--device", "cpu"],
        cwd=toy, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 130
    assert "interrupted; what was finished is kept, the same command goes on" in done.stderr
    assert list((toy / "results" / "cache" / "unfinished").iterdir()) == []
