"""Tokens come out of the cache exactly where the same tokenizer saw the same texts."""

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from tests.training.toy_training import toy_model, toy_texts

from hbench import tokens
from hbench.manifests import read_manifest
from hbench.records import Tokenized
from hbench.store import Store
from hbench.tokens import Tokens, cached_tokens, tokenize
from hbench_plugins.encoders.scratch import Scratch
from hbench_plugins.encoders.transformer import Text

TEXTS = ["one two", "three", "", "four five six seven", "one two"]
IDS = [[3, 3], [5], [], [4, 4, 3], [3, 3]]  # the fourth is cut


class Splitter:
    """A tokenizer that gives each word its length, and three words at most."""

    def __init__(self):
        self.calls = []

    def tokenizer_key(self, side):
        return "words"

    def tokenize(self, texts, side):
        self.calls.append(list(texts))
        ids = [[len(word) for word in text.split()] for text in texts]
        return Tokenized([text[:3] for text in ids], sum(len(text) > 3 for text in ids))


def splitter() -> Any:
    """As much of a model as is asked for here."""
    return Splitter()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def lists(found):
    return [text.tolist() for text in found]


def folders(store):
    return sorted(path.parent.name for path in store.root.rglob("tokens.arrow"))


def test_each_text_has_its_ids_in_one_flat_array():
    found = tokenize(splitter(), TEXTS, "query")
    assert lists(found) == IDS
    assert found.ids.tolist() == [3, 3, 5, 4, 4, 3, 3, 3]
    assert found.starts.tolist() == [0, 2, 3, 3, 6, 8]
    assert found.lengths.tolist() == [2, 1, 0, 3, 2]
    assert len(found) == 5
    assert found.cut == 1
    assert [found.ids.dtype, found.starts.dtype] == ["int32", "int64"]


@pytest.mark.parametrize("chunk", [1, 2, 5, 100])
def test_the_size_of_the_chunks_does_not_matter(chunk, monkeypatch):
    monkeypatch.setattr(tokens, "CHUNK", chunk)
    words = splitter()
    found = tokenize(words, TEXTS, "query")
    assert (lists(found), found.cut) == (IDS, 1)
    assert [len(call) for call in words.calls] == [min(chunk, 5 - i) for i in range(0, 5, chunk)]


def test_the_cache_holds_what_the_tokenizer_gave_and_asks_it_once(store):
    words = splitter()
    fresh = cached_tokens(store, words, TEXTS, "query")
    again = cached_tokens(store, words, TEXTS, "query")
    for found in (fresh, again):
        assert lists(found) == IDS
        assert found.cut == 1
        assert [found.ids.dtype, found.starts.dtype] == ["int32", "int64"]
    assert words.calls == [TEXTS]
    assert len(folders(store)) == 1


@pytest.mark.parametrize("texts", [[], [""], ["", "", ""]])
def test_nothing_can_be_kept_too(store, texts):
    for _ in range(2):
        found = cached_tokens(store, splitter(), texts, "passage")
        assert lists(found) == [[]] * len(texts)
        assert found.ids.dtype == "int32"
        assert found.starts.tolist() == [0] * (len(texts) + 1)
        assert found.cut == 0


def test_ids_are_read_from_the_file_as_they_are_looked_at(store):
    found = cached_tokens(store, splitter(), ["a" * 7777, "bb"], "query")
    (path,) = store.root.rglob("tokens.arrow")
    place = path.read_bytes().index(np.int32(7777).tobytes())
    with path.open("r+b") as file:
        file.seek(place)
        file.write(np.int32(12).tobytes())
    assert lists(found) == [[12], [2]]
    assert not found.ids.flags.writeable


def test_real_tokens_are_those_of_the_tokenizer(store):
    model, texts = toy_model(), toy_texts().passages
    for _ in range(2):
        found = cached_tokens(store, model, texts, "passage")
        assert lists(found) == model.tokenize(texts, "passage").ids


def variants():
    """Models, sides and texts of which each differs from the first in one respect."""
    model, texts = toy_model(), ("iron tower", "moon")
    other = Scratch(hidden=16, heads=2, vocabulary=300).create(["quite other words"], seed=3)
    allowed = model.sides["query"].max_length
    for rule in (Text("query: ", allowed), Text("", allowed - 1)):
        yield replace(model, sides={**model.sides, "query": rule}), "query", texts
    yield replace(model, tokenizer=other.tokenizer), "query", texts
    yield model, "passage", texts
    yield model, "query", texts[::-1]
    yield model, "query", texts[:1]
    yield model, "query", ("iron towe", "rmoon")


def test_another_prefix_length_tokenizer_side_or_text_gives_another_file(store):
    model = toy_model()
    cached_tokens(store, model, ["iron tower", "moon"], "query")
    for number, (other, side, texts) in enumerate(variants(), start=2):
        found = cached_tokens(store, other, texts, side)
        assert lists(found) == other.tokenize(texts, side).ids
        assert len(folders(store)) == number


def test_equal_tokenizers_share_a_file_whatever_the_weights(store):
    found = [
        cached_tokens(store, toy_model(kind), ["moon"], "query") for kind in ("xlm-r", "labse")
    ]
    assert lists(found[0]) == lists(found[1])
    assert len(folders(store)) == 1


def test_a_tokenizers_key_does_not_depend_on_what_it_did_before():
    model = toy_model()
    before = model.tokenizer_key("query")
    assert model.tokenize(["iron " * 500], "query").cut == 1
    assert model.tokenizer_key("query") == before


PAIRS = [
    (["a\nb"], ["a", "b"]),
    (["ab", "c"], ["a", "bc"]),
    (["", "a"], ["a", ""]),
    (["a"], ["a", ""]),
    (["é"], ["e\u0301"]),
    ([], [""]),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_texts_that_are_divided_differently_do_not_collide(store, one, other):
    for texts in (one, other):
        assert len(cached_tokens(store, splitter(), texts, "query")) == len(texts)
    assert len(folders(store)) == 2


SOME = st.lists(st.text(st.sampled_from("a\n \0é"), max_size=3), max_size=4)


@given(SOME, SOME)
def test_two_lists_of_texts_have_one_sum_only_if_they_are_equal(one, other):
    assert (tokens._sum(one) == tokens._sum(other)) == (one == other)


def test_the_file_says_what_it_was_made_of(store):
    cached_tokens(store, splitter(), TEXTS, "query")
    manifest = read_manifest(store.root / "cache" / "tokens" / folders(store)[0])
    assert manifest["inputs"]["tokenizer"] == "words"
    assert manifest["inputs"]["side"] == "query"
    assert manifest["detail"] == {"cut": 1}


@given(st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=5))
def test_tokens_are_a_sequence_of_texts(texts):
    starts = np.cumsum([0, *map(len, texts)])
    found = Tokens(np.array([i for text in texts for i in text], np.int32), starts)
    assert lists(found) == texts
    assert lists(reversed(found)) == texts[::-1]
    with pytest.raises(IndexError):
        found[len(texts)]


def test_negative_indices_count_from_the_end():
    found = Tokens(np.array([1, 2, 3], np.int32), np.array([0, 1, 3]))
    assert lists([found[-1], found[-2]]) == [[2, 3], [1]]
