"""A results folder that somebody sent: it runs nothing, deletes nothing, and hands nothing on."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from tests.cli.calling import call, refused
from tests.security.attacks import Opens
from tests.toy_manifests import change_manifest, write_manifest
from tests.toy_results import resolved, write_benchmark, write_scores

from hbench.errors import StoreError, shown
from hbench.exporter import Choice, chosen_system
from hbench.manifests import MANIFEST, read_manifest, signed
from hbench.ranks import Beats
from hbench.stages.fit import FILE, read_fitted
from hbench.store import Store


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with results, and beside them a file that is nobody's business."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_scores(Path("results"))
    write_benchmark(Path("results"), resolved())
    (tmp_path / "private").write_text("secret")
    return folder


def pickled_arrays(path, names, marker):
    """An .npz whose arrays hold an object that runs code when it is unpickled."""
    evil = np.empty(1, object)
    evil[0] = Opens(marker)
    arrays: dict[str, np.ndarray] = dict.fromkeys(names, evil)
    np.savez(path, allow_pickle=True, **arrays)


def test_arrays_are_never_unpickled(tmp_path, marker):
    pickled_arrays(tmp_path / "beats.npz", ("query", "passage", "grade", "beats"), marker)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Beats.read(tmp_path / "beats.npz")
    pickled_arrays(tmp_path / FILE, ("mean",), marker)
    write_manifest(tmp_path, {})
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_fitted(tmp_path)


def test_scores_that_are_a_pickle_are_no_scores(work, marker):
    scores = Path("results/systems/good1/e")
    (scores / "scores.parquet").write_bytes(pickle.dumps(Opens(marker)))
    change_manifest(scores, lambda manifest: manifest)  # with sums that fit
    message = refused("compare")
    assert message.startswith("results/systems/good1/e/scores.parquet: ")


def test_the_arrays_are_a_fair_attack(tmp_path):
    path = tmp_path / "run"
    content = io.BytesIO()
    pickled_arrays(content, ("x",), path)
    content.seek(0)
    np.load(content, allow_pickle=True)["x"][0].close()
    assert path.exists()


def test_a_report_removes_no_files_but_its_own_figures(work):
    figures = Path("results/benchmarks/toy/figures")
    figures.mkdir(parents=True)
    (figures / "old.svg").write_text("<svg/>")
    record = {"bytes": 6, "sha256": "0" * 64}
    names = ["../../../../../private", str(work.parent / "private"), "old.svg", "../resolved.json"]
    write_manifest(figures, {})
    change_files(figures, dict.fromkeys(names, record))
    detail = resolved()
    detail["spec"] = {}
    write_benchmark(Path("results"), detail)
    result = call("report")
    assert result.exit_code == 0, result.output
    assert (work.parent / "private").read_text() == "secret"
    assert Path("results/benchmarks/toy/resolved.json").exists()
    assert not (figures / "old.svg").exists()


def change_files(folder, files):
    """A manifest that lists files of the attacker's choice, and is signed as hbench would."""
    content = signed({**read_manifest(folder), "files": files})
    (folder / MANIFEST).write_text(json.dumps(content))


def good(folder):
    """A system to export, whose folder is the attacker's choice."""
    detail = resolved()
    detail["methods"][0]["systems"]["1"]["folder"] = str(folder)
    detail["evaluations"]["test"]["scores"]["good"]["1"]["folder"] = str(folder)
    return chosen_system(detail, Choice("good"), Store(Path("results")))


@pytest.mark.parametrize("place", ["../other", "systems/../../other", "/absolute"])
def test_an_export_copies_nothing_from_elsewhere(work, place):
    place = str(work / "other") if place == "/absolute" else place
    Path("other/model").mkdir(parents=True)
    write_manifest(Path("other"), {"key": "good1"})
    system = good(place)
    for ask in (system.model, lambda: system.ranking("test")):
        with pytest.raises(StoreError) as caught:
            ask()
        assert str(caught.value) == (
            f"results/benchmarks/toy: names the folder {shown(place)}, outside of the results; "
            "run the benchmark anew: `hbench run FILE --only toy`"
        )


@pytest.mark.parametrize("part", ["files", "apart"])
def test_setting_damage_aside_moves_nothing_from_elsewhere(work, part):
    folder = Path("results/systems/good1")
    record = {"bytes": 1, "sha256": "0" * 64}
    name = "../../../private"
    content = {"files": {name: record}, "apart": {name: []}} if part == "apart" else {
        "files": {name: record}}  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps(signed(content)))
    done = call("check", "--set-aside")
    assert f"names {shown(name)}, which lies elsewhere" in done.stdout
    assert (work.parent / "private").read_text() == "secret"


def test_a_link_in_a_model_hands_nothing_on(work):
    folder = Path("results/systems/good1")
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    write_manifest(folder, {"key": "good1"})
    assert good("systems/good1").model() == model
    (model / "config.txt").symlink_to("config.json")  # inside: nothing is handed on
    assert good("systems/good1").model() == model
    (model / "notes.txt").symlink_to(work.parent / "private")
    with pytest.raises(StoreError, match=r"model/notes\.txt: leads to .*, which would be exported"):
        good("systems/good1").model()


def test_a_model_that_is_itself_a_link_hands_nothing_on(work):
    Path("other").mkdir()
    Path("other/config.json").write_text("{}")
    folder = Path("results/systems/good1")
    (folder / "model").symlink_to(work / "other")
    write_manifest(folder, {"key": "good1"})
    with pytest.raises(StoreError, match=r"model/config\.json: leads to "):
        good("systems/good1").model()
