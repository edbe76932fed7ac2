"""Datasets that keep their contract, and what they are made of."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hbench.errors import DataError
from hbench.records import Judgement, Passage, Query, Remote

AGE_DE = Query("age", "de", "Wie alt?", "ulm", {"answer": "number"})
AGE_EN = Query("age", "en", "How old?", "ulm")
SIZE = Query("size", "en", "How big?")
OLD_DE, OLD_EN = Passage("old", "de", "Uralt."), Passage("old", "en", "Ancient.")
SMALL, BIG = Passage("small", "en", "Small."), Passage("big", "en", "Big.")
QUERIES = (AGE_DE, AGE_EN, SIZE)
PASSAGES = (OLD_DE, OLD_EN, SMALL, BIG)
JUDGEMENTS = (
    Judgement("age", "de", "old"),
    Judgement("age", "en", "old", 2),
    Judgement("size", "en", "small"),
    Judgement("size", "en", "big", 0),
)
CONTENT = b"what the toy's file holds"
FILE = Remote(
    "toy/toy.txt", ("https://toys.org/toy.txt",), hashlib.sha256(CONTENT).hexdigest(), 25, "CC0-1.0"
)


@dataclass(frozen=True)
class Right:
    """Two items in two languages, one of which lacks German; the others change what it gives."""

    version: ClassVar[int] = 1
    parallel: ClassVar[Any] = True

    def fingerprint(self):
        return "toy"

    def languages(self):
        return ("de", "en")

    def queries(self):
        yield from QUERIES

    def passages(self):
        yield from PASSAGES

    def judgements(self):
        yield from JUDGEMENTS


@dataclass(frozen=True)
class TellingAll(Right):
    """Has all that a dataset may have, and lists where the other yields."""

    licence: ClassVar[Any] = "CC0-1.0"
    may_dangle: ClassVar[Any] = True

    def fingerprint(self):
        return FILE.sha256

    def downloads(self):
        return [FILE]

    def passages(self):
        return [passage for passage in PASSAGES if passage != BIG]

    def counts(self):
        english = {"queries": 2, "passages": 2, "judgements": 2, "relevant": 2}
        return {"en": english, "de": {"queries": 1}, "fr": {"queries": 7}}

    def notes(self):
        return ["left out: 1 judgement of a passage that is not there"]


@dataclass(frozen=True)
class OneLanguage(Right):
    parallel: ClassVar[Any] = False

    def languages(self):
        return ["en"]

    def queries(self):
        return iter([AGE_EN, SIZE])

    def passages(self):
        return iter(PASSAGES[1:])

    def judgements(self):
        return iter(JUDGEMENTS[1:])


@dataclass(frozen=True)
class NotParallel(Right):
    """Items of one language each, and German passages that nobody asks for in German."""

    parallel: ClassVar[Any] = False

    def queries(self):
        yield from (AGE_EN, SIZE)


def toy_path(name: str = "toy.txt") -> Path:
    """A file, or a pattern, in the toy's folder."""
    return Path(os.environ["HBENCH_DATA"], "toy", name)


@dataclass(frozen=True)
class OfFiles(Right):
    """Knows its files by their bytes: one, or those of a pattern; ``only`` refuses other bytes."""

    path: Path
    more: tuple[Path, ...] = ()
    only: str | None = None

    def contents(self):
        wild = self.path.name.replace("{lang}", "*")
        found = [*sorted(self.path.parent.glob(wild)), *self.more]
        return [path.read_text(encoding="utf-8") for path in found]

    def fingerprint(self):
        if self.only not in (None, self.contents()[0]):
            raise DataError("another file")
        return hashlib.sha256(repr(self.contents()).encode()).hexdigest()


class ReadingBeside(OfFiles):
    """Reads another file of the folder, too."""

    def fingerprint(self):
        return self.path.with_name("beside.txt").read_text() + super().fingerprint()
