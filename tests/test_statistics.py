"""Expected values are worked out by hand, or come from statsmodels and scipy.stats."""

import itertools
import math
from dataclasses import replace
from unittest import mock

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis.extra.numpy import arrays
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests

from hbench.statistics import (
    Scores,
    benjamini_hochberg,
    difference,
    estimates,
    holm,
    level,
    table_score,
)


def known(value: float | None) -> float:
    assert value is not None
    return value


def scores(values, component=None, cluster=None, trained=True):
    values = np.atleast_2d(np.asarray(values, dtype=float))
    rows = values.shape[1]
    component = np.zeros(rows, np.int64) if component is None else np.array(component, np.int64)
    cluster = np.arange(rows) if cluster is None else np.array(cluster, np.int64)
    return Scores(values, component, cluster, trained)


def by_hand():
    """Two methods, 2 seeds each; 2 components of 2 and 4 rows; 3 clusters.

    A - B, averaged over seeds:  component 0: 4 (cluster 0), 2 (cluster 1)          mean 3
                                 component 1: 1 (0), 1 (1), 3 (2), 3 (2)            mean 2
    D = 2.5. A row of component 0 weighs 1/4, one of component 1 weighs 1/8:
    e[0] = 1/4 - 1/8 = 1/8,  e[1] = -1/4 - 1/8 = -3/8,  e[2] = 1/8 + 1/8 = 2/8
    V_item = 3/2 * (1 + 9 + 4) / 64 = 21/64
    A's seeds are its mean -+ 1/2: variance 1/2, v_A = 1/4 = 16/64
    B's seeds are 0 -+ 1/4: variance 1/8, v_B = 1/16 = 4/64
    V = 41/64,  df = 41^2 / (21^2 / 2 + 16^2 / 1 + 4^2 / 1) = 1681 / 492.5
    """
    component, cluster = [0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 2, 2]
    mean = np.array([4, 2, 1, 1, 3, 3])
    a = scores([mean + 0.5, mean - 0.5], component, cluster)
    b = scores([np.full(6, 0.25), np.full(6, -0.25)], component, cluster)
    return a, b


def random_pair(seed=0, seeds=(3, 2), components=3, clusters=9):
    """Components and clusters of unequal size; not every cluster is in every component."""
    rng = np.random.default_rng(seed)
    component = rng.choice(components, 200, p=np.arange(1, components + 1) / 6)
    cluster = rng.integers(0, rng.integers(1, clusters + 1, 200))
    effect = rng.normal(0, 0.1, clusters)[cluster]
    make = [rng.normal(0.5, 0.3, (s, 200)) + rng.normal(0, 0.05, (s, 1)) + effect for s in seeds]
    return scores(make[0], component, cluster), scores(make[1], component, cluster)


def slow_item_variance(d, component, cluster):
    """The formula word for word."""
    components, clusters = sorted(set(component)), sorted(set(cluster))
    sums = dict.fromkeys(clusters, 0.0)
    for c in components:
        rows = [r for r in range(len(d)) if component[r] == c]
        mean = sum(d[r] for r in rows) / len(rows)
        for r in rows:
            sums[cluster[r]] += (d[r] - mean) / len(rows) / len(components)
    return len(clusters) / (len(clusters) - 1) * sum(e**2 for e in sums.values())


def fields(estimate):
    return np.array(list(vars(estimate).values()), dtype=float)


def test_worked_example_of_two_components_three_clusters_two_seeds():
    a, b = by_hand()
    assert table_score(a).tolist() == [3, 2]
    assert table_score(b).tolist() == [0.25, -0.25]
    estimate = difference(a, b)
    df, error = 1681 / 492.5, math.sqrt(41 / 64)
    half = scipy.stats.t.ppf(0.975, df) * error
    assert estimate.value == 2.5
    assert estimate.item_variance == pytest.approx(21 / 64, rel=1e-14, abs=0)
    assert estimate.seed_variance == pytest.approx(20 / 64, rel=1e-14, abs=0)
    assert estimate.df == pytest.approx(df, rel=1e-14, abs=0)
    assert (estimate.low, estimate.high) == pytest.approx(
        (2.5 - half, 2.5 + half), rel=1e-12, abs=0
    )
    assert estimate.p == pytest.approx(2 * scipy.stats.t.sf(2.5 / error, df), rel=1e-12, abs=0)
    assert (estimate.clusters, estimate.one_seed) == (3, 0)


def test_p_with_two_degrees_of_freedom_is_its_closed_form():
    """Rows 0, 1, 5: mean 2, V_item = 3/2 * (4 + 1 + 9) / 9 = 7/3; t^2 = 12/7.

    With 2 degrees of freedom P(|T| > t) = 1 - t / sqrt(2 + t^2).
    """
    zero = scores([0, 0, 0], trained=False)
    estimate = difference(scores([0, 1, 5], trained=False), zero)
    assert estimate.item_variance == pytest.approx(7 / 3)
    assert estimate.df == pytest.approx(2)
    assert estimate.p == pytest.approx(1 - math.sqrt(12 / 7 / (2 + 12 / 7)))


@pytest.mark.parametrize("seed", range(3))
def test_item_part_equals_statsmodels_cluster_robust_ols_on_balanced_data(seed):
    """One intercept: statsmodels' small-sample factor is G / (G - 1) * (n - 1) / (n - 1)."""
    rng = np.random.default_rng(seed)
    component, item = np.repeat(np.arange(3), 40), np.tile(np.arange(40), 3)
    cluster = rng.integers(0, 7, 40)[item]
    a, b = (scores(rng.random(120), component, cluster, trained=False) for _ in range(2))
    fit = OLS((a.values - b.values)[0], np.ones(120)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True
    )
    estimate = difference(a, b)
    assert estimate.item_variance == pytest.approx(fit.cov_params()[0, 0], rel=1e-10, abs=0)
    assert estimate.df == pytest.approx(6)
    assert estimate.p == pytest.approx(fit.pvalues[0], rel=1e-10, abs=0)
    assert (estimate.low, estimate.high) == pytest.approx(
        tuple(fit.conf_int()[0]), rel=1e-10, abs=0
    )


@pytest.mark.parametrize("seed", range(3))
def test_item_part_equals_statsmodels_on_unbalanced_components(seed):
    """A dummy for each of 3 components: statsmodels' factor has an extra (n - 1) / (n - 3)."""
    a, b = random_pair(seed)
    d = a.values.mean(axis=0) - b.values.mean(axis=0)
    fit = OLS(d, np.eye(3)[a.component]).fit(
        cov_type="cluster", cov_kwds={"groups": a.cluster}, use_t=True
    )
    mean = fit.t_test(np.full(3, 1 / 3))
    estimate = difference(a, b)
    assert estimate.value == pytest.approx(mean.effect[0], rel=1e-10, abs=0)
    expected = mean.sd[0, 0] ** 2 / (199 / 197)
    assert estimate.item_variance == pytest.approx(expected, rel=1e-10, abs=0)


@pytest.mark.parametrize("seed", range(3))
def test_item_variance_equals_the_plain_formula_on_unbalanced_components(seed):
    a, b = random_pair(seed)
    d = a.values.mean(axis=0) - b.values.mean(axis=0)
    expected = slow_item_variance(d.tolist(), a.component.tolist(), a.cluster.tolist())
    assert difference(a, b).item_variance == pytest.approx(expected, rel=1e-10, abs=0)


def test_interval_and_p_follow_satterthwaite_and_scipy():
    a, b = random_pair()
    estimate = difference(a, b, alpha=0.1)
    v_a, v_b = table_score(a).var(ddof=1) / 3, table_score(b).var(ddof=1) / 2
    v_item = known(estimate.item_variance)
    v = v_item + v_a + v_b
    t = scipy.stats.t(v**2 / (v_item**2 / 8 + v_a**2 / 2 + v_b**2 / 1))
    low, high = (estimate.value + t.ppf(tail) * math.sqrt(v) for tail in (0.05, 0.95))
    assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=1e-10, abs=0)
    assert estimate.p == pytest.approx(
        2 * t.sf(abs(estimate.value) / math.sqrt(v)), rel=1e-10, abs=0
    )


def test_components_weigh_the_same_whatever_their_size():
    assert table_score(scores([1, 0, 0, 0], component=[0, 1, 1, 1])).tolist() == [0.5]


def test_saturated_scores_average_to_exactly_one():
    component = np.arange(700) % 7
    assert table_score(scores(np.ones((2, 700)), component)).tolist() == [1, 1]


def test_numbers_that_do_not_occur_are_neither_components_nor_clusters():
    a, b = by_hand()
    apart = [replace(x, component=x.component * 3 + 1, cluster=x.cluster * 2 + 5) for x in (a, b)]
    assert difference(*apart) == difference(a, b)


def test_level_is_the_difference_from_nothing_without_p():
    a, _ = random_pair()
    nothing = replace(a, values=np.zeros((1, 200)), trained=False)
    assert level(a) == replace(difference(a, nothing), p=None)


@pytest.mark.parametrize("seed", range(5))
def test_swapping_methods_turns_signs_and_nothing_else(seed):
    a, b = random_pair(seed)
    there, back = difference(a, b), difference(b, a)
    turned = replace(back, value=-back.value, low=-known(back.high), high=-known(back.low))
    assert there == turned


def test_order_of_rows_and_seeds_does_not_matter():
    a, b = random_pair()
    order = np.random.default_rng(1).permutation(200)
    moved = [
        Scores(x.values[::-1, order], x.component[order], x.cluster[order], True) for x in (a, b)
    ]
    np.testing.assert_allclose(
        fields(difference(moved[0], moved[1])), fields(difference(a, b)), rtol=1e-12
    )


@pytest.mark.parametrize("trained", [True, False])
def test_identical_methods_have_p_one(trained):
    a = replace(by_hand()[0], trained=trained)
    estimate = difference(a, replace(a))
    assert estimate.value == 0
    assert estimate.p == 1
    assert estimate.low == -known(estimate.high)
    assert (estimate.high == 0) is not trained


@pytest.mark.parametrize("rows", [12, 1190, 13090])
def test_a_difference_without_variation_has_neither_p_nor_interval(rows):
    """0.3 - 0.1 in each row: rounding must not pass for variation."""
    a, b = (scores(np.full((3, rows), x), cluster=np.arange(rows) % 5) for x in (0.3, 0.1))
    estimate = difference(a, b)
    assert estimate.value == pytest.approx(0.2)
    assert (estimate.low, estimate.high, estimate.p, estimate.df) == (None, None, None, None)
    assert (estimate.item_variance, estimate.seed_variance) == (0, 0)
    assert level(a).low is None
    assert level(replace(a, values=a.values * 0)).low is None


def test_rounding_error_is_no_difference():
    a = scores([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]])
    b = replace(a, values=a.values[::-1])
    assert table_score(a).mean() != table_score(b).mean()
    assert (difference(a, b).value, difference(a, b).p) == (0, 1)


def test_one_cluster_gives_the_value_only():
    a = scores([[1, 2], [2, 3]], cluster=[4, 4])
    estimate = difference(a, replace(a, values=a.values * 3))
    assert estimate.value == -4
    assert estimate.clusters == 1
    assert (estimate.low, estimate.high, estimate.p) == (None, None, None)
    assert (estimate.item_variance, estimate.df) == (None, None)


def test_one_seed_is_counted_and_adds_no_variance():
    a, b = by_hand()
    single = replace(b, values=b.values[:1])
    estimate = difference(a, single)
    assert estimate.one_seed == 1
    assert estimate.seed_variance == pytest.approx(1 / 4)
    assert difference(single, single).one_seed == 2
    assert level(single).one_seed == 1


def test_fixed_checkpoint_has_no_seed_variance_and_is_no_model_trained_once():
    a, b = by_hand()
    fixed = replace(b, values=b.values[:1], trained=False)
    assert difference(a, fixed).one_seed == 0
    assert difference(a, fixed).seed_variance == pytest.approx(1 / 4)
    assert difference(fixed, replace(fixed, values=fixed.values * 2)).seed_variance == 0


def test_without_item_variance_the_seeds_alone_give_the_degrees_of_freedom():
    a = scores([[1, 1, 1], [2, 2, 2], [3, 3, 3]])
    zero = scores([0, 0, 0], trained=False)
    estimate = difference(a, zero)
    assert estimate.df == pytest.approx(2)
    expected = scipy.stats.ttest_1samp([1, 2, 3], 0)
    assert estimate.p == pytest.approx(expected.pvalue, rel=1e-12, abs=0)


@pytest.mark.parametrize("size", [1e-6, 1e-9])
def test_small_p_does_not_cancel(size):
    """For large t and 2 degrees of freedom P(|T| > t) is 1 / t^2, but for a share of 1 / t^2."""
    d = 1 + size * np.array([-1, 0, 1])
    estimate = difference(scores(d, trained=False), scores(np.zeros(3), trained=False))
    assert estimate.p == pytest.approx(estimate.item_variance, rel=1e-9, abs=0)


def test_p_is_never_zero():
    noise = 1e-9 * np.random.default_rng(0).normal(size=200)
    estimate = difference(scores(1 + noise, trained=False), scores(0 * noise, trained=False))
    assert 0 < known(estimate.p) < 1e-300


@pytest.mark.parametrize(
    ("values", "component", "cluster", "message"),
    [
        ([[1, 2, 3]], [0, 0], [0, 1, 2], "expected"),
        ([[1, 2, 3]], [0, 0, 0], [0, 1], "expected"),
        (np.zeros((0, 3)), [0, 0, 0], [0, 1, 2], "expected"),
        (np.zeros((2, 0)), [], [], "expected"),
        (np.zeros((1, 1, 3)), [0, 0, 0], [0, 1, 2], "expected"),
        ([[1, np.nan, 3]], [0, 0, 0], [0, 1, 2], "NaN"),
        ([[1, np.inf, 3]], [0, 0, 0], [0, 1, 2], "NaN"),
    ],
)
def test_scores_refuse_other_shapes_and_missing_numbers(values, component, cluster, message):
    with pytest.raises(ValueError, match=message):
        scores(values, component, cluster)


def test_difference_refuses_other_rows():
    a, b = by_hand()
    for other in (
        replace(b, component=b.component[::-1]),
        replace(b, cluster=b.cluster[::-1]),
        scores([1, 2, 3]),
    ):
        with pytest.raises(ValueError, match="same rows"):
            difference(a, other)


def test_equal_methods_are_called_different_in_five_percent_of_the_cases():
    """200 A/A runs; items share article effects, a seed moves all of a method's scores by sd .005.

    A test of questions on seed means would call 30 % of these different.
    """
    rng = np.random.default_rng(7)
    cluster = np.repeat(np.arange(48), rng.integers(8, 43, 48))
    rows = len(cluster)
    component = np.zeros(rows, np.int64)

    def method():
        item = rng.normal(0, 0.014, 48)[cluster] + rng.normal(0, 0.07, rows)
        noise = rng.normal(0, 0.055, (3, rows)) + rng.normal(0, 0.005, (3, 1))
        return Scores(0.7 + item + noise, component, cluster, trained=True)

    rate = np.mean([known(difference(method(), method()).p) < 0.05 for _ in range(200)])
    assert 0 < rate < 0.09


P_VALUES = arrays(float, st.integers(1, 30), elements=st.floats(0, 1, allow_subnormal=False))


@given(P_VALUES)
def test_corrections_equal_statsmodels(p):
    with mock.patch("gc.collect"):  # which statsmodels calls each time: 50 ms
        family, share = (multipletests(p, method=method)[1] for method in ("holm", "fdr_bh"))
    np.testing.assert_allclose(holm(p), family, rtol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p), share, rtol=1e-12)


@given(P_VALUES)
def test_corrections_keep_order_and_stay_between_p_and_one(p):
    for correct in (holm, benjamini_hochberg):
        adjusted = correct(p)
        assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()
        assert (adjusted >= p * (1 - 1e-15)).all()
        assert (adjusted <= 1).all()


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
def test_what_was_not_tested_is_no_member_of_the_family(correct):
    p = np.array([np.nan, 0.01, 0.04, np.nan, 0.03])
    adjusted = correct(p)
    assert np.isnan(adjusted).tolist() == np.isnan(p).tolist()
    assert adjusted[[1, 2, 4]].tolist() == correct(p[[1, 2, 4]]).tolist()
    assert correct(np.array([])).tolist() == []


@pytest.mark.parametrize("seed", range(5))
def test_where_ranx_is_right_p_is_the_same(seed):
    """Student's test of ranx on clusters of one item each, for two fixed models."""
    from ranx.statistical_tests.paired_student_t_test import paired_student_t_test

    rng = np.random.default_rng(seed)
    a, b = rng.random(48), rng.random(48)
    expected, _ = paired_student_t_test(a, b)
    found = difference(scores(a, trained=False), scores(b, trained=False))
    assert abs(known(found.p) - expected) < 1e-12


@given(st.permutations(range(4)), st.integers(0, 5))
def test_estimates_of_many_methods_are_those_of_each_pair_in_any_order(order, seed):
    every = [*random_pair(seed), *random_pair(seed + 1)]
    every = [Scores(m.values, every[0].component, every[0].cluster, True) for m in every]
    levels, pairs = estimates([every[i] for i in order])
    assert levels == [level(every[i]) for i in order]
    names = itertools.combinations(order, 2)
    assert pairs == [difference(every[i], every[j]) for i, j in names]


def test_what_is_rounding_error_of_either_method_is_no_difference():
    nothing, balanced = scores([0.0, 0.0]), scores([1.0, -1.0 + 2e-13])
    assert difference(nothing, balanced).value == difference(balanced, nothing).value == 0
