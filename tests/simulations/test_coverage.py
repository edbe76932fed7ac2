"""How often the 95 % interval of a difference holds the true one, of scores as skewed as real ones.

An item's score is a curve of a normally distributed difficulty, so that the true mean is known.
"""

import numpy as np
import pytest
from scipy import stats
from tests.simulations.worlds import Effects, philox, table

from hbench.statistics import Scores, difference

TRIALS = 4_000  # a coverage of .95 is then found with a standard error of .0034
LEAST, MOST = 0.935, 0.965
SOURCES = (0.04, 0.08)  # of article and paragraph: widen intervals by the measured 1.19-1.50
SEED_SD = 0.02  # of a run, in difficulty
COMMON = 0.7  # of the variance of difficulty is the same for both methods
OF_RUN = 0.1  # of it is a run's, the rest the method's
EASY = stats.norm.ppf(0.68)


def precision(difficulty):
    """Average precision: 68 % are exactly 1, the others 1 / rank. Mean .76, sd .36."""
    return 1 / np.ceil(np.exp(2.5 * np.maximum(difficulty - EASY, 0)))


def rank_distance(difficulty):
    """Log-normal, cut at the number of passages. Median 35, mean about 265."""
    return np.minimum(35 * np.exp(2.08 * difficulty), 13_013)


CURVES = {precision: 0.05, rank_distance: 0.1}  # how much more difficult it is for the second


def normal(sd):
    """A million equally likely values."""
    return stats.norm.ppf((np.arange(1_000_000) + 0.5) / 1_000_000, scale=sd)


def test_scores_are_as_skewed_as_real_ones():
    scores = precision(normal(1))
    assert (scores == 1).mean() == pytest.approx(0.68)
    assert (scores.mean(), scores.std()) == pytest.approx((0.76, 0.36), abs=0.005)
    distances = rank_distance(normal(1))
    assert np.median(distances) == pytest.approx(35, rel=1e-3)
    assert distances.mean() == pytest.approx(265, abs=5)


def two_methods(effects, curve, seeds, rng):
    """(seeds, rows) scores of each of two methods; of fixed models where ``seeds`` is 0."""
    shape = (max(seeds, 1), effects.languages, len(effects.questions))
    common = np.sqrt(COMMON) * effects.draw(rng)
    for harder in (0.0, CURVES[curve]):
        of_run = OF_RUN if seeds else 0.0
        difficulty = common + np.sqrt(1 - COMMON - of_run) * effects.draw(rng)
        difficulty = np.broadcast_to(difficulty / np.sqrt(effects.row_variance), shape)
        if seeds:
            own = effects.draw(rng, seeds) * np.sqrt(of_run / effects.row_variance)
            difficulty = difficulty + own + SEED_SD * rng.standard_normal((seeds, 1, 1))
        yield curve(difficulty + harder).reshape(shape[0], -1)


def coverage(effects, curve, seeds, rng):
    """Of intervals by article and by question: misses below and above; ratio of their widths."""
    sd = np.sqrt(1 + SEED_SD**2) if seeds else 1.0
    truth = curve(normal(sd)).mean() - curve(normal(sd) + CURVES[curve]).mean()
    component, article = effects.groups
    question = np.tile(np.arange(len(effects.questions)), effects.languages)
    ends = np.empty((TRIALS, 2, 2))
    for trial in range(TRIALS):
        a, b = two_methods(effects, curve, seeds, rng)
        for unit, cluster in enumerate((article, question)):
            first, second = (Scores(x, component, cluster, seeds > 0) for x in (a, b))
            found = difference(first, second)
            ends[trial, unit] = found.low, found.high
    below, above = (truth < ends[..., 0]).mean(axis=0), (truth > ends[..., 1]).mean(axis=0)
    widths = (ends[..., 1] - ends[..., 0]).mean(axis=0)
    return float(truth), below, above, float(widths[0] / widths[1])


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [0, 3])
@pytest.mark.parametrize("shares", [(0.0, 0.0), SOURCES])
@pytest.mark.parametrize("curve", list(CURVES))
def test_19_of_20_intervals_hold_the_true_difference(xquad_r_questions, curve, shares, seeds):
    effects = Effects(xquad_r_questions, shares, icc=0.5)
    rng = philox(6, list(CURVES).index(curve), int(shares == SOURCES), seeds)
    truth, below, above, ratio = coverage(effects, curve, seeds, rng)
    held = 1 - below - above
    error = np.sqrt(0.05 * 0.95 / TRIALS)
    table(
        f"Intervals of a difference, {TRIALS:,} trials, standard error of a share {error:.4f}",
        ["metric", "articles matter", "seeds", "truth", "articles", "truth below", "truth above",
         "questions", "ratio of widths"],
        [[curve.__name__, "yes" if shares == SOURCES else "no", seeds or "fixed", truth,
          float(held[0]), float(below[0]), float(above[0]), float(held[1]), ratio]],
    )  # fmt: skip
    assert LEAST <= held[0] <= MOST
    if shares == SOURCES:
        assert held[1] < held[0] - 0.01
