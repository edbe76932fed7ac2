"""Names from specs, data and plugins never lead out of the folder in which their files lie."""

from pathlib import Path

import pytest
from tests.cli.calling import call, refused
from tests.cli.test_export import few
from tests.security.attacks import files_below

from hbench import downloads
from hbench.errors import DataError, PluginError
from hbench.records import Remote
from hbench.store import Store
from hbench_plugins.datasets.babel import Babel

LEAVING = ["../../x", "/x", "..", "a/../../x", "..\\x", "C:x", "\0x", ""]
KEY = "0123456789abcdef" * 4
SPEC = """
version: 1
benchmarks:
  ../../benchmark:
    encoders: {../../encoder: {use: huggingface, model: MODEL}}
    samplers: {../../sampler: {use: none}}
    evaluate:
      ../../evaluation:
        data: {use: babel, split: test}
        settings: [mono, {name: ../../setting, pool: [de, en]}]
        metrics: [map]
"""


@pytest.mark.parametrize("name", [name for name in LEAVING if name])
def test_every_place_in_the_results_is_below_them(name):
    store = Store(Path("results"))
    places = [
        store.data(name, KEY),
        store.leakage(name, KEY),
        store.system((name, name, name), 1, KEY),
        store.benchmark(name),
    ]
    for place in places:
        assert len(place.parts) == 3 and not {"..", ""} & {*place.parts}
        assert not {"\\", "\0", ":"} & set(str(place))


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder, three deep, in which commands run; babel is small there."""
    for name in ("queries", "passages", "judgements"):
        monkeypatch.setattr(Babel, name, few(getattr(Babel, name)))
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return tmp_path


@pytest.mark.filterwarnings("ignore:builtin type .*:DeprecationWarning")  # faiss's own
def test_names_of_a_spec_stay_below_the_results_and_the_export(work, model):
    Path("f.yaml").write_text(SPEC.replace("MODEL", str(model)))
    export = ("export", "../../benchmark", "../../sampler", "--to", "out", "--device", "cpu")
    for words in (("run", "f.yaml", "--device", "cpu"), ("compare",), ("report",), export):
        result = call(*words)
        assert result.exit_code == 0, result.output
    assert sorted(path.name for path in Path().iterdir()) == ["f.yaml", "out", "results"]
    assert files_below(work)[:4] == ["a", "a/b", "a/b/c", "a/b/c/f.yaml"]
    assert all(name.startswith("a/b/c/") for name in files_below(work)[3:])


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd"])
def test_a_dataset_that_is_a_path_is_no_dataset(work, name):
    assert refused("data", name).startswith(f"no dataset is named {name!r}")
    asked = refused("data", "ir-datasets", "--set", f"id={name}")
    assert asked.startswith(f"ir_datasets knows no dataset {name!r}")
    Path("f.yaml").write_text(SPEC.replace("use: babel", f"use: {name}", 1))
    assert f"no dataset is named {name!r}" in refused("plan", "f.yaml")
    assert files_below(work) == ["a", "a/b", "a/b/c", "a/b/c/f.yaml"]


def test_a_new_plugins_name_is_no_path(work):
    assert refused("new", "sampler", "../../x").startswith("NAME is '../../x': did you mean 'x'?")
    assert files_below(work) == ["a", "a/b", "a/b/c"]


@pytest.mark.parametrize("name", [*LEAVING, "a/..", "x\x1b[2J", "x\ny"])
@pytest.mark.parametrize("is_offline", ["", "1"])
def test_a_plugin_cannot_have_a_file_downloaded_to_elsewhere(
    tmp_path, monkeypatch, name, is_offline
):
    monkeypatch.setenv("HBENCH_OFFLINE", is_offline)
    monkeypatch.setenv("HBENCH_DATA", str(tmp_path / "own"))
    monkeypatch.setattr(downloads, "_folder", tmp_path / "downloads")
    remote = Remote(name, ("https://example.org/x",), "0" * 64, 1, "CC0")
    for ask in (downloads.local, downloads.fetch, lambda each: downloads.require([each])):
        with pytest.raises(PluginError, match="which is no path below a folder"):
            ask(remote)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("tag", LEAVING)
def test_a_language_of_a_dataset_is_no_path(toy_dataset, stored, tag):
    asked = [("q", tag, "who?")]
    with pytest.raises(DataError, match="is no BCP 47 language tag"):
        stored(toy_dataset([tag], asked, [("p", tag, "Ann")], [("q", tag, "p")]))


def test_ids_of_items_and_passages_name_no_files(toy_dataset, stored):
    evil = "../../x"
    corpus = stored(toy_dataset(["de"], [(evil, "de", "wer?")], [(evil, "de", "er")],
                                [(evil, "de", evil)]))  # fmt: skip
    assert [*corpus.table("items")["item"].to_pylist()] == [evil]
    assert not (corpus.folder.parent.parent / "x").exists()
