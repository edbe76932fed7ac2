"""What a dataset holds, read through its plugin, as far as a spec's values depend on it."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hbench.errors import DataError
from hbench.protocols import Dataset
from hbench.records import BoolArray, Int32Array, Items

READ = 1000  # signs of a text, which are about as many as encoders read of it


@dataclass(frozen=True)
class Found:
    """What is there.

    Args:
        names: of the items, in the order in which they first occur.
        items: as samplers see them.
        clusters: of each item, what it shares with others.
        pools: by language, its passages.
        repeated: by language, how many of them have the text of another one.
        answered: (L, L) whether a query of language a has a relevant passage in language b.
        texts: the queries and their answers.
        signs: of a query and its answer together, the mean, as far as encoders read them.
        is_parallel: whether translations of an item are known, of two languages at least.
        is_sentences: whether each item's query is its passage.
    """

    names: Sequence[str]
    items: Items
    clusters: Sequence[str]
    pools: Mapping[str, int]
    repeated: Mapping[str, int]
    answered: BoolArray
    texts: frozenset[str]
    signs: float
    is_parallel: bool
    is_sentences: bool

    @property
    def languages(self) -> Sequence[str]:
        """The tags, sorted."""
        return self.items.languages

    @property
    def pairs(self) -> BoolArray:
        """(items, L) whether an item has a query and a relevant passage in a language."""
        found: BoolArray = (self.items.query >= 0) & (self.items.passage >= 0)
        return found

    @property
    def served(self) -> Sequence[str]:
        """The languages in which some item has both."""
        return [self.languages[i] for i in np.flatnonzero(self.pairs.any(axis=0)).tolist()]

    def described(self) -> str:
        """One sentence."""
        tags = ", ".join(self.languages)
        if self.is_parallel:
            counts = self.pairs.sum(axis=0)
            span = f"{counts.min():,}" if len(set(counts.tolist())) == 1 else (
                f"{counts.min():,} to {counts.max():,}")  # fmt: skip
            kind = f"parallel, {span} in each language"
        else:
            kind = "not parallel: no item is in two languages"
        what = "sentences" if self.is_sentences else "questions with their answers"
        count = f"{len(self.names):,} items ({what})"
        return f"{count} in {len(self.languages)} languages ({tags}), {kind}."


def look(dataset: Dataset) -> Found:
    """Read a dataset.

    Raises:
        DataError: it is damaged, or holds no query that has an answer.
    """
    asked: dict[tuple[str, str], str] = {}
    clusters: dict[str, str] = {}
    for each in dataset.queries():
        asked[each.item, each.language] = each.text
        clusters.setdefault(each.item, each.cluster or each.item)
    told = {(p.id, p.language): p.text for p in dataset.passages()}
    best: dict[tuple[str, str], tuple[int, str]] = {}
    for judged in dataset.judgements():
        place = (judged.item, judged.language)
        if judged.grade > best.get(place, (0, ""))[0] and judged.item in clusters:
            best[place] = (judged.grade, told.get((judged.passage, judged.language), ""))
    answers = {place: text for place, (_, text) in best.items() if text}
    names = list(clusters)
    languages = sorted({language for _, language in [*asked, *told]})
    query, passage = _table(asked, names, languages), _table(answers, names, languages)
    has_query, has_passage = query >= 0, passage >= 0
    if not (has_query & has_passage).any():
        raise DataError("the data holds no query that has an answer in its language")
    source = np.zeros(len(names), np.int32)
    texts = {tag: Counter(text for (_, own), text in told.items() if own == tag)
             for tag in languages}  # fmt: skip
    return Found(
        names,
        Items(tuple(languages), query, passage, source, np.ones(1)),
        list(clusters.values()),
        {tag: own.total() for tag, own in texts.items()},
        {tag: sum(n for n in own.values() if n > 1) for tag, own in texts.items()},
        (has_query.T.astype(np.int64) @ has_passage) > 0,
        frozenset([*asked.values(), *answers.values()]),
        _mean_length(asked) + _mean_length(answers),
        is_parallel=bool(dataset.parallel and (has_query.sum(axis=1) > 1).any()),
        is_sentences=all(answers.get(place) == text for place, text in asked.items()),
    )


def check_languages(found: Found, place: str) -> None:
    """Whether there are two languages.

    Raises:
        DataError: there is one.
    """
    if len(found.languages) < 2:
        raise DataError(
            f"{place}: holds one language, {found.languages[0]}; hbench compares over languages, "
            "so that there must be two at least"
        )


def _mean_length(texts: Mapping[tuple[str, str], str]) -> float:
    return sum(min(len(text), READ) for text in texts.values()) / max(1, len(texts))


def _table(
    texts: Mapping[tuple[str, str], str], names: Sequence[str], languages: Sequence[str]
) -> Int32Array:
    """(items, L) the numbers of the texts, -1 where there is none."""
    item, language, number = _numbers(names), _numbers(languages), _numbers(texts.values())
    table = np.full((len(names), len(languages)), -1, np.int32)
    for (name, tag), text in texts.items():
        table[item[name], language[tag]] = number[text]
    return table


def _numbers(values: Iterable[Hashable]) -> dict[Any, int]:
    return {value: number for number, value in enumerate(dict.fromkeys(values))}
