"""Export stage: a system's rankings of a dataset as TREC runs, each with its judgements.

For every pool of languages there are ``<pool>.trec`` and ``<pool>.qrels``. They hold the same
queries: those that a setting ranks against the pool and that have a relevant passage in it. The
judgements are those of the pool's own passages, as a relevant passage elsewhere would count as
missed. So what trec_eval says of a pair of files is what the score stage says of the pool, unless
passages tie whose ids hold blanks or ``%``, which are encoded and so sort otherwise.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from hbench import search
from hbench.corpus import Corpus
from hbench.pools import Pool, ReadVectors
from hbench.records import Int64Array
from hbench.search import Found
from hbench.settings import Component
from hbench.store import slug

QUERIES = 1024  # whose lines are put together at once
Languages = tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """What ranks the passages of a dataset.

    Args:
        corpus: the dataset.
        read: gives the vectors of a side and language.
        settings: the components of each setting.
    """

    corpus: Corpus
    read: ReadVectors
    settings: Mapping[str, Sequence[Component]]


@dataclass(frozen=True)
class Request:
    """What to export, and how it is searched for.

    Args:
        depth: passages for each query.
        tag: the runs' name.
        index: a string for faiss's ``index_factory``; None searches exactly.
        device: torch's name of it.
        threads: of faiss.
    """

    depth: int
    tag: str
    index: str | None = None
    device: str = "cpu"
    threads: int = 1


@dataclass(frozen=True)
class Exported:
    """The files of a pool.

    Args:
        name: of the pool.
        run: the file of the ranking.
        qrels: the file of the judgements.
        queries: how many they hold.
        settings: for each setting the query languages that it ranks against the pool.
        recall: of an approximate search, against the exact one.
    """

    name: str
    run: str
    qrels: str
    queries: int
    settings: Mapping[str, Sequence[str]]
    recall: float | None


def run(ranking: Ranking, request: Request, folder: Path) -> Iterator[Exported]:
    """Write the two files of each pool, one pool after the other.

    Raises:
        OptionError: faiss cannot build the index.
    """
    corpus = ranking.corpus
    for pool, settings in by_pool(ranking.settings).items():
        languages = {name for asked in settings.values() for name in asked}
        queries = _queries(corpus, pool, languages)
        if not len(queries):
            continue
        found, recall = _found(ranking, queries, pool, request)
        name, topics = "+".join(pool), _topics(corpus, queries)
        run, qrels = f"{slug(name)}.trec", f"{slug(name)}.qrels"
        _write(folder / run, _ranked(corpus, topics, found, request.tag))
        _write(folder / qrels, _judged(corpus, topics, queries, pool))
        yield Exported(name, run, qrels, len(queries), settings, recall)


def by_pool(settings: Mapping[str, Sequence[Component]]) -> dict[Languages, dict[str, list[str]]]:
    """For each pool the query languages that each setting ranks against it."""
    pools: dict[Languages, dict[str, list[str]]] = {}
    for setting, components in settings.items():
        for each in components:
            asked = pools.setdefault(tuple(sorted(each.pool)), {})
            asked.setdefault(setting, []).append(each.query_language)
    return pools


def spelled(text: str) -> str:
    """A topic or document as one word: blanks, and the % that marks them, percent-encoded.

    >>> spelled("de:50 % of")
    'de:50%20%25%20of'
    """
    return re.sub(r"[\s%]", lambda sign: quote(sign[0], safe=""), text)


def _spans(corpus: Corpus) -> Iterator[tuple[str, int, int]]:
    """Each language with the number of its first query, and of the next language's."""
    starts = corpus.query_offsets.tolist()
    return zip(corpus.languages, starts[:-1], starts[1:], strict=True)


def _queries(corpus: Corpus, pool: Languages, languages: Set[str]) -> Int64Array:
    """The numbers of the queries in some languages that have a relevant passage in the pool."""
    inside = np.isin(corpus.languages, pool)
    best = corpus.first_relevant()[:, inside].max(axis=1)
    is_asked: npt.NDArray[np.bool_] = best[corpus.query_items] >= 0
    for name, start, end in _spans(corpus):
        is_asked[start:end] &= name in languages
    return np.flatnonzero(is_asked)


def _found(
    ranking: Ranking, queries: Int64Array, pool: Languages, request: Request
) -> tuple[Found, float | None]:
    """The best passages, and the recall of an approximate search."""
    vectors = [
        ranking.read("query", name)[queries[(queries >= start) & (queries < end)] - start]
        for name, start, end in _spans(ranking.corpus)
    ]
    asked = np.concatenate([rows for rows in vectors if len(rows)])
    candidates = Pool.of(ranking.corpus, ranking.read, pool)
    depth = min(request.depth, len(candidates))
    threads = request.threads
    exact = search.best(asked, candidates, depth, device=request.device, threads=threads)
    if request.index is None:
        return exact, None
    found = search.best_by_index(asked, candidates, depth, request.index, threads=threads)
    return found, search.recall(found, exact)


def _topics(corpus: Corpus, queries: Int64Array) -> list[str]:
    """``<language>:<item>`` of each query."""
    language = np.searchsorted(corpus.query_offsets, queries, side="right") - 1
    items = corpus.table("items")["item"].take(corpus.query_items[queries]).to_pylist()
    return [
        spelled(f"{corpus.languages[number]}:{item}")
        for number, item in zip(language.tolist(), items, strict=True)
    ]


def _ranked(corpus: Corpus, topics: Sequence[str], found: Found, tag: str) -> Iterator[str]:
    """The lines of a run; 9 digits are enough to tell all float32 apart."""
    for start in range(0, len(topics), QUERIES):
        part = slice(start, start + QUERIES)
        query, rank = np.nonzero(found.passage[part] >= 0)
        ids = corpus.passage_ids.take(found.passage[part][query, rank]).to_pylist()
        scores = found.score[part][query, rank].tolist()
        for q, r, key, score in zip(query.tolist(), rank.tolist(), ids, scores, strict=True):
            yield f"{topics[start + q]} Q0 {spelled(key)} {r + 1} {score:.9g} {tag}\n"


def _judged(
    corpus: Corpus, topics: Sequence[str], queries: Int64Array, pool: Languages
) -> Iterator[str]:
    """The lines of the judgements of the pool's passages."""
    item, passage, grade = corpus.judgements
    inside = np.isin(corpus.languages, pool)
    own = np.flatnonzero(inside[corpus.passage_languages(passage)])
    own = own[np.lexsort((passage[own], item[own]))]
    items = corpus.query_items[queries]
    starts, ends = (np.searchsorted(item[own], items, side=side) for side in ("left", "right"))
    ids = [spelled(key) for key in corpus.passage_ids.take(passage[own]).to_pylist()]
    grades = grade[own].tolist()
    for topic, start, end in zip(topics, starts.tolist(), ends.tolist(), strict=True):
        for place in range(start, end):
            yield f"{topic} 0 {ids[place]} {grades[place]}\n"


def _write(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
