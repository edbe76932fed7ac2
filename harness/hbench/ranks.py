"""Ranks in a pool of languages, from counts of who ranks before whom; and metrics of them.

The rank of a passage in a pool is 1 + the sum of its ``beats`` over the pool's languages; so one
count serves all settings. A list that was cut off lacks relevant passages: these have ``UNLISTED``
beats, which gives ranks beyond the pool, and get a place in ``values_of_list``.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.corpus import Corpus
from hbench.errors import PluginError
from hbench.protocols import Metric
from hbench.records import BoolArray, FloatArray, Int32Array, Int64Array, Ranks, Top
from hbench.settings import Component

TIES_TOLD = 0.01  # the share of relevant passages from which on ties are told
UNLISTED = np.iinfo(np.int32).max  # more beats than any pool has candidates
TRACE = 1e-20
FAR = (2.0**80, 2.0**100)  # ranks at which a passage adds less than 1e-20 to any sum of reciprocals


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


@dataclass(frozen=True)
class Beats(Pairs):
    """Pairs, and who ranks before them, as the rank stage writes it into ``beats.npz``.

    Args:
        beats: (pairs, L) int32, candidates of each language that rank before the pair's passage.
    """

    beats: Int32Array

    @classmethod
    def read(cls, path: Path) -> "Beats":
        """Read the file."""
        with np.load(path, allow_pickle=False) as file:
            return cls(*(file[name] for name in ("query", "passage", "grade", "beats")))


def told_ties(share: float, why: str) -> str:
    """A sentence on ties, "" if they are few.

    Args:
        share: of the relevant passages that tie with an irrelevant one.
        why: a sentence on their cause, or "".
    """
    if share <= TIES_TOLD:
        return ""
    told = f"{share:.1%} of relevant passages tie with an irrelevant one"
    return f"{told}: {why}" if why else told


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


def ranks_in_pool(
    corpus: Corpus, beats: Beats, component: Component
) -> tuple[Int64Array, Ranks] | None:
    """The queries of a language that have a relevant passage in a pool, and where these stand.

    Returns:
        (n,) query numbers, ascending, and the ranks; None if there is no such query.
    """
    language = corpus.languages.index(component.query_language)
    pool = [corpus.languages.index(name) for name in component.pool]
    begin, end = corpus.query_offsets[language : language + 2]
    rows = slice(*np.searchsorted(beats.query, [begin, end]))
    where = corpus.passage_languages(beats.passage[rows])
    inside = np.flatnonzero(np.isin(where, pool)) + rows.start
    if not len(inside):
        return None
    query = beats.query[inside].astype(np.int64)
    rank = 1.0 + beats.beats[inside][:, pool].sum(axis=1, dtype=np.int64)
    order = np.lexsort((rank, query))
    numbers, first, counts = np.unique(query[order], return_index=True, return_counts=True)
    row = np.repeat(np.arange(len(numbers)), counts)
    column = np.arange(len(order)) - np.repeat(first, counts)
    shape = (len(numbers), int(counts.max()))

    def spread(values: npt.NDArray[Any], fill: float, kind: type) -> npt.NDArray[Any]:
        table: npt.NDArray[Any] = np.full(shape, fill, kind)
        table[row, column] = values[order]
        return table

    place_in_pool = np.searchsorted(np.sort(pool), where[inside - rows.start])
    ranks = Ranks(
        rank=spread(rank, np.inf, np.float64),
        grade=spread(beats.grade[inside], 0, np.int64),
        language=spread(place_in_pool, -1, np.int64),
        query_language=component.query_language,
        pool=tuple(corpus.languages[i] for i in sorted(pool)),
        pool_sizes=np.diff(corpus.passage_offsets)[np.sort(pool)],
    )
    return numbers, ranks


def unlisted(ranks: Ranks) -> BoolArray:
    """(n, R) which relevant passages are not listed."""
    missing: BoolArray = np.isfinite(ranks.rank) & (ranks.rank > ranks.pool_sizes.sum())
    return missing


def _ranked_last(ranks: Ranks) -> Ranks:
    """With the relevant passages that are not listed at the end of the pool."""
    after = ranks.relevant[:, None] - 1 - np.arange(ranks.rank.shape[1])
    last = float(ranks.pool_sizes.sum()) - after
    return replace(ranks, rank=np.where(unlisted(ranks), last, ranks.rank))


def _ranked_far(ranks: Ranks, far: float) -> Ranks:
    """With the relevant passages that are not listed at ``far``, twice as far and so on."""
    beyond = far * np.arange(1, ranks.rank.shape[1] + 1)
    return replace(ranks, rank=np.where(unlisted(ranks), beyond, ranks.rank))


def values_of_list(metric: Metric, label: str, ranks: Ranks) -> FloatArray:
    """(3, n) a metric's values with the passages that are not listed ranked last, far and farther.

    See ``speaks_of_ranks`` for which of them to take.
    """
    placed = [_ranked_last(ranks), *(_ranked_far(ranks, far) for far in FAR)]
    return np.stack([values_of(metric, label, each) for each in placed])


def speaks_of_ranks(values: FloatArray) -> bool:
    """Whether a metric still changes with the rank of passages that are very far down.

    So does a distance of ranks, for which they must be ranked last. Of all of trec_eval's metrics
    such passages count as not found, wherever they stand.

    Args:
        values: (3, n), as ``values_of_list`` has them.
    """
    return not np.allclose(values[1], values[2], rtol=0, atol=1e-9, equal_nan=True)


def found_of(values: FloatArray) -> FloatArray:
    """Values without the trace that passages leave which were taken as very far down."""
    return np.where(np.abs(values) < TRACE, 0.0, values)


def needs_top(metric: Metric) -> bool:
    """Whether a metric is a function of the first passages, not of the ranks."""
    return getattr(metric, "needs", "ranks") == "top"


def values_of(metric: Metric, label: str, ranks: Ranks | Top) -> FloatArray:
    """(n,) a metric's values.

    Raises:
        PluginError: the metric did not return one number a query.
    """
    queries = len(ranks.rank if isinstance(ranks, Ranks) else ranks.language)
    values = np.asarray(metric.values(ranks), np.float64)  # type: ignore[arg-type]
    if values.shape != (queries,):
        raise PluginError(
            f"metric {label!r} returned shape {values.shape} for {queries} queries; "
            "it must return one value a query"
        )
    if np.isinf(values).any():
        raise PluginError(f"metric {label!r} returned an infinite value; return NaN for 'absent'")
    return values
