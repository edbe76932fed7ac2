import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from unittest.mock import ANY

import hypothesis.strategies as st
import pytest
from hypothesis import given

from hbench import store as store_module
from hbench.errors import StoreError
from hbench.manifests import (
    FORMAT,
    MANIFEST,
    canonical,
    file_record,
    is_complete,
    is_intact,
    key_of,
    read_manifest,
)
from hbench.store import Store, as_json, slug

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=2), part),
    max_leaves=5,
)


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def test_a_folder_is_filled_with_its_files_and_a_manifest_of_their_sums(store):
    target = store.root / "systems" / "x"
    with store.writing(target, {"key": "k"}) as (folder, manifest):
        (folder / "model").mkdir()
        (folder / "model" / "a.txt").write_text("abc")
        (folder / "b.txt").write_text("")
        manifest["detail"] = {"n": 1}
        assert not target.exists()
    assert files(store.root) == [f"systems/x/{n}" for n in ("b.txt", MANIFEST, "model/a.txt")]
    assert read_manifest(target) == {
        "format": FORMAT,
        "key": "k",
        "detail": {"n": 1},
        "files": {
            "b.txt": {"bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()},
            "model/a.txt": {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()},
        },
    }
    assert is_complete(target)


def test_a_failure_while_filling_leaves_nothing(store):
    with pytest.raises(RuntimeError), store.writing(store.root / "x", {}) as (folder, _):
        (folder / "a").write_text("abc")
        raise RuntimeError
    assert files(store.root) == []
    assert list((store.root / "cache" / "unfinished").iterdir()) == []


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_kill_before_the_manifest_leaves_the_folder_incomplete(store, monkeypatch, moved):
    """Two files and the manifest are moved one by one; the process dies after some of them."""
    target = store.root / "x"
    replace = Path.replace
    done: list[Path] = []

    def dying(self, to):
        if len(done) == moved:
            raise KeyboardInterrupt
        done.append(to)
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", dying)
    with pytest.raises(KeyboardInterrupt), store.writing(target, {"key": "k"}) as (folder, _):
        (folder / "a").write_text("1")
        (folder / "b").write_text("2")
    assert files(store.root) == ["x/a", "x/b"][:moved]
    assert not is_complete(target)
    assert read_manifest(target) == {}
    monkeypatch.undo()
    with store.writing(target, {"key": "k"}) as (folder, _):
        (folder / "a").write_text("3")
    assert is_complete(target)


def test_what_an_earlier_filling_wrote_stays_listed(store):
    target = store.root / "x"
    for name in ("a", "b", "a"):
        with store.writing(target, read_manifest(target)) as (folder, _):
            (folder / name).write_text(f"{name}, again" if (target / name).exists() else name)
    listed = read_manifest(target)["files"]
    assert listed == {name: file_record(target / name) for name in ("a", "b")}


def test_a_file_is_synced_before_it_is_renamed_and_its_folder_after(store, monkeypatch):
    seen = []
    monkeypatch.setattr("hbench.store._sync", lambda path: seen.append(path.name))
    store.put(store.root / "very" / "deep", "x.txt", "é")
    new = ["results", "very"]  # a folder's name stands in the one above
    assert seen == [*new, "x.txt", "deep", MANIFEST, "deep"]
    assert (store.root / "very" / "deep" / "x.txt").read_bytes() == "é".encode()


def test_json_in_the_store_is_json():
    text = as_json({"b": [1.5, None], "a": "é"})
    assert text == '{\n "b": [\n  1.5,\n  null\n ],\n "a": "é"\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json([float("nan")])


def test_a_results_folder_that_is_a_file_is_a_store_error(tmp_path):
    (tmp_path / "results").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written .*--results"):
        Store(tmp_path / "results").put(tmp_path / "results" / "x", "y", "")


def test_a_target_that_cannot_be_written_is_a_store_error(store):
    (store.root / "benchmarks").parent.mkdir()
    (store.root / "benchmarks").write_text("in the way")
    with pytest.raises(StoreError, match=r"benchmarks/x/y.json: cannot be written"):
        store.put(store.benchmark("x"), "y.json", "")
    assert (store.root / "benchmarks").read_text() == "in the way"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_results_folder_is_a_store_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            Store(tmp_path).put(tmp_path / "x", "y", "")
    finally:
        tmp_path.chmod(0o700)


@given(st.text(min_size=1, max_size=150) | st.text("./\\%~: ", min_size=1))
def test_a_name_stays_one_visible_path_component(name):
    part = slug(name)
    assert part == Path(part).name
    assert not set(part) & set("/\\\0:")
    assert not part.startswith(".")
    assert part.isascii() and part.isprintable() and " " not in part
    assert 1 <= len(part) <= 102
    assert (Path("a") / part).resolve().parent == Path("a").resolve()


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_different_names_have_different_paths(a, b):
    assert (slug(a) == slug(b)) == (a == b)


def test_long_names_differ_and_fit_a_file_system():
    assert slug("语" * 100) != slug("语" * 99)
    assert len(slug("语" * 100)) == 100
    assert slug("a" * 100) == "a" * 100


def test_results_lie_where_the_manual_says():
    store, key = Store(Path("r")), "0123456789abcdef" * 4
    assert store.data("xquad-r", key) == Path("r/data/xquad-r-01234567")
    parts = ("labse", "mono", "in/fo")
    assert store.system(parts, 3, key) == Path("r/systems/labse-mono-in%2Ffo-s3-01234567")
    assert store.benchmark("..") == Path("r/benchmarks/%2E.")
    assert store.vectors(key) == Path("r/cache/vectors/0123456789abcdef")


@given(JSON, JSON)
def test_keys_differ_exactly_when_inputs_do(a, b):
    assert (key_of({"x": a}) == key_of({"x": b})) == (canonical(a) == canonical(b))
    assert len(key_of({"x": a})) == 64


def test_keys_do_not_depend_on_the_order_of_names():
    assert key_of({"a": 1, "b": [2, {"d": 1, "c": 1}]}) == key_of(
        {"b": [2, {"c": 1, "d": 1}], "a": 1}
    )
    assert key_of({"a": [1, 2]}) != key_of({"a": [2, 1]})
    assert key_of({"a": 1}) != key_of({"a": "1"})


def texts(folder):
    return {name: (folder / name).read_text() for name in files(folder) if name != MANIFEST}


@pytest.fixture
def filled(store):
    """A folder with two files, of which one can be made anew alone, and a folder in it."""
    target = store.root / "systems" / "x"
    manifest = {"key": "k", "scores": 3, "apart": {"b": ["scores"]}}
    with store.writing(target, manifest) as (folder, _):
        (folder / "a").write_text("one")
        (folder / "b").write_text("two")
    with store.writing(target / "eval" / "y", {}) as (folder, _):
        (folder / "c").write_text("three")
    return target


def test_a_damaged_folder_is_set_aside_without_the_folders_in_it(store, filled):
    (filled / "a").write_text("eno")
    store.put_aside(filled, "a")
    assert texts(filled) == {"eval/y/c": "three", f"eval/y/{MANIFEST}": ANY}
    assert is_complete(filled / "eval" / "y")
    assert not is_complete(filled)
    (place,) = (store.root / "cache" / "damaged").iterdir()
    assert files(place) == ["a", "b", MANIFEST]
    (line,) = store.told()
    assert line == f"{filled} was damaged (a); that lies in {place} now, and a run makes it anew"
    assert store.told() == []


def test_several_processes_that_find_one_damage_set_it_aside_once(store, filled):
    (filled / "a").write_text("eno")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store.put_aside(filled, "a"), range(4)))
    assert len(store.told()) == 1
    assert len(list((store.root / "cache" / "damaged").iterdir())) == 1


def test_a_kill_while_damage_is_set_aside_leaves_nothing_that_counts(store, filled, monkeypatch):
    (filled / "a").write_text("eno")
    moved: list[str] = []

    def dying(source, target):
        moved.append(source.name)
        source.replace(target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", dying)
    with suppress(KeyboardInterrupt):
        store.put_aside(filled, "a")
    assert moved == ["manifest.json"]
    assert not is_complete(filled)


def test_a_file_that_can_be_made_anew_alone_is_set_aside_alone(store, filled):
    (filled / "b").write_text("owt")
    store.put_aside(filled, "b")
    assert (filled / "a").read_text() == "one"
    assert not (filled / "b").exists()
    assert is_complete(filled)
    assert "scores" not in read_manifest(filled)
    assert list(read_manifest(filled)["files"]) == ["a"]


def test_what_is_sound_or_made_anew_meanwhile_is_not_set_aside(store, filled):
    store.put_aside(filled, "somebody said so")
    assert is_complete(filled)
    assert store.told() == []


def test_a_damaged_manifest_is_set_aside_when_the_folder_is_written_anew(store, filled):
    (filled / MANIFEST).write_text("{")
    with store.writing(filled, {"key": "k"}) as (folder, _):
        (folder / "a").write_text("new")
    assert texts(filled)["a"] == "new"
    assert list(read_manifest(filled)["files"]) == ["a"]
    assert len(store.told()) == 1


@pytest.mark.parametrize("again", [0, 1, 2, 3])
@pytest.mark.parametrize("moves", [1, 2, 3])
def test_a_kill_while_a_file_takes_the_place_of_another_leaves_the_old_or_the_new_one(
    store, filled, monkeypatch, moves, again
):
    """The manifest that knows of both, the file, the manifest: two processes die after some."""
    put_in_place = store_module.put_in_place
    holds = "two"
    for most, text in [(moves, "two, and more"), (again, "three")]:
        done: list[Path] = []

        def dying(source, target, done=done, most=most):
            if len(done) == most:
                raise KeyboardInterrupt
            done.append(target)
            put_in_place(source, target)

        with monkeypatch.context() as patched:
            patched.setattr(store_module, "put_in_place", dying)
            before = read_manifest(filled)
            with suppress(KeyboardInterrupt), store.writing(filled, before) as (new, _):
                (new / "b").write_text(text)
        holds = text if most > 1 else holds
        assert (filled / "b").read_text() == holds
        assert is_complete(filled)
        assert is_intact(filled)
    with store.writing(filled, read_manifest(filled)) as (new, _):
        (new / "b").write_text("at last")
    assert "next" not in read_manifest(filled)["files"]["b"]
    assert is_intact(filled)


def test_what_a_dead_process_left_unfinished_is_swept_and_what_a_living_one_has_is_not(store):
    with store.writing(store.root / "x", {}) as (living, _):
        dead = living.with_name("dead")
        dead.mkdir()
        (dead / "half").write_text("a")
        dead.with_suffix(".lock").write_text("")
        store.sweep()
        assert not dead.exists()
        assert living.exists()
    assert list(living.parent.iterdir()) == []


def test_several_writers_of_one_folder_keep_each_others_files(store):
    target = store.benchmark("x")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store.put(target, f"{n}.txt", str(n)), range(12)))
    assert texts(target) == {f"{n}.txt": str(n) for n in range(12)}
    assert len(read_manifest(target)["files"]) == 12
    assert is_intact(target)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        OSError("[Errno 28] Error writing bytes to file"),  # pyarrow
        RuntimeError('I/O error: Os { code: 28, kind: StorageFull, message: "No space left" }'),
        RuntimeError("Error while serializing: File too large (os error 27)"),  # safetensors
    ],
)
def test_a_full_disk_is_told_in_words_whichever_library_meets_it(store, error):
    target = store.root / "x"
    told = f"^{target}: cannot be written .*make room"
    with pytest.raises(StoreError, match=told), store.writing(target, {}):
        raise error
    assert not is_complete(target)


@pytest.mark.parametrize(
    "error", [RuntimeError("code: 280"), OSError(2, "No such file"), KeyError(28)]
)
def test_another_error_of_a_stage_stays_what_it_is(store, error):
    with pytest.raises(type(error)), store.writing(store.root / "x", {}):
        raise error
