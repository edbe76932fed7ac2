"""What a report tells, collected from a results folder by hand; see ``toy_results``."""

import json
import shutil

import pytest
from tests.toy_manifests import write_manifest
from tests.toy_results import CLAIM, METHODS, resolved, write_benchmark, write_scores
from typer.testing import CliRunner

from hbench.cli import app
from hbench.stages import compare, data, report, verify
from hbench.store import Store

LOSSES = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]
DETAIL = {"steps": 2, "seconds": 1.5, "parameters": 10, "notes": []}
LONG = "x" * 300


def dataset(toy_dataset, *, parallel=True):
    """Question q1 is asked in English alone, q2 in both languages, if the data is parallel."""
    german = "q2" if parallel else "de:q2"
    return toy_dataset(
        tags=("de", "en"),
        asked=(("q1", "en", "Who?", "c"), ("q2", "en", "Where?", "c"), (german, "de", LONG, "c")),
        told=(("p1", "en", "Ann."), ("p2", "en", "Rome."), ("p2", "de", "Rom.")),
        judged=(("q1", "en", "p1", 1), ("q2", "en", "p2", 1), (german, "de", "p2", 1)),
        parallel=parallel,
    )


@pytest.fixture
def root(tmp_path, toy_dataset):
    """A results folder with scores, trainings and data."""
    write_scores(tmp_path)
    store = Store(tmp_path)
    for number, method in enumerate(METHODS):
        for seed in "12":
            record = {"device": "cpu", "versions": {"torch": f"2.{number // 2}", "ranx": None}}
            folder = tmp_path / "systems" / f"{method}{seed}"
            manifest = {"detail": DETAIL, "provenance": record}
            with store.writing(folder, manifest) as (scratch, _):
                lines = "".join(json.dumps(point) + "\n" for point in LOSSES)
                (scratch / "train.jsonl").write_text(lines)
    with store.writing(tmp_path / "data" / "toy", {}) as (scratch, manifest):
        manifest["detail"] = data.run(dataset(toy_dataset), scratch)
    write_benchmark(tmp_path, detail())
    return tmp_path


def detail():
    found = resolved()
    found["training"] = {"own": "data/toy"}
    found["evaluations"]["test"]["folder"] = "data/toy"
    babel = {"use": "babel", "split": "test"}
    found["spec"] |= {
        "says": "is it so?",
        "claims": [
            CLAIM | {"method": {"sampler": "good"}, "better_than": {"sampler": "worse"}},
            {"says": "a fact", "languages": 2},
        ],
        "train": {"data": {"own": {**babel, "weight": 1.0, "split": "train"}}},
        "evaluate": {"test": {"data": babel}},
    }
    return found


def tell(root, found=None):
    found = found or detail()
    comparison = compare.run(found, root)
    claims = verify.run(found, comparison, root)
    return report.run(found, comparison, claims, compare.missing(found, root), root)


def test_figures_and_verdicts_are_those_of_their_stages(root):
    told = tell(root)
    assert (told.benchmark, told.says) == ("toy", "is it so?")
    assert told.comparison == compare.run(detail(), root)
    assert [claim["claim"] for claim in told.claims] == ["less bias", "a fact"]
    assert told.cells["test"]["multi"] == [("de", "de+en"), ("en", "de+en")]
    assert (told.missing, told.gaps) == ([], [])


def test_every_system_brings_its_curve_and_what_it_cost(root):
    told = tell(root)
    assert [(s.method, s.seed) for s in told.systems] == [
        (method, seed) for method in METHODS for seed in "12"
    ]
    assert (told.systems[0].log, told.systems[0].detail) == (LOSSES, DETAIL)
    assert told.systems[0].device == "cpu"


def test_values_of_the_surroundings_name_the_jobs_that_had_them(root):
    found = tell(root).surroundings
    assert found["device"] == {"cpu": [f"training {m} (seed {s})" for m in METHODS for s in "12"]}
    assert {value: len(jobs) for value, jobs in found["torch"].items()} == {"2.0": 4, "2.1": 2}
    assert "ranx" not in found


def test_data_has_its_counts_its_licence_and_an_example_that_all_languages_share(root):
    evaluated, trained = tell(root).data
    assert (evaluated.role, evaluated.name, evaluated.use) == ("evaluation", "test", "babel")
    assert (trained.role, trained.name) == ("training", "own")
    assert evaluated.licence == "Apache-2.0"
    assert evaluated.counts == {"items": 2, "clusters": 1, "judgements": 3}
    assert evaluated.parallel is True
    german, english = evaluated.languages
    assert (english.tag, english.queries, english.passages) == ("en", 2, 2)
    assert english.example == "Where?"
    assert german.example == "x" * report.LONGEST + "…"


def test_data_that_is_not_parallel_shows_the_first_question_of_each_language(root, toy_dataset):
    shutil.rmtree(root / "data" / "toy")
    with Store(root).writing(root / "data" / "toy", {}) as (scratch, manifest):
        manifest["detail"] = data.run(dataset(toy_dataset, parallel=False), scratch)
    evaluated = tell(root).data[0]
    assert [language.example for language in evaluated.languages] == [f"{LONG[:240]}…", "Who?"]
    assert evaluated.parallel is False


def test_what_is_gone_is_told_and_nothing_fails(root):
    shutil.rmtree(root / "data")
    shutil.rmtree(root / "systems" / "good1")
    (root / "systems" / "good2" / "train.jsonl").unlink()
    (root / "systems" / "same1" / "train.jsonl").write_text("{")
    told = tell(root)
    assert told.missing == ["good (seed 1) on test"]
    assert told.gaps == [
        "good (seed 1): its folder is not there, nor what its training cost",
        "good (seed 2): its loss curve (train.jsonl) cannot be read",
        "same (seed 1): its loss curve (train.jsonl) cannot be read",
        "test (evaluation data): its folder is not there, nor its counts and examples",
        "own (training data): its folder is not there, nor its counts and examples",
    ]
    assert told.data[0].languages == []
    assert told.data[0].parallel is None


def test_a_loss_curve_of_which_a_digit_has_changed_is_not_drawn(root):
    path = root / "systems" / "good1" / "train.jsonl"
    path.write_text(path.read_text().replace("2.0", "9.0"))
    told = tell(root)
    assert told.gaps == ["good (seed 1): its loss curve (train.jsonl) cannot be read"]
    assert told.systems[0].log == []


def test_texts_that_are_gone_leave_the_counts(root):
    (root / "data" / "toy" / "queries-en.arrow").unlink()
    told = tell(root)
    assert [language.queries for language in told.data[0].languages] == [1, 2]
    assert told.gaps[0] == (
        "test (evaluation data): its texts cannot be read, so no examples are shown"
    )


def test_a_plugin_that_is_not_installed_leaves_the_licence_unknown(root):
    found = detail()
    found["spec"]["evaluate"]["test"]["data"] = {"use": "elsewhere"}
    told = tell(root, found)
    assert told.data[0].licence is None
    assert told.gaps[0].startswith("test (evaluation data): its licence is not known")


def test_an_untrained_method_has_no_curve_that_could_be_missed(root):
    write_manifest(root / "systems" / "good1", {"detail": {"parameters": 3}})
    told = tell(root)
    assert told.gaps == []
    assert told.systems[0].log == []


def test_the_fingerprint_is_of_the_work_and_not_of_its_names(root):
    first = tell(root).fingerprint
    renamed = detail()
    renamed["benchmark"] = "other"
    renamed["spec"]["says"] = "other"
    assert tell(root, renamed).fingerprint == first
    other = detail()
    other["methods"][0]["systems"]["1"]["key"] = "other"
    assert tell(root, other).fingerprint != first


def run(root):
    return CliRunner().invoke(app, ["report", "--results", str(root)])


def test_the_command_writes_a_page_and_figures_and_says_where(root):
    result = run(root)
    folder = root / "benchmarks" / "toy"
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        str(folder / "report.html"), f"{folder / 'figures'} (6 files)"
    ]  # fmt: skip
    assert sorted(path.name for path in (folder / "figures").iterdir()) == [
        "bias-test-rank_distance.pdf", "bias-test-rank_distance.svg", "loss.pdf", "loss.svg",
        "manifest.json", "mono-multi-test.pdf", "mono-multi-test.svg",
    ]  # fmt: skip
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_command_again_writes_the_same_bytes_and_keeps_what_is_not_its_own(root):
    folder = root / "benchmarks" / "toy"
    run(root)
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "figures" / "own.svg").write_text("mine")
    run(root)
    assert {path: path.read_bytes() for path in first} == first
    assert (folder / "figures" / "own.svg").read_text() == "mine"


def test_a_figure_that_is_no_longer_drawn_is_removed(root):
    run(root)
    for seed in "12":
        for method in METHODS:
            (root / "systems" / f"{method}{seed}" / "train.jsonl").unlink()
    result = run(root)
    assert "note: toy: good (seed 1): its loss curve (train.jsonl) cannot be read" in result.stderr
    assert not list((root / "benchmarks" / "toy" / "figures").glob("loss.*"))


@pytest.mark.parametrize("name", ["loss.svg", "manifest.json"])
def test_damaged_figures_are_set_aside_and_drawn_anew(root, name):
    run(root)
    figures = root / "benchmarks" / "toy" / "figures"
    before = {path: path.read_bytes() for path in figures.iterdir()}
    (figures / name).write_text("damaged")
    result = run(root)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"note: {figures} was damaged ({name}); that lies in ")
    assert {path: path.read_bytes() for path in figures.iterdir()} == before
    assert [path.read_text() for path in root.glob(f"cache/damaged/figures-*/{name}")] == [
        "damaged"
    ]


def test_the_command_names_what_is_missing(root):
    shutil.rmtree(root / "systems" / "good1" / "e")
    result = run(root)
    assert result.exit_code == 0
    assert "missing: toy: good (seed 1) on test; run it again" in result.stderr


def test_another_name_is_the_users_mistake(root):
    result = CliRunner().invoke(app, ["report", "tyo", "--results", str(root)])
    assert result.exit_code == 2
    assert "did you mean 'toy'?" in result.stderr
