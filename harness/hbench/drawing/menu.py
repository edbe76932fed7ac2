"""What can be drawn: sources, the language pairs of each, and the items of each pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from hbench.records import FloatArray, Int32Array, Int64Array

Exponent = Annotated[float, Ge(0), Le(8)]
"""Of a size: 0 is uniform, 1 by size, and more than 8 would say "the largest"."""
Pairs = Literal["row", "batch", "round-robin"]
"""When a language pair is drawn; see ``Drawer.series``."""


@dataclass(frozen=True, kw_only=True)
class DrawingOptions:
    """The options of every sampler.

    Args:
        source_weight: p(source) is proportional to its weight x size to this power; its size is
            the number of its items that have a query and a passage, within the spec's bounds.
        language_weight: p(language) or p(pair) is proportional to its items to this power; 0 is
            uniform.
        without: languages to leave out of training, as for an evaluation without examples.
    """

    source_weight: Exponent = 1.0
    language_weight: Exponent = 0.0
    without: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Offer:
    """The language pairs that may be drawn from one source, and the items of each.

    Args:
        pairs: (P, 2) int64: query language, passage language.
        chances: (P,) float64, the probability of each pair.
        items: (n,) int32, the items of pair after pair; equal lists stand here once.
        starts: (P,) int64, where the items of each pair begin.
        sizes: (P,) int64, how many items each pair has, at least 1.
    """

    pairs: Int64Array
    chances: FloatArray
    items: Int32Array
    starts: Int64Array
    sizes: Int64Array

    @classmethod
    def of(cls, pairs: Int64Array, chances: FloatArray, items: Sequence[Int32Array]) -> "Offer":
        """The offer of these pairs.

        Args:
            pairs: (P, 2) int64: query language, passage language.
            chances: (P,) float64, the probability of each pair.
            items: for each pair (items,) int32, at least one.
        """
        parts = {part.tobytes(): part for part in items}
        ends = np.cumsum([len(part) for part in parts.values()], dtype=np.int64)
        start = {key: end - len(parts[key]) for key, end in zip(parts, ends.tolist(), strict=True)}
        return cls(
            pairs,
            chances,
            items=np.concatenate([np.empty(0, np.int32), *parts.values()]),
            starts=np.array([start[part.tobytes()] for part in items], np.int64),
            sizes=np.array([len(part) for part in items], np.int64),
        )

    @cached_property
    def bounds(self) -> FloatArray:
        """(P,) float64, where the share of each pair ends on the way from 0 to 1."""
        return _bounds(self.chances)

    @cached_property
    def singles(self) -> tuple["Offer", ...]:
        """For each pair an offer of it alone."""
        one, none = np.ones(1), np.zeros(1, np.int64)
        return tuple(
            Offer(self.pairs[i : i + 1], one, self.items_of(i), none, self.sizes[i : i + 1])
            for i in range(len(self.pairs))
        )

    def items_of(self, pair: int) -> Int32Array:
        """(items,) int32 of one pair."""
        return self.items[self.starts[pair] : self.starts[pair] + self.sizes[pair]]

    def picked(self, pair: Int64Array, place: FloatArray) -> Int32Array:
        """(n,) int32, one item for each of n pairs.

        Args:
            pair: (n,) the pairs' numbers.
            place: (n,) from 0 up to 1, where in the pair's list of items each stands.
        """
        return self.items[self.starts[pair] + (place * self.sizes[pair]).astype(np.int64)]

    def shuffled(self, rng: "np.random.Generator") -> "Offer":
        """The same pairs in another order."""
        order = rng.random(len(self.pairs)).argsort()
        return Offer(
            pairs=self.pairs[order],
            chances=self.chances[order],
            items=self.items,
            starts=self.starts[order],
            sizes=self.sizes[order],
        )


@dataclass(frozen=True, eq=False)
class Menu:
    """What batches are drawn from.

    Args:
        sources: (sources,) float64, the probability of each source.
        offers: the language pairs of each source.
    """

    sources: FloatArray
    offers: tuple[Offer, ...]

    @cached_property
    def bounds(self) -> FloatArray:
        """(sources,) float64, where the share of each source ends on the way from 0 to 1."""
        return _bounds(self.sources)


def _bounds(chances: FloatArray) -> FloatArray:
    # Rounding may end the sums below 1, and a number above them would draw what is not there.
    sums: FloatArray = np.cumsum(chances)
    bounds: FloatArray = sums / sums[-1]
    return bounds
