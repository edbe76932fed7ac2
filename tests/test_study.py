"""The Python API: one small benchmark, run once, against what the commands print."""

import json
import os
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest
from tests.cli.calling import call

import hbench
from hbench import progress
from hbench.errors import OptionError, PluginError, SpecError, StoreError
from hbench.progress import Bar, Lines, watching
from hbench.study import go_offline
from hbench_plugins.executors.local import Local

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
      test:
        data: {use: babel, split: test}
        settings: [mono, multi]
        metrics: [map, rank_distance]
    claims:
      - says: cross is better
        metric: map
        setting: mono
        method: {sampler: cross}
        better_than: {sampler: mono}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder and the results of a run from Python."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "f.yaml").write_text(SPEC)
    study = hbench.load(folder / "f.yaml")
    return folder, study, study.run(folder / "results", device="cpu")


def test_a_run_tells_how_each_job_ended(ran):
    _, _, results = ran
    assert {each.outcome.state for each in results.ended} == {"done"}
    assert {"train mono, seed 1", "train cross, seed 2"} <= {each.title for each in results.ended}
    assert (results.failed, results.missing) == ([], [])


def test_the_frames_hold_what_compare_prints_as_json(ran):
    folder, _, results = ran
    told = call("compare", "tiny", "--results", str(folder / "results"), "--format", "json").stdout
    (entry,) = json.loads(told)
    keys = ("dataset", "setting", "metric", "direction")
    named = [{key: table[key] for key in keys} | {"benchmark": "tiny"} for table in entry["tables"]]
    for part, frame, count in (
        ("rows", results.levels, 8),
        ("comparisons", results.differences, 3),
    ):
        told = [names | row for names, table in zip(named, entry["tables"], strict=True)
                for row in table[part]]  # fmt: skip
        assert records(frame) == told
        assert len(told) == count  # one language has no rank distance
    assert records(results.matrix) == [{"benchmark": "tiny", **row} for row in entry["matrix"]]


def records(frame):
    """The rows; what is missing as None, as in JSON."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def test_jobs_of_one_title_in_two_benchmarks_are_told_apart(tmp_path):
    """One sampler is broken in both: two trainings fail, of one name."""
    one = SPEC.replace("seeds: [1, 2]", "seeds: [1]").partition("    claims:")[0]
    one = one.replace(", cross: {use: cross}", "")
    spec = one + one.partition("benchmarks:\n")[2].replace("tiny", "other").replace(
        "steps: 2", "steps: 3"
    )
    (tmp_path / "f.yaml").write_text(spec.replace("batch_size: 4", "batch_size: 1512000"))
    results = hbench.load(tmp_path / "f.yaml").run(tmp_path / "results", device="cpu")
    assert len(results.failed) == 2
    assert len({each.title for each in results.failed}) == 1
    assert len(results.missing) == 2
    assert results.scores.empty


def test_offline_holds_for_hubs_and_downloads(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HBENCH_OFFLINE"):
        monkeypatch.setenv(name, "0")
    go_offline()
    assert (os.environ["HF_HUB_OFFLINE"], os.environ["HBENCH_OFFLINE"]) == ("1", "1")


@pytest.mark.parametrize(
    ("in_notebook", "widgets", "watcher"),
    [(True, True, Bar), (True, False, Lines), (False, True, Lines)],
)
def test_a_notebook_with_widgets_has_a_bar(ran, monkeypatch, in_notebook, widgets, watcher):
    folder, study, _ = ran
    monkeypatch.setattr("rich.console._is_jupyter", lambda: in_notebook)
    monkeypatch.setattr(progress, "find_spec", lambda name: widgets or None)
    monkeypatch.setattr("rich.progress.Progress.start", lambda self: None)
    monkeypatch.setattr("rich.progress.Progress.stop", lambda self: None)
    with watching(study.plan(folder / "results", device="cpu")) as found:
        assert type(found) is watcher


def test_the_scores_of_queries_give_the_means_of_the_tables(ran):
    """Queries, then pools, then the setting; then seeds: all with equal weights."""
    _, _, results = ran
    scores = results.scores
    assert list(scores.columns[:4]) == ["benchmark", "dataset", "method", "seed"]
    by = ["method", "setting", "seed", "query_language", "pool"]
    pools = scores.groupby(by)["map"].mean()
    means = (
        pools.groupby(["method", "setting", "seed"]).mean().groupby(["method", "setting"]).mean()
    )
    levels = results.levels[results.levels["metric"] == "map"].set_index(["method", "setting"])
    for place, mean in means.items():
        assert levels.loc[place, "mean"] == pytest.approx(mean, abs=1e-12)


def test_scores_are_those_of_the_benchmark_though_another_has_rows_in_the_same_files(ran):
    folder, _, results = ran
    wider = SPEC.replace("tiny", "wider").replace("multi]", "multi, {name: two, pool: [de, en]}]")
    (folder / "wider.yaml").write_text(wider)
    more = hbench.load(folder / "wider.yaml").run(folder / "results", device="cpu")
    assert not any(each.title.startswith("train") for each in more.ended)
    assert set(more.scores["setting"]) == {"mono", "multi", "two"}
    again = hbench.results(folder / "results", ["tiny"]).scores
    pd.testing.assert_frame_equal(again, results.scores)


def test_what_a_run_is_asked_for_reaches_the_executor(ran, monkeypatch):
    folder, study, _ = ran
    found: dict[str, Any] = {}

    def execute(plan, site, executor, watcher, *, fail_fast):
        found.update(executor=type(executor), trackers=site.trackers, fail_fast=fail_fast)
        raise StoreError("enough")

    monkeypatch.setattr("hbench.executor.execute", execute)
    with pytest.raises(StoreError, match="enough"):
        study.run(folder / "results", device="cpu", fail_fast=True, trackers=["tensorboard"])
    assert found == {"executor": Local, "trackers": ("tensorboard",), "fail_fast": True}
    with pytest.raises(PluginError, match="no executor is named 'lcoal'"):
        study.run(folder / "results", executor="lcoal", device="cpu")


def test_claims_are_judged_as_verify_does(ran):
    folder, _, results = ran
    told = json.loads(
        call("verify", "tiny", "--results", str(folder / "results"), "--format", "json").stdout
    )
    (claim,) = results.claims.to_dict("records")
    assert (claim["claim"], claim["verdict"]) == ("cross is better", told[0]["verdict"])


def test_printed_they_are_the_tables_and_a_notebook_shows_markdown(ran):
    folder, _, results = ran
    stored = folder / "results" / "benchmarks" / "tiny" / "tables"
    assert repr(results) == f"<hbench.Results of tiny in {folder / 'results'}>"
    assert str(results) == (stored / "tables.txt").read_text(encoding="utf-8")
    assert results._repr_markdown_() == (stored / "tables.md").read_text(encoding="utf-8")


def test_what_is_there_is_read_without_running_anything(ran):
    folder, study, results = ran
    again = hbench.results(folder / "results", ["tiny"])
    pd.testing.assert_frame_equal(again.levels, results.levels)
    assert again.ended == ()
    assert study.plan(folder / "results", device="cpu").todo == []


def test_mistakes_are_the_errors_of_hbench(ran, tmp_path):
    folder, study, _ = ran
    with pytest.raises(OptionError, match="--only tniy: did you mean 'tiny'"):
        study.plan(folder / "results", only=["tniy"])
    with pytest.raises(OptionError, match="no such benchmark here; did you mean 'tiny'"):
        hbench.results(folder / "results", ["tinny"])
    with pytest.raises(StoreError, match="holds no benchmark"):
        hbench.results(tmp_path)
    with pytest.raises(SpecError, match="is missing"):
        hbench.load(folder / "f.yaml", ["benchmarks.tiny.evaluate={a: {}}"])


LAZY = """
import sys, hbench
assert not {"numpy", "pydantic", "torch", "pandas", "typer"} & sys.modules.keys()
assert sorted(hbench.__all__) == hbench.__all__ and all(getattr(hbench, n) for n in hbench.__all__)
assert not {"torch", "pandas", "pydantic"} & sys.modules.keys()
try:
    hbench.laod
except AttributeError as error:
    assert str(error) == "module 'hbench' has no attribute 'laod'", error
"""


def test_importing_hbench_imports_nothing_else():
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True)
    assert done.stderr == ""
