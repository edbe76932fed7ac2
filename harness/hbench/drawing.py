"""Drawing batches of items that may meet: what samplers share, and strangers may build on.

First a source, then a language pair, then items, without replacement inside the batch. Everything
comes from Philox(seed, step), so any batch can be asked for at any time. Items that share a query
or a passage text in any language never meet: the other's answer, or its translation, would be a
false negative.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from hbench.errors import DataError
from hbench.records import FloatArray, Int32Array, Int64Array, Items

Exponent = Annotated[float, Ge(0), Le(8)]  # 0: uniform, 1: by size; more than 8 says "the largest"
TRIES = 30  # of a row, before all that is left is looked through


@dataclass(frozen=True)
class Menu:
    """The language pairs that may be drawn from each source.

    Args:
        sources: (sources,) float64, the probability of each source.
        pairs: for each source the (P, 2) pairs: query language, passage language.
        chances: for each source the (P,) probabilities of its pairs.
    """

    sources: FloatArray
    pairs: tuple[Int64Array, ...]
    chances: tuple[FloatArray, ...]


class Drawer:
    """Draws batches of ``batch_size`` rows from ``items``.

    Args:
        items: what there is to draw from.
        batch_size: rows of a batch.
        seed: of every batch.
        source_weight: p(source) is proportional to its weight x size ** source_weight.
        language_weight: p(pair) is proportional to the pair's items ** language_weight.
    """

    def __init__(
        self,
        items: Items,
        *,
        batch_size: int,
        seed: int,
        source_weight: float,
        language_weight: float,
    ) -> None:
        self.items = items
        self.batch_size = batch_size
        self.seed = seed
        self.language_weight = language_weight
        sizes = np.bincount(items.source, minlength=len(items.weights)).astype(np.float64)
        self._source_chances = items.weights * sizes**source_weight
        self._shared = _shared_texts(items)
        self._candidates: dict[tuple[int, int, int], Int64Array] = {}

    def generator(self, step: int) -> np.random.Generator:
        """The random numbers of one step, whatever was drawn before."""
        return np.random.Generator(np.random.Philox(key=np.array([self.seed, step], np.uint64)))

    def menu(self, *, same_language: bool) -> Menu:
        """All pairs of one language (``same_language``) or of two, by source.

        Raises:
            DataError: there is none, or a source has too few items that may meet for a batch.
        """
        offered = [self._pairs(s, same_language) for s in range(len(self.items.weights))]
        pairs = tuple(pairs for pairs, _ in offered)
        chances = tuple(chances for _, chances in offered)
        sources = self._source_chances * [len(p) > 0 for p in pairs]
        if not sources.any():
            kind = "one language" if same_language else "two languages"
            raise DataError(f"no training item has a query and a passage in {kind}")
        return Menu(sources / sources.sum(), pairs, chances)

    def check(self, menu: Menu, *, one_pair: bool) -> None:
        """Whether every batch of the menu can be filled.

        Args:
            menu: what may be drawn.
            one_pair: whether all rows of a batch come from one pair.

        Raises:
            DataError: a pair (or, without ``one_pair``, a source) has too few items.
        """
        for source, pairs in enumerate(menu.pairs):
            groups = [pairs[i : i + 1] for i in range(len(pairs))] if one_pair else [pairs]
            for group in groups if menu.sources[source] else []:
                found = len(self._meeting(source, group))
                if found < self.batch_size:
                    names = [f"{self._name(q)}-{self._name(p)}" for q, p in group[:1]]
                    where = f"language pair {names[0]}" if one_pair else "these language pairs"
                    raise DataError(
                        f"a batch needs {self.batch_size} items without a text in common, and "
                        f"source {source} has {found} for {where}; lower batch_size or add data"
                    )

    def one_pair(self, rng: np.random.Generator, menu: Menu) -> Int32Array:
        """A batch whose rows all have one query language and one passage language."""
        source = int(rng.choice(len(menu.sources), p=menu.sources))
        drawn = int(rng.choice(len(menu.pairs[source]), p=menu.chances[source]))
        pairs = menu.pairs[source][[drawn]]
        return self._rows(rng, source, pairs, np.ones(1))

    def by_row(self, rng: np.random.Generator, menu: Menu) -> Int32Array:
        """A batch whose rows each draw their own pair, all from one source."""
        source = int(rng.choice(len(menu.sources), p=menu.sources))
        return self._rows(rng, source, menu.pairs[source], menu.chances[source])

    def _rows(
        self, rng: np.random.Generator, source: int, pairs: Int64Array, chances: FloatArray
    ) -> Int32Array:
        """(batch_size, 3): item, query language, passage language.

        Where data is scarce, early rows can shut out so many items that the batch cannot be
        filled. It is then drawn anew from items that may all meet; ``check`` found enough.
        """
        rows = self._try_rows(rng, source, pairs, chances, within=None)
        if rows is None:
            meeting = self._meeting(source, pairs)
            rows = self._try_rows(rng, source, pairs, chances, within=meeting)
        if rows is None:
            raise DataError(
                f"source {source} has too few items without a text in common for a batch of "
                f"{self.batch_size}; lower batch_size or add data"
            )
        return rows

    def _try_rows(
        self,
        rng: np.random.Generator,
        source: int,
        pairs: Int64Array,
        chances: FloatArray,
        *,
        within: Int64Array | None,
    ) -> Int32Array | None:
        """As ``_rows``, from the items ``within``; None if they run out before the last row."""
        rows = np.empty((self.batch_size, 3), np.int32)
        drawn = rng.choice(len(pairs), size=self.batch_size, p=chances).tolist()
        places = rng.random(self.batch_size).tolist()
        left = chances.copy()
        taken: set[int] = set()
        used: set[int] = set()
        for row in range(self.batch_size):
            pair, place = drawn[row], places[row]
            item = None
            while item is None:
                if left[pair]:
                    candidates = self._items(source, int(pairs[pair, 0]), int(pairs[pair, 1]))
                    if within is not None:
                        candidates = np.intersect1d(candidates, within)
                    item = self._pick(rng, candidates, place, taken, used)
                if item is None:  # the pair has no item left: the row draws another pair
                    left[pair] = 0
                    if not left.any():
                        return None
                    pair, place = int(rng.choice(len(pairs), p=left / left.sum())), rng.random()
            taken.add(item)
            used.update(self._shared.get(item, ()))
            rows[row] = item, *pairs[pair]
        return rows

    def _pick(
        self,
        rng: np.random.Generator,
        candidates: Int64Array,
        place: float,
        taken: set[int],
        used: set[int],
    ) -> int | None:
        """One of the candidates that may still join, each with equal probability."""
        for _ in range(min(TRIES, len(candidates))):
            item = int(candidates[int(place * len(candidates))])
            if item not in taken and used.isdisjoint(self._shared.get(item, ())):
                return item
            place = rng.random()
        free = [
            item
            for item in candidates.tolist()
            if item not in taken and used.isdisjoint(self._shared.get(item, ()))
        ]
        return int(rng.choice(free)) if free else None

    def _pairs(self, source: int, same_language: bool) -> tuple[Int64Array, FloatArray]:
        rows = self.items.source == source
        has_query = (self.items.query[rows] >= 0).astype(np.float64)
        has_passage = (self.items.passage[rows] >= 0).astype(np.float64)
        counts = has_query.T @ has_passage
        wanted = np.eye(len(counts), dtype=bool) == same_language
        pairs = np.argwhere(wanted & (counts > 0))
        weights = counts[pairs[:, 0], pairs[:, 1]] ** self.language_weight
        return pairs, weights / weights.sum() if len(pairs) else weights

    def _items(self, source: int, query: int, passage: int) -> Int64Array:
        """The items of a source that have a query and a passage in these languages."""
        key = (source, query, passage)
        if key not in self._candidates:
            here = self.items.source == source
            there = (self.items.query[:, query] >= 0) & (self.items.passage[:, passage] >= 0)
            self._candidates[key] = np.flatnonzero(here & there)
        return self._candidates[key]

    def _meeting(self, source: int, pairs: Int64Array) -> Int64Array:
        """Many items of these pairs that may all meet: those that share fewest texts go first."""
        candidates = [self._items(source, int(q), int(p)) for q, p in pairs]
        used: set[int] = set()
        meeting: list[int] = []
        for item in sorted(
            np.unique(np.concatenate(candidates)).tolist(),
            key=lambda item: len(self._shared.get(item, ())),
        ):
            if used.isdisjoint(self._shared.get(item, ())):
                used.update(self._shared.get(item, ()))
                meeting.append(item)
        return np.array(meeting, np.int64)

    def _name(self, language: int) -> str:
        return self.items.languages[int(language)]


def _shared_texts(items: Items) -> dict[int, tuple[int, ...]]:
    """For each item that shares texts with others, the numbers of those texts."""
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
