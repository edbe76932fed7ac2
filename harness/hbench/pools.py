"""The passages that queries are searched among: those of some languages, in a row, block by block.

Knows their vectors, numbers and tie order, and nothing of queries.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hbench.corpus import Corpus, offsets
from hbench.errors import DataError
from hbench.packing import to_device
from hbench.records import Int32Array, Int64Array, Side
from hbench.vectors import Vectors

if TYPE_CHECKING:
    import torch


class Rows(Protocol):
    """(n, dim) float32 vectors of length 1, perhaps on disk; indexed as numpy's."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Any) -> Vectors: ...  # noqa: ANN401 - as numpy's


ReadVectors = Callable[[Side, str], Rows]
SIDES: tuple[Side, Side] = ("query", "passage")


def query_vectors(corpus: Corpus, read: ReadVectors) -> Vectors:
    """(queries, dim) of all languages."""
    rows = (read("query", name) for name in corpus.languages)
    return np.concatenate([each[:] for each in rows if len(each)])


def check_sizes(corpus: Corpus, read: ReadVectors) -> None:
    """Whether both sides have vectors of one size.

    Raises:
        DataError: they differ.
    """
    sizes = {
        side: next(rows[:1].shape[1] for name in corpus.languages if len(rows := read(side, name)))
        for side in SIDES
    }
    if len(set(sizes.values())) > 1:
        raise DataError(
            f"queries have vectors of {sizes['query']} numbers and passages of "
            f"{sizes['passage']}; an encoder must give both sides the same size"
        )


@dataclass(frozen=True)
class Part:
    """The passages of one language.

    Args:
        first: the number of the first passage.
        rows: (n, dim) their vectors.
        place: (n,) tie order.
    """

    first: int
    rows: Rows
    place: Int64Array


@dataclass(frozen=True)
class Block:
    """Some passages of a pool, on a device.

    Args:
        numbers: (n,) int64 of the passages.
        vectors: (n, dim) float32.
        place: (n,) int64 tie order.
    """

    numbers: "torch.Tensor"
    vectors: "torch.Tensor"
    place: "torch.Tensor"


@dataclass(frozen=True)
class Pool:
    """The passages of some languages, in a row."""

    parts: Sequence[Part]

    @classmethod
    def of(cls, corpus: Corpus, read: ReadVectors, languages: Sequence[str]) -> "Pool":
        """Those of some languages of a corpus, whose vectors ``read`` gives."""
        first = dict(zip(corpus.languages, corpus.passage_offsets[:-1].tolist(), strict=True))
        parts = [
            Part(first[name], read("passage", name), corpus.tie_order(name)) for name in languages
        ]
        return cls([part for part in parts if len(part.rows)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def _starts(self) -> Int64Array:
        return offsets([len(part.rows) for part in self.parts])

    def blocks(self, size: int, device: str = "cpu") -> Iterator[Block]:
        """All passages, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))), device)

    def take(self, chosen: Int32Array | Int64Array, device: str = "cpu") -> Block:
        """The passages at some places of the row, one at least, in ascending order."""
        import torch

        bounds = np.searchsorted(chosen, self._starts)
        found = []
        for number, part in enumerate(self.parts):
            own = chosen[bounds[number] : bounds[number + 1]] - self._starts[number]
            if len(own):
                found.append((part.first + own, part.rows[own], part.place[own]))
        columns = (np.concatenate(column) for column in zip(*found, strict=True))
        return Block(*(to_device(column, torch.device(device)) for column in columns))
