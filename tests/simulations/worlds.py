"""Simulated scores of methods that are known to be equal, or known to differ by so much.

Items are the questions of a dataset, in paragraphs of articles; rows are (language, question). All
that is random comes from Philox with a fixed seed.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hbench.records import FloatArray, Int64Array
from hbench.statistics import Scores

ITEM_SD = 0.07  # method x item, of the mean over languages
RUN_SD = 0.055  # seed x item, likewise
AS_MEASURED = (0.02, 0.04)  # of article and paragraph in the variance of an item
# The same if they are shares of the difference of two runs, and the method's alone.
OF_METHODS = (0.02 * (1 + RUN_SD**2 / ITEM_SD**2), 0.04 * (1 + RUN_SD**2 / ITEM_SD**2))


@dataclass(frozen=True)
class Questions:
    """Where each question comes from, from 0 upwards; the same in all languages."""

    article: Int64Array  # (questions,)
    paragraph: Int64Array  # (questions,)

    @classmethod
    def of(cls, articles: Sequence[Sequence[int]]) -> "Questions":
        """The questions of given numbers: of each paragraph of each article."""
        paragraphs = [(number, count) for number, counts in enumerate(articles) for count in counts]
        article, count = np.array(paragraphs, np.int64).T
        return cls(np.repeat(article, count), np.repeat(np.arange(len(count)), count))

    @classmethod
    def of_xquad_r(cls, folder: Path) -> "Questions":
        """Those of XQuAD-R, which all its languages have in common."""
        articles = json.loads((folder / "en.json").read_text(encoding="utf-8"))["data"]
        return cls.of([[len(p["qas"]) for p in article["paragraphs"]] for article in articles])

    def __len__(self) -> int:
        return len(self.article)


@dataclass(frozen=True)
class Effects:
    """What the items of a world do to a score, normally distributed.

    An effect on a row is the sum of one of its article, paragraph, question and of the row itself.
    Its mean over the languages of a question has variance 1, of which ``shares`` are the article's
    and the paragraph's. ``icc`` is the share of a row's variance that all languages of the question
    have in common: of differences between real systems .02-.12, the rest is the language's own.
    """

    questions: Questions
    shares: tuple[float, float] = AS_MEASURED
    icc: float = 0.1
    languages: int = 11

    @property
    def common(self) -> float:
        """The variance that the languages of a question have in common."""
        return 1 / (1 + (1 - self.icc) / (self.icc * self.languages))

    @property
    def row_variance(self) -> float:
        """Of a single row."""
        return self.common / self.icc

    def draw(self, rng: np.random.Generator, *shape: int) -> FloatArray:
        """(*shape, languages, questions) independent draws."""
        article, paragraph = self.shares
        sources = [
            (article, self.questions.article),
            (paragraph, self.questions.paragraph),
            (self.common - article - paragraph, np.arange(len(self.questions))),
        ]
        drawn = rng.standard_normal((*shape, self.languages, len(self.questions)))
        drawn *= np.sqrt(self.row_variance - self.common)
        for variance, source in sources:
            if variance:
                effect = rng.standard_normal((*shape, 1, int(source.max()) + 1))
                drawn += np.sqrt(variance) * effect[..., source]
        return drawn

    @cached_property
    def groups(self) -> tuple[Int64Array, Int64Array]:
        """Component (language) and cluster (article) of each row."""
        component, question = np.indices((self.languages, len(self.questions))).reshape(2, -1)
        return component, self.questions.article[question]

    def scores(self, values: FloatArray, trained: bool = True) -> Scores:
        """What a method scored, (seeds, languages, questions), as `hbench` takes it."""
        return Scores(values.reshape(len(values), -1), *self.groups, trained)


@dataclass(frozen=True)
class World:
    """Equal methods, each trained with some seeds.

    score = method x item (sd .07) + seed x item (.055) + seed (``seed_sd``), so that one run's mean
    over languages differs from another method's with sd .126 from question to question.
    """

    of_method: Effects
    of_run: Effects
    seeds: int
    seed_sd: float

    @classmethod
    def shared(cls, questions: Questions, seeds: int, seed_sd: float) -> "World":
        """Articles and paragraphs matter to methods and to runs."""
        return cls(Effects(questions), Effects(questions), seeds, seed_sd)

    @classmethod
    def methods_only(cls, questions: Questions, seeds: int, seed_sd: float) -> "World":
        """They matter to methods alone."""
        of_run = Effects(questions, shares=(0.0, 0.0))
        return cls(Effects(questions, shares=OF_METHODS), of_run, seeds, seed_sd)

    @classmethod
    def without_sources(cls, questions: Questions, seeds: int, seed_sd: float) -> "World":
        """The questions of an article have nothing in common."""
        effects = Effects(questions, shares=(0.0, 0.0))
        return cls(effects, effects, seeds, seed_sd)

    def draw(self, rng: np.random.Generator, *methods: int) -> FloatArray:
        """(*methods, seeds, languages, questions) scores of independent methods."""
        runs = (*methods, self.seeds)
        values = self.of_run.draw(rng, *runs)
        values *= RUN_SD
        values += ITEM_SD * self.of_method.draw(rng, *methods)[..., None, :, :]
        values += self.seed_sd * rng.standard_normal((*runs, 1, 1))
        return values


def philox(*key: int) -> np.random.Generator:
    """A generator for each key."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def blocks(trials: int, size: int = 20) -> Iterator[int]:
    """Trials in blocks that fit into the processor's memory."""
    for start in range(0, trials, size):
        yield min(size, trials - start)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints figures; ``pytest -s`` shows them."""
    cells = [list(head)] + [
        [f"{x:.3f}" if isinstance(x, float) else str(x) for x in row] for row in rows
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["  ".join(x.rjust(n) for x, n in zip(row, widths, strict=True)) for row in cells]
    print("", title, *lines, sep="\n")  # noqa: T201 - shown by pytest -s
