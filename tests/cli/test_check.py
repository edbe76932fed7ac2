"""`hbench check` finds what is not what was written, and `--locked` what others wrote."""

import json

import pytest
from tests.toy_manifests import change_manifest
from tests.toy_spec import toy_spec
from typer.testing import CliRunner

from hbench import manifests
from hbench.cli import app
from hbench.store import Store


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
    assert last == (
        "results: 1 of 2 folders damaged (2 files, 0.0 MB); `hbench check --set-aside` moves them "
        "away, then `hbench run` makes anew what it needs of them"
    )
    assert done.exit_code == 1


def test_what_is_set_aside_is_damaged_no_more_and_is_told(toy):
    (toy.root / "systems/x/data").unlink()
    done = call("check", "--set-aside")
    assert done.exit_code == 1
    _, count, moved = done.stdout.splitlines()
    assert "--set-aside" not in count
    assert moved.startswith(
        "results/systems/x was damaged (data: missing, or not what was written); that lies in "
    )
    again = call("check")
    assert again.exit_code == 0
    assert again.stdout.startswith("set aside earlier: results/cache/damaged/x-")
    assert "results: 1 folders, 1 files" in again.stdout


def test_a_folder_of_many_files_that_was_set_aside_is_one_line(toy):
    with toy.writing(toy.root / "data/z", {}) as (scratch, _):
        for name in "abc":
            (scratch / name).write_text("content")
    (toy.root / "data/z/a").write_text("c0ntent")
    call("check", "--set-aside")
    (place,) = (toy.root / "cache/damaged").iterdir()
    lines = call("check").stdout.splitlines()
    assert lines[:-1] == [f"set aside earlier: results/cache/damaged/{place.name}"]


def test_where_nothing_is_damaged_nothing_is_said_of_setting_aside(toy):
    assert call("check", "--set-aside").stdout == call("check").stdout


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
    (folder / "f.yaml").write_text(toy_spec())
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


def test_locked_looks_at_the_vectors_of_an_encoding_that_did_not_end(finished):
    rows = sorted(finished.glob("results/systems/*/eval/*/manifest.json"))
    half, *others = sorted(finished.glob("results/cache/vectors/*/manifest.json"))
    before = {path: path.read_text() for path in (*rows, half, *others)}
    try:
        for path in (*rows, *others):
            path.unlink()
        content = json.loads(before[half])
        content["provenance"]["versions"]["torch"] = "1.0"
        half.write_text(json.dumps(manifests.signed(content)))
        done = locked(finished)
        assert done.exit_code == 2
        assert "  torch: 1.0 then, " in done.stderr
        assert f"(in {half.parent})" in done.stderr
    finally:
        for path, text in before.items():
            path.write_text(text)


def test_a_manifest_tells_versions_git_and_no_more_of_the_environment_than_is_allowed(
    tmp_path, monkeypatch
):
    (tmp_path / "f.yaml").write_text(toy_spec())
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
