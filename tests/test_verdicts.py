"""What intervals say of claims, worked out by hand."""

import math

import pytest
from scipy import stats

from hbench.statistics import Estimate
from hbench.verdicts import Part, verdict_of, verdict_of_all, would_decide

DF = 47.0
T = float(stats.t.ppf(0.975, DF))


def part(value, half, *, sign=1, seed_share=0.0, seeds=(3, 3), clusters=48, rival="b"):
    """A comparison whose 95 % interval is value -+ half."""
    variance = (half / T) ** 2
    estimate = Estimate(
        value=value,
        low=value - half,
        high=value + half,
        p=0.5,
        item_variance=variance * (1 - seed_share),
        seed_variance=variance * seed_share,
        df=DF,
        clusters=clusters,
        one_seed=0,
    )
    return Part("test", "a", rival, estimate, sign, seeds)


@pytest.mark.parametrize(
    ("kind", "margin", "value", "half", "expected"),
    [
        ("better_than", 0.0, 0.03, 0.02, "supported"),  # 0.01 to 0.05
        ("better_than", 0.0, 0.01, 0.02, "inconclusive"),  # -0.01 to 0.03
        ("better_than", 0.0, -0.03, 0.02, "refuted"),  # -0.05 to -0.01
        ("better_than", 0.02, 0.05, 0.02, "supported"),  # 0.03 to 0.07
        ("better_than", 0.02, 0.03, 0.02, "inconclusive"),  # 0.01 to 0.05
        ("better_than", 0.02, 0.00, 0.01, "refuted"),  # -0.01 to 0.01
        ("not_worse_than", 0.02, 0.00, 0.01, "supported"),  # -0.01 to 0.01
        ("not_worse_than", 0.02, -0.01, 0.02, "inconclusive"),  # -0.03 to 0.01
        ("not_worse_than", 0.02, -0.05, 0.02, "refuted"),  # -0.07 to -0.03
        ("equal_to", 0.02, 0.005, 0.01, "supported"),  # -0.005 to 0.015
        ("equal_to", 0.02, 0.01, 0.02, "inconclusive"),  # -0.01 to 0.03
        ("equal_to", 0.02, 0.05, 0.02, "refuted"),  # 0.03 to 0.07
        ("equal_to", 0.02, -0.05, 0.02, "refuted"),  # -0.07 to -0.03
    ],
)
def test_each_kind_of_claim_has_each_verdict(kind, margin, value, half, expected):
    assert verdict_of(part(value, half), kind, margin) == expected
    # Where a lower value is better, the same is said of the opposite difference.
    assert verdict_of(part(-value, half, sign=-1), kind, margin) == expected
    assert verdict_of_all([part(value, half)], kind, margin, 0.05)[0] == expected


def test_without_an_interval_nothing_is_said():
    none = Part("test", "a", "b", None, 1, (3, 3))
    assert verdict_of(none, "better_than", 0.0) == "inconclusive"
    assert verdict_of_all([none, part(0.03, 0.02)], "better_than", 0.0, 0.05) == (
        "inconclusive",
        none,
    )
    assert would_decide(none, "better_than", 0.0) == ""


def test_a_claim_of_several_comparisons_needs_each_and_names_the_weakest():
    strong, weak = part(0.05, 0.02), part(0.03, 0.02, rival="c")
    assert verdict_of_all([strong, weak], "better_than", 0.0, 0.05) == ("supported", weak)
    open_ = part(0.01, 0.02, rival="d")
    assert verdict_of_all([strong, weak, open_], "better_than", 0.0, 0.05) == (
        "inconclusive",
        open_,
    )


def test_several_comparisons_are_refuted_by_one_after_holm():
    """U = -0.0005: refuted alone (p about .045), but of two Holm doubles it; U = -0.01 stays."""
    barely, others = part(-0.0205, 0.02), [part(0.05, 0.02, rival="c")]
    alone = 2 * stats.t.sf(0.0205 / (0.02 / T), DF)
    assert 0.025 < alone < 0.05
    assert verdict_of_all([barely], "better_than", 0.0, 0.05) == ("refuted", barely)
    assert verdict_of_all([barely, *others], "better_than", 0.0, 0.05) == ("inconclusive", barely)
    clearly = part(-0.03, 0.02, rival="d")
    assert verdict_of_all([clearly, *others], "better_than", 0.0, 0.05) == ("refuted", clearly)


def test_what_would_decide_is_seeds_where_they_are_what_lacks_and_else_clusters():
    """The interval must shrink from 0.02 to 0.01; V to (0.01 / 1.96)^2 = 2.603e-5."""
    variance, wanted = (0.02 / T) ** 2, (0.01 / 1.96) ** 2
    by_seeds = part(0.01, 0.02, seed_share=0.9)
    enough = math.ceil(3 * 0.9 * variance / (wanted - 0.1 * variance))
    assert enough == 17  # 3 x 8.896e-5 / (2.603e-5 - 0.988e-5), and 3 are there
    assert would_decide(by_seeds, "better_than", 0.0) == "about 14 more seeds would decide it"
    clusters = math.ceil(48 * variance / wanted)
    assert clusters == 183
    fixed = part(0.01, 0.02, seeds=(0, 0))
    assert would_decide(fixed, "better_than", 0.0) == "about 135 more clusters would decide it"
    both = part(0.01, 0.02, seed_share=0.5)
    assert would_decide(both, "better_than", 0.0) == (
        "about 135 more clusters and 9 more seeds would decide it"
    )
    on_it = part(-0.02, 0.02)
    assert would_decide(on_it, "not_worse_than", 0.02).startswith("its value lies on the margin")


def test_where_the_normal_law_thinks_that_enough_are_there_one_more_is_asked_for():
    """Few degrees of freedom: T is above 1.96, so 0.0199 of 0.02 asks for less than is there."""
    by_seeds = part(0.0199, 0.02, seed_share=0.9)
    assert would_decide(by_seeds, "better_than", 0.0) == "about 1 more seed would decide it"
    fixed = part(0.0199, 0.02, seeds=(0, 0))
    assert would_decide(fixed, "better_than", 0.0) == "about 1 more cluster would decide it"
