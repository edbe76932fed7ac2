"""SQuAD's format: articles of paragraphs with questions; one language, or the same in several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from hbench.errors import DataError
from hbench.manifests import file_record, key_of
from hbench.records import Judgement, Passage, Query
from hbench_plugins.datasets import places, squad_file
from hbench_plugins.datasets.squad_file import Article


@dataclass(frozen=True, kw_only=True)
class Squad:
    """Files in SQuAD's format: which paragraph, or which sentence, answers a question?

    Reads SQuAD, SQuADShifts, XQuAD, MLQA and translations of SQuAD. With ``{lang}`` in the path
    there is a file for each language, and questions with one id are one item. A cluster is an
    article: its title, or its number where it has none; a question keeps the cluster that it has
    in the first language, and an article takes the cluster of the first question that is known.

    Equal passages of one language are one passage. Sentences are those that a file lists
    (LAReQA's ``sentences`` and ``sentence_breaks``). Where it lists none, a sentence ends after one
    of ``. ! ? … 。 ！ ？ । ؟ ۔`` that a blank follows (none in Chinese and Japanese) and no small
    letter, or at a line's end: that is rough, since "Mr. Smith" is cut in two, and a language that
    does not mark its sentences, as Thai, keeps whole lines. (Of the sentences that LAReQA lists,
    the rule finds the ends of 95 to 99 in 100; in Thai, of 28.) A sentence is relevant if an
    answer starts in it.

    Args:
        path: the file, or such as ``xquad/xquad.{lang}.json``. ``{lang}`` may stand twice, as in
            MLQA's ``test-context-{lang}-question-{lang}.json``.
        language: of the file. With ``{lang}``, the languages to read; not given: all there are.
        unit: what a passage is.
        articles: such as ``0-31``: only these, counted from 0 in each file; not given: all.
    """

    path: Path
    language: str | tuple[str, ...] | None = None
    unit: Literal["paragraph", "sentence"] = "paragraph"
    articles: str | None = None
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        places.check("path", self.path, self.language)
        if self.articles is not None:
            places.number_range("articles", self.articles)

    @property
    def parallel(self) -> bool:
        """Whether there is more than one language, as far as the options tell."""
        tags = places.chosen(self.language)
        return tags is None or len(tags) > 1

    def fingerprint(self) -> str:
        """A sum over the languages and the content of their files."""
        found = places.find(self.path, self.language)
        for place in found:
            if not place.path.is_file():
                raise DataError(f"{place.path}: there is no such file")
        return key_of({place.language: file_record(place.path)["sha256"] for place in found})

    def languages(self) -> Sequence[str]:
        """The tags of the files."""
        return [place.language for place in places.find(self.path, self.language)]

    def queries(self) -> Iterator[Query]:
        """Language by language, in the files' order; those that can be answered."""
        clusters: dict[str, str] = {}
        for language, article in self._articles():
            names = [question.id for _, question in article.answerable()]
            own = article.name
            if not article.has_title and own in clusters.values():
                own = f"{language}-{own}"  # the number says nothing over languages
            known = next((clusters[name] for name in names if name in clusters), own)
            for _, question in article.answerable():
                cluster = clusters.setdefault(question.id, known)
                yield Query(question.id, language, question.text, cluster)

    def passages(self) -> Iterator[Passage]:
        """Language by language, in the files' order; each text once."""
        for language, name, text in self._units():
            yield Passage(name, language, text)

    def judgements(self) -> Iterator[Judgement]:
        """For each question its paragraph, or the sentences in which its answers start."""
        names = {(language, text): name for language, name, text in self._units()}
        for language, article in self._articles():
            for paragraph, question in article.answerable():
                try:
                    texts = list(paragraph.relevant(question, self.unit))
                except DataError as error:
                    raise DataError(f"{self.path}, in {language!r}: {error}") from None
                for text in texts:
                    yield Judgement(question.id, language, names[language, text])

    def notes(self) -> Sequence[str]:
        """How many questions have no answer, and are left out."""
        left = sum(article.unanswerable() for _, article in self._articles())
        return [f"{left} questions without an answer are left out"] if left else []

    def _units(self) -> Iterator[tuple[str, str, str]]:
        """Language, id and text of each distinct passage; the id is that of its first place."""
        seen: set[tuple[str, str]] = set()
        for language, article in self._articles():
            for paragraph in article.paragraphs:
                for name, text in paragraph.units(self.unit):
                    if (language, text) not in seen:
                        seen.add((language, text))
                        yield language, name, text

    def _articles(self) -> Iterator[tuple[str, Article]]:
        numbers = places.number_range("articles", self.articles) if self.articles else None
        for place in places.find(self.path, self.language):
            for article in squad_file.read(place.path, numbers):
                yield place.language, article
