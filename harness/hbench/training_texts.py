"""The training pairs of one or several stored datasets, as the table that samplers draw from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.corpus import Corpus, offsets, taken
from hbench.records import Int32Array, Int64Array, Items, Negatives, Side


@dataclass(frozen=True)
class TrainingTexts:
    """The items to train on and the distinct texts that their numbers stand for.

    Args:
        items: what samplers draw from.
        queries: text number n is at n.
        passages: likewise.
        notes: what is noteworthy.
        answers: the items with the passages that are not trained on, if there are such.
    """

    items: Items
    queries: list[str]
    passages: list[str]
    notes: list[str] = field(default_factory=list)
    answers: Items | None = None

    @property
    def known(self) -> Items:
        """The items with their best answers, trained on or not: none of them is a negative."""
        return self.answers or self.items


def training_texts(
    corpora: Sequence[Corpus],
    weights: Sequence[float],
    *,
    hard_negatives: bool = False,
    names: Sequence[str] = (),
    without: Sequence[npt.NDArray[np.bool_]] = (),
    bounds: Sequence[tuple[float, float]] = (),
) -> TrainingTexts:
    """The training pairs of several sources as one table of items.

    Args:
        corpora: the sources, in the order of the spec.
        weights: the spec's weight of each.
        hard_negatives: whether passages that were judged not to answer are wanted; items without
            any in a language then have no passage there.
        names: of the sources, for messages.
        without: (items,) for each source, which of its items are left out; () leaves out none.
        bounds: the least and the largest size that each source is taken for in weighing.
    """
    languages = sorted({name for corpus in corpora for name in corpus.languages})
    sizes = [len(corpus.item_clusters) for corpus in corpora]
    starts = offsets(sizes)
    kept = [~flags for flags in without] or [np.ones(size, bool) for size in sizes]
    sources = list(zip(corpora, starts[:-1].tolist(), kept, strict=True))
    cells = _cells(sources, languages)
    rejected = _rejected(sources, languages) if hard_negatives else []
    shape = (int(starts[-1]), len(languages))
    query, query_texts = _number(cells["query"])
    passage, passage_texts = _number([*cells["passage"], *rejected])
    tables = (
        _table(query, cells["query"], shape),
        _table(passage[: len(cells["passage"])], cells["passage"], shape),
    )
    unused = sum(
        int(((corpus.judgements[2] > 0) & keep[corpus.judgements[0]]).sum())
        for corpus, keep in zip(corpora, kept, strict=True)
    )
    unused -= int((tables[1] >= 0).sum())
    notes: list[str] = []
    dropped = sum(int((~keep).sum()) for keep in kept)
    if dropped:
        notes.append(f"{dropped:,} items that an evaluation knows are not trained on")
    if unused:
        notes.append(
            f"{unused:,} relevant passages are not trained on, and may be their questions' "
            "negatives: only the best of an item and language is known"
        )
    negatives, answers = None, tables[1].copy()
    if any(len(rows) for rows, _, _ in rejected):
        negatives = _negatives(passage[len(cells["passage"]) :], rejected, shape)
        lacking = (tables[1] >= 0) & (np.diff(negatives.starts).reshape(shape) == 0)
        tables[1][lacking] = -1
        if lacking.any():
            notes.append(f"passages without hard negatives, not trained on: {lacking.sum():,}")
    source = np.repeat(np.arange(len(corpora), dtype=np.int32), sizes)
    shares = np.array(weights, np.float64)
    limits = np.array(bounds, np.float64) if bounds else None
    items = Items(tuple(languages), *tables, source, shares, negatives, tuple(names), limits)
    idle = [name for name, pairs in zip(languages, _pairs(items), strict=True) if not pairs]
    if idle:
        notes.append(f"no training pair has both texts in {', '.join(idle)}")
    return TrainingTexts(items, query_texts, passage_texts, notes, replace(items, passage=answers))


Cell = tuple[Int64Array, int, Any]  # items, language, their texts (Arrow)


Source = tuple[Corpus, int, npt.NDArray[np.bool_]]  # the number of its first item, which are kept


def _cells(sources: Sequence[Source], languages: Sequence[str]) -> dict[Side, list[Cell]]:
    """The queries, and the best passage of each item, of each source and language."""
    cells: dict[Side, list[Cell]] = {"query": [], "passage": []}
    for corpus, start, keep in sources:
        relevant = corpus.first_relevant()
        for index, name in enumerate(corpus.languages):
            column = languages.index(name)
            queries = corpus.table(f"queries-{name}")
            asked = queries["item"].to_numpy()
            chosen = np.flatnonzero(keep[asked])
            cells["query"].append((asked[chosen] + start, column, taken(queries["text"], chosen)))
            rows = np.flatnonzero((relevant[:, index] >= 0) & keep)
            numbers = relevant[rows, index] - corpus.passage_offsets[index]
            texts = taken(corpus.table(f"passages-{name}")["text"], numbers)
            cells["passage"].append((rows + start, column, texts))
    return cells


def _rejected(sources: Sequence[Source], languages: Sequence[str]) -> list[Cell]:
    """The passages that were judged not to answer, of each source and language."""
    import pyarrow as pa

    return [
        (rows[keep[rows]] + start, languages.index(name), texts.filter(pa.array(keep[rows])))
        for corpus, start, keep in sources
        for rows, name, texts in corpus.rejected()
    ]


def _number(cells: Sequence[Cell]) -> tuple[list[Int32Array], list[str]]:
    """Give equal strings one number: the numbers of each cell, and the distinct strings."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chunks = [chunk for _, _, texts in cells for chunk in texts.chunks]
    encoded = pc.dictionary_encode(pa.chunked_array(chunks, pa.string())).combine_chunks()
    ends = np.cumsum([len(texts) for _, _, texts in cells])
    distinct: list[str] = encoded.dictionary.to_pylist()
    return np.split(encoded.indices.to_numpy(), ends[:-1]), distinct


def _table(
    numbers: Sequence[Int32Array], cells: Sequence[Cell], shape: tuple[int, int]
) -> Int32Array:
    """(items, L) the number of each item's text, -1 where it has none."""
    table = np.full(shape, -1, np.int32)
    for found, (items, language, _) in zip(numbers, cells, strict=True):
        table[items, language] = found
    return table


def _negatives(
    numbers: Sequence[Int32Array], cells: Sequence[Cell], shape: tuple[int, int]
) -> Negatives:
    """The hard negatives of each (item, language), in the order of the judgements."""
    places = np.concatenate([items * shape[1] + language for items, language, _ in cells])
    order = np.argsort(places, kind="stable")
    counts = np.bincount(places, minlength=shape[0] * shape[1])
    return Negatives(offsets(counts), np.concatenate(numbers)[order])  # type: ignore[arg-type]


def _pairs(items: Items) -> Int64Array:
    """(L,) how many items have both texts in a language."""
    counts: Int64Array = ((items.query >= 0) & (items.passage >= 0)).sum(axis=0)
    return counts
