"""The optional tests against scipy's, on toy scores."""

import numpy as np
import pytest
from pytest import approx
from scipy import stats

from hbench.alternatives import compared
from hbench.statistics import Scores, contributions, estimates

ITEMS = np.repeat(np.arange(6), 2)  # six questions in two languages
CLUSTER = np.repeat([0, 0, 1, 1, 2, 2], 2)
LANGUAGE = np.tile([0, 1], 6)


def method(seed, trained=True):
    rng = np.random.default_rng(seed)
    return Scores(rng.random((3, 12)), LANGUAGE, CLUSTER, trained)


def question_means(scores):
    return scores.values.mean(axis=0).reshape(6, 2).mean(axis=1)


def test_paired_t_is_scipys_on_the_means_of_questions():
    a, b = method(1), method(2)
    _, (found,) = compared([a, b], ITEMS, "paired-t", 0.05)
    expected = stats.ttest_rel(question_means(a), question_means(b))
    bounds = expected.confidence_interval(0.95)
    assert found.value == approx((question_means(a) - question_means(b)).mean())
    assert [found.p, found.low, found.high] == approx([expected.pvalue, *bounds])
    assert found.df == approx(5)


def test_sign_flip_counts_all_signs_of_few_clusters():
    """Clusters' parts .3, .2, .1: of 8 signs only +++ and --- reach .6 in size, so p = 2 / 8."""
    values = np.repeat([0.9, 0.9, 0.6, 0.6, 0.3, 0.3], 2)[None]
    a = Scores(values, LANGUAGE, CLUSTER, True)
    b = Scores(np.zeros((1, 12)), LANGUAGE, CLUSTER, True)
    assert contributions(a) == approx([0.3, 0.2, 0.1])
    _, (found,) = compared([a, b], ITEMS, "sign-flip", 0.05)
    assert [found.value, found.p] == approx([0.6, 2 / 8])


def test_sign_flip_of_many_clusters_is_near_scipys_t_and_the_same_each_time():
    rng = np.random.default_rng(0)
    cluster, one = np.arange(48), np.zeros(48, np.int64)
    a = Scores(rng.normal(0.03, 0.1, (1, 48)), one, cluster, False)
    b = Scores(np.zeros((1, 48)), one, cluster, False)
    (first,), (again,) = (compared([a, b], cluster, "sign-flip", 0.05)[1] for _ in range(2))
    expected = stats.ttest_1samp(a.values[0], 0).pvalue
    assert first == again
    assert first.p == approx(expected, abs=3 * np.sqrt(expected / 9_999))


@pytest.mark.parametrize("test", ["paired-t", "sign-flip"])
def test_other_tests_forget_the_seeds(test):
    """The default counts them: shifting one seed of a method widens its interval only."""
    a, b = method(1), method(2)
    shift = np.array([[0.3], [0.0], [-0.3]])
    moved = Scores(a.values + shift, LANGUAGE, CLUSTER, True)
    (_, (plain,)), (_, (shifted,)) = (compared([x, b], ITEMS, test, 0.05) for x in (a, moved))
    assert [plain.low, plain.p] == approx([shifted.low, shifted.p])
    assert (plain.seed_variance, plain.one_seed) == (0, 0)
    wide, narrow = (estimates([each, b])[1][0].seed_variance for each in (moved, a))
    assert wide > narrow


@pytest.mark.parametrize("test", ["clusters+seeds", "paired-t", "sign-flip"])
def test_equal_methods_have_p_one_and_swapped_ones_turn_signs(test):
    a, b = method(1), method(2)
    assert compared([a, a], ITEMS, test, 0.05)[1][0].p == 1
    (found,), (turned,) = (compared(each, ITEMS, test, 0.05)[1] for each in ([a, b], [b, a]))
    assert found.high is not None
    assert (turned.value, turned.low, turned.p) == (-found.value, -found.high, found.p)


def test_of_one_cluster_nothing_is_tested():
    a, b = (Scores(method(s).values, LANGUAGE, np.zeros(12, np.int64), True) for s in (1, 2))
    assert compared([a, b], ITEMS, "sign-flip", 0.05)[1][0].p is None
