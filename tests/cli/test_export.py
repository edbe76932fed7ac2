"""A small real benchmark is run once, and exported in several ways."""

import filecmp
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import pytrec_eval
from tests.toy_spec import toy_spec
from typer.testing import CliRunner

from hbench.cli import app
from hbench_plugins.datasets.babel import Babel

pytestmark = pytest.mark.filterwarnings("ignore:builtin type .*:DeprecationWarning")  # faiss's own
SPEC = toy_spec(
    more="transforms: {plain: {use: none}, centered: {use: centering}}",
    settings="mono, cross, multi",
    metrics="map, mrr, recall@10",
)
TWINS = {"map": "map", "mrr": "recip_rank", "recall@10": "recall_10"}


def call(*words):
    return CliRunner().invoke(app, [*words, "--device", "cpu"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run; all facts of a few of babel's places, to be quick."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("queries", "passages", "judgements"):
            patch.setattr(Babel, name, few(getattr(Babel, name)))
        patch.chdir(folder)
        Path("f.yaml").write_text(SPEC)
        assert call("run", "f.yaml").exit_code == 0
    return folder


def few(records):
    def kept(self):
        for record in records(self):
            if "tower" in (getattr(record, "item", "") or getattr(record, "id", "")):
                yield record

    return kept


@pytest.fixture
def folder(finished, tmp_path, monkeypatch):
    """A copy of it, in which commands run."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in ("queries", "passages", "judgements"):
        monkeypatch.setattr(Babel, name, few(getattr(Babel, name)))
    return tmp_path


def refused(*words):
    """The one message of a user's mistake; nothing was written."""
    result = call("export", *words)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert not Path("out").exists()
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize("method", ["plain", "centered"])
def test_trec_eval_gives_the_stored_scores_of_what_is_exported(folder, method):
    assert call("export", "toy", method, "--to", "out", "--depth", "1000").exit_code == 0
    facts = json.loads(Path("out/export.json").read_text())
    assert (facts["method"], facts["seed"], facts["depth"]) == (method, 1, 1000)
    detail = json.loads((folder / "results/benchmarks/toy/resolved.json").read_text())
    scores = detail["evaluations"]["test"]["scores"][method]["1"]["folder"]
    rows = pq.read_table(folder / "results" / scores / "scores.parquet").to_pylist()
    judged = {}
    for pool in facts["runs"]["test"]:
        place = Path("out/trec/test")
        with (place / pool["run"]).open() as run, (place / pool["qrels"]).open() as qrels:
            found, truth = pytrec_eval.parse_run(run), pytrec_eval.parse_qrel(qrels)
        measures = {"map", "recip_rank", "recall.10"}
        judged[pool["name"]] = pytrec_eval.RelevanceEvaluator(truth, measures).evaluate(found)
    assert len(judged) == 9
    for row in rows:
        values = judged[row["pool"]][f"{row['query_language']}:{row['item']}"]
        assert all(abs(row[ours] - values[twin]) <= 1e-9 for ours, twin in TWINS.items())


def test_the_model_is_a_copy_and_the_run_as_deep_as_asked(folder):
    result = call("export", "toy", "plain", "--to", "new/out", "--depth", "7", "--dataset", "test")
    assert result.stdout == (
        "new/out/model: plain (seed 1), for SentenceTransformer, with a model card\n"
        "new/out/trec/test: 9 runs, each with its judgements, of depth 7, exact\n"
    )
    (model,) = Path("results/systems").glob("*/model")
    same = filecmp.dircmp(model, "new/out/model")
    assert (same.left_only, same.right_only, same.diff_files) == ([], ["README.md"], [])
    assert sorted(path.name for path in Path("new/out").iterdir()) == [
        "export.json",
        "model",
        "trec",
    ]
    fields = [line.split() for line in Path("new/out/trec/test/de.trec").read_text().splitlines()]
    assert [int(rank) for *_, rank, _, _ in fields] == [*range(1, 8)] * (len(fields) // 7)
    assert {tag for *_, tag in fields} == {"hbench-plain-s1-exact"}


def test_an_approximate_search_says_so_with_its_index_and_recall(folder):
    result = call("export", "toy", "plain", "--to", "out", "--index", "HNSW4")
    said = re.search(r"depth 100, approximate \(HNSW4\), recall (0\.\d+|1\.000) of", result.stdout)
    assert said is not None
    run = Path("out/trec/test/de.trec").read_text()
    assert run.splitlines()[0].endswith(" hbench-plain-s1-approximate-HNSW4")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tyo", "plain"], "results/benchmarks/tyo: no such benchmark here; did you mean 'toy'?"),
        (
            ["toy", "plian"],
            "toy: no method 'plian': did you mean 'plain'? Allowed: centered, plain",
        ),
        (["toy", "plain", "--seed", "4"], "--seed 4: plain has the seeds 1"),
        (["toy", "plain", "--dataset", "x"], "--dataset x: Allowed: test"),
        (["toy", "plain", "--index", "HNWS"], "index 'HNWS' cannot be built from "),
    ],
)
def test_a_wrong_choice_is_one_message(folder, words, message):
    assert message in refused(*words, "--to", "out")


def test_a_folder_that_holds_something_is_left_alone(folder):
    message = "--to results: is not an empty folder; give a new one"
    assert refused("toy", "plain", "--to", "results") == message
    assert refused("toy", "plain", "--to", "f.yaml").startswith("--to f.yaml: is not an empty")
    (folder / "empty").mkdir()
    assert call("export", "toy", "plain", "--to", "empty").exit_code == 0


def test_a_target_that_cannot_be_written_is_one_message(folder):
    assert refused("toy", "plain", "--to", "f.yaml/out").startswith("f.yaml/out: cannot be written")


@pytest.mark.parametrize("lost", ["cache", "data/babel-*", "systems/*/transforms/*/fitted.npz"])
def test_what_is_lost_is_made_by_the_command_that_the_message_names(folder, lost):
    for path in Path("results").glob(lost):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    message = refused("toy", "centered", "--to", "out")
    named = re.search(r"[wW]ith `rm -r (.+) && hbench run FILE --only toy`$", message)
    assert named is not None, message
    for name in named[1].split():
        shutil.rmtree(name)
    assert call("run", "f.yaml", "--only", "toy").exit_code == 0
    assert call("export", "toy", "centered", "--to", "out").exit_code == 0


@pytest.mark.parametrize("damage", ["lost", "changed", "manifest"])
def test_a_damaged_model_is_made_anew_by_the_commands_named_and_its_scores_stay(folder, damage):
    (system,) = Path("results/systems").iterdir()
    weights = system / "model" / "model.safetensors"
    content, before = weights.read_bytes(), times(system / "eval") | times(system / "transforms")
    if damage == "lost":
        shutil.rmtree(system / "model")
    else:
        path = weights if damage == "changed" else system / "manifest.json"
        path.write_bytes(path.read_bytes()[:-8] + bytes(8))
    message = refused("toy", "plain", "--to", "out")
    assert message.startswith(f"{system}: ")
    first, *then = re.findall(r"`hbench (.+?)`", message)
    assert first == "check --set-aside"
    assert then in (["run FILE --only toy"], ["run"])
    CliRunner().invoke(app, first.split())
    assert call("run", "f.yaml").exit_code == 0
    assert weights.read_bytes() == content
    assert times(system / "eval") | times(system / "transforms") == before
    assert call("export", "toy", "plain", "--to", "out").exit_code == 0


def test_a_model_that_is_gone_altogether_is_made_by_a_run(folder):
    (system,) = Path("results/systems").iterdir()
    (system / "manifest.json").unlink()
    message = refused("toy", "plain", "--to", "out")
    assert message == (
        f"{system}: no model of plain (seed 1); make it with `hbench run FILE --only toy`"
    )
    assert call("run", "f.yaml", "--only", "toy").exit_code == 0
    assert call("export", "toy", "plain", "--to", "out").exit_code == 0


def times(place):
    """When each file was written: what is made anew has another time."""
    return {path: path.stat().st_mtime_ns for path in place.rglob("*") if path.is_file()}


def test_damaged_vectors_are_not_exported(folder):
    for path in Path("results/cache/vectors").glob("*/*.safetensors"):
        path.write_bytes(path.read_bytes()[:-8] + bytes(8))
    message = refused("toy", "plain", "--to", "out")
    assert "what ranks test by plain (seed 1) is no longer there or damaged" in message


def test_scores_that_are_not_there_are_made_by_the_command_that_the_message_names(folder):
    (system,) = Path("results/systems").iterdir()
    shutil.rmtree(system / "eval")
    message = refused("toy", "plain", "--to", "out")
    assert message.endswith(
        "no scores of plain (seed 1) on test; make them with `hbench run FILE --only toy`"
    )
    assert call("run", "f.yaml", "--only", "toy").exit_code == 0
    assert call("export", "toy", "plain", "--to", "out").exit_code == 0
