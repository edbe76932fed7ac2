"""A manifest tells whether a folder is what was written, and itself."""

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.toy_manifests import change_manifest, write_manifest

from hbench import manifests
from hbench.errors import Damaged, StoreError
from hbench.manifests import (
    FORMAT,
    MANIFEST,
    check,
    damage,
    forget_checks,
    is_complete,
    is_intact,
    key_of,
    read_manifest,
    signed,
)


@pytest.fixture
def folder(tmp_path):
    """A folder with two files."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a").write_text("one")
    (tmp_path / "x" / "b").write_text("two")
    write_manifest(tmp_path / "x", {"key": "k", "n": 1.5})
    return tmp_path / "x"


def test_a_manifest_holds_its_format_and_a_sum_of_all_the_rest():
    assert signed({"key": "k", "sum": "old"}) == {
        "key": "k",
        "format": FORMAT,
        "sum": key_of({"key": "k", "format": FORMAT}),
    }


@given(st.data())
def test_no_flipped_byte_of_a_manifest_changes_what_it_says(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("x")
    write_manifest(folder, {"key": "k", "detail": {"n": [1, 2.5, None], "text": "é"}})
    path = folder / MANIFEST
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    before = read_manifest(folder)
    path.write_bytes(content)
    try:
        assert read_manifest(folder) == before
    except Damaged as error:
        assert error.folder == folder
        assert not is_complete(folder)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "3",
        "\xff",
        "{}",
        '{"format": 1}',
        "[" * 10**5,
        '{"n": 1e2345}',
        r'{"n": "\ud800"}',
    ],
)
def test_what_is_no_manifest_is_damage_that_names_the_folder(tmp_path, content):
    (tmp_path / MANIFEST).write_text(content, encoding="latin-1")
    with pytest.raises(
        Damaged, match=f"^{tmp_path}: damaged .*moves it away, then .*makes it anew"
    ):
        read_manifest(tmp_path)
    assert damage(tmp_path) == ([MANIFEST], {})
    assert not is_complete(tmp_path)


def test_a_folder_without_manifest_has_none_and_is_no_damage(tmp_path):
    assert (read_manifest(tmp_path), is_complete(tmp_path)) == ({}, False)
    assert damage(tmp_path) == ([], {})


def test_a_manifest_of_another_format_is_refused_in_words_and_not_called_damaged(folder):
    content = read_manifest(folder) | {"format": 2, "provenance": {"versions": {"hbench": "3.0"}}}
    (folder / MANIFEST).write_text(json.dumps(content | {"sum": key_of(content)}))
    for look in (read_manifest, is_complete, check, damage):
        with pytest.raises(
            StoreError, match=r"is in format 2, written by hbench 3\.0, and this one"
        ):
            look(folder)


def test_a_missing_file_or_one_of_another_size_makes_a_folder_incomplete(folder):
    assert is_complete(folder)
    (folder / "b").write_text("three")
    assert not is_complete(folder)
    (folder / "b").unlink()
    assert not is_complete(folder)
    assert damage(folder)[0] == ["b"]


def test_a_file_of_the_same_size_is_found_by_its_sum(folder):
    (folder / "a").write_text("eno")
    assert is_complete(folder)
    assert not is_intact(folder)
    with pytest.raises(Damaged, match="a: missing, or not what was written"):
        check(folder)
    check(folder, ["b"])
    with pytest.raises(Damaged):
        check(folder)  # the one file that is sound says nothing of the other


def test_a_file_that_another_process_renews_meanwhile_is_no_damage(folder, monkeypatch):
    has_sum = manifests._has_sum

    def renewed(path, record):
        if path.read_text() == "one":
            path.write_text("eno")
            change_manifest(folder, lambda manifest: manifest)
        return has_sum(path, record)

    monkeypatch.setattr(manifests, "_has_sum", renewed)
    assert damage(folder)[0] == []
    assert (folder / "a").read_text() == "eno"


def test_what_a_process_has_checked_it_does_not_read_again_unless_the_manifest_changes(folder):
    check(folder)
    (folder / "a").write_text("eno")
    check(folder)
    change_manifest(folder, lambda manifest: manifest | {"n": 2})  # now with the sum of "eno"
    check(folder)
    (folder / "a").write_text("one")
    check(folder)
    forget_checks()
    with pytest.raises(Damaged):
        check(folder)
