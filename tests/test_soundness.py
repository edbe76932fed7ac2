"""A results folder is examined while runs change it."""

import os
import shutil
from pathlib import Path

import pytest

from hbench.soundness import NO_RESULTS, examine
from hbench.store import Store


@pytest.fixture
def store(tmp_path):
    """One complete folder."""
    return filled(Store(tmp_path), "systems/x")


def filled(store, folder):
    with store.writing(store.root / folder, {"key": folder}) as (scratch, _):
        (scratch / "data").write_text("content")
    return store


def remove_y(path):
    if path.name == "y":
        shutil.rmtree(path)


def scanning(monkeypatch, told):
    """Tells each folder right before it is listed."""
    scandir = os.scandir

    def telling(path):
        if isinstance(path, str | Path):  # shutil.rmtree gives a number
            told(Path(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", telling)


def test_a_folder_that_is_removed_before_it_is_listed_is_not_missed(store, monkeypatch):
    filled(store, "cache/checkpoints/y")
    scanning(monkeypatch, remove_y)
    found = examine(store)
    assert (found.folders, found.damaged, found.unknown) == (1, [], [])


def test_a_folder_that_is_removed_after_it_is_listed_is_neither_damaged_nor_unknown(store):
    filled(store, "cache/checkpoints/y")
    found = examine(store, remove_y)
    assert (found.files, found.damaged, found.unknown) == (1, [], [])


def test_a_folder_that_comes_meanwhile_is_not_unknown(store):
    found = examine(store, lambda folder: filled(store, "systems/later"))
    assert (found.folders, found.unknown) == (1, [])


def test_what_holds_no_results_is_not_even_listed(store, monkeypatch):
    for parts in NO_RESULTS:
        place = store.root.joinpath(*parts, "deep")
        place.mkdir(parents=True)
        (place / "file").write_text("anything")
    listed: list[Path] = []
    scanning(monkeypatch, listed.append)
    found = examine(store)
    assert found.unknown == []
    assert store.root / "systems" / "x" in listed
    inside = {"deep", *(parts[-1] for parts in NO_RESULTS)} - {"damaged"}  # whose folders are told
    assert not inside & {path.name for path in listed}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"job": "train x", "message": ""}, ("train x", "no reason given")),
        ({"job": "train x", "message": "why\n"}, ("train x", "why")),
        ({"message": "why"}, ("f" * 16, "why")),
        ({"job": "train x"}, ("train x", "no reason given")),
    ],
)
def test_a_failure_that_says_little_is_told_all_the_same(store, told, line):
    with store.writing(store.root / "failures" / ("f" * 16), told):
        pass
    assert examine(store).failures == [line]
