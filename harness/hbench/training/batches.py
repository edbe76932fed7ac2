"""From the rows of a batch to what one step works on: token ids, and who is nobody's negative."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.drawing import shared_texts
from hbench.errors import DataError, PluginError
from hbench.protocols import Need
from hbench.records import Int32Array, Int64Array, Side
from hbench.tokens import Tokens
from hbench.training_texts import TrainingTexts

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Batch:
    """One global batch.

    Args:
        rows: (n, 3) item, query language, passage language.
        tokens: the ids of all texts, one kind after the other.
        kinds: the kinds of texts in that order, with the number of each.
        masks: ``duplicate`` and ``duplicate_negative``, where any of it is true.
    """

    rows: Int32Array
    tokens: Sequence[Int32Array]
    kinds: Sequence[tuple[Need, int]]
    masks: Mapping[str, BoolArray]

    @cached_property
    def lengths(self) -> Int64Array:
        """Tokens of each text."""
        return np.fromiter(map(len, self.tokens), np.int64, len(self.tokens))


class BatchMaker:
    """Makes batches from rows.

    Args:
        texts: what the rows' numbers stand for.
        tokens: of the distinct queries and passages.
        needs: the kinds of texts that the objective wants.
        negatives: hard negatives of a row.
        seed: of their drawing.
    """

    def __init__(
        self,
        texts: TrainingTexts,
        tokens: Mapping[Side, Tokens],
        needs: Sequence[Need],
        negatives: int,
        seed: int,
    ) -> None:
        self.items = texts.items
        self.tokens = tokens
        self.needs = needs
        self.negatives = negatives
        self.seed = seed
        self.known = texts.known
        self.shared = shared_texts(texts.known)

    def make(self, rows: Int32Array, step: int) -> Batch:
        """The batch of a step.

        Raises:
            DataError: an item lacks a text that the objective needs.
            PluginError: the rows are none.
        """
        if rows.ndim != 2 or rows.shape[1] != 3 or not len(rows):
            raise PluginError(f"a sampler's batch is (n, 3) integers; found shape {rows.shape}")
        masks: dict[str, BoolArray] = {"duplicate": self._duplicates(rows[:, 0])}
        tokens: list[Int32Array] = []
        kinds: list[tuple[Need, int]] = []
        for need in self.needs:
            side: Side = "query" if need.startswith("query") else "passage"
            if need == "negatives":
                numbers = self._hard_negatives(rows, step)
                masks["duplicate_negative"] = self._answers(rows[:, 0], numbers)
            else:
                numbers = self._numbers(rows, need, side)
            tokens += [self.tokens[side][number] for number in numbers.tolist()]
            kinds.append((need, len(numbers)))
        return Batch(
            rows, tokens, kinds, {name: mask for name, mask in masks.items() if mask.any()}
        )

    def _numbers(self, rows: Int32Array, need: Need, side: Side) -> Int32Array:
        """(n,) text numbers of one kind of text."""
        item, query_language, passage_language = rows.T
        own = query_language if side == "query" else passage_language
        other = passage_language if side == "query" else query_language
        table = self.items.query if side == "query" else self.items.passage
        numbers: Int32Array = table[item, own if need == side else other]
        if (numbers < 0).any():
            raise DataError(f"the objective needs {need!r}, and some training items have none")
        return numbers

    def _hard_negatives(self, rows: Int32Array, step: int) -> Int32Array:
        """(n x k,) passages in the row's language, drawn from what was judged not to answer it.

        Without replacement where there are enough.
        """
        found = self.items.negatives
        if found is None:
            raise DataError(
                "the objective needs hard negatives, and the training data has none: no judgement "
                "of grade 0; use another objective, or its hard_negatives: 0"
            )
        # The highest bit keeps this stream apart from the sampler's of the same seed and step.
        key = np.array([self.seed | 1 << 63, step], np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key))
        cells = rows[:, 0].astype(np.int64) * len(self.items.languages) + rows[:, 2]
        drawn: list[Any] = []
        for start, end in zip(found.starts[cells], found.starts[cells + 1], strict=True):
            if start == end:
                raise DataError("the sampler drew an item without hard negatives in its language")
            enough = end - start >= self.negatives
            drawn.append(start + rng.choice(end - start, self.negatives, replace=not enough))
        numbers: Int32Array = found.numbers[np.concatenate(drawn)]
        return numbers

    def _answers(self, items: Int32Array, numbers: Int32Array) -> BoolArray:
        """(n, n x k) whether a hard negative answers an item, in whichever language."""
        mask: BoolArray = (self.known.passage[items][:, :, None] == numbers).any(axis=1)
        return mask

    def _duplicates(self, items: Int32Array) -> BoolArray:
        """(n, n) whether two rows are one item, or share a text in whichever language."""
        holders: dict[tuple[str, int], list[int]] = {}
        for row, item in enumerate(items.tolist()):
            holders.setdefault(("item", item), []).append(row)
            for text in self.shared.get(item, ()):
                holders.setdefault(("text", text), []).append(row)
        mask = np.zeros((len(items), len(items)), dtype=bool)
        for rows in holders.values():
            for one, other in combinations(rows, 2):
                mask[one, other] = mask[other, one] = True
        return mask


def monolingual_rows(
    texts: TrainingTexts, batch_size: int, without: Sequence[str] = ()
) -> list[Int32Array]:
    """Every item in each of its languages once, in batches of one language: what is validated on.

    Batches of fewer than two rows, which hold no negative, are left out, and so are languages
    that training does without.
    """
    items = texts.items
    batches: list[Int32Array] = []
    for language, name in enumerate(items.languages):
        if name in without:
            continue
        has_both = (items.query[:, language] >= 0) & (items.passage[:, language] >= 0)
        found = np.flatnonzero(has_both).astype(np.int32)
        rows = np.stack([found, *[np.full_like(found, language)] * 2], axis=1)
        parts = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
        batches += [part for part in parts if len(part) > 1]
    if not batches:
        raise DataError("the validation data has no language with two questions and their passages")
    return batches
