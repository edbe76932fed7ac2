"""The same numbers from the same work: torch's deterministic algorithms, and what has none."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ALERT = "use_deterministic_algorithms"  # named by all that torch says of what is not repeatable
WORKSPACE = ":4096:8"  # with which cuBLAS adds up in one order; 24 MiB of memory


@contextmanager
def repeatable(*, wanted: bool = True) -> Iterator[list[str]]:
    """Let torch use algorithms that give the same bits each time.

    On a CPU, with a fixed number of threads, all of them do. On a GPU an operation that has no such
    algorithm runs as it is, and is told.

    Args:
        wanted: False lets torch choose the fastest.

    Yields:
        Filled along the way: which operations were not repeatable, a line each.
    """
    import torch

    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", WORKSPACE)  # read at the first product
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    switches: Any = torch.utils.deterministic
    filling = switches.fill_uninitialized_memory
    notes: list[str] = []
    try:
        torch.use_deterministic_algorithms(wanted, warn_only=True)
        switches.fill_uninitialized_memory = False  # nothing reads what it fills
        with _noting(notes):
            yield notes
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warned)
        switches.fill_uninitialized_memory = filling
        notes[:] = dict.fromkeys(notes)


@contextmanager
def _noting(notes: list[str]) -> Iterator[None]:
    """Take down torch's warnings of what is not repeatable; all others take their usual way."""
    with warnings.catch_warnings():  # puts back what is shown, and how
        show = warnings.showwarning

        def noted(message: Warning | str, *rest: Any) -> None:  # noqa: ANN401 - passed on as it is
            if ALERT in str(message):
                cause = str(message).partition(", but")[0]
                notes.append(f"not repeatable on this device: {cause}")
            else:
                show(message, *rest)

        warnings.filterwarnings("always", message=f"(?s).*{ALERT}")
        warnings.showwarning = noted  # type: ignore[assignment]
        yield
