"""Which items must not meet in a batch, and how many may."""

from collections.abc import Iterable, Mapping

import numpy as np

from hbench.records import Int32Array, Items

BARRED = 2**64  # a text that no item has


def shared_texts(items: Items) -> dict[int, tuple[int, ...]]:
    """For each item that shares a query or a passage text with another, the shared ones.

    Returns:
        The numbers of those texts by item; a passage's number comes after those of all queries.
        Two items share a text, in whichever languages, exactly if they have a number in common.
    """
    shared: dict[int, tuple[int, ...]] = {}
    offset = 0
    for table in (items.query, items.passage):
        rows, columns = np.nonzero(table >= 0)
        cells = np.unique(np.stack([table[rows, columns], rows]), axis=1)
        holders = np.bincount(cells[0])
        for text, item in cells[:, holders[cells[0]] > 1].T.tolist():
            shared[item] = (*shared.get(item, ()), text + offset)
        offset += len(holders)
    return shared


class Marks(dict[int, frozenset[int]]):
    """What an item leaves in a batch: items may meet if their marks have nothing in common.

    An item that shares no text stands not in here, and leaves a mark of its own: texts count
    from 0, so that no text has the number ``~item``.
    """

    def __missing__(self, item: int) -> frozenset[int]:
        return frozenset((~item,))

    @classmethod
    def of(cls, shared: Mapping[int, tuple[int, ...]]) -> "Marks":
        """Of the texts that the very same items share, as translations are, one is a mark."""
        holders: dict[int, list[int]] = {}
        for item, texts in shared.items():
            for text in texts:
                holders.setdefault(text, []).append(item)
        kept = set({tuple(items): text for text, items in holders.items()}.values())
        return cls((item, frozenset(kept.intersection(texts))) for item, texts in shared.items())

    @classmethod
    def barring(cls, items: Iterable[int]) -> "Marks":
        """Keeps these items out of a batch that has the mark ``BARRED``, and lets others meet."""
        return cls((item, frozenset((BARRED,))) for item in items)


def meeting(items: Int32Array, marks: Marks, enough: int | None = None) -> list[int]:
    """Many of the items that may all meet: those with the fewest marks go first.

    Args:
        items: distinct items.
        marks: what keeps items apart.
        enough: the most that are wanted; None is all that are found.
    """
    counts = [len(marks[item]) for item in items.tolist()]
    used: set[int] = set()
    found: list[int] = []
    for item in items[np.argsort(counts, kind="stable")].tolist():
        if len(found) == enough:
            break
        if used.isdisjoint(marks[item]):
            used |= marks[item]
            found.append(item)
    return found
