"""Counting by an approximate index: what a search finds that does not look everywhere."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hbench.corpus import Corpus
from hbench.pools import Pool, ReadVectors, query_vectors
from hbench.records import Int32Array, Int64Array
from hbench.search import best, best_by_index, recall


@dataclass(frozen=True)
class Approximate:
    """What an index finds.

    Args:
        beats: (pairs, L) int32, candidates of each language that rank before the pair's passage.
        top: (queries, L, k) int64 keys of the passages that were found, best first.
        top_passage: (queries, L, k) int32 their numbers, -1 where fewer were found.
        recall: the share of the truly best k passages of each language that were found.
    """

    beats: Int32Array
    top: Int64Array
    top_passage: Int32Array
    recall: float


def count(
    corpus: Corpus,
    query: Int32Array,
    passage: Int32Array,
    read: ReadVectors,
    *,
    index: str,
    depth: int,
    threads: int,
    progress: Callable[[float, str], None],
) -> Approximate:
    """Search each language by an index of its passages, and exactly too, to tell the recall.

    A relevant passage that the index finds is ranked among what it finds. One that it does not find
    is ranked last: all candidates are before it but those of the query that are not found either
    and come after it in the exact order.

    Args:
        corpus: the dataset.
        query: (pairs,) query numbers.
        passage: (pairs,) a relevant passage of each.
        read: gives the vectors of a side and language.
        index: a string for ``faiss.index_factory``.
        depth: passages to find for each query and language.
        threads: of faiss.
        progress: told the share done.

    Raises:
        OptionError: faiss cannot build the index.
    """
    import torch

    from hbench.counting import LEAST, exact_of, keys

    queries = query_vectors(corpus, read)
    known, where = np.unique(passage, return_inverse=True)
    relevant = Pool.of(corpus, read, corpus.languages).take(known)
    own = torch.from_numpy(where)
    asked = torch.from_numpy(query.astype(np.int64))
    score = exact_of(torch.from_numpy(queries), relevant.vectors, asked, own)
    own_key = keys(score, relevant.place[own]).numpy()
    shape = (len(queries), len(corpus.languages), depth)
    beats = np.zeros((len(query), len(corpus.languages)), np.int32)
    top, top_passage = np.full(shape, LEAST), np.full(shape, -1, np.int32)
    is_found = np.zeros(len(query), bool)
    shares = []
    for number, name in enumerate(corpus.languages):
        pool = Pool.of(corpus, read, [name])
        found = best_by_index(queries, pool, depth, index, threads=threads)
        shares.append(recall(found, best(queries, pool, depth, threads=threads)))
        row = np.maximum(found.passage - corpus.passage_offsets[number], 0)
        place = corpus.tie_order(name)[row]
        key = keys(torch.from_numpy(found.score), torch.from_numpy(place)).numpy()
        top[:, number] = np.where(found.passage >= 0, key, LEAST)
        top_passage[:, number] = found.passage
        beats[:, number] = (top[query, number] > own_key[:, None]).sum(axis=1)
        is_found |= (found.passage[query] == passage[:, None]).any(axis=1)
        progress((number + 1) / len(corpus.languages), f"searching {name}")
    beats[~is_found] = _last(corpus, query[~is_found], passage[~is_found], own_key[~is_found])
    return Approximate(beats, top, top_passage, float(np.mean(shares)))


def _last(corpus: Corpus, query: Int32Array, passage: Int32Array, key: Int64Array) -> Int32Array:
    """(n, L) candidates before passages that were not found; none of a query's has another's place.

    All before a passage are those that were found, and the query's other passages that were not and
    have a higher key; so of its own, those with a lower key, and itself, are not.
    """
    language = corpus.passage_languages(passage)
    before = np.tile(np.diff(corpus.passage_offsets), (len(query), 1))
    order = np.lexsort((key, query))
    after = np.zeros(before.shape[1], np.int64)
    for number, row in enumerate(order):
        if number and query[row] != query[order[number - 1]]:
            after[:] = 0
        after[language[row]] += 1
        before[row] -= after
    return before.astype(np.int32)
