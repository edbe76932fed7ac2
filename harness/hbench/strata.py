"""Strata: queries that have something in common, so that methods are compared within each.

A query is in the same stratum whatever the setting, metric and method: what thirds are cut at is
found from all queries of the dataset.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from hbench.corpus import Corpus, taken
from hbench.errors import OptionError, StoreError, did_you_mean, shown
from hbench.evaluated import Rows
from hbench.families import family, script
from hbench.records import BUILT_IN, FloatArray, Int64Array

BY = BUILT_IN
WITHOUT_TEXTS = BY[:5]  # what the names of the languages tell
SEEN = ("seen in training", "unseen in training")
LENGTHS = ("short third", "middle third", "long third")
OVERLAPS = ("low overlap", "middle overlap", "high overlap")
MOST = 50  # strata of a column: more are no table, and mostly ids or free text
GRAM = 3  # characters


@dataclass(frozen=True)
class Strata:
    """Which rows are compared together.

    Args:
        names: of the strata that have rows, in the order in which they are shown.
        of: (rows,) index into ``names``; -1 where a row is in none.
        left_out: why rows are in none, "" if all are in one.
    """

    names: Sequence[str]
    of: Int64Array
    left_out: str = ""


def strata(by: str, rows: Rows, corpus: Corpus | None, trained_on: Set[str]) -> Strata:
    """Split the rows of a setting.

    * ``language``: of the query. ``pair``: of the query and of the pool, as ``de > ar+en``.
    * ``family``, ``script``: of the query's language.
    * ``seen``: whether the query's language is one of ``trained_on``.
    * ``length``: thirds of the queries of each language by their number of characters, so that no
      third stands for a language.
    * ``overlap``: thirds, likewise, by how much of the query's wording its answer shares: see
      ``shared``. Queries whose words their answers lack are the hard ones, which a mean over all
      hides (arXiv 1811.08772 shows it of headings that rarely occur in what answers them).
    * Any other name is a column that the dataset brings.

    Args:
        by: one of those.
        rows: of a setting.
        corpus: the texts and judgements of the evaluation; None where they are gone.
        trained_on: the languages that some system was trained in.

    Raises:
        OptionError: there is no such thing to split by, or it has too many values.
        StoreError: it needs the corpus, and that is gone.
    """
    if by in WITHOUT_TEXTS:
        return _by_languages(by, rows, trained_on)
    if corpus is None:
        raise StoreError(
            f"--by {by}: the texts of this evaluation are not in the results folder any more; put "
            "them back with `hbench data NAME --set OPTION=VALUE`, the dataset and its options as "
            f"in the spec. Without them: {', '.join(WITHOUT_TEXTS)}"
        )
    if by == "length":
        return _kept(LENGTHS, _in_thirds(_lengths(corpus), corpus)[rows.query], rows)
    if by == "overlap":
        of = _in_thirds(_overlaps(corpus), corpus)[rows.query]
        return _kept(OVERLAPS, of, rows, lacks="relevant passage in their own language")
    if by in corpus.columns:
        return _by_column(by, rows, corpus)
    raise OptionError(f"--by {by}: {did_you_mean(by, (*BY, *corpus.columns))}")


def thirds(values: FloatArray) -> Int64Array:
    """(n,) 0 for the lowest third of some values, 1 for the middle, 2 for the highest.

    A value's place is the middle one of all that are equal to it, so that these stay together:
    a third may then have more or fewer, or none. -1 where a value is NaN.

    >>> thirds(np.array([7.0, 1, 2, 8, 9, 3])).tolist(), thirds(np.array([5.0, 5, 5])).tolist()
    ([1, 0, 0, 2, 2, 1], [1, 1, 1])
    """
    found = np.full(len(values), -1, np.int64)
    known = ~np.isnan(values)
    _, which, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    # Six times the middle place, in whole numbers: nothing is rounded at the border of two thirds.
    place = 3 * (2 * np.cumsum(counts) - counts)[which]
    total = int(known.sum())
    found[known] = (place >= 2 * total).astype(np.int64) + (place > 4 * total)
    return found


def shared(query: str, passages: Collection[str]) -> float:
    """The largest share of a query's distinct character 3-grams that one of some passages has.

    Neither case nor how much white space there is makes a difference. A query of fewer characters
    is one gram.

    Args:
        query: as it was asked.
        passages: which answer it, each as ``plain`` makes it.

    Returns:
        From 0 to 1; NaN if there is no passage.

    >>> shared("Who  ran?", ["ann ran", "who sat"])  # who, "ho ", "o r", " ra", ran, an?
    0.3333333333333333
    """
    text = plain(query)
    grams = {text[i : i + GRAM] for i in range(max(1, len(text) - GRAM + 1))}
    found = [sum(gram in passage for gram in grams) for passage in passages]
    return max(found) / len(grams) if found else math.nan


def plain(text: str) -> str:
    """A text as grams are cut from it."""
    return " ".join(text.casefold().split())


def _by_languages(by: str, rows: Rows, trained_on: Set[str]) -> Strata:
    """What a row's query language and pool tell without any text."""
    if by == "seen" and not trained_on:
        raise OptionError(
            "--by seen: no language was trained on, since all systems are as they were loaded; "
            f"choose another: {', '.join(name for name in BY if name != by)}"
        )
    labels: Mapping[str, Callable[[str, str], str]] = {
        "language": lambda language, _: language,
        "pair": lambda language, pool: f"{language} > {pool}",
        "family": lambda language, _: family(language),
        "script": lambda language, _: script(language),
        "seen": lambda language, _: SEEN[language not in trained_on],
    }
    found = [labels[by](language, pool) for language, pool in rows.names]
    # Components are in the order of their tags, and SEEN is in that of the alphabet.
    names = list(dict.fromkeys(found)) if by in ("language", "pair") else sorted(set(found))
    return _kept(names, np.array([names.index(name) for name in found])[rows.component], rows)


def _by_column(by: str, rows: Rows, corpus: Corpus) -> Strata:
    values = corpus.query_column(by)
    found = [values[query] for query in rows.query.tolist()]
    names = _in_order({value for value in found if value is not None})
    if len(names) > MOST:
        raise OptionError(
            f"--by {by}: the queries have {len(names):,} different values, as {shown(names[0])} "
            f"and {shown(names[1])}; at most {MOST} can be shown: choose another column"
        )
    number = {name: index for index, name in enumerate(names)}
    of = np.array([-1 if value is None else number[value] for value in found], np.int64)
    return _kept(names, of, rows, lacks=f"value of {by!r}")


def _in_order(names: Set[str]) -> list[str]:
    """By size if all are numbers, else by name."""
    try:
        numbers = {name: float(name) for name in names}
    except ValueError:
        numbers = {}
    if numbers and all(map(math.isfinite, numbers.values())):
        return sorted(names, key=lambda name: (numbers[name], name))
    return sorted(names)


def _kept(names: Sequence[str], of: Int64Array, rows: Rows, *, lacks: str = "") -> Strata:
    """The strata that have rows, and how many queries are in none for what they lack."""
    kept = np.unique(of[of >= 0])
    number = np.full(len(names) + 1, -1)  # and the last one, -1, stays so
    number[kept] = np.arange(len(kept))
    absent = len(np.unique(rows.query[of < 0]))
    left_out = f"{absent:,} queries have no {lacks}" if absent else ""
    return Strata([names[index] for index in kept], number[of], left_out)


def _in_thirds(values: FloatArray, corpus: Corpus) -> Int64Array:
    """(queries,) the third of each query among those of its language."""
    return np.concatenate([thirds(values[a:b]) for a, b in pairwise(corpus.query_offsets)])


def _lengths(corpus: Corpus) -> FloatArray:
    """(queries,) characters."""
    texts = (text for language in corpus.languages for text in corpus.texts("query", language))
    return np.fromiter(map(len, texts), np.float64)


def _overlaps(corpus: Corpus) -> FloatArray:
    """(queries,) what each shares with its relevant passages in its own language."""
    shares = [_shared_in(corpus, index) for index in range(len(corpus.languages))]
    return np.fromiter(chain.from_iterable(shares), np.float64)


def _shared_in(corpus: Corpus, index: int) -> Iterator[float]:
    """The same, query by query of one language; no other passages are read."""
    item, passage, grade = corpus.judgements
    wanted = (grade > 0) & (corpus.passage_languages(passage) == index)
    rows, which = np.unique(passage[wanted] - corpus.passage_offsets[index], return_inverse=True)
    texts = taken(corpus.table(f"passages-{corpus.languages[index]}")["text"], rows).to_pylist()
    answers = [plain(text) for text in texts]
    answers_of: dict[int, list[str]] = defaultdict(list)
    for number, row in zip(item[wanted].tolist(), which.tolist(), strict=True):
        answers_of[number].append(answers[row])
    first, end = corpus.query_offsets[index : index + 2]
    asked = corpus.texts("query", corpus.languages[index])
    for number, text in zip(corpus.query_items[first:end].tolist(), asked, strict=True):
        yield shared(text, answers_of.get(number, ()))
