"""Draws batches from a menu."""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

from hbench.drawing.conflicts import BARRED, Marks, meeting, shared_texts
from hbench.drawing.menu import DrawingOptions, Menu, Offer, Pairs
from hbench.errors import DataError, did_you_mean
from hbench.records import FloatArray, Int32Array, Items

TRIES = 30  # of a row, before all that is left is looked through
LAST_STEP = 2**64 - 1  # no training comes so far: its numbers, and those before, order the pairs


class _Key:
    """What ``Philox(key=[seed, step])`` is made of.

    Without a seed sequence Philox asks the system for randomness first, even if it is given a
    key: that takes longer than all numbers of a batch.
    """

    def __init__(self, seed: int, step: int) -> None:
        self.words = (seed, step)

    def generate_state(self, n_words: int, dtype: object = np.uint64) -> npt.NDArray[np.uint64]:
        """(2,) uint64, which is all that Philox asks for."""
        return np.array(self.words, np.uint64)


class Drawer:
    """Knows what there is to draw, how likely each of it is, and what may not meet.

    Args:
        items: what there is to draw from.
        options: of the sampler.
        batch_size: rows of a batch.
        seed: of every batch.

    Raises:
        DataError: the data lacks a language that is to be left out.
    """

    def __init__(
        self, items: Items, options: DrawingOptions, *, batch_size: int, seed: int
    ) -> None:
        # Here, since a spec is checked without random numbers, whose import takes a while.
        np.random.bit_generator.ISeedSequence.register(_Key)
        self.items = items
        self.options = options
        self.batch_size = batch_size
        self.seed = seed
        self.marks = Marks.of(shared_texts(items))
        left_out = [self._language(name) for name in options.without]
        self._has_query, self._has_passage = items.query >= 0, items.passage >= 0
        self._has_query[:, left_out] = self._has_passage[:, left_out] = False

    def generator(self, step: int) -> "np.random.Generator":
        """The random numbers of one step, whatever was drawn before."""
        # Bit generators accept any ISeedSequence; numpy's type stubs name its one implementation.
        key = cast("np.random.SeedSequence", _Key(self.seed, step))
        return np.random.Generator(np.random.Philox(key))

    def menu(self, *, same_language: bool, query_language: str | None = None) -> Menu:
        """The pairs of one language (``same_language``) or of two, by source.

        Args:
            same_language: whether a pair is one language.
            query_language: the language of all queries; None is any.

        Raises:
            DataError: the data lacks the language, or has no such pair.
        """
        count, weights = len(self.items.languages), self.items.weights
        wanted = np.eye(count, dtype=bool) == same_language
        if query_language is not None:
            wanted &= np.arange(count)[:, None] == self._language(query_language)
        offers = tuple(self._offer(source, wanted) for source in range(len(weights)))
        usable = self._has_query.any(axis=1) & self._has_passage.any(axis=1)
        sizes = np.bincount(self.items.source[usable], minlength=len(weights)).astype(np.float64)
        if self.items.bounds is not None:
            sizes = np.clip(sizes, *self.items.bounds.T)
        chances = weights * sizes**self.options.source_weight * [len(o.pairs) > 0 for o in offers]
        if not chances.any():
            place = "one language" if same_language else "two languages"
            place += f", the query in {query_language}" if query_language else ""
            left_out = ", ".join(self.options.without)
            place += f"; left out: {left_out}" if left_out else ""
            raise DataError(f"no training item has a query and a passage in {place}")
        return Menu(chances / chances.sum(), offers)

    def series(self, menu: Menu, pairs: Pairs) -> "Series":
        """The batches of a menu.

        Args:
            menu: what may be drawn.
            pairs: ``row`` draws a pair for each row, ``batch`` one for the whole batch, and
                ``round-robin`` takes a source's pairs in turn, row after row and step after step.

        Raises:
            DataError: a source, or with ``batch`` one of its pairs, has too few items that may
                meet in a batch.
        """
        for source in np.flatnonzero(menu.sources).tolist():
            offer = menu.offers[source]
            for group in offer.singles if pairs == "batch" else (offer,):
                self._check(source, group)
        if pairs == "round-robin":
            offers = [
                offer.shuffled(self.generator(LAST_STEP - source))
                for source, offer in enumerate(menu.offers)
            ]
            menu = Menu(menu.sources, tuple(offers))
        return Series(self, menu, pairs)

    def _check(self, source: int, offer: Offer) -> None:
        """Whether every batch of the offer can be filled."""
        found = len(meeting(np.unique(offer.items), self.marks, self.batch_size))
        if found < self.batch_size:
            names = "-".join(self.items.languages[i] for i in offer.pairs[0])
            where = "these language pairs" if len(offer.pairs) > 1 else f"language pair {names}"
            raise DataError(
                f"a batch needs {self.batch_size} items without a text in common, and the training "
                f"data {self._source(source)} has {found} for {where}; lower batch_size or add data"
            )

    def _offer(self, source: int, wanted: npt.NDArray[np.bool_]) -> Offer:
        """The pairs ``wanted[query language, passage language]`` of a source."""
        here = np.flatnonzero(self.items.source == source)
        has_query, has_passage = self._has_query[here], self._has_passage[here]
        counts = has_query.T.astype(np.float64) @ has_passage
        pairs = np.argwhere(wanted & (counts > 0))
        weights = counts[pairs[:, 0], pairs[:, 1]] ** self.options.language_weight
        items = [here[has_query[:, q] & has_passage[:, p]].astype(np.int32) for q, p in pairs]
        return Offer.of(pairs, weights / weights.sum() if len(pairs) else weights, items)

    def _source(self, number: int) -> str:
        return repr(self.items.names[number]) if self.items.names else str(number)

    def _language(self, name: str) -> int:
        if name not in self.items.languages:
            allowed = did_you_mean(name, self.items.languages)
            raise DataError(f"the training data has no language {name!r}: {allowed}")
        return self.items.languages.index(name)


@dataclass(frozen=True, eq=False)
class Series:
    """An endless, stateless list of batches from one menu; ``Drawer.series`` makes it.

    Args:
        drawer: what the menu is from.
        menu: what may be drawn.
        pairs: how language pairs are drawn, as in ``Drawer.series``.
    """

    drawer: Drawer
    menu: Menu
    pairs: Pairs
    _scarce: dict[Offer, Marks] = field(default_factory=dict, init=False, repr=False)

    @property
    def shares(self) -> FloatArray:
        """(sources,) the share of the batches that each source has."""
        return self.menu.sources

    def batch(self, step: int) -> Int32Array:
        """(batch_size, 3) int32, a step's batch; see ``hbench.protocols.Batches``."""
        return self.draw(self.drawer.generator(step), step)

    def draw(self, rng: "np.random.Generator", step: int) -> Int32Array:
        """A step's batch, from numbers of which the first may have served another purpose.

        Where data is scarce, early rows can shut out so many items that the batch cannot be
        filled. It is then drawn anew from items that may all meet; ``Drawer.series`` found enough.

        Args:
            rng: of the step, from ``Drawer.generator``.
            step: which one; pairs in turn depend on it.

        Returns:
            (batch_size, 3) int32: item, query language, passage language.

        Raises:
            DataError: too few items are left that may meet.
        """
        offer = self.menu.offers[_below(self.menu.bounds, rng)]
        if self.pairs == "batch":
            offer = offer.singles[_below(offer.bounds, rng)]
        rows = self._rows(rng, step, offer, self.drawer.marks)
        if rows is None:
            if offer not in self._scarce:
                items = np.unique(offer.items)
                meet = meeting(items, self.drawer.marks)
                self._scarce[offer] = Marks.barring(np.setdiff1d(items, meet).tolist())
            rows = self._rows(rng, step, offer, self._scarce[offer])
        if rows is None:
            raise DataError(
                f"too few items without a text in common for a batch of {self.drawer.batch_size}; "
                "lower batch_size or add data"
            )
        return rows

    def _rows(
        self, rng: "np.random.Generator", step: int, offer: Offer, marks: Marks
    ) -> Int32Array | None:
        """A batch from the offer; None if the items run out before the last row.

        All pairs and items are drawn at once. Row after row, an item that may not join those
        before it is then replaced; so each is one of those that may join, all equally likely.
        """
        size, count = self.drawer.batch_size, len(offer.pairs)
        if self.pairs == "round-robin":
            pairs = (step * size % count + np.arange(size)) % count
        else:
            pairs = offer.bounds.searchsorted(rng.random(size), "right")
        items = offer.picked(pairs, rng.random(size))
        left = offer.chances.copy()
        used = {BARRED}
        for row, item in enumerate(items.tolist()):
            if not used.isdisjoint(marks[item]):
                other = _other(rng, offer, int(pairs[row]), left, marks, used)
                if other is None:
                    return None
                pairs[row], item = other
                items[row] = item
            used |= marks[item]
        rows = np.empty((size, 3), np.int32)
        rows[:, 0] = items
        rows[:, 1:] = offer.pairs[pairs]
        return rows


def _below(bounds: FloatArray, rng: "np.random.Generator") -> int:
    """The first of the bounds that is above a random number."""
    return int(bounds.searchsorted(rng.random(), "right"))


def _other(
    rng: "np.random.Generator",
    offer: Offer,
    pair: int,
    left: FloatArray,
    marks: Marks,
    used: set[int],
) -> tuple[int, int] | None:
    """A pair and an item of it that may join; None if no pair has one.

    The pair stays the row's own while it has such an item. If it has none, that is noted in
    ``left``, the chances of the pairs, and another pair is drawn.
    """
    while True:
        item = _joining(rng, offer.items_of(pair), marks, used) if left[pair] else None
        if item is not None:
            return pair, item
        left[pair] = 0
        if not left.any():
            return None
        pair = int(rng.choice(len(left), p=left / left.sum()))


def _joining(
    rng: "np.random.Generator", items: Int32Array, marks: Marks, used: set[int]
) -> int | None:
    """One of the items that may still join, each with equal probability; None if none may."""
    for _ in range(TRIES):
        item = int(items[int(rng.random() * len(items))])
        if used.isdisjoint(marks[item]):
            return item
    free = [item for item in items.tolist() if used.isdisjoint(marks[item])]
    return free[int(rng.random() * len(free))] if free else None
