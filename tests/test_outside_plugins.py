"""A second distribution brings plugins; one of them fails. The benchmark is real, only small."""

import hashlib
import importlib
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from hbench import registry
from hbench.cli import app

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "toy-plugins"
version = "2.5"
[project.entry-points."hbench.samplers"]
in-order = "toy_plugins:InOrder"
[project.entry-points."hbench.metrics"]
hits = "toy_plugins:hits"
[project.entry-points."hbench.datasets"]
towns = "toy_plugins:Towns"
[project.entry-points."hbench.objectives"]
failing = "toy_plugins:Failing"
[tool.hatch.build.targets.wheel]
only-include = ["toy_plugins.py"]
"""
MODULE = '''
"""Plugins as an outsider writes them."""
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from hbench.records import Judgement, Passage, Query

TOWNS = ["Ulm", "Bonn", "Graz", "Bern", "Kiel", "Linz", "Chur", "Jena"]
ASKED = {"de": "Wie alt ist {}?", "en": "How old is {}?"}
TOLD = {"de": "{} ist {} Jahre alt.", "en": "{} is {} years old."}


@dataclass(frozen=True)
class InOrder:
    """The first items, in the first language."""
    version: ClassVar[int] = 3
    needs_parallel: ClassVar[bool] = False

    def prepare(self, items, *, batch_size, seed):
        return self

    def batch(self, step):
        return np.array([[item, 0, 0] for item in range(4)], np.int32)


@dataclass(frozen=True)
class Hits:
    k: int
    version: ClassVar[int] = 4
    direction: ClassVar[str] = "higher"

    def values(self, ranks):
        return (ranks.rank[:, 0] <= self.k).astype(float)


def hits(k: int = 8) -> Hits:
    """Whether a relevant passage is among the first k."""
    return Hits(k)


@dataclass(frozen=True)
class Towns:
    """Eight questions in two languages."""
    version: ClassVar[int] = 1
    parallel: ClassVar[bool] = True

    def fingerprint(self):
        return "towns"

    def languages(self):
        return ["de", "en"]

    def queries(self):
        return [Query(t, tag, text.format(t)) for t in TOWNS for tag, text in ASKED.items()]

    def passages(self):
        return [Passage(t, tag, text.format(t, 900 + n))
                for n, t in enumerate(TOWNS) for tag, text in TOLD.items()]

    def judgements(self):
        return [Judgement(t, tag, t) for t in TOWNS for tag in TOLD]


@dataclass(frozen=True)
class Failing:
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("query", "passage")

    def loss(self, batch):
        raise RuntimeError("no loss today")
'''
SPEC = """
version: 1
benchmarks:
  toy:
    train: {data: {towns: {use: towns}}, steps: 2, batch_size: 4}
    encoders: {tiny: {use: scratch, hidden: 8, layers: 1, vocabulary: 300}}
    samplers: {in-order: {use: in-order}}
    objectives: {good: {use: infonce}, bad: {use: failing}}
    seeds: [1]
    evaluate:
      towns: {data: {use: towns}, settings: [mono, cross], metrics: [map, hits]}
"""
WITHOUT_BAD = ("--set", "benchmarks.toy.objectives={good: {use: infonce}}")
OWNER = {"distribution": "toy-plugins", "distribution_version": "2.5"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of a run with the outsider's plugins, and how the commands ended."""
    folder = tmp_path_factory.mktemp("outside")
    package = folder / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(PYPROJECT)
    (package / "toy_plugins.py").write_text(MODULE)
    install = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps",
               "--no-index", "--target", folder / "site", package]  # fmt: skip
    subprocess.run(install, check=True, capture_output=True)
    (folder / "work").mkdir()
    (folder / "work" / "f.yaml").write_text(SPEC)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "work")
        patch.syspath_prepend(folder / "site")
        importlib.invalidate_caches()
        registry.forget()
        listed = [CliRunner().invoke(app, ["plugins", *of]) for of in ([], ["metric", "hits"])]
        run = ["run", "f.yaml", "--device", "cpu"]
        first = CliRunner().invoke(app, run)
        before = stamps(folder / "work" / "results" / "systems")
        again = CliRunner().invoke(app, [*run, *WITHOUT_BAD])
        assert stamps(folder / "work" / "results" / "systems") == before
    registry.forget()
    return folder / "work", listed, first, again


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def manifest(folder, pattern):
    (path,) = (folder / "results" / "systems").glob(pattern)
    return json.loads(path.read_text(encoding="utf-8"))


def test_plugins_of_another_distribution_are_found_and_named(ran):
    _, (overview, metric), _, _ = ran
    assert overview.exit_code == 0
    assert "samplers of toy-plugins 2.5\n  in-order " in overview.stdout
    assert "samplers of hbench 0.1.0\n" in overview.stdout
    assert metric.stdout == (
        "metric 'hits' (toy-plugins 2.5), version 4\n"
        "    Whether a relevant passage is among the first k.\n"
        "    - k: whole number = 8\n"
        "\n"
    )


def test_a_plugin_that_fails_fails_its_job_alone(ran):
    folder, _, first, _ = ran
    assert first.exit_code == 1
    assert "failed: train bad, seed 1: RuntimeError: no loss today" in first.stderr
    assert "missing in the tables: toy: bad (seed 1) on towns" in first.stderr
    assert "1 job failed, 3 were skipped for want of it" in first.stderr
    assert printed_methods(first.stdout) == {"good"}
    systems = [path.name.rsplit("-", 1)[0] for path in (folder / "results" / "systems").iterdir()]
    assert systems == ["scratch-in-order-infonce-s1"]


def printed_methods(text):
    """The methods of the printed tables."""
    return {line.split()[1] for line in text.splitlines() if line.startswith(("a ", "b "))}


def test_manifests_name_the_plugins_with_distribution_and_versions(ran):
    folder, *_ = ran
    system = manifest(folder, "*/manifest.json")
    sampler = {"kind": "sampler", "name": "in-order", "version": 3, "options": {}}
    assert sampler | OWNER in system["plugins"]
    scores = manifest(folder, "*/eval/*/manifest.json")
    assert {"kind": "metric", "name": "hits", "version": 4, "options": {"k": 8}} | OWNER in (
        scores["plugins"]
    )
    assert system["inputs"]["sampler"]["distribution"] == "toy-plugins"


def test_the_plugins_were_used(ran):
    folder, *_ = ran
    system = manifest(folder, "*/manifest.json")
    assert system["detail"]["drawn"] == {"batches": {"de-de": 2}, "rows": {"de-de": 8}}
    (entry,) = json.loads((folder / "results/benchmarks/toy/compare.json").read_text())
    # Of 8 passages in a language, the first 8 hold the relevant one.
    means = [t["rows"][0]["mean"] for t in entry["tables"] if t["metric"] == "hits"]
    assert means == [1.0, 1.0]


def test_every_file_of_the_run_has_the_sum_that_its_manifest_states(ran):
    folder, *_ = ran
    listed = 0
    for path in (folder / "results").rglob("manifest.json"):
        for name, record in json.loads(path.read_text(encoding="utf-8"))["files"].items():
            content = (path.parent / name).read_bytes()
            assert record == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            listed += 1
    assert listed > 10


def test_what_was_done_is_not_done_again(ran):
    _, _, _, again = ran
    assert again.exit_code == 0
    done, changed = again.stderr.splitlines()
    assert done == "toy: everything is done already"
    assert changed.startswith("note: toy: its last run had another spec (objectives.bad: ")
    assert printed_methods(again.stdout) == {"in-order"}


def test_a_run_writes_only_into_the_results_folder(ran):
    folder, *_ = ran
    assert {path.name for path in folder.iterdir()} == {"f.yaml", "results"}
    assert {path.name for path in (folder / "results").iterdir()} == {
        "data", "leakage", "systems", "benchmarks", "cache", "failures",
    }  # fmt: skip
    assert list((folder / "results" / "cache" / "unfinished").iterdir()) == []
