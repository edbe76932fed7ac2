"""What ``hbench new`` writes, as its author meets it: installed, tested, typed and run.

All of it in a virtual environment of its own, to which pip installs this source tree as it would
anybody's, so that what a wheel lacks is missed here.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from hbench.registry import KINDS, Kind

pytestmark = [pytest.mark.slow, pytest.mark.network]  # pip fetches what hbench needs

ROOT = Path(__file__).parents[1]
TORCH = "torch==2.13.0"  # a range that admits a newer one would fetch the CUDA build


def name_of(kind: Kind) -> str:
    """Of a kind's plugin."""
    return f"tried-{kind}"


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """The programs of an environment that has hbench and nothing else."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    tools = folder / ("Scripts" if os.name == "nt" else "bin")
    for wanted in (TORCH, str(ROOT)):
        must(tools, tools, "pip", "install", "--quiet", wanted)
    return tools


@pytest.fixture(scope="module")
def package_of(tools, tmp_path_factory):
    """A function that gives the folder of a kind's package, which it wrote and installed."""

    @cache
    def written(kind):
        folder = tmp_path_factory.mktemp(kind)
        must(tools, folder, "hbench", "new", kind, name_of(kind))
        package = folder / f"hbench-{name_of(kind)}"
        must(tools, package, "pip", "install", "--quiet", ".[dev]")
        return package

    return written


def called(tools, folder, program, *words):
    """How a program ends that is called in a folder by a user of the environment."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    path = os.pathsep.join([str(tools), environment["PATH"]])
    return subprocess.run(
        [tools / program, *words],
        cwd=folder,
        env=environment | {"PATH": path},
        capture_output=True,
        encoding="utf-8",
    )


def must(tools, folder, program, *words):
    """What a program prints that ends well."""
    ran = called(tools, folder, program, *words)
    assert ran.returncode == 0, f"{program} {' '.join(words)}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_pass(tools, package_of, kind):
    printed = must(tools, package_of(kind), "pytest", "-W", "error")
    assert " passed" in printed
    assert "skipped" not in printed


@pytest.mark.parametrize("kind", KINDS)
def test_its_types_are_strict(tools, package_of, kind):
    printed = must(tools, package_of(kind), "mypy", "--strict")
    assert printed.startswith("Success: no issues found in 3 ")


@pytest.mark.parametrize("kind", KINDS)
def test_hbench_finds_it_and_names_its_distribution(tools, package_of, kind):
    name = name_of(kind)
    listed = must(tools, package_of(kind), "hbench", "plugins", kind, name)
    assert listed.startswith(f"{kind} '{name}' (hbench-{name} 0.1.0), version 1\n")


@pytest.mark.parametrize("kind", KINDS)
def test_its_benchmark_runs_and_its_tables_and_manifests_name_it(tools, package_of, kind):
    package, name = package_of(kind), name_of(kind)
    chosen = ["--executor", name] if kind == "executor" else []
    printed = must(tools, package, "hbench", "run", "benchmark.yaml", "--device", "cpu", *chosen)
    assert f"{name}: " in printed
    used = {}
    for path in (package / "results").rglob("manifest.json"):
        for each in json.loads(path.read_text(encoding="utf-8")).get("plugins", []):
            used[each["kind"], each["name"]] = each["distribution"]
    assert used["metric", "map"] == "hbench"
    if kind != "executor":  # which does the work, and is no part of what comes out
        assert used[kind, name] == f"hbench-{name}"


def test_the_executor_tries_a_failed_job_again(tools, package_of):
    name = name_of("executor")
    too_fast = f"benchmarks.{name}.train.learning_rate=1.0e38"
    words = ["benchmark.yaml", "--device", "cpu", "--executor", name, "--results", "other"]
    ran = called(tools, package_of("executor"), "hbench", "run", *words, "--set", too_fast)
    assert ran.returncode == 1
    assert ran.stderr.count("FAILED train mono, seed 1: the loss or its gradient is no number") == 2
