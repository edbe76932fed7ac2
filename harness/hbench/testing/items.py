"""The items that samplers are checked with: small, the same each time, and full of traps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hbench.records import Int32Array, Items


def parallel_items(languages: Sequence[str], *, same_query: bool = False) -> Items:
    """Forty items of two sources in all languages, with gaps and with texts in common.

    Args:
        languages: their tags.
        same_query: all items have one query in the first language, so that no two may meet.
    """
    count, width = 40, len(languages)
    query = np.arange(count * width, dtype=np.int32).reshape(count, width)
    passage = query.copy()
    for item in range(0, count, 5):
        language = item // 5 % width
        query[item, language] = passage[item + 1, language] = -1
        # Twins in one language, and a query that is one string in two of them, as a name is.
        passage[item + 3, language] = passage[item + 2, language]
        query[item + 4, language - 1] = query[item + 3, language]
    if same_query:
        query[:, 0] = 0
    return _items(languages, query, passage, np.arange(count) // 20)


def separate_items(languages: Sequence[str]) -> Items:
    """Sixteen items in each language, of two sources, each in that language alone."""
    count, width = 16 * len(languages), len(languages)
    query = np.full((count, width), -1, np.int32)
    passage = query.copy()
    item = np.arange(count)
    query[item, item % width] = passage[item, item % width] = item
    passage[2 * width : 4 * width] = passage[: 2 * width]  # two questions with one answer
    return _items(languages, query, passage, item // width % 2)


def _items(languages: Sequence[str], query: Int32Array, passage: Int32Array, source: Any) -> Items:  # noqa: ANN401
    return Items(
        languages=tuple(languages),
        query=query,
        passage=passage,
        source=source.astype(np.int32),
        weights=np.array([1.0, 2.0]),
        names=("one", "two"),
    )
