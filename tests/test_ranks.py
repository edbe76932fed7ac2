from typing import ClassVar

import numpy as np
import pytest
from tests.toy_corpora import stored, toy

from hbench.ranks import (
    UNLISTED,
    Beats,
    ranks_in_pool,
    relevant_pairs,
    speaks_of_ranks,
    unlisted,
    values_of_list,
)
from hbench.records import Direction
from hbench.settings import Component
from hbench_plugins.metrics.complete import Complete
from hbench_plugins.metrics.log_rank_distance import LogRankDistance
from hbench_plugins.metrics.map import AveragePrecision
from hbench_plugins.metrics.max_rank import MaxRank
from hbench_plugins.metrics.max_rank_norm import MaxRankNorm
from hbench_plugins.metrics.mrr import ReciprocalRank
from hbench_plugins.metrics.ndcg import NDCG
from hbench_plugins.metrics.precision import Precision
from hbench_plugins.metrics.r_precision import RPrecision
from hbench_plugins.metrics.rank_distance import RankDistance
from hbench_plugins.metrics.rank_distance_norm import RankDistanceNorm
from hbench_plugins.metrics.recall import Recall
from hbench_plugins.metrics.same_language_recall import SameLanguageRecall
from hbench_plugins.metrics.success import Success
from hbench_plugins.metrics.tlr import TLR

PASSAGES = {f"{language}:{key}": "1" for language in ("de", "en") for key in "abcd"}
JUDGED = {"q": {"de:a": 1, "de:b": 0, "en:a": 2, "en:b": 1}, "r": {"en:d": 1}}


@pytest.fixture
def corpus(tmp_path):
    asked = {"de:q": "1", "de:r": "1", "en:q": "1"}
    return stored(toy(asked, PASSAGES, JUDGED), tmp_path)


@pytest.fixture
def cut_off(corpus):
    """en:a is at 2, in the pool of eight; of all others nothing is listed."""
    pairs = relevant_pairs(corpus)
    beats = np.full((len(pairs.query), 2), UNLISTED, np.int32)
    beats[(pairs.query == 0) & (pairs.passage == 4)] = [1, 0]
    found = ranks_in_pool(
        corpus, Beats(pairs.query, pairs.passage, pairs.grade, beats), Component("de", ("de", "en"))
    )
    assert found is not None
    return found[1]


def test_every_query_is_paired_with_the_relevant_passages_of_its_item_in_all_languages(corpus):
    pairs = relevant_pairs(corpus)
    # Passages: de a b c d are 0 to 3, en a b c d are 4 to 7. Queries: de q, de r, en q.
    assert list(zip(pairs.query.tolist(), pairs.passage.tolist(), strict=True)) == [
        (0, 0), (0, 4), (0, 5), (1, 7), (2, 0), (2, 4), (2, 5),
    ]  # fmt: skip
    assert pairs.grade.tolist() == [1, 2, 1, 1, 1, 2, 1]


def test_what_is_not_listed_stands_after_what_is_and_is_still_relevant(cut_off):
    assert cut_off.rank[:, 0].tolist()[0] == 2
    assert unlisted(cut_off).tolist() == [[False, True, True], [True, False, False]]
    assert cut_off.relevant.tolist() == [3, 1]
    assert cut_off.grade.tolist() == [[2, 1, 1], [1, 0, 0]]


def test_last_is_the_end_of_the_pool_each_passage_in_a_place_of_its_own(cut_off):
    class Seen:
        version: ClassVar[int] = 1
        direction: ClassVar[Direction] = "lower"

        def __init__(self):
            self.ranks = []

        def values(self, ranks):
            self.ranks.append(ranks.rank.tolist())
            return ranks.rank[:, 0]

    seen = Seen()
    values_of_list(seen, "seen", cut_off)
    assert seen.ranks[0] == [[2, 7, 8], [8, np.inf, np.inf]]
    for rank in seen.ranks[1:]:
        assert rank[0][0] == 2 and 1e20 < rank[0][1] < rank[0][2] < np.inf
        assert 1e20 < rank[1][0] < np.inf and rank[1][1:] == [np.inf, np.inf]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (AveragePrecision(), [1 / 6, 0]),
        (ReciprocalRank(), [1 / 2, 0]),
        (NDCG(8), [2 / np.log2(3) / (2 + 1 / np.log2(3) + 1 / 2), 0]),
        (Recall(8), [1 / 3, 0]),
        (Precision(8), [1 / 8, 0]),
        (RPrecision(), [1 / 3, 0]),
        (Success(8), [1, 0]),
        (Complete(8), [0, 0]),
        (TLR(8), [1 / 2, 0]),  # of the two in English
        (SameLanguageRecall(8), [0, np.nan]),  # of the one in German
    ],
)
def test_metrics_of_what_is_found_know_nothing_of_ranks_far_down(cut_off, metric, expected):
    """A cut-off at the pool's size would count what is ranked last."""
    values = values_of_list(metric, "metric", cut_off)
    assert not speaks_of_ranks(values)
    assert values[-1] == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (MaxRank(), [8, 8]),
        (MaxRankNorm(), [0, 0]),
        (RankDistance(), [6, np.nan]),
        (RankDistanceNorm(), [4 / 5, np.nan]),  # (6 - 2) / (8 - 3)
        (LogRankDistance(), [np.log(7), np.nan]),
    ],
)
def test_metrics_of_ranks_take_what_is_not_listed_as_last(cut_off, metric, expected):
    values = values_of_list(metric, "metric", cut_off)
    assert speaks_of_ranks(values)
    assert values[0] == pytest.approx(expected, abs=1e-12, nan_ok=True)
