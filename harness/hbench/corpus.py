"""A dataset as the data stage stored it: memory-mapped tables of texts and judgements.

Queries and passages are numbered through, language after language in the order of ``languages``;
`query_offsets[i]` is the number of the first query of language i. Every later stage speaks of
texts by these numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hbench.manifests import check, read_manifest
from hbench.records import BoolArray, Int32Array, Int64Array, Side

TABLES: dict[Side, str] = {"query": "queries", "passage": "passages"}
MOST_NAMED = 5  # languages
SHARD = 65_536  # distinct texts of a side and language whose vectors lie in one file


@dataclass(frozen=True)
class Shard:
    """Some distinct texts of one side and language, in the order in which they first occur.

    Args:
        side: query or passage.
        language: their language.
        number: the shard's, from 0.
        texts: how many they are.
        sum: over them; shards of the same texts have the same one, whatever the dataset.
    """

    side: Side
    language: str
    number: int
    texts: int
    sum: str


class Corpus:
    """The stored tables of one dataset.

    Args:
        folder: of a dataset that was stored to its end.

    Raises:
        Damaged: a table is not what was stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        check(folder)
        facts = read_manifest(folder)["detail"]
        self.languages: tuple[str, ...] = tuple(facts["languages"])
        self.parallel: bool = facts["parallel"]
        self.query_offsets = offsets([facts["queries"][name] for name in self.languages])
        self.passage_offsets = offsets([facts["passages"][name] for name in self.languages])
        self.shards = shards_of(facts)
        self.columns: tuple[str, ...] = tuple(facts.get("columns", ()))  # that queries bring

    def texts(self, side: Side, language: str) -> list[str]:
        """The texts of one side and language, in the order of their numbers."""
        table = self.table(f"{TABLES[side]}-{language}")
        texts: list[str] = table["text"].to_pylist()
        return texts

    def shard_texts(self, shard: Shard) -> list[str]:
        """The texts of a shard."""
        first = self._first_rows(shard.side, shard.language)
        start = shard.number * SHARD
        rows = first[start : start + shard.texts]
        table = self.table(f"{TABLES[shard.side]}-{shard.language}")
        texts: list[str] = taken(table["text"], rows).to_pylist()
        return texts

    def text_numbers(self, side: Side, language: str) -> Int32Array:
        """(n,) which of the distinct texts each text of a side and language is."""
        numbers: Int32Array = self.table(f"numbers-{TABLES[side]}-{language}")["text"].to_numpy()
        return numbers

    def tie_order(self, language: str) -> Int64Array:
        """(n,) the place of each passage's ``<language>:<id>`` among those of all languages."""
        sizes = dict(zip(self.languages, np.diff(self.passage_offsets).tolist(), strict=True))
        before = sum(sizes[name] for name in sizes if f"{name}:" < f"{language}:")
        places = self.table(f"numbers-passages-{language}")["place"].to_numpy()
        order: Int64Array = places.astype(np.int64) + before
        return order

    def _first_rows(self, side: Side, language: str) -> Int64Array:
        """The row in which each distinct text occurs first."""
        numbers = self.text_numbers(side, language)
        highest = np.maximum.accumulate(numbers) if len(numbers) else numbers
        first: Int64Array = np.flatnonzero(np.diff(highest, prepend=-1))
        return first

    def table(self, name: str) -> Any:  # noqa: ANN401 - pyarrow publishes no types
        """One of the folder's Arrow tables, mapped into memory."""
        import pyarrow as pa

        with pa.memory_map(str(self.folder / f"{name}.arrow")) as source:
            return pa.ipc.open_file(source).read_all()

    @cached_property
    def query_items(self) -> Int32Array:
        """(queries,) the item of each query."""
        return self._column("queries", "item")

    def query_column(self, name: str) -> list[str | None]:
        """(queries,) what the dataset knows of each query, None where nothing.

        Args:
            name: one of ``columns``.
        """
        values: list[str | None] = []
        for language in self.languages:
            table = self.table(f"queries-{language}")
            has_it = name in table.column_names
            values += table[name].to_pylist() if has_it else [None] * len(table)
        return values

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

    def repeated(self) -> BoolArray:
        """(passages,) whether another passage of the same language has the same text."""
        parts = [self.text_numbers("passage", name) for name in self.languages]
        found: BoolArray = np.concatenate([np.bincount(part)[part] > 1 for part in parts])
        return found

    def told_repeated(self) -> str:
        """What ``told_repeated`` says of the passages."""
        parts = np.split(self.repeated(), self.passage_offsets[1:-1])
        return told_repeated(
            {
                name: (int(part.sum()), len(part))
                for name, part in zip(self.languages, parts, strict=True)
            }
        )

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
                taken(self.table(f"passages-{name}")["text"], rows),
            )

    def _column(self, prefix: str, name: str) -> Int32Array:
        parts = [self.table(f"{prefix}-{lang}")[name].to_numpy() for lang in self.languages]
        column: Int32Array = np.concatenate(parts)
        return column


def told_repeated(counts: Mapping[str, tuple[int, int]]) -> str:
    """A sentence on passages whose text another passage of the language has; "" if there are none.

    Args:
        counts: by language, how many such passages there are, and how many passages.

    >>> told_repeated({"de": (0, 9), "es": (2, 9)})[:56]
    '2 of 9 passages in es have the text of another one, whic'
    """
    found = {name: count for name, count in counts.items() if count[0]}
    if not found:
        return ""
    some, all_there = (sum(numbers) for numbers in zip(*found.values(), strict=True))
    where = ", ".join(found) if len(found) <= MOST_NAMED else f"{len(found)} languages"
    return (
        f"{some:,} of {all_there:,} passages in {where} have the text of another one, which counts "
        "as a wrong answer; give equal passages one id (of aligned files: merge_passages: true)"
    )


def taken(column: Any, rows: Int32Array | Int64Array) -> Any:  # noqa: ANN401
    """Some rows of an Arrow column, of which no more than these is read.

    Arrow's own ``take`` puts the whole column into one piece first, which takes as much memory, and
    fails from 2 GB of texts on.
    """
    import pyarrow as pa

    order = np.argsort(rows, kind="stable")
    ascending = np.asarray(rows)[order]
    ends = np.cumsum([len(chunk) for chunk in column.chunks], dtype=np.int64)
    cuts = np.searchsorted(ascending, ends)
    first = 0
    parts = []
    for chunk, start, stop, end in zip(column.chunks, [0, *cuts], cuts, ends, strict=False):
        if stop > start:
            parts.append(chunk.take(pa.array(ascending[start:stop] - first)))
        first = end
    found = pa.chunked_array(parts, column.type)
    if (np.diff(order) == 1).all():
        return found
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return pa.chunked_array([found.combine_chunks().take(pa.array(place))])


def shards_of(facts: Mapping[str, Any]) -> list[Shard]:
    """The shards of a stored dataset, from what its manifest tells."""
    return [
        Shard(side, language, number, shard["texts"], shard["sum"])
        for side in TABLES
        for language in facts["languages"]
        for number, shard in enumerate(facts["shards"][side][language])
    ]


def offsets(counts: Sequence[int]) -> Int64Array:
    """[0, c0, c0 + c1, ...]: where each part begins, and the end."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
