"""Counting on a CPU: compiled loops that read a block of products while it is in a core's cache.

What ``hbench.counting`` does with torch on a GPU in many steps is one pass here. Threads share the
queries. numba keeps what it compiled beside this file or in the user's cache. Importing it imports
numba: so it is imported inside functions.
"""

import numba
import numpy as np

from hbench.compiled import compiled
from hbench.counting import LEAST
from hbench.records import Int32Array, Int64Array
from hbench.vectors import Vectors

TOGETHER = 32  # products that are looked at in one step, for one that is inside a band
DENSE = 1 / 16  # of a query's candidates inside a band, and all of them get their exact score
STEPS = 16  # of halving the range of scores, which is 4, down to a few times their bound


@compiled(parallel=True)
def count(
    products: Vectors,
    queries: Vectors,
    passages: Vectors,
    place: Int64Array,
    first: int,
    score: Vectors,
    key: Int64Array,
    relevant: Int64Array,
    bound: np.float32,
    language: int,
    beats: Int32Array,
    ties: Int32Array,
    top: Int64Array,
    top_passage: Int32Array,
) -> None:
    """Add what a block of Q queries and P passages of one language has to beats, ties and top.

    Args:
        products: (Q, P) float32 dot products, each ``bound`` from the exact score at most.
        queries: (Q, dim) float32 vectors.
        passages: (P, dim) float32 vectors.
        place: (P,) tie order.
        first: the number of the first passage.
        score: (Q, R) float32 exact scores of the relevant passages, inf where there are fewer.
        key: (Q, R) their keys.
        relevant: (Q, R) their numbers, -1 where there are fewer.
        bound: float32, ``hbench.counting.error_bound``.
        language: of the passages, one of L.
        beats: (Q, R, L), changed.
        ties: (Q, R), changed.
        top: (Q, L, k) keys of the best so far, best first, changed.
        top_passage: (Q, L, k) their numbers, changed.
    """
    for i in numba.prange(len(products)):
        # Exact scores of this query's candidates, computed where they are asked for.
        exact = np.full(len(place), np.nan, np.float32)
        _count(products[i], queries[i], passages, exact, place, first, score[i], key[i],
               relevant[i], bound, beats[i, :, language], ties[i])  # fmt: skip
        if top.shape[2]:
            _keep(products[i], queries[i], passages, exact, place, first, bound,
                  top[i, language], top_passage[i, language])  # fmt: skip


@compiled()
def _count(
    row: Vectors,
    query: Vectors,
    passages: Vectors,
    exact: Vectors,
    place: Int64Array,
    first: int,
    score: Vectors,
    key: Int64Array,
    relevant: Int64Array,
    bound: np.float32,
    beats: Int32Array,
    ties: Int32Array,
) -> None:
    """Add the candidates that beat each relevant passage of one query, and that tie with it."""
    for r in range(len(score)):
        if relevant[r] < 0:  # this query has fewer than others of its block
            break
        low, high = score[r] - bound, score[r] + bound
        maybe, above = _reaching(row, low), _reaching(row, np.nextafter(high, np.float32(np.inf)))
        answer = relevant[r] - first
        undecided = maybe - above - (0 <= answer < len(row))
        if undecided > len(row) * DENSE:
            above, equal = _compare(query, passages, exact, place, score[r], key[r] & 0xFFFFFFFF)
            for other in relevant - first:
                equal -= 0 <= other < len(row) and exact[other] == score[r]
            ties[r] += equal
            undecided = 0
        candidate = 0
        while undecided > 0:
            candidate = _next(row, candidate, low, high)
            if candidate != answer:
                undecided -= 1
                found = _score(query, passages, exact, candidate)
                above += _key(found, place[candidate]) > key[r]
                if found == score[r] and not (relevant == first + candidate).any():
                    ties[r] += 1
            candidate += 1
        beats[r] += above


@compiled()
def _compare(
    query: Vectors,
    passages: Vectors,
    exact: Vectors,
    place: Int64Array,
    score: np.float32,
    own: np.int64,
) -> tuple[np.int32, np.int32]:
    """How many candidates beat a passage of this score and tie order, and how many have its score.

    All of them are looked at, which takes no search.
    """
    for candidate in range(len(exact)):
        if np.isnan(exact[candidate]):  # asked here too, since most calls are saved
            _score(query, passages, exact, candidate)
    better, equal = np.int32(0), np.int32(0)
    for i in range(len(exact)):
        better = np.int32(better + ((exact[i] > score) | ((exact[i] == score) & (place[i] > own))))
        equal = np.int32(equal + (exact[i] == score))
    return better, equal


@compiled()
def _keep(
    row: Vectors,
    query: Vectors,
    passages: Vectors,
    exact: Vectors,
    place: Int64Array,
    first: int,
    bound: np.float32,
    top: Int64Array,
    top_passage: Int32Array,
) -> None:
    """Put the candidates that are good enough among the best of one query."""
    floor = _floor(row, top, bound)
    candidate = _next(row, 0, floor, np.float32(np.inf))
    while candidate < len(row):
        key = _key(_score(query, passages, exact, candidate), place[candidate])
        if key > top[-1]:
            slot = len(top) - 1
            while slot and top[slot - 1] < key:
                top[slot], top_passage[slot] = top[slot - 1], top_passage[slot - 1]
                slot -= 1
            top[slot], top_passage[slot] = key, first + candidate
        candidate = _next(row, candidate + 1, floor, np.float32(np.inf))


@compiled()
def _floor(row: Vectors, top: Int64Array, bound: np.float32) -> np.float32:
    """A product below which nothing can be among the best."""
    if top[-1] > LEAST:
        bits = top[-1] >> 32
        return np.int32(bits if bits >= 0 else -bits - 2**31).view(np.float32) - bound
    if len(row) <= len(top):
        return np.float32(-np.inf)
    low, high = np.float32(-2), np.float32(2)
    for _ in range(STEPS):  # as many as are kept reach ``low``, and not many more
        middle = (low + high) / np.float32(2)
        if _reaching(row, middle) >= len(top):
            low = middle
        else:
            high = middle
    # Their exact scores are no farther below than the bound, and a product that is twice as far
    # below belongs to a lower one.
    return low - np.float32(2) * bound


@compiled()
def _reaching(row: Vectors, low: np.float32) -> np.int32:
    """How many products reach ``low``."""
    count = np.int32(0)
    for i in range(len(row)):
        count = np.int32(count + (row[i] >= low))  # in 32 bits the compiler does 16 at once
    return count


@compiled()
def _next(row: Vectors, start: int, low: np.float32, high: np.float32) -> int:
    """The first place from ``start`` on whose product is inside, or the length."""
    while start < len(row):
        stop = min(start + TOGETHER, len(row))
        inside = np.int32(0)
        for i in range(start, stop):
            inside = np.int32(inside + ((row[i] >= low) & (row[i] <= high)))
        if inside:
            while not low <= row[start] <= high:
                start += 1
            return start
        start = stop
    return start


# The sum may be in any order: float64 holds every part of it without rounding.
@compiled(fastmath={"reassoc", "contract"})
def _score(query: Vectors, passages: Vectors, exact: Vectors, candidate: int) -> np.float32:
    """The exact score of a candidate, rounded to float32."""
    if np.isnan(exact[candidate]):
        total = 0.0
        for i in range(len(query)):
            total += np.float64(query[i]) * np.float64(passages[candidate, i])
        exact[candidate] = total
    found: np.float32 = exact[candidate]
    return found


@compiled()
def _key(score: np.float32, place: int) -> np.int64:
    """As ``hbench.counting.keys``."""
    bits = np.int64(np.float32(score).view(np.int32))
    return (bits if bits >= 0 else -(bits + 2**31)) * 2**32 + place
