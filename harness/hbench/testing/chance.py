"""The global random state of Python, numpy and torch, on which no outcome may depend."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random, getstate, setstate

import numpy as np


@contextmanager
def global_random_state(seed: int) -> Iterator[None]:
    """Set the global random numbers inside; afterwards they are what they were.

    Args:
        seed: from which they start, in ``random``, numpy and, if it was imported, torch.
    """
    before = getstate(), np.random.get_state()
    setstate(Random(seed).getstate())
    np.random.set_state(np.random.RandomState(seed).get_state())
    try:
        with _torch_state(seed):
            yield
    finally:
        setstate(before[0])
        np.random.set_state(before[1])


@contextmanager
def _torch_state(seed: int) -> Iterator[None]:
    """The same of torch; what has not imported it is not made to wait for it."""
    if "torch" not in sys.modules:
        yield
        return
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
