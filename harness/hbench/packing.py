"""Texts grouped by token length, so that little of a batch is padding.

Knows token counts, not tokens. Used by encoders in training and in encoding alike.
"""

from collections.abc import Sequence

import numpy as np

from hbench.records import Int64Array


def micro_batches(lengths: Sequence[int], *, budget: int) -> list[Int64Array]:
    """Split texts into groups of similar length.

    Args:
        lengths: tokens of each text.
        budget: the most tokens of a group once it is padded to its longest text; a longer text
            gets a group of its own.

    Returns:
        Indices of the texts of each group; together every text once, in ascending length.

    >>> [group.tolist() for group in micro_batches([5, 1, 9, 2], budget=15)]
    [[1, 3, 0], [2]]
    >>> [group.tolist() for group in micro_batches([5, 1, 9, 2], budget=8)]
    [[1, 3], [0], [2]]
    """
    order = np.argsort(np.asarray(lengths, np.int64), kind="stable")
    groups: list[Int64Array] = []
    start = 0
    for end in range(1, len(order) + 1):
        is_last = end == len(order)
        if is_last or (end + 1 - start) * lengths[order[end]] > budget:
            groups.append(order[start:end])
            start = end
    return groups
