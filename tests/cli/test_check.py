"""`hbench check` finds what is not what was written, and `--locked` what others wrote."""

import json

import pytest
from tests.toy_manifests import change_manifest
from typer.testing import CliRunner

from hbench import manifests
from hbench.cli import app
from hbench.store import Store

SPEC = """\
version: 1
benchmarks:
  toy:
    train: {data: {some: {use: babel, split: train}}, steps: 1, batch_size: 2}
    encoders: {tiny: {use: scratch, hidden: 8, layers: 1, vocabulary: 300}}
    samplers: {mono: {use: mono}}
    objectives: {infonce: {use: infonce}}
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono], metrics: [map]}
"""


def call(*words):
    manifests.forget_checks()  # as a new process
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Two complete folders, of which the second lies in the first."""
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "results")
    for folder in ("systems/x", "systems/x/eval/y"):
        with store.writing(store.root / folder, {"key": folder}) as (scratch, _):
            (scratch / "data").write_text("content")
    return store


def test_a_sound_folder_is_called_so(toy):
    done = call("check")
    assert done.stdout == "results: 2 folders, 2 files, 0.0 MB: all is as it was written\n"
    assert done.exit_code == 0


def test_damage_is_named_with_its_file_and_ends_with_exit_code_1(toy):
    (toy.root / "systems/x/data").write_text("c0ntent")
    done = call("check")
    first, last = done.stdout.splitlines()
    assert first == "damaged: results/systems/x: data: missing, or not what was written"
    assert last.startswith("results: 1 of 2 folders damaged (2 files, 0.0 MB). `hbench run` sets")
    assert done.exit_code == 1


def test_what_is_set_aside_is_damaged_no_more_and_is_told(toy):
    (toy.root / "systems/x/data").unlink()
    done = call("check", "--set-aside")
    assert done.exit_code == 1
    assert "results/systems/x was damaged (data: missing, or not what was written); that" in (
        done.stdout
    )
    again = call("check")
    assert again.exit_code == 0
    assert again.stdout.startswith("set aside earlier: results/cache/damaged/x-")
    assert "results: 1 folders, 1 files" in again.stdout


def test_files_that_no_manifest_knows_and_failures_are_told(toy):
    (toy.root / "systems/x/more").write_text("by hand")
    told = {"job": "train x", "message": "a\ntraceback\nValueError: no"}
    with toy.writing(toy.failure("f" * 64), told):
        pass
    lines = call("check").stdout.splitlines()
    assert lines[:2] == [
        "in no manifest: results/systems/x/more",
        "failed when last tried: train x: ValueError: no",
    ]


def test_without_a_results_folder_it_is_the_users_mistake(toy):
    done = call("check", "--results", "elsewhere")
    assert (done.exit_code, done.stderr) == (
        2, "error: elsewhere: no such folder; name one with --results\n",
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A benchmark that was run."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "f.yaml").write_text(SPEC)
    done = call("run", str(folder / "f.yaml"), "--results", str(folder / "results"))
    assert done.exit_code == 0, done.stderr
    return folder


def locked(folder):
    return call("run", str(folder / "f.yaml"), "--results", str(folder / "results"), "--locked")


def test_locked_takes_over_what_the_same_versions_made(finished):
    done = locked(finished)
    assert done.exit_code == 0
    assert "everything is done already" in done.stderr


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: m["provenance"]["versions"].update(torch="1.0"), "torch: 1.0 then, 2."),
        (lambda m: m["provenance"]["versions"].update(ranx=None), "ranx: not installed then, "),
        (lambda m: m["plugins"][0].update(distribution_version="9"),
         "encoder 'scratch' of hbench: 9 then, 0."),
    ],
)  # fmt: skip
def test_locked_refuses_what_other_versions_made(finished, change, told):
    (manifest,) = finished.glob("results/systems/*/manifest.json")
    before = manifest.read_text()
    try:
        content = json.loads(before)
        change(content)
        manifest.write_text(json.dumps(manifests.signed(content)))
        done = locked(finished)
        assert done.exit_code == 2
        assert f"  {told}" in done.stderr
        assert f"(in {manifest.parent})" in done.stderr
        assert "leave --locked away" in done.stderr
    finally:
        manifest.write_text(before)


def test_locked_looks_at_scores_that_were_added_later(finished):
    (scores,) = finished.glob("results/systems/*/eval/*/manifest.json")
    before = scores.read_text()
    versions = {"versions": {"numpy": "1.0"}}
    try:
        content = json.loads(before)
        content["scored"].update(versions)
        scores.write_text(json.dumps(manifests.signed(content)))
        assert "  numpy: 1.0 then, " in locked(finished).stderr
    finally:
        scores.write_text(before)


def test_a_manifest_tells_versions_git_and_no_more_of_the_environment_than_is_allowed(
    tmp_path, monkeypatch
):
    (tmp_path / "f.yaml").write_text(SPEC)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws_secret")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    results = tmp_path / "results"
    assert call("run", str(tmp_path / "f.yaml"), "--results", str(results)).exit_code == 0
    for path in results.rglob("*"):
        assert not path.is_file() or b"_secret" not in path.read_bytes(), path
    (manifest,) = results.glob("systems/*/manifest.json")
    told = json.loads(manifest.read_text())["provenance"]
    assert told["environment"]["PYTHONHASHSEED"] == "7"
    assert set(told["git"]) == {"hbench", "here"}
    assert told["versions"]["torch"]


def test_results_of_a_later_hbench_are_refused_in_words(toy):
    change_manifest(toy.root / "systems/x", lambda manifest: manifest)
    path = toy.root / "systems/x/manifest.json"
    content = json.loads(path.read_text()) | {"format": 99}
    del content["sum"]
    path.write_text(json.dumps(content | {"sum": manifests.key_of(content)}))
    done = call("check")
    assert done.exit_code == 2
    assert "is in format 99, written by hbench another version" in done.stderr
