"""What an experiment will be able to tell, before it is run: how wide its intervals will about be.

The formulas are those of ``statistics``, with variances as they are for average precision. They are
calibrated on XQuAD-R's map of articles and paragraphs: for 1,190 questions in 48 articles and 3 (5)
seeds a simulation has mean half-widths of .0091 (.0087) without variance of seeds, .0132 (.0109)
for a seed sd of .005, .0238 (.0163) for one of .01, and these formulas .0091 (.0088), .0128 (.0109)
and .0222 (.0162).
"""

import math

METHOD_SD = 0.07  # of an item's score, by method
SEED_SD = 0.055  # of an item's score, by training seed
WITHIN = 0.045  # correlation of the items of a cluster
SEED_SDS = (0.002, 0.005, 0.01)  # of table scores: what trainings show


def half_width(items: int, clusters: int, seeds: int, seed_sd: float, alpha: float = 0.05) -> float:
    """About half the 1 - alpha interval of a difference of two methods in average precision.

    Args:
        items: of the evaluation.
        clusters: at least 2.
        seeds: of each method, at least 2.
        seed_sd: of a method's table score over training seeds.
        alpha: of the interval.
    """
    from scipy import special

    of_item = 2 * METHOD_SD**2 + 2 * SEED_SD**2 / seeds
    item = of_item / items * (1 + WITHIN * (items / clusters - 1))
    seed = seed_sd**2 / seeds  # of each of the two methods
    total = item + 2 * seed
    df = total**2 / (item**2 / (clusters - 1) + 2 * seed**2 / (seeds - 1))
    return float(-special.stdtrit(df, alpha / 2)) * math.sqrt(total)
