"""Several processes, started by torchrun, run one benchmark together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

SPEC = """\
version: 1
benchmarks:
  tiny:
    train: {data: {babel: {use: babel, split: train}}, steps: 50, batch_size: 16,
            learning_rate: 1.0e-3}
    encoders: {tiny: {use: scratch, hidden: 16, heads: 2, layers: 1, vocabulary: 500}}
    samplers: {hybrid: {use: hybrid}}
    objectives: {infonce: {use: infonce}}
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono], metrics: [map]}
"""


def run(folder, *start):
    """Runs the benchmark; gives its weights, its comparison and what it said."""
    folder.mkdir()
    (folder / "f.yaml").write_text(SPEC)
    command = [*start, str(Path(sys.executable).parent / "hbench"), "run", "f.yaml"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (weights,) = folder.glob("results/systems/*/model/model.safetensors")
    comparison = json.loads((folder / "results/benchmarks/tiny/compare.json").read_text())
    manifest = json.loads((weights.parents[1] / "manifest.json").read_text())
    return load_file(weights), comparison, done, manifest


@pytest.mark.slow
def test_two_processes_train_what_one_does_and_only_the_first_speaks(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--no-python", "--nproc-per-node=2"]
    alone, result, _, _ = run(tmp_path / "one")
    together, result_too, done, manifest = run(tmp_path / "two", *torchrun)
    assert manifest["detail"]["processes"] == 2
    assert done.stdout.count("tiny: test, mono") == 1
    assert done.stderr.count("train hybrid") == 1
    for name, weights in alone.items():
        if not name.endswith("key.bias"):  # whose gradient is 0: what it gets is rounding
            np.testing.assert_allclose(together[name], weights, atol=1e-4, err_msg=name)
    means = [found[0]["tables"][0]["rows"][0]["mean"] for found in (result, result_too)]
    assert abs(means[0] - means[1]) < 0.02
