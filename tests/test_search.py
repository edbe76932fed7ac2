import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.toy_corpora import near_ties_of_many, problems, slow_ranking, spelled, stored, toy

from hbench import search
from hbench.errors import OptionError
from hbench.pools import Part, Pool
from hbench.vectors import on_grid

# faiss's own: https://github.com/swig/swig/issues/2881
pytestmark = pytest.mark.filterwarnings("ignore:builtin type .*:DeprecationWarning")
LIBRARIES = ["faiss", "torch"]


@pytest.fixture(autouse=True)
def few_at_first(monkeypatch):
    """Few spare candidates, so that faiss has to look deeper also in a small toy."""
    monkeypatch.setattr(search, "SPARE", 0)


def found_by(corpus, read, languages, depth, **options):
    """(score, id) of the best passages, for all queries of the corpus."""
    queries = np.concatenate(
        [rows for name in corpus.languages if len(rows := read("query", name))]
    )
    found = search.best(queries, Pool.of(corpus, read, languages), depth, **options)
    ids = corpus.passage_ids.to_pylist()
    return [
        [(score, ids[passage]) for score, passage in zip(scores, passages, strict=True)
         if passage >= 0]
        for scores, passages in zip(found.score.tolist(), found.passage.tolist(), strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize("library", LIBRARIES)
def test_higher_scores_come_first_and_of_equal_ones_the_later_id(tmp_path, library):
    candidates = {"de:1": "3 4", "de:2": "1 0", "de:3": "6 8", "en:1": "3 -4", "en:2": "-1 0"}
    corpus = stored(toy({"de:q": "1 0"}, candidates, {"q": {"de:2": 1}}), tmp_path)
    (best,) = found_by(corpus, spelled(corpus), ["de", "en"], 4, library=library)
    assert [key for _, key in best] == ["de:2", "en:1", "de:3", "de:1"]
    (best,) = found_by(corpus, spelled(corpus), ["en"], 4, library=library)
    assert best == [(np.float32(0.6), "en:1"), (-1.0, "en:2")]  # a small pool gives fewer


@settings(max_examples=50)
@given(problems(), st.integers(1, 12), st.sampled_from(LIBRARIES), st.integers(1, 9), st.data())
def test_the_best_are_the_head_of_the_slow_exact_ranking(dataset, depth, library, size, data):
    with tempfile.TemporaryDirectory() as folder:
        corpus = stored(dataset, Path(folder))
        pool = data.draw(st.lists(st.sampled_from(corpus.languages), min_size=1, unique=True))
        read = spelled(corpus)
        found = found_by(corpus, read, pool, depth, library=library, block=(2, size))
        assert found == [
            slow_ranking(corpus, read, query, pool)[:depth] for query in range(len(found))
        ]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("block", [(1, 7), (1, 100), (1, 300)])
def test_near_ties_are_decided_by_exact_scores(library, block):
    for seed in range(5):
        queries, rows, place, order = near_ties_of_many(seed)
        pool = Pool([Part(0, rows[:120], place[:120]), Part(120, rows[120:], place[120:])])
        found = search.best(queries, pool, 50, library=library, block=block)
        assert found.passage[0].tolist() == order[:50].tolist()


def crowd(passages=2000, queries=50, dim=16):
    """Random vectors."""
    random = np.random.default_rng(7)
    rows, asked = (on_grid(random.standard_normal((n, dim)), [""] * n)[0]
                   for n in (passages, queries))  # fmt: skip
    return asked, Pool([Part(0, rows, np.arange(passages))])


@pytest.mark.gpu
def test_a_gpu_finds_the_same_bit_for_bit():
    queries, pool = crowd()
    found = search.best(queries, pool, 20, device="cuda", block=(16, 333))
    expected = search.best(queries, pool, 20)
    assert (found.passage == expected.passage).all()
    assert (found.score == expected.score).all()


@pytest.mark.parametrize("index", ["HNSW16", "IVF32,Flat", "HNSW16,SQ8"])
def test_an_approximate_index_finds_much_and_scores_it_exactly(index):
    queries, pool = crowd()
    found = search.best_by_index(queries, pool, 10, index, block=(16, 333))
    truth = search.best(queries, pool, 10)
    share = search.recall(found, truth)
    print(f"{index}: recall {share:.3f}")  # noqa: T201 - shown by pytest -s
    assert 0.2 < share < 1
    both = zip(found.passage, truth.passage, strict=True)
    assert share == sum(len(np.intersect1d(*pair)) for pair in both) / 500
    exact = (queries.astype(np.float64) @ pool.parts[0].rows.T.astype(np.float64)).astype("f4")
    query, rank = np.nonzero(found.passage >= 0)
    assert (found.score[query, rank] == exact[query, found.passage[query, rank]]).all()
    assert (np.diff(found.score)[found.passage[:, 1:] >= 0] <= 0).all()


def test_the_same_index_built_twice_finds_the_same():
    queries, pool = crowd(300)
    once, again = (search.best_by_index(queries, pool, 5, "HNSW8") for _ in range(2))
    assert (once.passage == again.passage).all()


def test_an_index_that_holds_everything_finds_everything_and_no_more_than_there_is():
    queries, pool = crowd(9)
    found, truth = search.best_by_index(queries, pool, 12, "Flat"), search.best(queries, pool, 12)
    assert (found.passage == truth.passage).all()
    assert (found.passage[:, 9:] == -1).all()
    assert search.recall(found, truth) == 1


@pytest.mark.parametrize(
    ("index", "why"),
    [("HNWS16", "could not parse index string HNWS16"), ("IVF999,Flat", "should be at least as")],
)
def test_an_index_that_cannot_be_built_is_an_error_with_faiss_own_words(index, why):
    queries, pool = crowd(99)
    with pytest.raises(OptionError, match=f"index '{index}' cannot be built from 99.*{why}"):
        search.best_by_index(queries, pool, 3, index)
