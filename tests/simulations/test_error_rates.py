"""How often chance passes for a difference, of which at most 5 % should.

Two equal methods, or six, on the articles and paragraphs of XQuAD-R in 11 languages. Beside
hbench's test: what is found by those that take too little for chance.
"""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from tests.simulations.worlds import Effects, Questions, World, blocks, philox, table

from hbench.statistics import difference, estimates, holm

ALPHA = 0.05
BAR = 0.065  # three standard errors above alpha over 2,000 trials
TRIALS = 2_000
TABLE_SEEDS = [(seeds, sd) for seeds in (3, 5) for sd in (0.0, 0.002, 0.005, 0.01)]
WORLDS = {
    "nothing": World.without_sources,
    "methods and runs": World.shared,
    "methods": World.methods_only,
}
UNITS = ("hbench", "articles", "rows", "questions", "seeds")
# Of an independent simulation, 1,500 runs, where articles matter to methods: false positives of t
# tests on the means over seeds of articles, of questions, and on seeds alone.
KNOWN = {
    (3, 0.0): (0.051, 0.160, 0.459),
    (3, 0.002): (0.071, 0.195, 0.282),
    (3, 0.005): (0.157, 0.315, 0.121),
    (3, 0.01): (0.345, 0.490, 0.066),
    (5, 0.0): (0.047, 0.155, 0.585),
    (5, 0.002): (0.065, 0.184, 0.441),
    (5, 0.005): (0.109, 0.250, 0.171),
    (5, 0.01): (0.261, 0.424, 0.088),
}
SETTINGS = np.linalg.cholesky(np.full((3, 3), 0.6) + 0.4 * np.eye(3))  # correlated .6


def p_values(world, trained, size, rng):
    """(units, size) p of a comparison of two equal methods, by what is taken for a unit."""
    values = world.draw(rng, size, 2)
    estimates = [
        difference(*(world.of_method.scores(method, trained) for method in pair)) for pair in values
    ]
    mean, variance = np.array([(e.value, e.item_variance) for e in estimates], float).T
    clusters = estimates[0].clusters
    d = values[:, 0].mean(axis=1) - values[:, 1].mean(axis=1)  # (size, languages, questions)
    by_seed = values.mean(axis=(3, 4))  # (size, methods, seeds)
    return np.array(
        [
            [e.p for e in estimates],
            2 * stats.t.sf(np.abs(mean) / np.sqrt(variance), clusters - 1),
            stats.ttest_1samp(d.reshape(size, -1), 0, axis=1).pvalue,
            stats.ttest_1samp(d.mean(axis=1), 0, axis=1).pvalue,
            stats.ttest_ind(by_seed[:, 0], by_seed[:, 1], axis=1).pvalue
            if world.seeds > 1
            else np.full(size, np.nan),
        ],
        float,
    )


def found(world, trained, trials, rng):
    """The share of trials in which each unit finds a difference; NaN where it cannot be asked."""
    p = np.hstack([p_values(world, trained, size, rng) for size in blocks(trials)])
    shares = np.where(np.isnan(p).any(axis=1), np.nan, (p <= ALPHA).mean(axis=1))
    return dict(zip(UNITS, shares.tolist(), strict=True))


@pytest.fixture(scope="module")
def rates(xquad_r_questions):
    """By what articles matter to, seeds (0: fixed models) and seed sd."""
    found_by = {}
    for a, (matter, world) in enumerate(WORLDS.items()):
        for b, (seeds, sd) in enumerate([*TABLE_SEEDS, (0, 0.0)]):
            drawn = world(xquad_r_questions, max(seeds, 1), sd)
            found_by[matter, seeds, sd] = found(drawn, seeds > 0, TRIALS, philox(1, a, b))
    table(
        f"False positives at .05, two equal methods, {TRIALS:,} trials, by unit",
        ["articles matter to", "seeds", "seed sd", *UNITS],
        [
            [matter, seeds or "fixed", sd, *units.values()]
            for (matter, seeds, sd), units in found_by.items()
        ],
    )
    return found_by


@pytest.mark.slow
def test_no_more_than_6_5_percent_of_equal_methods_differ(rates):
    assert len(rates) == 27
    assert {key: units["hbench"] for key, units in rates.items() if units["hbench"] > BAR} == {}


@pytest.mark.slow
def test_other_units_find_what_is_known_of_them(rates):
    """That is: the simulated methods have in them what the test has to stand."""
    outside = {}
    for (seeds, sd), known in KNOWN.items():
        for unit, p in zip(("articles", "questions", "seeds"), known, strict=True):
            here = rates["methods", seeds, sd][unit]
            if abs(here - p) > 3 * np.sqrt(p * (1 - p) * (1 / 1_500 + 1 / TRIALS)):
                outside[seeds, sd, unit] = (here, p)
    assert outside == {}
    assert min(units["rows"] for units in rates.values()) > 2 * BAR


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "seed_sd"),
    [
        (3, 0.0),
        (3, 0.005),
        (5, 0.01),
        # p near .001 is too small where two variances of three seeds each make up most of the
        # error; what is printed under a table says so.
        pytest.param(3, 0.01, marks=pytest.mark.xfail(reason="about 10 %", strict=True)),
    ],
)
def test_45_comparisons_of_equal_methods_find_one_in_6_5_percent_at_most(
    xquad_r_questions, seeds, seed_sd
):
    """6 methods, each pair in 3 settings, corrected as the primary table is."""
    trials = 1_000
    world = World.shared(xquad_r_questions, seeds, seed_sd)
    rng = philox(2, round(1_000 * seed_sd))
    p = np.array([family(world, rng) for _ in range(trials)])
    adjusted = np.array([holm(trial) for trial in p])
    anything, corrected = ((x <= ALPHA).any(axis=1).mean() for x in (p, adjusted))
    shares = [(p <= ALPHA).mean(), f"{(p <= ALPHA / 45).mean():.5f}"]
    table(
        f"45 comparisons of equal methods, {trials:,} trials: any false positive",
        ["seeds", "seed sd", "each at .05", "Holm", "comparisons at .05", "at .05 / 45"],
        [[seeds, seed_sd, anything, corrected, *shares]],
    )
    assert p.shape == (trials, 45)
    assert corrected <= BAR


def family(world, rng):
    """(45,) p of all pairs of six methods in three settings."""
    settings = np.tensordot(SETTINGS, world.draw(rng, 3, 6), axes=1)
    return [
        pair.p
        for methods in settings
        for pair in estimates([world.of_method.scores(values) for values in methods])[1]
    ]


@pytest.mark.slow
def test_the_differences_of_a_family_are_those_of_its_pairs(xquad_r_questions):
    world = World.shared(xquad_r_questions, 3, 0.005)
    methods = [world.of_method.scores(values) for values in world.draw(philox(4), 6)]
    together = [pair.p for pair in estimates(methods)[1]]
    alone = [difference(a, b).p for a, b in combinations(methods, 2)]
    assert together == pytest.approx(alone, rel=1e-9, abs=0)


def test_200_comparisons_of_equal_methods_find_few_differences_and_rows_find_many():
    """24 articles of 2 paragraphs of 3 questions in 3 languages."""
    effects = Effects(Questions.of([[3, 3]] * 24), shares=(0.1, 0.1), icc=0.5, languages=3)
    units = found(World(effects, effects, 3, 0.005), True, 200, philox(3))
    assert units["hbench"] < 0.09
    assert units["rows"] > 0.2
