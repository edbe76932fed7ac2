"""Right datasets pass; for each rule datasets that break it alone are caught by it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.testing.right_datasets import (
    AGE_DE,
    AGE_EN,
    BIG,
    CONTENT,
    FILE,
    JUDGEMENTS,
    OLD_DE,
    PASSAGES,
    QUERIES,
    SIZE,
    SMALL,
    NotParallel,
    OfFiles,
    OneLanguage,
    ReadingBeside,
    Right,
    TellingAll,
    toy_path,
)

from hbench import downloads
from hbench.errors import DataError
from hbench.records import Judgement, Passage, Query
from hbench.testing import ContractError, check_dataset
from hbench.testing.dataset import RULES


@pytest.fixture
def toy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy's file where downloads are looked for."""
    path = tmp_path / FILE.name
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    monkeypatch.setenv("HBENCH_DATA", str(tmp_path))


def test_right_datasets_pass():
    check_dataset(Right())


@pytest.mark.usefixtures("toy_file")
def test_one_that_tells_all_passes():
    check_dataset(TellingAll())


@pytest.mark.parametrize("dataset", [OneLanguage(), NotParallel()])
def test_right_datasets_of_other_kinds_pass(dataset):
    check_dataset(dataset, other_processes=False)


@pytest.mark.usefixtures("toy_file")
@pytest.mark.parametrize(
    "made",
    [
        lambda: OfFiles(toy_path()),
        lambda: OfFiles(toy_path("{lang}.txt")),
        lambda: OfFiles(toy_path("absent.txt"), (toy_path(),)),
        lambda: OfFiles(toy_path(), only=CONTENT.decode()),
    ],
)
def test_datasets_that_know_their_files_or_refuse_changed_ones_pass(made):
    check_dataset(made())


@pytest.mark.usefixtures("toy_file")
def test_files_that_are_too_large_to_be_copied_are_not_checked_and_a_warning_says_so(monkeypatch):
    monkeypatch.setattr("hbench.testing.dataset.MOST", len(CONTENT) - 1)
    with pytest.warns(UserWarning, match=r"is not checked of .*toy\.txt holds more than 24 bytes"):
        check_dataset(CalledAsItsFile(toy_path()))


@pytest.mark.usefixtures("toy_file")
def test_files_that_are_read_with_others_beside_them_are_not_checked_and_a_warning_says_so():
    toy_path("beside.txt").write_text("beside")
    with pytest.warns(UserWarning, match=r"is not checked of .*beside\.txt"):
        check_dataset(ReadingBeside(toy_path()))


def having(**parts: Any) -> type[Right]:
    """A dataset that differs from a right one in these parts."""
    return type("Broken", (Right,), parts)


def giving(**given: Any) -> type[Right]:
    """A dataset whose methods give something else."""
    return having(**{name: lambda self, each=each: each for name, each in given.items()})


def asking(*queries: Any) -> type[Right]:
    return giving(queries=queries)


def mistyped(query: Query, **fields: Any) -> Query:
    """The query with values that its type does not allow."""
    return replace(query, **fields)


def judging(*judgements: Any) -> type[Right]:
    """A dataset that has these judgements besides."""
    return giving(judgements=(*JUDGEMENTS, *judgements))


class Changing(Right):
    """Gives another answer at each call."""

    calls: ClassVar[list[int]] = []

    def next(self):
        self.calls.append(1)
        return len(self.calls)


class OtherLanguages(Changing):
    def languages(self):
        return ("de", "en") if self.next() % 2 else ("en", "de")


class OtherFingerprints(Changing):
    def fingerprint(self):
        return f"toy {self.next()}"


class OtherOrder(Changing):
    def passages(self):
        return PASSAGES if self.next() % 2 else PASSAGES[::-1]


@dataclass(frozen=True)
class Exhausted(Right):
    """Its queries can be read once."""

    left: list[Query] = field(default_factory=lambda: list(QUERIES), init=False)

    def queries(self):
        while self.left:
            yield self.left.pop(0)


class OfHashes(Right):
    def fingerprint(self):
        return f"{hash('toy')}"


class TextsOfHashes(Right):
    def queries(self):
        yield from (AGE_DE, AGE_EN, replace(SIZE, text=f"How big? {hash('size')}"))


class ReadingItsFile(Right):
    def downloads(self):
        return [FILE]

    def fingerprint(self):
        return hashlib.sha256(downloads.fetch(FILE).read_bytes()).hexdigest()


class ListingItsFile(TellingAll):
    def languages(self):
        return ("de", "en") if downloads.fetch(FILE).read_bytes() else ()


class CalledAsItsFile(OfFiles):
    """Another content under the old name goes unnoticed."""

    def fingerprint(self):
        return self.path.name


class LyingWhereItsFileLies(OfFiles):
    def fingerprint(self):
        return f"{self.path} {super().fingerprint()}"


def only_others(self: Right) -> list[Passage]:
    """Passages that nobody judged."""
    return [replace(BIG, id="huge"), replace(BIG, language="de")]


HALF = "\ud800"  # of a surrogate pair
BROKEN: Sequence[tuple[str, Callable[[], Any]]] = [
    ("parallel-is-a-bool", having(parallel="yes")),
    ("languages-are-listed", giving(languages="de")),
    ("languages-are-listed", giving(languages={"de": 1, "en": 2}.keys())),
    ("languages-are-listed", giving(languages=())),
    ("languages-are-listed", giving(languages=("de", "en", "de"))),
    ("languages-are-listed", OtherLanguages),
    ("languages-are-spelled-as-tags", giving(languages=("deu", "en"))),
    ("languages-are-spelled-as-tags", giving(languages=("german", "en"))),
    ("fingerprint-tells-the-content", giving(fingerprint=" ")),
    ("fingerprint-tells-the-content", giving(fingerprint=7)),
    ("fingerprint-tells-the-content", OtherFingerprints),
    ("fingerprint-follows-the-content", lambda: CalledAsItsFile(toy_path())),
    ("fingerprint-follows-the-content", lambda: CalledAsItsFile(toy_path("{lang}.txt"))),
    ("fingerprint-follows-the-content", lambda: LyingWhereItsFileLies(toy_path())),
    ("downloads-are-pinned", giving(downloads=FILE)),
    ("downloads-are-pinned", giving(downloads=["https://toys.org/toy.txt"])),
    ("downloads-are-pinned", giving(downloads=[FILE, FILE])),
    ("downloads-are-pinned", giving(downloads=[replace(FILE, name="../toy.txt")])),
    ("downloads-are-pinned", giving(downloads=[replace(FILE, urls=("http://toys.org/t",))])),
    ("downloads-are-pinned", giving(downloads=[replace(FILE, urls=())])),
    ("downloads-are-pinned", giving(downloads=[replace(FILE, sha256="")])),
    ("downloads-are-pinned", giving(downloads=[replace(FILE, size=0)])),
    ("downloads-are-pinned", giving(downloads=[replace(FILE, licence="")])),
    ("streams-hold-records", asking(("age", "de", "Wie alt?"))),
    ("streams-hold-records", asking(mistyped(AGE_DE, item=1))),
    ("streams-hold-records", asking(mistyped(AGE_DE, cluster=None))),
    ("streams-hold-records", giving(passages=())),
    ("texts-can-be-read", asking(replace(AGE_DE, text=" \n"))),
    ("texts-can-be-read", asking(replace(AGE_DE, item=""))),
    ("texts-can-be-read", giving(passages=(replace(OLD_DE, text=HALF),))),
    ("columns-have-names-of-their-own", asking(replace(AGE_DE, columns={"language": "de"}))),
    ("columns-have-names-of-their-own", asking(replace(AGE_DE, columns={"answer": ""}))),
    ("columns-have-names-of-their-own", asking(mistyped(AGE_DE, columns={"year": 1950}))),
    ("columns-have-names-of-their-own", asking(mistyped(AGE_DE, columns=["answer"]))),
    ("columns-have-names-of-their-own", asking(mistyped(AGE_DE, columns=None))),
    ("records-are-in-listed-languages", asking(replace(AGE_DE, language="deu"))),
    ("records-are-in-listed-languages", giving(languages=("de", "en", "fr"))),
    ("one-query-an-item-and-language", asking(AGE_DE, replace(AGE_DE, text="Welches Alter?"))),
    ("items-are-unique-unless-parallel", having(parallel=False)),
    ("parallel-items-are-translated", asking(AGE_DE, SIZE)),
    ("one-cluster-an-item", asking(AGE_DE, replace(AGE_EN, cluster="rome"))),
    ("one-cluster-an-item", asking(AGE_DE, replace(AGE_EN, cluster=""))),
    ("passage-ids-are-unique", giving(passages=(OLD_DE, SMALL, replace(BIG, id="small")))),
    ("judgements-speak-of-items", judging(Judgement("colour", "en", "big"))),
    ("judgements-speak-of-passages", giving(passages=PASSAGES[:-1])),
    ("judgements-speak-of-passages", judging(Judgement("age", "de", "small"))),
    ("judgements-speak-of-passages", having(may_dangle=lambda self: True)),
    ("judgements-speak-of-passages", having(may_dangle=True, passages=only_others)),
    ("grades-count-from-0", judging(Judgement("age", "en", "big", -1))),
    ("grades-count-from-0", judging(Judgement("age", "en", "big", 1.0))),  # type: ignore[arg-type]
    ("grades-count-from-0", judging(Judgement("age", "en", "big", True))),
    ("grades-count-from-0", judging(Judgement("age", "de", "old", 2))),
    ("every-item-has-a-relevant-passage", giving(judgements=JUDGEMENTS[:2])),
    ("every-item-has-a-relevant-passage", giving(judgements=(*JUDGEMENTS[:2], JUDGEMENTS[3]))),
    ("streams-are-the-same-again", giving(judgements=iter(JUDGEMENTS))),
    ("streams-are-the-same-again", Exhausted),
    ("streams-are-the-same-again", OtherOrder),
    ("counts-are-right", giving(counts={"en": {"queries": 3}})),
    ("counts-are-right", giving(counts={"en": {"questions": 2}})),
    ("counts-are-right", giving(counts={"queries": 3})),
    ("licence-and-notes-are-texts", having(licence="CC0\nfor all")),
    ("licence-and-notes-are-texts", giving(licence="a method")),
    ("licence-and-notes-are-texts", giving(notes="a note")),
    ("licence-and-notes-are-texts", giving(notes=[("left out", 3)])),
    ("planned-without-downloads", ReadingItsFile),
    ("planned-without-downloads", ListingItsFile),
    ("same-in-another-process", OfHashes),
    ("same-in-another-process", TextsOfHashes),
]  # fmt: skip


@pytest.mark.usefixtures("toy_file")
@pytest.mark.parametrize(("rule", "dataset"), BROKEN)
def test_a_broken_dataset_is_caught_by_the_rule_that_it_breaks(rule, dataset):
    with pytest.raises(ContractError) as caught:
        check_dataset(dataset())
    assert caught.value.rule.name == rule


def test_every_rule_has_a_dataset_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {rule.name for rule in RULES}


def test_a_message_says_which_rule_on_which_input_what_was_found_and_what_is_right():
    with pytest.raises(ContractError) as caught:
        check_dataset(asking(AGE_DE, replace(AGE_EN, cluster="rome"))())
    assert str(caught.value) == (
        "Broken() breaks the rule 'one-cluster-an-item': All queries of an item have one cluster.\n"
        "  input: queries(), record 1 (from 0)\n"
        "  found: Query(item='age', language='en', text='How old?', cluster='rome', "
        "columns=mappingproxy({})), elsewhere 'ulm'\n"
        "  right: the article of the original question, also for its translations"
    )


def test_an_error_of_the_dataset_itself_is_raised_with_a_note_of_what_was_asked():
    class Absent(Right):
        def passages(self):
            yield OLD_DE
            raise DataError("passages.tsv: cannot be read")

    with pytest.raises(DataError, match="cannot be read") as caught:
        check_dataset(Absent())
    (note,) = caught.value.__notes__
    assert note == "while the rule 'streams-hold-records' was checked with passages()"
