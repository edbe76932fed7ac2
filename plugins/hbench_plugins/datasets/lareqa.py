"""LAReQA's file format: SQuAD with each paragraph cut into sentences; one file a language.

Source: arXiv 2004.05484 and the files of google-research-datasets/lareqa. A candidate is a
sentence; the relevant one is that in which the answer starts (112 answers of XQuAD-R run past its
end, and count all the same).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hbench import downloads
from hbench.errors import DataError, shortened
from hbench.manifests import file_record, key_of
from hbench.records import Judgement, Passage, Query, Remote
from hbench_plugins.datasets.files import quoted

SOURCE = "google-research-datasets/lareqa"
PIVOT = "en"  # in both data sets every question exists in English


@dataclass(frozen=True)
class Paragraph:
    """One paragraph of one language; ``answers`` are indices of sentences."""

    article: int
    number: int
    context: str
    sentences: tuple[str, ...]
    ids: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[int, ...]

    def passage(self, sentence: int) -> str:
        """The id of a sentence: article, paragraph, sentence, each in three digits."""
        return f"{self.article:03}-{self.number:03}-{sentence:03}"


@dataclass(frozen=True)
class Release:
    """One of LAReQA's two data sets as one commit has it.

    Args:
        name: its folder in the repository.
        commit: in 40 hex digits.
        licence: in a line.
        files: size in bytes and sha256 of each language's file.
        counts: questions and sentences of each language.
    """

    name: str
    commit: str
    licence: str
    files: Mapping[str, tuple[int, str]]
    counts: Mapping[str, tuple[int, int]]

    def remotes(self) -> Mapping[str, Remote]:
        """The file of each language."""
        return {
            language: self._remote(f"{self.name}/{language}.json", *known)
            for language, known in self.files.items()
        }

    def _remote(self, name: str, size: int, sha256: str) -> Remote:
        url = f"https://raw.githubusercontent.com/{SOURCE}/{self.commit}/{name}"
        return Remote(name, (url,), sha256, size, self.licence)


@dataclass(frozen=True, kw_only=True)
class LAReQA:
    """What the two data sets have in common; a cluster is the article of the English file.

    Args:
        path: the folder of the languages' files; not given: ``$HBENCH_DATA`` or a download.
        context: candidates are sentence + paragraph, as LAReQA encodes them, or sentences alone.
    """

    path: Path | None = None
    context: bool = True
    release: ClassVar[Release]
    parallel: ClassVar[bool] = True

    @property
    def licence(self) -> str:
        """In a line."""
        return self.release.licence

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """What each language has; nothing if only some articles are read."""
        if self._chosen is not None:
            return {}
        return {
            language: {"queries": queries, "passages": passages, "relevant": queries}
            for language, (queries, passages) in self.release.counts.items()
        }

    def downloads(self) -> Sequence[Remote]:
        """The languages' files, unless their folder is given."""
        return () if self.path is not None else tuple(self.release.remotes().values())

    def fingerprint(self) -> str:
        """The pinned sums of all files, after checking those in a folder that is given."""
        sums = {language: sha256 for language, (_, sha256) in self.release.files.items()}
        if self.path is not None:
            for language, expected in sums.items():
                self._check(self.path / f"{language}.json", expected)
        return key_of(sums)

    def languages(self) -> Sequence[str]:
        """The tags, sorted."""
        return tuple(self.release.files)

    def queries(self) -> Iterator[Query]:
        """Language by language, in the files' order."""
        articles = {item: each.article for each in self._read(PIVOT) for item in each.ids}
        for language in self.languages():
            yield from queries(language, self._read(language), articles)

    def passages(self) -> Iterator[Passage]:
        """Language by language, in the files' order."""
        for language in self.languages():
            yield from passages(language, self._read(language), context=self.context)

    def judgements(self) -> Iterator[Judgement]:
        """One for each question and language that it exists in."""
        for language in self.languages():
            yield from judgements(language, self._read(language))

    def _read(self, language: str) -> list[Paragraph]:
        if self.path is not None:
            path = self.path / f"{language}.json"
        else:
            path = downloads.fetch(self.release.remotes()[language])
        return list(read(path, self._chosen))

    @property
    def _chosen(self) -> range | None:
        """The articles to read; None for all."""
        return None

    def _check(self, path: Path, expected: str) -> None:
        release = self.release
        source = f"github.com/{SOURCE}, commit {release.commit[:7]}, folder {release.name}"
        if not path.is_file():
            raise DataError(
                f"dataset {release.name}: {path} is missing; get the folder from {source}, and "
                f"give its place with 'path:' or put it into $HBENCH_DATA/{release.name}"
            )
        found = file_record(path)["sha256"]
        if found != expected:
            raise DataError(
                f"dataset {release.name}: {path} has sha256 {found}, expected {expected}; "
                f"it is damaged or of another version: get it from {source}"
            )


def read(path: Path, articles: range | None) -> Iterator[Paragraph]:
    """The paragraphs of a file.

    Args:
        path: the file of one language.
        articles: the articles to read, counted from 0; None reads all.

    Raises:
        DataError: the file is missing, is no JSON, or is not laid out as LAReQA's.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not readable as JSON ({error})") from error
    try:
        for article, group in enumerate(_get(content, "data", list)):
            if articles is None or article in articles:
                for number, paragraph in enumerate(_get(group, "paragraphs", list)):
                    yield _paragraph(article, number, paragraph)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise DataError(f"{path}: is not laid out as LAReQA's files are ({what})") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def queries(
    language: str, paragraphs: Sequence[Paragraph], articles: Mapping[str, int]
) -> Iterator[Query]:
    """All questions; an item is the question's id, a cluster its article in ``articles``.

    Raises:
        DataError: ``articles`` lacks a question.
    """
    for paragraph in paragraphs:
        for item, text in zip(paragraph.ids, paragraph.questions, strict=True):
            if item not in articles:
                raise DataError(f"question {item} of {language}.json is not in {PIVOT}.json")
            yield Query(item, language, text, f"article-{articles[item]:03}")


def passages(language: str, paragraphs: Sequence[Paragraph], *, context: bool) -> Iterator[Passage]:
    """All sentences; with ``context`` the paragraph is appended, as LAReQA's own code does."""
    for paragraph in paragraphs:
        for index, sentence in enumerate(paragraph.sentences):
            text = (sentence + paragraph.context).replace("\n", "") if context else sentence
            yield Passage(paragraph.passage(index), language, text)


def judgements(language: str, paragraphs: Sequence[Paragraph]) -> Iterator[Judgement]:
    """For each question the sentence in which its answer starts."""
    for paragraph in paragraphs:
        for item, sentence in zip(paragraph.ids, paragraph.answers, strict=True):
            yield Judgement(item, language, paragraph.passage(sentence))


def _paragraph(article: int, number: int, content: Any) -> Paragraph:  # noqa: ANN401 - JSON
    asked = _get(content, "qas", list)
    breaks = [
        (_of_kind(first, "a break", int), _of_kind(end, "a break", int))
        for first, end in _get(content, "sentence_breaks", list)
    ]
    sentences = tuple(
        _of_kind(each, "a sentence", str) for each in _get(content, "sentences", list)
    )
    if len(breaks) != len(sentences):
        raise DataError(f"article {article}, paragraph {number}: "
                        f"{len(sentences)} sentences, but {len(breaks)} breaks")  # fmt: skip
    return Paragraph(
        article,
        number,
        _get(content, "context", str),
        sentences,
        tuple(_get(question, "id", str) for question in asked),
        tuple(_get(question, "question", str) for question in asked),
        tuple(_sentence_of(question, breaks) for question in asked),
    )


def _sentence_of(question: Any, breaks: Sequence[tuple[int, int]]) -> int:  # noqa: ANN401 - JSON
    start = _get(_get(question, "answers", list)[0], "answer_start", int)
    for index, (first, end) in enumerate(breaks):
        if first <= start < end:
            return index
    name = shortened(question["id"])
    raise DataError(f"question {name}: its answer starts in no sentence ({start})")


def _get(content: Any, name: str, kind: type) -> Any:  # noqa: ANN401 - JSON
    """A field that must be there."""
    return _of_kind(content[name], repr(name), kind)


def _of_kind(value: Any, what: str, kind: type) -> Any:  # noqa: ANN401 - JSON
    """The value, if it is of this type; a text must be one that can be written."""
    if type(value) is not kind:
        raise TypeError(f"{what} is {quoted(value)}, which is of another type")
    if isinstance(value, str):
        value.encode()
    return value
