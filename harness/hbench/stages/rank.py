"""Rank stage: for each query and relevant passage, how many candidates of each language beat it.

Nothing is sorted and nothing is cut off. One pass over the passages, block by block as they lie on
disk, serves every pool of languages, and counts of parts of the passages add up; so memory does not
grow with the corpus. How a block is counted, and why it is exact, is in ``hbench.counting``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hbench import approximate
from hbench.ahead import ahead
from hbench.corpus import Corpus
from hbench.packing import to_device
from hbench.pools import ReadVectors, check_sizes, query_vectors
from hbench.ranks import TIES_TOLD, Pairs, relevant_pairs, told_ties
from hbench.records import Int32Array, Int64Array
from hbench.toplist import write_top
from hbench.vectors import Vectors

if TYPE_CHECKING:
    from hbench.counting import Asked, Candidates

VERSION = 2
QUERIES, PASSAGES = 2048, 512  # of one block of scores: 4 MB
Progress = Callable[[float, str], None]
PADDED = 2**22  # cells of a block's table of relevant passages, at most


@dataclass(frozen=True)
class Counts:
    """What one pass over all queries and some of the passages counts.

    Args:
        beats: (pairs, L) int32, candidates of each language that rank before the pair's passage.
        ties: (pairs,) int32, irrelevant candidates of exactly its score.
        top: (queries, L, k) int64 keys of the best passages, best first.
        top_passage: (queries, L, k) int32 their numbers, -1 where a language has fewer.
    """

    beats: Int32Array
    ties: Int32Array
    top: Int64Array
    top_passage: Int32Array


def run(
    corpus: Corpus,
    read: ReadVectors,
    *,
    top_k: int,
    device: str,
    folder: Path,
    progress: Progress,
    index: str | None = None,
    threads: int = 1,
) -> dict[str, Any]:
    """Write ``beats.npz`` and ``top.parquet``.

    Args:
        corpus: the dataset.
        read: gives the vectors of a side and language.
        top_k: how many passages to keep for each query and candidate language.
        device: torch's name of it.
        folder: where to write.
        progress: told the share done.
        index: a faiss index to search by instead of looking everywhere.
        threads: of faiss.

    Returns:
        What the manifest tells: pairs, the share that ties with an irrelevant passage, and why; or
        the recall of the index.

    Raises:
        DataError: vectors of queries and passages differ in size.
    """
    pairs = relevant_pairs(corpus)
    top_k = min(top_k, int(np.diff(corpus.passage_offsets).max()))
    check_sizes(corpus, read)
    detail: dict[str, Any] = {"pairs": len(pairs.query), "notes": []}
    if index is None:
        counts = count(corpus, pairs, read, top_k=top_k, device=device, progress=progress)
        share = float((counts.ties > 0).mean()) if len(counts.ties) else 0.0
        detail |= {"tied_share": share, "tied_why": _why_tied(corpus, pairs, share)}
        detail["notes"] = list(filter(None, [told_ties(share, detail["tied_why"])]))
    else:
        found = approximate.count(
            corpus, pairs.query, pairs.passage, read,
            index=index, depth=top_k, threads=threads, progress=progress)  # fmt: skip
        none = np.zeros(len(pairs.query), np.int32)
        counts = Counts(found.beats, none, found.top, found.top_passage)
        detail["recall"] = found.recall
        detail["notes"] = [f"approximate: {index} finds {found.recall:.1%} of the first {top_k}"]
    np.savez(
        folder / "beats.npz",
        query=pairs.query,
        passage=pairs.passage,
        grade=pairs.grade,
        beats=counts.beats,
        languages=np.array(corpus.languages),
    )
    write_top(corpus, counts.top, counts.top_passage, folder / "top.parquet")
    return detail


def _why_tied(corpus: Corpus, pairs: Pairs, share: float) -> str:
    """That equal passages are the cause of ties, if that many of the relevant ones are such."""
    if share <= TIES_TOLD or corpus.repeated()[pairs.passage].mean() < share / 2:
        return ""
    return corpus.told_repeated()


def count(
    corpus: Corpus,
    pairs: Pairs,
    read: ReadVectors,
    *,
    top_k: int,
    progress: Progress,
    device: str = "cpu",
    block: tuple[int, int] = (QUERIES, PASSAGES),
    part: tuple[int, int] = (0, 1),
) -> Counts:
    """Count all pairs, in one pass over the passages or over a part of them.

    Args:
        corpus: the dataset.
        pairs: what to count for.
        read: gives the vectors of a side and language.
        top_k: how many passages to keep for each query and candidate language.
        progress: told the share done.
        device: torch's name of it.
        block: queries and passages that are multiplied at once; changes no result.
        part: (i, n) counts the i-th of n parts of the passages; ``added_up`` joins them.
    """
    total = len(corpus.query_items)
    counts = Counts(
        np.zeros((len(pairs.query), len(corpus.languages)), np.int32),
        np.zeros(len(pairs.query), np.int32),
        np.empty((total, len(corpus.languages), top_k), np.int64),
        np.empty((total, len(corpus.languages), top_k), np.int32),
    )
    asked = list(_asked(corpus, pairs, read, top_k, block[0], device))
    begin, end = (int(corpus.passage_offsets[-1]) * (part[0] + more) // part[1] for more in (0, 1))
    for candidates in ahead(_candidates(corpus, read, begin, end, block[1], device), device):
        for _, each in asked:
            each.count(candidates)
        progress((candidates.first + len(candidates.place) - begin) / (end - begin), "counting")
    for pair, each in asked:
        is_pair = pair >= 0
        counts.beats[pair[is_pair]] = each.beats.cpu().numpy()[is_pair]
        counts.ties[pair[is_pair]] = each.ties.cpu().numpy()[is_pair]
        counts.top[each.numbers] = each.top.cpu().numpy()
        counts.top_passage[each.numbers] = each.top_passage.cpu().numpy()
    return counts


def added_up(parts: Sequence[Counts]) -> Counts:
    """The counts of all passages from those of parts of them."""
    top = np.concatenate([part.top for part in parts], axis=2)
    passage = np.concatenate([part.top_passage for part in parts], axis=2)
    best = np.argsort(top, axis=2)[:, :, ::-1][:, :, : parts[0].top.shape[2]]
    return Counts(
        sum((part.beats for part in parts[1:]), start=parts[0].beats),
        sum((part.ties for part in parts[1:]), start=parts[0].ties),
        np.take_along_axis(top, best, axis=2),
        np.take_along_axis(passage, best, axis=2),
    )


def _asked(
    corpus: Corpus, pairs: Pairs, read: ReadVectors, top_k: int, size: int, device: str
) -> Iterator[tuple[Int64Array, "Asked"]]:
    """Blocks of queries with about equally many relevant passages.

    Returns:
        The (Q, R) rows of each block's pairs, -1 where a query has fewer; and the block.
    """
    import torch

    from hbench.counting import Asked, exact_of, keys

    vectors = query_vectors(corpus, read)
    known, answers, place = _relevant(corpus, pairs, read)
    numbers = np.arange(len(vectors))
    first = np.searchsorted(pairs.query, numbers, side="left")
    relevant = np.searchsorted(pairs.query, numbers, side="right") - first
    order = np.argsort(relevant, kind="stable")
    on = torch.device(device)
    for chosen in _blocks(order, relevant, size):
        column = np.arange(relevant[chosen].max())
        pair = np.where(column < relevant[chosen, None], first[chosen, None] + column, -1)
        row, column = np.nonzero(pair >= 0)
        passage = np.full(pair.shape, -1, np.int64)
        passage[row, column] = pairs.passage[pair[row, column]]
        place_known = np.searchsorted(known, passage[row, column])
        found = exact_of(*map(torch.from_numpy, (vectors, answers, chosen[row], place_known)))
        score = torch.full(pair.shape, float("inf"))
        key = torch.full(pair.shape, 2**63 - 1)
        score[row, column] = found
        key[row, column] = keys(found, torch.from_numpy(place[place_known]))
        asked = Asked(
            chosen,
            to_device(vectors[chosen], on),
            score.to(on),
            key.to(on),
            to_device(passage, on),
            len(corpus.languages),
            top_k,
        )
        yield pair, asked


def _blocks(order: Int64Array, relevant: Int64Array, size: int) -> Iterator[Int64Array]:
    """Queries in an order of ascending numbers of relevant passages, some at a time."""
    start = 0
    while start < len(order):
        stop = min(start + size, len(order))
        while stop > start + 1 and (stop - start) * relevant[order[stop - 1]] > PADDED:
            stop = (start + stop + 1) // 2
        yield order[start:stop]
        start = stop


def _relevant(
    corpus: Corpus, pairs: Pairs, read: ReadVectors
) -> tuple[Int32Array, Vectors, Int64Array]:
    """The numbers of the distinct relevant passages, ascending, their vectors and tie order."""
    numbers = np.unique(pairs.passage)
    bounds = np.searchsorted(numbers, corpus.passage_offsets)
    vectors, place = [], []
    for index, name in enumerate(corpus.languages):
        own = numbers[bounds[index] : bounds[index + 1]] - corpus.passage_offsets[index]
        if len(own):
            vectors.append(read("passage", name)[own])
            place.append(corpus.tie_order(name)[own])
    return numbers, np.concatenate(vectors), np.concatenate(place)


def _candidates(
    corpus: Corpus, read: ReadVectors, begin: int, end: int, size: int, device: str
) -> Iterator["Candidates"]:
    """The passages from number ``begin`` up to ``end``, in blocks of one language."""
    import torch

    from hbench.counting import Candidates

    on = torch.device(device)
    for index, name in enumerate(corpus.languages):
        offset, after = corpus.passage_offsets[index : index + 2].tolist()
        rows, place = read("passage", name), corpus.tie_order(name)
        stop = min(end, after) - offset
        for left in range(max(begin, offset) - offset, stop, size):
            part = slice(left, min(left + size, stop))
            vectors = to_device(rows[part], on)
            yield Candidates(index, offset + left, vectors, to_device(place[part], on))
