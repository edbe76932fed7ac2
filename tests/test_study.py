"""The Python API: one small benchmark, run once, against what the commands print."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from tests.cli.calling import call

import hbench
from hbench.errors import OptionError, SpecError, StoreError

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
    assert {outcome.state for outcome in results.outcomes.values()} == {"done"}
    assert {"train mono, seed 1", "train cross, seed 2"} <= results.outcomes.keys()
    assert (results.failed, results.missing) == ({}, [])


def test_the_frames_hold_what_compare_prints_as_json(ran):
    folder, _, results = ran
    told = call("compare", "--results", str(folder / "results"), "--format", "json").stdout
    (entry,) = json.loads(told)
    rows = [row for table in entry["tables"] for row in table["rows"]]
    pairs = [pair for table in entry["tables"] for pair in table["comparisons"]]
    assert len(results.levels) == len(rows) == 2 * 2 * 2
    assert len(results.differences) == len(pairs)
    levels = results.levels.set_index(["setting", "metric", "method"])
    for table in entry["tables"]:
        for row in table["rows"]:
            mean = levels.loc[(table["setting"], table["metric"], row["method"]), "mean"]
            assert mean == row["mean"] or (pd.isna(mean) and row["mean"] is None)
    assert set(results.levels["benchmark"]) == {"tiny"}
    assert len(results.matrix) == len(entry["matrix"])


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


def test_claims_are_judged_as_verify_does(ran):
    folder, _, results = ran
    told = json.loads(
        call("verify", "--results", str(folder / "results"), "--format", "json").stdout
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
    again = hbench.results(folder / "results")
    pd.testing.assert_frame_equal(again.levels, results.levels)
    assert again.outcomes == {}
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
