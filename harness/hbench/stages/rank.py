"""Rank stage: for each query and relevant passage, how many candidates of each language beat it.

Nothing is sorted and nothing is cut off. A candidate beats a passage if its score is higher, or
equal and its id later as a string (trec_eval's order of ties). A score is the float64 dot product
of vectors on the encode stage's grid, which is exact, rounded to float32; so ranks depend on
neither block size, threads nor the order of the passages.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.corpus import Corpus
from hbench.records import Int32Array, Int64Array, Side

VERSION = 1
BLOCK = 512
Progress = Callable[[float, str], None]
Vectors = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
ReadVectors = Callable[[Side, str], Vectors]


@dataclass(frozen=True)
class Pairs:
    """The (query, relevant passage) pairs, by query and then passage number.

    Args:
        query: (pairs,) int32 query numbers, ascending.
        passage: (pairs,) int32 passage numbers.
        grade: (pairs,) int32, 1 or more.
    """

    query: Int32Array
    passage: Int32Array
    grade: Int32Array


def run(
    corpus: Corpus, read: ReadVectors, *, top_k: int, folder: Path, progress: Progress
) -> dict[str, Any]:
    """Write ``beats.npz`` and ``top.parquet``.

    Args:
        corpus: the dataset.
        read: gives the vectors of a side and language.
        top_k: how many passages to keep for each query and candidate language.
        folder: where to write.
        progress: told the share done.

    Returns:
        What the manifest tells: pairs, and the share that ties with an irrelevant passage.
    """
    pairs = relevant_pairs(corpus)
    counts = count(corpus, pairs, read, top_k=top_k, progress=progress)
    np.savez(
        folder / "beats.npz",
        query=pairs.query,
        passage=pairs.passage,
        grade=pairs.grade,
        beats=counts.beats,
        languages=np.array(corpus.languages),
    )
    _write_top(counts.top, corpus, folder / "top.parquet")
    share = float(counts.tied.mean()) if len(counts.tied) else 0.0
    notes = [f"{share:.1%} of relevant passages tie with an irrelevant one"] if share > 0.01 else []
    return {"pairs": len(pairs.query), "tied_share": share, "notes": notes}


def relevant_pairs(corpus: Corpus) -> Pairs:
    """Every query with every relevant passage of its item, whatever the languages."""
    item, passage, grade = corpus.judgements
    order = np.lexsort((passage, item))
    order = order[grade[order] > 0]
    item, passage, grade = item[order], passage[order], grade[order]
    first = np.searchsorted(item, corpus.query_items, side="left")
    counts = np.searchsorted(item, corpus.query_items, side="right") - first
    query = np.repeat(np.arange(len(first), dtype=np.int32), counts)
    within = np.arange(len(query)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.repeat(first, counts) + within
    return Pairs(query, passage[rows], grade[rows])


@dataclass(frozen=True)
class Counts:
    """What one pass over all queries and passages counts.

    Args:
        beats: (pairs, L) int32, candidates of each language that rank before the pair's passage.
        tied: (pairs,) whether an irrelevant passage has exactly the passage's score.
        top: for each (query block, language) the block's first query, the language, and the
            (queries, k) keys of the best passages, best first.
    """

    beats: Int32Array
    tied: npt.NDArray[np.bool_]
    top: list[tuple[int, int, Int64Array]]


def count(
    corpus: Corpus,
    pairs: Pairs,
    read: ReadVectors,
    *,
    top_k: int,
    progress: Progress,
    block: int = BLOCK,
) -> Counts:
    """Count all pairs.

    Args:
        corpus: the dataset.
        pairs: what to count for.
        read: gives the vectors of a side and language.
        top_k: how many passages to keep for each query and candidate language.
        progress: told the share done.
        block: queries and passages that are multiplied at once; changes no result.
    """
    candidates = np.concatenate([read("passage", name) for name in corpus.languages])
    candidates = candidates.astype(np.float64)
    order = tie_order(corpus)
    beats = np.zeros((len(pairs.query), len(corpus.languages)), np.int32)
    tied = np.zeros(len(pairs.query), np.bool_)
    top: list[tuple[int, int, Int64Array]] = []
    for start, queries in _query_blocks(corpus, read, block):
        first, last = np.searchsorted(pairs.query, [start, start + len(queries)])
        row = pairs.query[first:last] - start
        column = np.arange(first, last) - np.searchsorted(pairs.query, pairs.query[first:last])
        own = np.full((len(queries), int(column.max(initial=0)) + 1), np.iinfo(np.int64).max)
        passage = pairs.passage[first:last]
        own[row, column] = keys(_dot(queries[row], candidates[passage]), order[passage])
        equal = np.zeros(own.shape, np.int64)
        for language in range(len(corpus.languages)):
            better = np.zeros(own.shape, np.int32)
            best = np.empty((len(queries), 0), np.int64)
            begin, end = corpus.passage_offsets[language : language + 2]
            for left in range(begin, end, block):
                part = slice(left, min(left + block, end))
                found = keys(_product(queries, candidates[part]), order[part])
                _add(found, own, better, equal)
                best = _best(np.concatenate([best, found], axis=1), top_k)
            beats[first:last, language] = better[row, column]
            top.append((start, language, best))
        relevant_equal = (own[:, :, None] >> 32 == own[:, None, :] >> 32).sum(axis=2)
        tied[first:last] = (equal > relevant_equal)[row, column]
        progress(min(1.0, (start + len(queries)) / corpus.query_offsets[-1]), "counting")
    return Counts(beats, tied, top)


def keys(scores: npt.NDArray[np.float32], order: Int64Array) -> Int64Array:
    """Scores and tie order as one integer, so that a higher key is a better place.

    Args:
        scores: (..., n) float32, finite.
        order: (n,) the tie order of each passage, from 0 to 2^32 - 1.

    Returns:
        (..., n) int64: the score's bits in ascending order above the tie order's 32 bits; -0.0
        and 0.0 are one score.
    """
    bits = scores.view(np.int32).astype(np.int64)
    ascending = np.where(bits >= 0, bits, -(bits + 2**31))
    places: Int64Array = ascending * 2**32 + order
    return places


def tie_order(corpus: Corpus) -> Int64Array:
    """(passages,) the place of each passage's id among all ids, as byte strings."""
    import pyarrow.compute as pc

    ascending = pc.sort_indices(corpus.passage_ids).to_numpy()
    order = np.empty(len(ascending), np.int64)
    order[ascending] = np.arange(len(ascending))
    return order


def _query_blocks(corpus: Corpus, read: ReadVectors, block: int) -> Iterator[tuple[int, Doubles]]:
    """The number of the first query of each block, with the block's vectors."""
    for language, offset in zip(corpus.languages, corpus.query_offsets, strict=False):
        vectors = read("query", language)
        for start in range(0, len(vectors), block):
            yield int(offset) + start, vectors[start : start + block].astype(np.float64)


def _product(queries: Doubles, passages: Doubles) -> npt.NDArray[np.float32]:
    """(queries, passages) scores: exact sums, rounded once."""
    scores: npt.NDArray[np.float32] = (queries @ passages.T).astype(np.float32)
    return scores


def _dot(queries: Doubles, passages: Doubles) -> npt.NDArray[np.float32]:
    """(n,) scores of row i with row i; the same bits as ``_product`` gives."""
    scores: npt.NDArray[np.float32] = (queries * passages).sum(axis=1).astype(np.float32)
    return scores


def _add(found: Int64Array, own: Int64Array, better: Int32Array, equal: Int64Array) -> None:
    """Count, for each relevant passage, the candidates that beat it and those of equal score."""
    found_scores, own_scores = found >> 32, own >> 32
    for column in range(own.shape[1]):
        better[:, column] += (found > own[:, column, None]).sum(axis=1, dtype=np.int32)
        equal[:, column] += (found_scores == own_scores[:, column, None]).sum(axis=1)


def _best(found: Int64Array, k: int) -> Int64Array:
    """(queries, min(k, n)) the highest keys, in descending order."""
    if found.shape[1] > k:
        found = np.partition(found, found.shape[1] - k, axis=1)[:, -k:]
    return np.sort(found, axis=1)[:, ::-1]


def _write_top(top: list[tuple[int, int, Int64Array]], corpus: Corpus, path: Path) -> None:
    """One row for each (query, candidate language, rank), in this order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ascending = np.argsort(tie_order(corpus)).astype(np.int32)
    columns: dict[str, list[npt.NDArray[Any]]] = {
        name: [] for name in ("query", "language", "rank", "passage", "score")
    }
    for start, language, best in top:
        queries, k = best.shape
        high = best >> 32
        bits = np.where(high >= 0, high, -high - 2**31).astype(np.int32)
        columns["query"].append(np.repeat(np.arange(start, start + queries, dtype=np.int32), k))
        columns["language"].append(np.full(queries * k, language, np.int32))
        columns["rank"].append(np.tile(np.arange(1, k + 1, dtype=np.int32), queries))
        columns["passage"].append(ascending[(best & (2**32 - 1)).ravel()])
        columns["score"].append(bits.view(np.float32).ravel())
    arrays = {name: np.concatenate(parts) for name, parts in columns.items()}
    by_query = np.lexsort((arrays["rank"], arrays["language"], arrays["query"]))
    table = {name: pa.array(values[by_query]) for name, values in arrays.items()}
    table["language"] = pa.DictionaryArray.from_arrays(table["language"], list(corpus.languages))
    pq.write_table(pa.table(table), path, compression="zstd")
