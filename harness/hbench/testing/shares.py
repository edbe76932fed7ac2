"""The rules of the shares that a sampler's batches may tell."""

import numpy as np

from hbench.errors import shown
from hbench.protocols import Batches
from hbench.records import Items
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

STEPS = range(10**6, 10**6 + 2000)  # after what a sampler may do at the start of a training
# By which a source's share of these batches may differ from what is told: by Hoeffding's bound
# chance alone goes beyond it once in 1e17 times.
ERROR = 0.1
ROUNDING = 1e-9

SHARES = Rule(
    "shares-are-a-distribution",
    "`shares`, if the batches have it, is the share of the batches that each source has.",
    "(sources,) float64, none negative, with the sum 1",
)
DRAWN = Rule(
    "shares-are-what-is-drawn",
    "Of many batches each source has about the share that `shares` says; it is shown before a run.",
    "items.weights, and the sources' sizes if the sampler weighs them, in `shares` as in `batch`; "
    "or no `shares`",
)
RULES = (SHARES, DRAWN)


def check_shares(checked: Checked, batches: Batches, items: Items, given: str) -> None:
    """Check the shares of the sources, if they are told.

    Args:
        checked: the sampler.
        batches: that it draws.
        items: from these.
        given: what it was given, in words.

    Raises:
        ContractError: they are no distribution, or another than that of the batches.
    """
    with checked.asked(SHARES, given):
        shares = getattr(batches, "shares", None)
    if shares is None:
        return
    sources = len(items.weights)
    is_array = isinstance(shares, np.ndarray)
    found = f"{shares.dtype} of shape {shares.shape}: {shares}" if is_array else shown(shares)
    shaped = is_array and shares.dtype == np.float64 and shares.shape == (sources,)
    holds = bool(shaped and (shares >= 0).all() and abs(shares.sum() - 1) < ROUNDING)
    checked.require(holds, SHARES, given=f"{given}, of {sources} sources", found=found)
    with checked.asked(DRAWN, given):
        rows = np.concatenate([batches.batch(step)[:, 0] for step in STEPS])
    drawn = np.bincount(items.source[rows], minlength=sources) / len(rows)
    found = f"{shares.round(3).tolist()}, and drawn were {drawn.round(3).tolist()}"
    holds = bool((abs(shares - drawn) < ERROR).all())
    checked.require(holds, DRAWN, given=f"{given}, {len(STEPS)} batches", found=found)
