"""A dataset as the data stage stored it: memory-mapped tables of texts and judgements.

Queries and passages are numbered through, language after language in the order of ``languages``;
`query_offsets[i]` is the number of the first query of language i. Every later stage speaks of
texts by these numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hbench.records import Int32Array, Int64Array, Items, Negatives, Side
from hbench.store import read_manifest


class Corpus:
    """The stored tables of one dataset."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        facts = read_manifest(folder)["detail"]
        self.languages: tuple[str, ...] = tuple(facts["languages"])
        self.parallel: bool = facts["parallel"]
        self.query_offsets = _offsets([facts["queries"][name] for name in self.languages])
        self.passage_offsets = _offsets([facts["passages"][name] for name in self.languages])

    def texts(self, side: Side, language: str) -> list[str]:
        """The texts of one side and language, in the order of their numbers."""
        table = self.table(f"{'queries' if side == 'query' else 'passages'}-{language}")
        texts: list[str] = table["text"].to_pylist()
        return texts

    def table(self, name: str) -> Any:  # noqa: ANN401 - pyarrow publishes no types
        """One of the folder's Arrow tables, mapped into memory."""
        import pyarrow as pa

        with pa.memory_map(str(self.folder / f"{name}.arrow")) as source:
            return pa.ipc.open_file(source).read_all()

    @cached_property
    def query_items(self) -> Int32Array:
        """(queries,) the item of each query."""
        return self._column("queries", "item")

    @cached_property
    def passage_ids(self) -> Any:  # noqa: ANN401 - pyarrow publishes no types
        """(passages,) Arrow strings ``<language>:<id>``."""
        import pyarrow as pa
        import pyarrow.compute as pc

        parts = [
            pc.binary_join_element_wise(f"{name}:", self.table(f"passages-{name}")["id"], "")
            for name in self.languages
        ]
        return pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string())

    @cached_property
    def judgements(self) -> tuple[Int32Array, Int32Array, Int32Array]:
        """Item, passage number and grade of each judgement."""
        table = self.table("judgements")
        item, passage, grade = (table[name].to_numpy() for name in ("item", "passage", "grade"))
        return item, passage, grade

    @cached_property
    def item_clusters(self) -> Int64Array:
        """(items,) the cluster of each item, numbered from 0."""
        import pyarrow.compute as pc

        encoded = pc.dictionary_encode(self.table("items")["cluster"]).combine_chunks()
        clusters: Int64Array = encoded.indices.to_numpy().astype(np.int64)
        return clusters

    def passage_languages(self, passages: Int32Array) -> Int64Array:
        """The index of each passage's language."""
        languages: Int64Array = np.searchsorted(self.passage_offsets, passages, side="right") - 1
        return languages

    def answered(self) -> Int64Array:
        """(L, L) how many queries of language a have a relevant passage in language b."""
        has_passage = self.first_relevant() >= 0
        starts = zip(self.query_offsets[:-1], self.query_offsets[1:], strict=True)
        rows = [has_passage[self.query_items[a:b]].sum(axis=0) for a, b in starts]
        counts: Int64Array = np.stack(rows).astype(np.int64)
        return counts

    def first_relevant(self) -> Int32Array:
        """(items, L) each item's best relevant passage in each language, -1 where there is none.

        Best is the highest grade, then the first in the order of the judgements.
        """
        item, passage, grade = self.judgements
        item, passage, grade = (column[grade > 0] for column in (item, passage, grade))
        language = self.passage_languages(passage)
        order = np.lexsort((-grade, language, item))
        cells, first = np.unique(
            np.stack([item[order], language[order]]), axis=1, return_index=True
        )
        best = np.full((len(self.item_clusters), len(self.languages)), -1, np.int32)
        best[cells[0], cells[1]] = passage[order][first]
        return best

    def rejected(self) -> Iterator[tuple[Int64Array, str, Any]]:
        """Items, language and Arrow texts of the passages that were judged not to answer them."""
        is_rejected = self.judgements[2] <= 0
        item, passage = (column[is_rejected] for column in self.judgements[:2])
        language = self.passage_languages(passage)
        for index, name in enumerate(self.languages):
            chosen = language == index
            rows = passage[chosen] - self.passage_offsets[index]
            yield (
                item[chosen].astype(np.int64),
                name,
                self.table(f"passages-{name}")["text"].take(rows),
            )

    def _column(self, prefix: str, name: str) -> Int32Array:
        parts = [self.table(f"{prefix}-{lang}")[name].to_numpy() for lang in self.languages]
        column: Int32Array = np.concatenate(parts)
        return column


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
) -> TrainingTexts:
    """The training pairs of several sources as one table of items.

    Args:
        corpora: the sources, in the order of the spec.
        weights: the spec's weight of each.
        hard_negatives: whether passages that were judged not to answer are wanted; items without
            any in a language then have no passage there.
        names: of the sources, for messages.
    """
    languages = sorted({name for corpus in corpora for name in corpus.languages})
    sizes = [len(corpus.item_clusters) for corpus in corpora]
    starts = _offsets(sizes)
    cells: dict[Side, list[tuple[Int64Array, int, Any]]] = {"query": [], "passage": []}
    for corpus, start in zip(corpora, starts, strict=False):
        relevant = corpus.first_relevant()
        for index, name in enumerate(corpus.languages):
            column = languages.index(name)
            queries = corpus.table(f"queries-{name}")
            cells["query"].append((queries["item"].to_numpy() + start, column, queries["text"]))
            rows = np.flatnonzero(relevant[:, index] >= 0)
            numbers = relevant[rows, index] - corpus.passage_offsets[index]
            texts = corpus.table(f"passages-{name}")["text"].take(numbers)
            cells["passage"].append((rows + start, column, texts))
    shape = (int(starts[-1]), len(languages))
    rejected = [
        (rows + start, languages.index(name), texts)
        for corpus, start in zip(corpora, starts, strict=False)
        for rows, name, texts in (corpus.rejected() if hard_negatives else ())
    ]
    query, query_texts = _number(cells["query"])
    passage, passage_texts = _number([*cells["passage"], *rejected])
    tables = (
        _table(query, cells["query"], shape),
        _table(passage[: len(cells["passage"])], cells["passage"], shape),
    )
    unused = sum(int((corpus.judgements[2] > 0).sum()) for corpus in corpora)
    unused -= int((tables[1] >= 0).sum())
    notes: list[str] = []
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
    items = Items(tuple(languages), *tables, source, shares, negatives, tuple(names))
    idle = [name for name, pairs in zip(languages, _pairs(items), strict=True) if not pairs]
    if idle:
        notes.append(f"no training pair has both texts in {', '.join(idle)}")
    return TrainingTexts(items, query_texts, passage_texts, notes, replace(items, passage=answers))


Cell = tuple[Int64Array, int, Any]  # items, language, their texts (Arrow)


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
    return Negatives(_offsets(counts), np.concatenate(numbers)[order])  # type: ignore[arg-type]


def _pairs(items: Items) -> Int64Array:
    """(L,) how many items have both texts in a language."""
    counts: Int64Array = ((items.query >= 0) & (items.passage >= 0)).sum(axis=0)
    return counts


def _offsets(counts: Sequence[int]) -> Int64Array:
    """[0, c0, c0 + c1, ...]: where each part begins, and the end."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
