"""Four queries against one pool of ten passages, and what each metric makes of them by hand."""

from math import log, log2

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from hbench.protocols import Metric
from hbench.records import Ranks, Top
from hbench_plugins.metrics.complete import Complete
from hbench_plugins.metrics.language_share import LanguageShare
from hbench_plugins.metrics.language_skew import LanguageSkew
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

DE, EN, ZH = range(3)
INF, NAN = np.inf, np.nan


def ranks_of(*queries, sizes=(4, 3, 3)):
    """Each query lists (rank, grade, language) of its relevant passages, by rank."""
    width = max(map(len, queries))
    rows = [[*query, *[(INF, 0, -1)] * (width - len(query))] for query in queries]
    rank, grade, language = np.moveaxis(np.array(rows, np.float64), 2, 0)
    pool = ("de", "en", "zh")[: len(sizes)]
    return Ranks(rank, grade.astype(int), language.astype(int), "de", pool, np.array(sizes))


FOUR = ranks_of(
    [(1, 1, DE), (3, 1, EN), (6, 1, ZH)],
    [(2, 3, EN), (5, 1, EN)],
    [(4, 2, ZH)],
    [(2, 1, ZH), (3, 2, DE)],
)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (
            AveragePrecision(),
            [(1 / 1 + 2 / 3 + 3 / 6) / 3, (1 / 2 + 2 / 5) / 2, 1 / 4, (1 / 2 + 2 / 3) / 2],
        ),
        (ReciprocalRank(), [1, 1 / 2, 1 / 4, 1 / 2]),
        (
            NDCG(k=3),
            [
                (1 / log2(2) + 1 / log2(4)) / (1 / log2(2) + 1 / log2(3) + 1 / log2(4)),
                (3 / log2(3)) / (3 / log2(2) + 1 / log2(3)),
                0,
                (1 / log2(3) + 2 / log2(4)) / (2 / log2(2) + 1 / log2(3)),
            ],
        ),
        (NDCG(k=1), [1, 0, 0, 0]),
        (
            NDCG(k=2),  # the best order has as many places as are counted
            [
                1 / (1 + 1 / log2(3)),
                (3 / log2(3)) / (3 + 1 / log2(3)),
                0,
                (1 / log2(3)) / (2 + 1 / log2(3)),
            ],
        ),
        (Recall(k=3), [2 / 3, 1 / 2, 0, 1]),
        (Recall(k=1), [1 / 3, 0, 0, 0]),
        (Recall(k=6), [1, 1, 1, 1]),
        (Success(k=1), [1, 0, 0, 0]),
        (Success(k=2), [1, 1, 0, 1]),
        (Success(k=4), [1, 1, 1, 1]),
        (Precision(k=3), [2 / 3, 1 / 3, 0, 2 / 3]),
        (Precision(k=20), [3 / 20, 2 / 20, 1 / 20, 2 / 20]),
        (RPrecision(), [2 / 3, 1 / 2, 0, 1 / 2]),
        (RankDistance(), [6 - 1, NAN, NAN, 3 - 2]),
        (LogRankDistance(), [log(1 + 5), NAN, NAN, log(1 + 1)]),
        (MaxRank(), [6, 5, 4, 3]),
        (
            MaxRankNorm(),
            [
                100 * (log2(10) - log2(6)) / (log2(10) - log2(3)),
                100 * (log2(10) - log2(5)) / (log2(10) - log2(2)),
                100 * (log2(10) - log2(4)) / (log2(10) - log2(1)),
                100 * (log2(10) - log2(3)) / (log2(10) - log2(2)),
            ],
        ),
        (Complete(k=5), [0, 1, 1, 1]),
        (Complete(k=2), [0, 0, 0, 0]),
        (TLR(k=3), [1 / 2, 1 / 2, 0, 1 / 1]),
        (TLR(k=6), [1, 1, 1, 1]),
        (SameLanguageRecall(k=2), [1, NAN, NAN, 0]),
        (SameLanguageRecall(k=3), [1, NAN, NAN, 1]),
        (RankDistanceNorm(), [(5 - 2) / (10 - 3), NAN, NAN, (1 - 1) / (10 - 2)]),
    ],
    ids=repr,
)
def test_values_are_those_worked_out_by_hand(metric, expected):
    found = metric.values(FOUR)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    "metric", [RankDistance(), RankDistanceNorm(), LogRankDistance()], ids=repr
)
def test_rank_distance_needs_two_relevant_languages_not_two_passages(metric):
    one = [(1, 1, EN), (2, 1, EN), (9, 1, EN)]
    two = [(1, 1, EN), (2, 1, EN), (9, 1, DE)]
    assert np.isnan(metric.values(ranks_of(one, two))).tolist() == [True, False]


def test_rank_distance_spans_all_relevant_passages():
    found = RankDistance().values(ranks_of([(2, 1, DE), (3, 1, EN), (9, 1, DE)]))
    assert found.tolist() == [7]


def test_rank_distance_norm_runs_from_zero_to_one():
    together = [(4, 1, DE), (5, 1, EN), (6, 1, ZH)]
    apart = [(1, 1, DE), (2, 1, EN), (10, 1, ZH)]
    assert RankDistanceNorm().values(ranks_of(together, apart)).tolist() == [0, 1]


def test_rank_distance_norm_is_absent_where_the_whole_pool_is_relevant():
    full = ranks_of([(1, 1, DE), (2, 1, EN)], [(1, 1, DE)], sizes=(1, 1))
    assert np.isnan(RankDistanceNorm().values(full)).all()
    assert RankDistance().values(full)[0] == 1


def test_max_rank_norm_runs_from_a_hundred_to_zero_and_is_absent_where_all_is_relevant():
    found = MaxRankNorm().values(ranks_of([(1, 1, DE), (2, 1, EN)], [(1, 1, DE), (10, 1, EN)]))
    assert found.tolist() == [100, 0]
    assert np.isnan(MaxRankNorm().values(ranks_of([(1, 1, DE), (2, 1, EN)], sizes=(1, 1)))[0])


def test_where_the_pool_lacks_the_querys_language_all_answers_are_in_other_languages():
    crossing = Ranks(
        rank=np.array([[2.0, 4.0]]), grade=np.array([[1, 1]]), language=np.array([[0, 1]]),
        query_language="de", pool=("en", "zh"), pool_sizes=np.array([3, 3]),
    )  # fmt: skip
    assert TLR(k=2).values(crossing).tolist() == [0.5]
    assert np.isnan(SameLanguageRecall(k=2).values(crossing)).all()


@given(st.sets(st.integers(1, 30), min_size=2, max_size=6), st.integers(1, 12))
def test_bias_metrics_are_the_sources_formulas_spelt_out(places, k):
    """arXiv 2408.10536 (distance), 2604.05684 (Max@R, its norm), 2606.18801 (TLR), one query."""
    gold = {place: (DE, EN, ZH)[i % 3] for i, place in enumerate(sorted(places))}
    ranks = ranks_of([(place, 1, language) for place, language in sorted(gold.items())],
                     sizes=(10, 10, 10))  # fmt: skip
    others = [place for place, language in gold.items() if language != DE]
    wanted: dict[Metric, float] = {
        RankDistance(): max(gold) - min(gold),
        MaxRank(): max(gold),
        MaxRankNorm(): 100 * (log2(30) - log2(max(gold))) / (log2(30) - log2(len(gold))),
        Complete(k): float(all(place <= k for place in gold)),
        TLR(k): sum(place <= k for place in others) / len(others),
    }
    for metric, value in wanted.items():
        assert metric.values(ranks)[0] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        (AveragePrecision(), "higher"),
        (ReciprocalRank(), "higher"),
        (NDCG(k=1), "higher"),
        (Recall(k=1), "higher"),
        (Success(k=1), "higher"),
        (Precision(k=1), "higher"),
        (RPrecision(), "higher"),
        (MaxRankNorm(), "higher"),
        (Complete(k=1), "higher"),
        (TLR(k=1), "higher"),
        (SameLanguageRecall(k=1), "higher"),
        (MaxRank(), "lower"),
        (LogRankDistance(), "lower"),
        (RankDistance(), "lower"),
        (RankDistanceNorm(), "lower"),
        (LanguageShare(10), "lower"),
        (LanguageSkew(10), "lower"),
    ],
    ids=repr,
)
def test_each_metric_says_which_way_is_better(metric, direction):
    assert isinstance(metric, Metric)
    assert metric.direction == direction


@given(st.sets(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 12), st.data())
def test_a_better_place_never_makes_a_value_worse(places, k, data):
    rank = sorted(places)
    worse = ranks_of([(place, 1, i % 3) for i, place in enumerate(rank)], sizes=(10, 10, 10))
    moved = data.draw(st.integers(0, len(rank) - 1))
    free = [place for place in range(1, rank[moved]) if place not in places]
    rank[moved] = data.draw(st.sampled_from(free)) if free else rank[moved]
    better = ranks_of(
        [(place, 1, i % 3) for i, place in enumerate(sorted(rank))], sizes=(10, 10, 10)
    )
    rising: list[Metric] = [
        AveragePrecision(), ReciprocalRank(), NDCG(k), Recall(k), Success(k), Precision(k)
    ]  # fmt: skip
    for metric in rising:
        first, second = metric.values(worse)[0], metric.values(better)[0]
        assert -1e-12 <= first <= second + 1e-12
        assert second <= 1 + 1e-12


def top_of(*rows, sizes=(4, 3, 3)):
    """The languages of each query's first passages."""
    pool = ("de", "en", "zh")[: len(sizes)]
    return Top(np.array(rows), "de", pool, np.array(sizes))


def test_language_share_and_skew_are_those_worked_out_by_hand():
    """German has 4 of 10 passages, the others 3 each."""
    top = top_of([DE, DE, EN, DE], [EN, ZH, ZH, DE], [DE, EN, -1, -1])
    np.testing.assert_allclose(
        LanguageShare(k=4).values(top), [(3 / 4) / 0.4, (1 / 4) / 0.4, (1 / 2) / 0.4]
    )
    np.testing.assert_allclose(LanguageShare(k=4, language="zh").values(top), [0, (2 / 4) / 0.3, 0])
    np.testing.assert_allclose(
        LanguageSkew(k=4).values(top),
        [
            (abs(3 / 4 - 0.4) + abs(1 / 4 - 0.3) + 0.3) / 2,
            (abs(1 / 4 - 0.4) + abs(1 / 4 - 0.3) + abs(2 / 4 - 0.3)) / 2,
            (abs(1 / 2 - 0.4) + abs(1 / 2 - 0.3) + 0.3) / 2,
        ],
    )


def test_both_are_absent_where_the_pool_is_one_language_and_share_where_it_lacks_the_language():
    alone = top_of([DE, DE], sizes=(4,))
    assert np.isnan([LanguageShare(2).values(alone), LanguageSkew(2).values(alone)]).all()
    assert np.isnan(LanguageShare(2, language="th").values(top_of([DE, EN]))).all()
