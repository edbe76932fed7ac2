"""LAReQA's file format: SQuAD with each paragraph cut into sentences; one file a language.

Source: arXiv 2004.05484 and the files of google-research-datasets/lareqa. A candidate is a
sentence; the relevant one is that in which the answer starts (112 answers of XQuAD-R run past its
end, and count all the same).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hbench.errors import DataError
from hbench.records import Judgement, Passage, Query


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


def read(path: Path, articles: range | None) -> Iterator[Paragraph]:
    """The paragraphs of a file.

    Args:
        path: the file of one language.
        articles: the articles to read, counted from 0; None reads all.

    Raises:
        DataError: the file is missing, is no JSON, or is not laid out as LAReQA's.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is not readable as JSON ({error})") from error
    try:
        for article, group in enumerate(content["data"]):
            if articles is None or article in articles:
                for number, paragraph in enumerate(group["paragraphs"]):
                    yield _paragraph(article, number, paragraph)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise DataError(f"{path}: is not laid out as LAReQA's files are ({what})") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def queries(language: str, paragraphs: Sequence[Paragraph]) -> Iterator[Query]:
    """All questions; an item is the question's id, a cluster its article."""
    for paragraph in paragraphs:
        for item, text in zip(paragraph.ids, paragraph.questions, strict=True):
            yield Query(item, language, text, f"article-{paragraph.article:03}")


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
    asked = content["qas"]
    breaks = content["sentence_breaks"]
    sentences = tuple(content["sentences"])
    if len(breaks) != len(sentences):
        raise DataError(f"article {article}, paragraph {number}: "
                        f"{len(sentences)} sentences, but {len(breaks)} breaks")  # fmt: skip
    return Paragraph(
        article,
        number,
        content["context"],
        sentences,
        tuple(question["id"] for question in asked),
        tuple(question["question"] for question in asked),
        tuple(_sentence_of(question, breaks) for question in asked),
    )


def _sentence_of(question: Any, breaks: Any) -> int:  # noqa: ANN401 - JSON
    start = question["answers"][0]["answer_start"]
    for index, (first, end) in enumerate(breaks):
        if first <= start < end:
            return index
    raise DataError(f"question {question['id']}: its answer starts in no sentence ({start})")
