"""The same numbers from the same work: torch's deterministic algorithms, and what has none."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WORKSPACE = ":4096:8"  # with which cuBLAS adds up in one order; 24 MiB of memory


@contextmanager
def repeatable(*, wanted: bool = True) -> Iterator[list[str]]:
    """Let torch use algorithms that give the same bits each time.

    On a CPU, with a fixed number of threads, all of them do. On a GPU an operation that has no such
    algorithm runs as it is, and is told.

    Args:
        wanted: False lets torch choose the fastest.

    Yields:
        Filled on leaving: which operations were not repeatable, a line each.
    """
    import torch

    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", WORKSPACE)  # read at the first product
    before = torch.are_deterministic_algorithms_enabled()
    switches: Any = torch.utils.deterministic
    filling = switches.fill_uninitialized_memory
    notes: list[str] = []
    try:
        torch.use_deterministic_algorithms(wanted, warn_only=True)
        switches.fill_uninitialized_memory = False  # nothing reads what it fills
        with warnings.catch_warnings(record=True) as caught:
            warnings.filterwarnings("always", message=".*deterministic")
            yield notes
    finally:
        torch.use_deterministic_algorithms(before)
        switches.fill_uninitialized_memory = filling
    for each in caught:
        text = str(each.message)
        if "deterministic" in text:
            notes.append(f"not repeatable on this device: {text.partition(', but')[0]}")
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    notes[:] = dict.fromkeys(notes)
