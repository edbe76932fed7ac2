"""What becomes of claims about methods whose difference is known, against another simulation."""

import numpy as np
import pytest
from tests.simulations.worlds import World, philox, table

from hbench.statistics import difference
from hbench.verdicts import Part, verdict_of

TRIALS = 1_500
TRUTHS = (-2.0, -1.0, -0.5, 0.0, 0.5)  # true differences, in margins
# (seed sd, margin) with 3 seeds: of 1,500 claims "not worse", the shares supported and refuted for
# each true difference; of as many claims "equal" the share supported where that is 0.
KNOWN = {
    (0.002, 0.01): ([0, 0.020, 0.19, 0.53, 0.86], [0.54, 0.021, 0, 0, 0], 0.11),
    (0.005, 0.02): ([0, 0.023, 0.33, 0.83, 0.99], [0.85, 0.019, 0, 0, 0], 0.68),
}
FLOOR = 0.002  # a share of 0 or 1 was rounded, and counts as one that was this far from it


def verdicts(world, margin, truth, rng):
    """Shares: "not worse" supported, refuted, "equal" supported; and the mean half-width."""
    found = []
    for _ in range(TRIALS):
        method, rival = world.draw(rng, 2)
        better, other = map(world.of_method.scores, (method + truth * margin, rival))
        estimate = difference(better, other)
        assert estimate.low is not None and estimate.high is not None
        part = Part("xquad-r", "a", "b", estimate, 1, (world.seeds, world.seeds))
        no_worse = verdict_of(part, "not_worse_than", margin)
        equal = verdict_of(part, "equal_to", margin)
        half = (estimate.high - estimate.low) / 2
        found.append((no_worse == "supported", no_worse == "refuted", equal == "supported", half))
    return np.mean(found, axis=0)


@pytest.mark.slow
@pytest.mark.parametrize(("seed_sd", "margin"), list(KNOWN))
@pytest.mark.parametrize("matter", [World.methods_only, World.shared], ids=["methods", "runs-too"])
def test_verdicts_are_as_frequent_as_is_known_of_them(xquad_r_questions, seed_sd, margin, matter):
    """Both simulations err: three standard errors of the difference of two shares."""
    world = matter(xquad_r_questions, 3, seed_sd)
    here = np.array(
        [
            verdicts(world, margin, truth, philox(5, round(1_000 * seed_sd), number))
            for number, truth in enumerate(TRUTHS)
        ]
    )
    supported, refuted, equal = KNOWN[seed_sd, margin]
    cells = [
        *zip(["supported"] * 5, TRUTHS, here[:, 0], supported, strict=True),
        *zip(["refuted"] * 5, TRUTHS, here[:, 1], refuted, strict=True),
        ("equal", 0.0, here[3, 2], equal),
    ]
    rows, outside = [], []
    for verdict, truth, share, known in cells:
        p = np.clip(known, FLOOR, 1 - FLOOR)
        allowed = 3 * np.sqrt(2 * p * (1 - p) / TRIALS)
        rows.append([verdict, truth, float(share), float(known), float(allowed)])
        if abs(share - known) > allowed:
            outside.append(rows[-1])
    table(
        f"Verdicts, 3 seeds of sd {seed_sd}, margin {margin}, articles matter to {matter.__name__},"
        f" {TRIALS:,} trials; mean half-width {here[:, 3].mean():.4f}",
        ["verdict", "truth in margins", "here", "known", "allowed"],
        rows,
    )
    assert outside == []
