import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.toy_corpora import silent, stored, toy

from hbench import corpus as corpora
from hbench import vectors as storage
from hbench.corpus import Corpus
from hbench.errors import DataError, MemoryShortage
from hbench.manifests import read_manifest
from hbench.records import Tokenized
from hbench.stages import data, encode
from hbench.stages.encode import Arithmetic, Place
from hbench.store import Store
from hbench.tokens import tokenize
from hbench.vectors import StoredRows, on_grid


class Lengths:
    """A model whose vector spells a text: how many ``a``, ``b`` and ``c``; asks for NaN get it."""

    def __init__(self):
        self.tokenized = []
        self.training = True
        self.cut = 0
        self.memory = 10_000

    def to(self, device):
        self.device = device

    def train(self, mode=True):
        self.training = mode

    def tokenize(self, texts, side):
        self.tokenized.append((side, list(texts)))
        mark = "?" if side == "query" else ""
        return Tokenized([[*mark.encode(), *text.encode()] for text in texts], self.cut)

    def embed(self, tokens, *, budget, recompute=False):
        import torch

        assert not self.training
        if budget > self.memory:
            raise torch.OutOfMemoryError("no")
        letters = [[list(ids).count(ord(letter)) for letter in "abc?"] for ids in tokens]
        nan = [float("nan") if ord("N") in ids else 0.0 for ids in tokens]
        return torch.tensor(letters, dtype=torch.float64) + torch.tensor(nan)[:, None]


class LengthsEncoder:
    def __init__(self):
        self.model = Lengths()

    def load(self, folder):
        assert folder.name == "model"
        return self.model


def places_of(corpus, folder):
    names = [f"{shard.side}-{shard.language}-{shard.number}" for shard in corpus.shards]
    return [Place(shard, folder / name, {})
            for shard, name in zip(corpus.shards, names, strict=True)]  # fmt: skip


def run(encoder: Any, corpus, folder, progress=silent, arithmetic=Arithmetic("cpu"), places=None):  # noqa: B008
    return encode.run(
        encoder,
        folder / "model",
        corpus,
        places_of(corpus, folder) if places is None else places,
        arithmetic,
        store=Store(folder),
        tokenize=tokenize,
        progress=progress,
    )


def read_vectors(folder, side, language):
    corpus = Corpus(folder / "data")
    folders = [place.folder for place in places_of(corpus, folder)]
    return StoredRows.of(corpus, folders, side, language)[:]


def corpus_of(folder, passages, queries=("a",)):
    asked = {f"de:q{i}": text for i, text in enumerate(queries)}
    candidates = {f"de:p{i}": text for i, text in enumerate(passages)}
    return stored(toy(asked, candidates, {"q0": {"de:p0": 1}}), folder / "data")


def encoded(folder, passages, queries=("a",), progress=silent):
    encoder = LengthsEncoder()
    corpus = corpus_of(folder, passages, queries)
    return encoder.model, run(encoder, corpus, folder, progress)


def test_row_i_belongs_to_text_i_whatever_the_order_of_lengths_and_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(encode, "CHUNK", 2)
    passages = ["abbbb", "cc", "bbb", "aaaaaaaa", "ab", "c", "aabbcc"]
    encoded(tmp_path, passages)
    counts = np.array([[text.count(x) for x in "abc?"] for text in passages], np.float64)
    expected = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    np.testing.assert_allclose(read_vectors(tmp_path, "passage", "de"), expected, atol=2**-25)


def test_queries_and_passages_are_encoded_as_what_they_are(tmp_path):
    encoded(tmp_path, ["a"], ["a"])
    half = np.float32(np.rint(0.5**0.5 * 2**24) / 2**24)
    assert read_vectors(tmp_path, "query", "de").tolist() == [[half, 0, 0, half]]
    assert read_vectors(tmp_path, "passage", "de").tolist() == [[1, 0, 0, 0]]


def test_equal_texts_are_encoded_once_and_have_equal_vectors(tmp_path):
    model, detail = encoded(tmp_path, ["ab", "c", "ab", "ab"], ["a", "a"])
    assert model.tokenized == [("query", ["a"]), ("passage", ["ab", "c"])]
    assert detail == {"encoded": 3, "notes": []}
    vectors = read_vectors(tmp_path, "passage", "de")
    assert vectors[0].tobytes() == vectors[2].tobytes() == vectors[3].tobytes()
    assert vectors[0].tobytes() != vectors[1].tobytes()


def test_running_out_of_memory_halves_the_budget_and_is_told(tmp_path):
    encoder = LengthsEncoder()
    encoder.model.memory = 800
    corpus = corpus_of(tmp_path, ["ab", "abbb"])
    told = run(encoder, corpus, tmp_path)["notes"]
    assert told == [f"out of memory: the token budget was halved to {n}" for n in (1536, 768)]
    assert read_vectors(tmp_path, "passage", "de").shape == (2, 4)
    encoder.model.memory = 0
    with pytest.raises(MemoryShortage, match="out of memory with 2 tokens at a time"):
        run(encoder, corpus, tmp_path)


def test_texts_that_were_cut_are_counted(tmp_path):
    encoder = LengthsEncoder()
    encoder.model.cut = 1
    told = run(encoder, corpus_of(tmp_path, ["ab", "abbb"]), tmp_path)["notes"]
    assert told == [
        "1 query texts are too long and were cut",
        "1 passage texts are too long and were cut",
    ]


def test_stored_vectors_are_on_the_grid(tmp_path):
    encoded(tmp_path, ["abb", "abcc"])
    assert_on_grid(read_vectors(tmp_path, "passage", "de"))


def test_progress_rises_to_one_and_says_what_is_encoded(tmp_path, monkeypatch):
    monkeypatch.setattr(encode, "CHUNK", 1)
    told = []
    encoded(tmp_path, ["a", "b"], progress=lambda *what: told.append(what))
    assert told == [(1 / 3, "query de"), (2 / 3, "passage de"), (1.0, "passage de")]


def test_a_language_without_queries_can_be_searched_in(tmp_path):
    dataset = toy({"de:q": "a"}, {"de:p": "b", "en:p": "c"}, {"q": {"en:p": 1}})
    encoder = LengthsEncoder()
    corpus = stored(dataset, tmp_path / "data")
    run(encoder, corpus, tmp_path)
    assert len(read_vectors(tmp_path, "query", "en")) == 0
    assert read_vectors(tmp_path, "passage", "en").tolist() == [[0, 0, 1, 0]]


@pytest.mark.parametrize("text", ["xx", "N"])
def test_the_text_with_an_unusable_vector_is_named(tmp_path, text):
    with pytest.raises(DataError, match=f"^1 vectors are zero or not finite.*{text!r}$"):
        encoded(tmp_path, ["bbbb", "a", text, "cc"])


@pytest.mark.parametrize("bad", [0, np.nan, np.inf, -np.inf])
def test_zero_nan_and_infinite_vectors_are_refused(bad):
    vectors = np.array([[1, 2], [bad, 0], [3, 4], [0, bad]])
    message = "2 vectors are zero or not finite, the first is of the text 'two'"
    with pytest.raises(DataError, match=re.escape(message)):
        on_grid(vectors, ["one", "two", "three", "four"])


def assert_on_grid(vectors):
    assert vectors.dtype == np.float32
    steps = vectors.astype(np.float64) * 2**26
    assert (steps == np.rint(steps)).all()
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=0, atol=1e-6)


numbers = st.floats(-1, 1, width=32, allow_subnormal=False)
directions = arrays(np.float32, (3, 12), elements=numbers).filter(
    lambda rows: bool((np.abs(rows).max(axis=1) > 1e-3).all())
)


@settings(max_examples=50)
@given(directions, st.sampled_from([1e-30, 1e-3, 1, 1e30]))
def test_rows_are_multiples_of_the_grid_and_have_length_one(vectors, scale):
    found, lengths = on_grid(vectors.astype(np.float64) * scale, ["", "", ""])
    assert_on_grid(found)
    exact = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(found, exact, rtol=0, atol=2**-25)  # half a float32 step below 1
    wanted = scale * np.linalg.norm(vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, wanted, rtol=1e-6)


def test_long_vectors_keep_length_one():
    assert_on_grid(on_grid(np.random.default_rng(0).standard_normal((8, 4096)), [""] * 8)[0])


def test_components_round_to_the_nearest_step():
    step = 2**-26
    found, _ = on_grid(np.array([[1, 0.4 * step, 0.6 * step, -0.6 * step, 1.5 * step]]), [""])
    assert found.tolist() == [[1, 0, step, -step, 2 * step]]


@settings(max_examples=50)
@given(directions)
def test_vectors_on_the_grid_stay_where_they_are_but_for_the_last_step(vectors):
    once, _ = on_grid(vectors, ["", "", ""])
    twice, _ = on_grid(once, ["", "", ""])
    np.testing.assert_allclose(twice, once, rtol=0, atol=2**-23)


def test_float16_vectors_are_exact_in_float32_and_of_length_one(tmp_path):
    corpus = corpus_of(tmp_path, ["abb", "abcc"])
    run(LengthsEncoder(), corpus, tmp_path, arithmetic=Arithmetic("cpu", stored="float16"))
    found = read_vectors(tmp_path, "passage", "de")
    assert found.dtype == np.float32
    assert (found == found.astype(np.float16)).all()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=2**-10)


def test_a_text_has_one_vector_in_whichever_shard_it_occurs_again(tmp_path, monkeypatch):
    for module in (corpora, storage, data):
        monkeypatch.setattr(module, "SHARD", 2)
    passages = ["ab", "c", "ab", "bb", "c", "aab", "abc", "ab"]
    model, _ = encoded(tmp_path, passages)
    assert [texts for side, texts in model.tokenized if side == "passage"] == [
        ["ab", "c"], ["bb", "aab"], ["abc"]
    ]  # fmt: skip
    counts = np.array([[text.count(x) for x in "abc?"] for text in passages], np.float64)
    expected = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    found = read_vectors(tmp_path, "passage", "de")
    np.testing.assert_allclose(found, expected, atol=2**-25)
    corpus = Corpus(tmp_path / "data")
    rows = StoredRows.of(corpus, [p.folder for p in places_of(corpus, tmp_path)], "passage", "de")
    assert len(rows) == 8
    some = np.array([7, 0, 3])
    np.testing.assert_array_equal(rows[some], found[some])
    np.testing.assert_array_equal(rows[2:5], found[2:5])
    np.testing.assert_allclose(np.linalg.norm(rows.unscaled(some), axis=1), [2**0.5, 2**0.5, 2])


def test_vectors_are_written_shard_by_shard_so_that_an_interruption_keeps_the_first(tmp_path):
    corpus = stored(
        toy({"de:q": "a"}, {"de:p": "b", "en:p": "N"}, {"q": {"en:p": 1}}), tmp_path / "data"
    )
    with pytest.raises(DataError, match="not finite"):
        run(LengthsEncoder(), corpus, tmp_path)
    written = [place.shard.language for place in places_of(corpus, tmp_path)
               if read_manifest(place.folder)]  # fmt: skip
    assert written == ["de", "de"]


def test_only_the_shards_that_are_asked_for_are_encoded(tmp_path):
    corpus = corpus_of(tmp_path, ["ab", "c"])
    encoder = LengthsEncoder()
    run(encoder, corpus, tmp_path, places=places_of(corpus, tmp_path)[1:])
    assert encoder.model.tokenized == [("passage", ["ab", "c"])]
