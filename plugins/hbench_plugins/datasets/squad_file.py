"""One file in SQuAD's format: articles, paragraphs, questions; a mistake is told with its place."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

from hbench.errors import DataError, shown
from hbench.unpacking import opened
from hbench_plugins.datasets.files import quoted

Unit = Literal["paragraph", "sentence"]
Kind = TypeVar("Kind")

# What follows a sentence: a line's end; in CJK the next sign; else a blank, and no small letter,
# which would show that the sign belongs to an abbreviation, as does a single capital before it.
CLOSING = "[\"'”’»)\\]」』）]*"
END = re.compile(
    rf"\n+|[。！？]{CLOSING}|(?:[!?…।؟۔]|(?<!\b[^\W\d_a-z])\.){CLOSING}\s+(?![a-zß-öø-ÿа-яёά-ώ])"
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and where in the paragraph its answers start: nowhere if it has none."""

    id: str
    text: str
    starts: tuple[int, ...]
    is_answerable: bool


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph with its questions; ``sentences`` are (start, end, text), in their order."""

    name: str
    context: str
    sentences: tuple[tuple[int, int, str], ...]
    questions: tuple[Question, ...]

    def units(self, unit: Unit) -> Iterator[tuple[str, str]]:
        """Id and text of its passages."""
        if unit == "paragraph":
            yield self.name, self.context
        else:
            for number, (_, _, text) in enumerate(self.sentences):
                if text.strip():
                    yield f"{self.name}-{number:03}", text

    def relevant(self, question: Question, unit: Unit) -> Iterator[str]:
        """The texts of the passages that answer a question.

        Raises:
            DataError: an answer starts in no sentence.
        """
        if unit == "paragraph":
            yield self.context
            return
        for at in dict.fromkeys(question.starts):
            text = next((text for start, end, text in self.sentences if start <= at < end), "")
            if not text.strip():
                raise DataError(
                    f"paragraph {self.name}, question {shown(question.id)}: its answer "
                    f"starts at sign {at}, which is in no sentence of the paragraph"
                )
            yield text


@dataclass(frozen=True, slots=True)
class Article:
    """An article; ``name`` is its title, or its number."""

    name: str
    paragraphs: tuple[Paragraph, ...]
    has_title: bool = True

    def answerable(self) -> Iterator[tuple[Paragraph, Question]]:
        """Its questions that have an answer, with their paragraphs."""
        for paragraph in self.paragraphs:
            for question in paragraph.questions:
                if question.is_answerable:
                    yield paragraph, question

    def unanswerable(self) -> int:
        """How many questions have none."""
        asked = [question for paragraph in self.paragraphs for question in paragraph.questions]
        return sum(not question.is_answerable for question in asked)


def read(path: Path, articles: range | None) -> Iterator[Article]:
    """The articles of a file.

    Args:
        path: of the file.
        articles: those to read, counted from 0; None reads all.

    Raises:
        DataError: the file is no JSON, is not laid out as SQuAD's, lacks an article that is asked
            for, or gives an id twice; says where.
    """
    with opened(path) as file:
        content = file.read()
    try:
        root = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is no UTF-8; save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON ({error})") from None
    groups = _get(root, "data", list, f"{path}")
    if articles is not None and articles.stop > len(groups):
        raise DataError(
            f"{path}: {len(groups)} articles, but {articles.start}-{articles[-1]} are asked for"
        )
    seen: set[str] = set()
    for number, group in enumerate(groups):
        if articles is None or number in articles:
            yield _article(group, number, seen, f"{path}: data[{number}]")


def split(text: str) -> list[str]:
    """The sentences of a text, which add up to it.

    >>> split("It was J. Smith (who?) in U.S. waters. Then? 他来了。她走了。")
    ['It was J. Smith (who?) in U.S. waters. ', 'Then? ', '他来了。', '她走了。']
    """
    ends = [match.end() for match in END.finditer(text)]
    bounds = [0, *ends, len(text)]
    return [text[a:b] for a, b in pairwise(bounds) if a < b]


def _article(group: Any, number: int, seen: set[str], where: str) -> Article:  # noqa: ANN401 - JSON
    paragraphs = tuple(
        _paragraph(each, f"{number:03}-{index:03}", seen, f"{where}.paragraphs[{index}]")
        for index, each in enumerate(_get(group, "paragraphs", list, where))
    )
    title = group.get("title")
    if isinstance(title, str) and title.strip():
        return Article(_whole(title, f"{where}: 'title'"), paragraphs)
    return Article(f"article-{number:03}", paragraphs, has_title=False)


def _paragraph(content: Any, name: str, seen: set[str], where: str) -> Paragraph:  # noqa: ANN401 - JSON
    context = _text(content, "context", where)
    questions = []
    for index, asked in enumerate(_get(content, "qas", list, where)):
        question = _question(asked, f"{where}.qas[{index}]")
        if question.id in seen:
            raise DataError(f"{where}.qas[{index}]: the id {shown(question.id)} is given twice")
        seen.add(question.id)
        for start in question.starts:
            if not 0 <= start < len(context):
                raise DataError(f"{where}.qas[{index}]: an answer starts at {start}, and the "
                                f"context has {len(context)} characters")  # fmt: skip
        questions.append(question)
    return Paragraph(name, context, _sentences(content, context, where), tuple(questions))


def _question(content: Any, where: str) -> Question:  # noqa: ANN401 - JSON
    name = _get(content, "id", (str, int), where)
    answers = _get(content, "answers", list, where) if "answers" in content else None
    starts = tuple(
        _get(answer, "answer_start", int, f"{where}.answers[{index}]")
        for index, answer in enumerate(answers or ())
    )
    is_impossible = "is_impossible" in content and _get(content, "is_impossible", bool, where)
    is_answerable = answers != [] and not is_impossible
    return Question(str(name), _text(content, "question", where), starts, is_answerable)


def _sentences(content: Any, context: str, where: str) -> tuple[tuple[int, int, str], ...]:  # noqa: ANN401 - JSON
    """Those that the file lists, or else those that the rule finds."""
    if "sentence_breaks" not in content:
        parts = split(context)
        ends = list(accumulate(map(len, parts)))
        starts = [0, *ends]
        return tuple(zip(starts, ends, (part.strip() for part in parts), strict=False))
    breaks = _get(content, "sentence_breaks", list, where)
    sentences = _get(content, "sentences", list, where)
    if len(breaks) != len(sentences):
        raise DataError(f"{where}: {len(sentences)} sentences, but {len(breaks)} breaks")
    found = []
    for span, text in zip(breaks, sentences, strict=True):
        is_span = isinstance(span, list) and [type(each) for each in span] == [int, int]
        if not is_span or not isinstance(text, str):
            raise DataError(f"{where}: the break {quoted(span)} or its sentence {quoted(text)} is "
                            "no pair of numbers and its text")  # fmt: skip
        found.append((span[0], span[1], _whole(text, f"{where}: a sentence")))
    return tuple(found)


def _text(content: Any, name: str, where: str) -> str:  # noqa: ANN401 - JSON
    text: str = _get(content, name, str, where)
    if not text.strip():
        raise DataError(f"{where}: {name!r} is empty")
    return text


def _get(content: Any, name: str, kind: type | tuple[type, ...], where: str) -> Any:  # noqa: ANN401 - JSON
    """A field that must be there."""
    if not isinstance(content, dict) or name not in content:
        raise DataError(f"{where}: has no {name!r}, as SQuAD's format asks for")
    value = content[name]
    if type(value) not in (kind if isinstance(kind, tuple) else (kind,)):  # true is no number
        raise DataError(f"{where}: {name!r} is {quoted(value)}, which is of another type")
    return _whole(value, f"{where}: {name!r}") if isinstance(value, str) else value


def _whole(text: str, what: str) -> str:
    """The text, unless it cannot be written."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError(f"{what} holds half of a surrogate pair; mend the file") from None
    return text
