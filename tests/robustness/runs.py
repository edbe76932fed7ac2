"""Runs of a small benchmark in processes of their own, to be disturbed."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

SPEC = """\
version: 1
benchmarks:
  tiny:
    train: {data: {babel: {use: babel, split: train}}, steps: STEPS, batch_size: 16,
            learning_rate: 1.0e-3}
    encoders: {tiny: {use: scratch, hidden: 16, heads: 2, layers: 1, vocabulary: 500}}
    samplers: {mono: {use: mono}, hybrid: {use: hybrid}}
    objectives: {infonce: {use: infonce}}
    seeds: SEEDS
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono, multi],
             metrics: [map, rank_distance]}
"""
# As `hbench`, but with checkpoints every few steps; and dying at one of its writes, or soon after a
# stage began, if asked to.
DRIVER = """\
import importlib, os, signal, sys, threading
from hbench import store
from hbench.training import checkpoint

checkpoint.EVERY = 0.2
stage, _, delay = os.environ.get("DIE_IN", "").partition(" ")
if stage:
    module = importlib.import_module(f"hbench.stages.{stage}")
    begin = module.run

    def dying_soon(*given, **named):
        threading.Timer(float(delay), os.kill, (os.getpid(), signal.SIGKILL)).start()
        return begin(*given, **named)

    module.run = dying_soon
last = int(os.environ.get("DIE_AT_SYNC", "0"))
if last:
    sync, count = store._sync, [0]

    def dying(path):
        count[0] += 1
        if count[0] == last:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(path)

    store._sync = dying
from hbench.cli import main
sys.argv[0] = "hbench"
main()
"""
FINAL = ("scores.parquet", "beats.npz", "model.safetensors", "compare.json", "resolved.json",
         "tables.txt", "tables.md")  # fmt: skip
SECONDS = 1800  # for ten seeds of a thousand steps on a busy machine


def write_spec(folder: Path, *, steps: int = 120, seeds: str = "[1]") -> Path:
    """The benchmark's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "f.yaml"
    path.write_text(SPEC.replace("STEPS", str(steps)).replace("SEEDS", seeds))
    return path


def start(
    spec: Path, results: Path, *, die_at_sync: int = 0, die_in: str = ""
) -> subprocess.Popen[str]:
    """A run; its messages go into a file beside the results.

    Args:
        spec: its file.
        results: its folder.
        die_at_sync: the number of the write at which it is killed; 0 if at none.
        die_in: the stage in which it is killed, and after how many seconds.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1", "DIE_AT_SYNC": str(die_at_sync)}
    environment["DIE_IN"] = die_in
    with results.with_suffix(".log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, "run", str(spec), "--results", str(results),
             "--device", "cpu"],
            stdout=subprocess.DEVNULL, stderr=log, text=True, env=environment,
        )  # fmt: skip


def finish(spec: Path, results: Path) -> None:
    """A run that nobody disturbs."""
    code = start(spec, results).wait(SECONDS)
    assert code == 0, results.with_suffix(".log").read_text()


def killed(process: subprocess.Popen[str], after: float) -> bool:
    """Kill a run after some seconds; whether it was still running."""
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
    return process.returncode == -signal.SIGKILL


def final_bytes(results: Path) -> dict[str, bytes]:
    """What a run is for, by path."""
    return {
        path.relative_to(results).as_posix(): path.read_bytes()
        for path in results.rglob("*")
        if path.name in FINAL and "damaged" not in path.parts
    }


def times(results: Path) -> dict[str, int]:
    """When each file of the finished jobs was written; scores may be added to."""
    return {
        path.relative_to(results).as_posix(): path.stat().st_mtime_ns
        for manifest in results.glob("[dsl]*/**/manifest.json")
        for path in manifest.parent.iterdir()
        if path.is_file() and path.name not in ("manifest.json", "scores.parquet")
    }


def free_of(results: Path) -> None:
    """Forget a results folder, and what was said."""
    shutil.rmtree(results, ignore_errors=True)
    results.with_suffix(".log").unlink(missing_ok=True)


def chance(seed: int) -> random.Random:
    """Random numbers of a test."""
    return random.Random(seed)
