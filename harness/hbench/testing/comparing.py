"""Two sets of vectors that should be the same but for rounding."""

from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[Any]


def are_alike(one: Vectors, other: Vectors, tolerance: float) -> bool:
    """Whether (n, dim) vectors are the same.

    Args:
        one: vectors.
        other: as many.
        tolerance: for a component's difference, as a share of the largest component.
    """
    largest = np.abs(one).max(initial=0.0)
    return bool(np.allclose(one, other, rtol=0.0, atol=tolerance * largest))


def difference(one: Vectors, other: Vectors) -> str:
    """Where two sets of (n, dim) vectors differ most, in words."""
    row, column = np.unravel_index(np.argmax(np.abs(one - other)), one.shape)
    return (
        f"component {column} of text {row} is {one[row, column]:.9g}, "
        f"elsewhere {other[row, column]:.9g}"
    )
