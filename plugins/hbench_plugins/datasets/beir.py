"""BEIR's folders: a corpus, queries, and judgements by split; one language or several."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hbench.errors import DataError, shown
from hbench.manifests import file_record, key_of
from hbench.records import RESERVED, Judgement, Passage, Query
from hbench_plugins.datasets import files, places
from hbench_plugins.datasets.files import Record
from hbench_plugins.datasets.places import Place

HEADER = ("query-id", "corpus-id", "score")
METADATA = "metadata"


@dataclass(frozen=True, kw_only=True)
class Beir:
    """A folder as BEIR has them: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<split>.tsv``.

    The first two may be gzipped (``.jsonl.gz``). A passage is its title, a blank and its text, as
    in BEIR's own code. Queries that the split does not judge are left out. Judgements of queries
    that are not there (some of BEIR's have such) are left out, and a note says how many.

    The texts, numbers and truth values in a query's ``metadata`` are its columns; those whose names
    hbench needs itself are left out, and a note names them.

    Args:
        path: the folder; or, with ``{lang}`` in it, a folder for each language, such as
            ``data/mine/{lang}``. What it calls the languages may be any code of theirs, as ``de``
            or ``deu``.
        split: which file of judgements.
        language: of the folder. With ``{lang}``, the languages to read; not given: all there are.
        parallel: queries with one id are translations of each other, and what is judged in one
            language's folder holds for all of them. Else an id means nothing beyond its folder.
    """

    path: Path
    split: str = "test"
    language: str | tuple[str, ...] | None = None
    parallel: bool = False
    version: ClassVar[int] = 2
    may_dangle: ClassVar[bool] = True

    def __post_init__(self) -> None:
        places.check("path", self.path, self.language)

    def fingerprint(self) -> str:
        """A sum over the languages and the content of their files."""
        return key_of(
            {
                place.language: [file_record(path)["sha256"] for path in self._files(place)]
                for place in self._places()
            }
        )

    def languages(self) -> Sequence[str]:
        """The tags of the folders."""
        return [place.language for place in self._places()]

    def queries(self) -> Iterator[Query]:
        """Language by language, in the files' order."""
        judged = self._all_judged()
        for place in self._places():
            first: dict[str, int] = {}
            for item, record in self._asked(place):
                if item in judged:
                    number = first.setdefault(item, record.line.number)
                    if number != record.line.number:
                        raise DataError(
                            f"{record.line}: '_id' {shown(record.id('_id'))} is given twice, "
                            f"first in line {number}; ids must be distinct"
                        )
                    told = record.scalars(METADATA)
                    columns = {name: told[name] for name in told if name not in RESERVED}
                    yield Query(item, place.language, record.text("text"), columns=columns)

    def passages(self) -> Iterator[Passage]:
        """Language by language, in the files' order."""
        for place in self._places():
            corpus = self._files(place)[0]
            distinct = files.Distinct(corpus, "_id")
            for record in files.read(corpus):
                name = record.id("_id")
                distinct.add(name)
                yield Passage(name, place.language, _titled(record))
            distinct.check()

    def judgements(self) -> Iterator[Judgement]:
        """Language by language, in the files' order; of queries that are there."""
        known = self._known()
        for place in self._places():
            for item, record in self._judged(place):
                if item in known:
                    passage = record.id("corpus-id")
                    yield Judgement(item, place.language, passage, _grade(record))

    def notes(self) -> Sequence[str]:
        """How many judgements, and which metadata, were left out, for each file that has such."""
        known = self._known()
        notes = []
        for place in self._places():
            unknown = [item for item, _ in self._judged(place) if item not in known]
            if unknown:
                notes.append(
                    f"{self._files(place)[2]}: {len(unknown)} judgements of {len(set(unknown))} "
                    "queries that are not there are left out"
                )
            told = {
                name
                for item, record in self._asked(place)
                if item in known
                for name in record.scalars(METADATA)
            }
            if taken := sorted(told & RESERVED):
                notes.append(
                    f"{self._files(place)[1]}: what metadata calls {', '.join(taken)} is left out, "
                    "since hbench needs such names itself"
                )
        return notes

    def _places(self) -> Sequence[Place]:
        return places.find(self.path, self.language)

    def _files(self, place: Place) -> tuple[Path, Path, Path]:
        """Corpus, queries, judgements."""
        judged = place.path / "qrels" / f"{self.split}.tsv"
        if not judged.is_file():
            there = ", ".join(sorted(path.stem for path in judged.parent.glob("*.tsv")))
            raise DataError(f"{judged}: there is no such file; splits there are: {there or 'none'}")
        corpus, queries = (
            _packed_or_not(place.path / name) for name in ("corpus.jsonl", "queries.jsonl")
        )
        return corpus, queries, judged

    def _asked(self, place: Place) -> Iterator[tuple[str, Record]]:
        for record in files.read(self._files(place)[1]):
            yield self._item(place, record.id("_id")), record

    def _judged(self, place: Place) -> Iterator[tuple[str, Record]]:
        for record in files.table(self._files(place)[2], HEADER):
            yield self._item(place, record.id("query-id")), record

    def _all_judged(self) -> set[str]:
        return {item for place in self._places() for item, _ in self._judged(place)}

    def _known(self) -> set[str]:
        """The judged items that have a query."""
        judged = self._all_judged()
        asked = (item for place in self._places() for item, _ in self._asked(place))
        return {item for item in asked if item in judged}

    def _item(self, place: Place, query: str) -> str:
        return query if self.parallel else f"{place.language}:{query}"


def _packed_or_not(path: Path) -> Path:
    """The file, or if it is not there the one with ``.gz`` behind its name."""
    packed = path.with_name(f"{path.name}.gz")
    for each in (path, packed):
        if each.is_file():
            return each
    raise DataError(f"{path}: there is no such file, and no {packed.name} either")


def _titled(record: Record) -> str:
    """Title and text; one of them may be empty."""
    filled = [name for name in ("title", "text") if record.fields.get(name) not in (None, "")]
    if "text" not in record.fields or not filled:
        return record.text("text")  # which says what is wrong
    return " ".join(record.text(name) for name in filled)


def _grade(record: Record) -> int:
    score = record.fields["score"].strip(" ")  # what else is blank for Python is none for `int`
    if not re.fullmatch("[-+]?[0-9]{1,9}", score):
        raise DataError(
            f"{record.line}: the score is {shown(score)}, where a whole number is expected, of "
            "at most nine digits"
        )
    return int(score)
