"""Babel: parallel questions and answers about invented places, made from templates on any machine.

It lets a benchmark run without a download. The words and sentences of each language stand in
``babel_words/<language>.json``; this module only combines them, and knows no language's grammar.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import ClassVar, Literal, TypedDict, cast

import numpy as np

from hbench.errors import OptionError
from hbench.records import Judgement, Passage, Query

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "zh")

# Numbers that end in 1-4 would need other noun forms than the templates have (Russian, Arabic).
_NUMBERS: Mapping[str, Sequence[int]] = {
    "built": range(1200, 1950),
    "steps": [number for number in range(20, 100) if number % 10 not in (1, 2, 3, 4)],
}
_HELD_OUT_ENTITIES = 4  # every fourth combination of a modifier and a kind belongs to the test
_HELD_OUT_QUESTIONS = 2  # the last two question templates of each attribute, likewise


class _Words(TypedDict):
    """A language's file; all files have the same keys, but for the names of the forms.

    A form, as ``nom`` or ``at``, is the name as it stands in one grammatical surrounding: its
    pattern takes the modifier, a template names the form that it needs.
    """

    modifiers: dict[str, str]
    kinds: dict[str, dict[str, str]]
    values: dict[str, dict[str, str]]
    questions: dict[str, list[str]]
    answers: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class _Entity:
    """An invented place; ``number`` counts all combinations, of both splits."""

    number: int
    modifier: str
    kind: str

    @property
    def slug(self) -> str:
        return f"{self.modifier}-{self.kind}"


@dataclass(frozen=True, slots=True)
class _Fact:
    """One attribute of one entity in one language, asked and answered."""

    cluster: str
    attribute: str
    language: str
    question: str
    answer: str

    @property
    def item(self) -> str:
        return f"{self.cluster}:{self.attribute}"

    @property
    def columns(self) -> Mapping[str, str]:
        kind = "number" if self.attribute in _NUMBERS else "word"
        return {"attribute": self.attribute, "answer": kind}


@dataclass(frozen=True, kw_only=True)
class Babel:
    """Synthetic questions and answers about invented places, parallel in 8 languages of 6 scripts.

    A place is a modifier and a kind ("the Iron Tower", "der Eisenturm", "铁塔"): 28 x 12 of them,
    each with six facts (when built, steps, builders, animals, goods, flag). An item is one fact
    of one place; its passage is the sentence that states it. So a passage's hard negatives are
    the same place's other facts, and the same fact of places that share a word of the name.
    Each language words each item by its own draw, so wordings do not correspond over languages.
    Values are numbers (the same digits everywhere) or translated words from closed lists. Queries
    have two columns: ``attribute``, which of the six facts, and ``answer``, number or word.

    Good for: a smoke test that runs anywhere in minutes, and seeing what batching does to a
    small encoder. Not for: any claim about real retrieval. Sentences are short, clean and of few
    patterns, and everyday words are missing; figures say nothing about a model's languages.

    How the split holds out: every fourth combination of modifier and kind (84 of 336 places) is
    in ``test`` alone, and so are two of the six question templates of each attribute, which
    ``train`` never uses. Both are known words in unseen combinations. Every word of a name occurs
    in both splits, as do every value list and every answer template. Every word of a held-out
    question (in Chinese: every character) occurs in the same attribute's training questions or
    answers, or, where it tells nothing of the attribute ("which", "the"), in other attributes'.
    The split does not depend on ``seed``, so no seed's train meets another's test.

    Args:
        split: which places and question templates.
        seed: of the facts and of the choice of wordings, from 0 to 2^64 - 1.
    """

    split: Literal["train", "test"]
    seed: int = 0
    version: ClassVar[int] = 2
    parallel: ClassVar[bool] = True
    licence: ClassVar[str] = "Apache-2.0"

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**64:
            raise OptionError(
                f"seed is {self.seed}; allowed: a whole number from 0 to 2^64 - 1", ("seed",)
            )

    def fingerprint(self) -> str:
        """The sha256 of the languages' files and of the options."""
        digest = hashlib.sha256(f"split={self.split} seed={self.seed}".encode())
        for language in LANGUAGES:
            digest.update(b"\0" + language.encode() + b"\0" + _read(language))
        return digest.hexdigest()

    def languages(self) -> Sequence[str]:
        """The 8 tags, sorted."""
        return LANGUAGES

    def queries(self) -> Iterator[Query]:
        """Place by place, fact by fact, language by language."""
        for fact in self._facts():
            yield Query(fact.item, fact.language, fact.question, fact.cluster, fact.columns)

    def passages(self) -> Iterator[Passage]:
        """In the order of the queries; a passage has its item's name."""
        for fact in self._facts():
            yield Passage(fact.item, fact.language, fact.answer)

    def judgements(self) -> Iterator[Judgement]:
        """One an item and language."""
        for fact in self._facts():
            yield Judgement(fact.item, fact.language, fact.item)

    def _facts(self) -> Iterator[_Fact]:
        attributes = list(_words("en")["questions"])
        for entity in self._entities():
            # Raw draws, since numpy promises their stream for ever, but not what it makes of them.
            stream = np.random.Philox(key=np.array([self.seed, entity.number], dtype=np.uint64))
            draws = stream.random_raw(len(attributes) * (1 + 2 * len(LANGUAGES)))
            rows = draws.reshape(len(attributes), -1).tolist()
            for attribute, (value, *wordings) in zip(attributes, rows, strict=True):
                choices = zip(LANGUAGES, wordings[::2], wordings[1::2], strict=True)
                for language, asked, said in choices:
                    yield self._fact(
                        entity, attribute, language, value=value, asked=asked, said=said
                    )

    def _entities(self) -> Iterator[_Entity]:
        kinds = list(_words("en")["kinds"])
        for row, modifier in enumerate(_words("en")["modifiers"]):
            for column, kind in enumerate(kinds):
                if ((row + column) % _HELD_OUT_ENTITIES == 0) == (self.split == "test"):
                    yield _Entity(row * len(kinds) + column, modifier, kind)

    def _fact(
        self, entity: _Entity, attribute: str, language: str, *, value: int, asked: int, said: int
    ) -> _Fact:
        """Put a fact into words; the draws choose its value, its question and its answer."""
        words = _words(language)
        questions = words["questions"][attribute]
        held_out = len(questions) - _HELD_OUT_QUESTIONS
        questions = questions[held_out:] if self.split == "test" else questions[:held_out]
        answers = words["answers"][attribute]
        slots = _forms(entity, language) | {"value": _value(words, attribute, value)}
        return _Fact(
            cluster=entity.slug,
            attribute=attribute,
            language=language,
            question=_sentence(questions[asked % len(questions)], slots),
            answer=_sentence(answers[said % len(answers)], slots),
        )


@cache
def _forms(entity: _Entity, language: str) -> dict[str, str]:
    """The place's name in each grammatical form of a language."""
    words = _words(language)
    modifier = words["modifiers"][entity.modifier]
    return {form: pattern.format(modifier) for form, pattern in words["kinds"][entity.kind].items()}


def _value(words: _Words, attribute: str, draw: int) -> str:
    """The drawn value in a language; lists have one order in all languages."""
    if attribute in _NUMBERS:
        numbers = _NUMBERS[attribute]
        return str(numbers[draw % len(numbers)])
    values = list(words["values"][attribute].values())
    return values[draw % len(values)]


def _sentence(template: str, slots: Mapping[str, str]) -> str:
    """Fill a template, and begin it with a capital where the script has them."""
    return re.sub(r"\w", lambda first: first[0].upper(), template.format(**slots), count=1)


def _read(language: str) -> bytes:
    folder = resources.files("hbench_plugins.datasets") / "babel_words"
    return (folder / f"{language}.json").read_bytes()


@cache
def _words(language: str) -> _Words:
    return cast(_Words, json.loads(_read(language)))
