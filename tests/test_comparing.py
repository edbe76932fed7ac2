"""``hbench compare`` on what ``hbench run`` and ``hbench export`` really write."""

import json
from contextlib import chdir

import pytest
from typer.testing import CliRunner

from hbench.cli import app
from hbench.records import Query
from hbench_plugins.datasets.babel import Babel

SPEC = """
version: 1
benchmarks:
  toy:
    train: {data: {some: {use: babel, split: train}}, steps: 2, batch_size: 4}
    encoders: {tiny: {use: scratch, hidden: 8, layers: 1, vocabulary: 300}}
    samplers: {english: {use: source, language: en}, before: {use: none}}
    objectives: {infonce: {use: infonce}}
    seeds: [1, 2]
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono, multi], metrics: [map]}
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with the results of the spec, on German and English of a few places."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "f.yaml").write_text(SPEC)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("queries", "passages", "judgements"):
            patch.setattr(Babel, name, some(getattr(Babel, name)))
        patch.setattr(Babel, "languages", lambda babel: ["de", "en"])
        call(folder, "run", "f.yaml", "--device", "cpu")
        for seed in ("1", "2"):
            words = ("--seed", seed, "--depth", "10000", "--to", f"exported{seed}")
            call(folder, "export", "toy", "english", *words)
    return folder


def some(original):
    def kept(babel):
        for record in original(babel):
            place = record.item if isinstance(record, Query) else repr(record)
            if "tower" in place and record.language in ("de", "en"):
                yield record

    return kept


def call(folder, *words):
    with chdir(folder):
        done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def entry(folder, *words):
    (found,) = json.loads(call(folder, "compare", "--format", "json", *words))
    return found


def means(found, setting):
    (table,) = [t for t in found["tables"] if t["setting"] == setting]
    return {row["method"]: row["mean"] for row in table["rows"]}


def test_scores_name_the_data_that_they_are_of(results):
    resolved = json.loads((results / "results/benchmarks/toy/resolved.json").read_text())
    evaluation = resolved["evaluations"]["test"]
    folder = results / "results" / evaluation["scores"]["english"]["1"]["folder"]
    assert json.loads((folder / "manifest.json").read_text())["data"] == evaluation["data"]


@pytest.mark.parametrize(
    ("by", "strata"),
    [
        ("seen", ["seen in training", "unseen in training"]),  # of the two, English is drawn
        ("overlap", ["low overlap", "middle overlap", "high overlap"]),
        ("answer", ["number", "word"]),
    ],
)
def test_strata_come_from_what_was_drawn_and_from_the_stored_texts(results, by, strata):
    found = entry(results, "--by", by)
    multi = [t for t in found["tables"] if t["setting"] == "multi"]
    assert {t["stratum"] for t in multi} <= set(strata)
    assert len(multi) > 1
    queries = sum(t["rows"][0]["queries"] for t in multi)
    (whole,) = [t for t in entry(results)["tables"] if t["setting"] == "multi"]
    assert queries == whole["rows"][0]["queries"]


def test_an_exported_run_of_each_seed_has_the_figures_of_that_seed(results):
    own = entry(results)
    paths = [results / f"exported{seed}" / "trec" / "test" for seed in ("1", "2")]
    for setting in ("mono", "multi"):
        seeds = []
        for path in paths:
            found = means(entry(results, "--run", str(path)), setting)
            assert found["english"] == means(own, setting)["english"]
            seeds.append(found["test"])
        assert sum(seeds) / 2 == pytest.approx(means(own, setting)["english"], abs=1e-12)


def test_a_run_of_other_pools_is_absent_and_leaves_the_tables_as_they_are(results):
    own = entry(results)
    found = entry(results, "--run", str(results / "exported1" / "trec" / "test" / "de.trec"))
    assert means(found, "multi") == means(own, "multi") | {"de": None}
    assert "multi: 2 of 2 combinations" in " ".join(found["notes"]["test"])


def test_plan_knows_the_items_and_clusters_of_data_that_is_there(results):
    text = call(results, "plan", "f.yaml", "--device", "cpu")
    assert "items in" in text and "supposing" not in text
