"""Counting by an index: what it finds stands where it stands, and what it does not find is last."""

import numpy as np
import pytest
from tests.toy_corpora import ranked, silent, spelled, stored, toy

from hbench import approximate
from hbench.ranks import relevant_pairs
from hbench.stages import rank

# faiss's own: https://github.com/swig/swig/issues/2881
pytestmark = pytest.mark.filterwarnings("ignore:builtin type .*:DeprecationWarning")
# Scores for "1 0": 1, 1 (a tie: the later id is first), 0.6 and 0 in German; 0.8 and -1 in English.
CANDIDATES = {"de:a": "1 0", "de:b": "1 0", "de:c": "3 4", "de:d": "0 1"}
CANDIDATES |= {"en:e": "4 3", "en:f": "-1 0"}


def beats_of(folder, judged, depth):
    dataset = toy({"de:q": "1 0", "en:q": "1 0"}, CANDIDATES, {"q": dict.fromkeys(judged, 1)})
    corpus = stored(dataset, folder)
    found = ranked(corpus, spelled(corpus), folder, top_k=depth, index="Flat")
    ids = corpus.passage_ids.to_pylist()
    german = found.query == 0
    assert (found.beats[german] == found.beats[~german]).all()  # both ask the same
    rows = zip(found.passage[german], found.beats[german].tolist(), strict=True)
    return {ids[passage]: tuple(row) for passage, row in rows}


def test_what_is_found_is_ranked_among_what_is_found_and_all_else_is_last(tmp_path):
    """Two of each language are found: b, a; e, f."""
    assert beats_of(tmp_path, ["de:a", "de:c", "en:f"], 2) == {
        "de:a": (1, 0),  # b: the same score, and a later id
        "en:f": (2, 1),  # of the German ones only two were found
        "de:c": (3, 2),  # not found: after d as well, and both English ones
    }


def test_passages_that_are_not_found_share_no_rank_but_stand_in_their_exact_order(tmp_path):
    assert beats_of(tmp_path, ["de:c", "de:d", "en:f"], 1) == {
        "de:d": (3, 1),  # after a, b, c; en: after e, and not after f, which is worse
        "de:c": (2, 1),
        "en:f": (4, 1),
    }


def test_an_index_that_finds_all_counts_as_the_exact_search(tmp_path):
    corpus = stored(toy({"de:q": "1 0"}, CANDIDATES, {"q": dict.fromkeys(CANDIDATES, 1)}), tmp_path)
    exact = ranked(corpus, spelled(corpus), tmp_path, top_k=4)
    found = ranked(corpus, spelled(corpus), tmp_path, top_k=4, index="Flat")
    assert (found.beats == exact.beats).all()


def test_recall_is_the_mean_over_the_languages(tmp_path, monkeypatch):
    corpus = stored(toy({"de:q": "1 0"}, CANDIDATES, {"q": {"de:a": 1}}), tmp_path)
    shares = iter([1.0, 0.25])
    monkeypatch.setattr(approximate, "recall", lambda found, truth: next(shares))
    told = rank.run(
        corpus, spelled(corpus), top_k=2, device="cpu", folder=tmp_path, progress=silent,
        index="Flat",
    )  # fmt: skip
    assert told["recall"] == 0.625


def test_the_best_that_are_kept_have_keys_in_trec_order(tmp_path):
    corpus = stored(toy({"de:q": "1 0"}, CANDIDATES, {"q": {"de:a": 1}}), tmp_path)
    pairs = relevant_pairs(corpus)
    found = approximate.count(
        corpus, pairs.query, pairs.passage, spelled(corpus),
        index="Flat", depth=3, threads=1, progress=silent,
    )  # fmt: skip
    ids = np.array(corpus.passage_ids.to_pylist())
    assert ids[found.top_passage[0, 0]].tolist() == ["de:b", "de:a", "de:c"]
    assert ids[found.top_passage[0, 1, :2]].tolist() == ["en:e", "en:f"]
    assert found.top_passage[0, 1, 2] == -1
