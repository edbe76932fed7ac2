"""What the measurements of ranking share: vectors of texts, the bare product, all values, a corpus.

Everything works on vectors in memory, and ends with the values of every query in every setting.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from tests.performance import peers

from hbench.corpus import Corpus, offsets
from hbench.pools import ReadVectors
from hbench.protocols import Metric
from hbench.ranks import Beats, ranks_in_pool, relevant_pairs, values_of
from hbench.records import FloatArray, Int32Array, Int64Array, Side
from hbench.settings import Component, components
from hbench.stages import rank
from hbench.vectors import Vectors, on_grid
from hbench_plugins.metrics.map import AveragePrecision
from hbench_plugins.metrics.mrr import ReciprocalRank
from hbench_plugins.metrics.ndcg import NDCG
from hbench_plugins.metrics.rank_distance import RankDistance
from hbench_plugins.metrics.recall import Recall

DIM = 384
HASHES = 2**16  # rows of the table of random vectors
BLOCKS = ((512, 512), (512, 1024), (1024, 512), (1024, 1024), (2048, 2048))
SETTINGS = ("mono", "cross", "multi")
METRICS: dict[str, Metric] = {
    "map": AveragePrecision(),
    "ndcg@10": NDCG(10),
    "recall@1": Recall(1),
    "recall@10": Recall(10),
    "mrr": ReciprocalRank(),
    "rank_distance": RankDistance(),
}
Values = dict[Component, tuple[Int64Array, dict[str, FloatArray]]]


class Numbered(Corpus):
    """A corpus without texts: what counting needs to know, and nothing on disk.

    Args:
        languages: their names.
        places: tie order of the passages of each language.
        items: of the queries of each language.
        judged: item, passage number and grade of each judgement.
    """

    def __init__(
        self,
        languages: Sequence[str],
        places: Mapping[str, Int64Array],
        items: Mapping[str, Int32Array],
        judged: tuple[Int32Array, Int32Array, Int32Array],
    ) -> None:
        self.languages = tuple(languages)
        self.parallel = True
        self.query_offsets = offsets([len(items[name]) for name in languages])
        self.passage_offsets = offsets([len(places[name]) for name in languages])
        self._places = places
        self.query_items = np.concatenate([items[name] for name in languages])
        self.judgements = judged

    def tie_order(self, language: str) -> Int64Array:
        """(n,) the place of each passage of a language."""
        return self._places[language]


def part_of(corpus: Corpus, count: int) -> Numbered:
    """The first languages of a corpus."""
    names = corpus.languages[:count]
    inside = corpus.judgements[1] < corpus.passage_offsets[count]
    item, passage, grade = (column[inside] for column in corpus.judgements)
    per_language = np.split(corpus.query_items, corpus.query_offsets[1:-1])
    return Numbered(
        names,
        {name: corpus.tie_order(name) for name in names},
        dict(zip(names, per_language, strict=False)),
        (item, passage, grade),
    )


def hashed(texts: Sequence[str]) -> Vectors:
    """(n, DIM) on the grid: the mean of a random vector for each word and each three characters.

    Equal texts have equal vectors, so that their scores tie.
    """
    table = np.random.default_rng(peers.SEED).standard_normal((HASHES, DIM), np.float32)
    means = np.stack([table[_numbers(text)].mean(axis=0) for text in texts])
    vectors: Vectors = on_grid(means, texts)[0]
    return vectors


def _numbers(text: str) -> npt.NDArray[np.int64]:
    """Rows of the table for the words and the runs of three characters of a text."""
    points = np.frombuffer(f" {text.casefold()} ".encode("utf-32-le"), np.uint32).astype(np.uint64)
    runs = (points[:-2] * 31 + points[1:-1]) * 31 + points[2:]
    ends = np.flatnonzero(points == ord(" "))
    words = np.add.reduceat(points * (np.arange(len(points), dtype=np.uint64) + 1), ends)
    mixed = np.concatenate([runs, words]) * np.uint64(2654435761)
    return ((mixed >> np.uint64(16)) % np.uint64(HASHES)).astype(np.int64)


def vectors_of(corpus: Corpus) -> ReadVectors:
    """Reads vectors of the texts, made here and kept in memory."""
    sides: tuple[Side, Side] = ("query", "passage")
    made = {(s, name): hashed(corpus.texts(s, name)) for s in sides for name in corpus.languages}
    return lambda side, language: made[side, language]


def stacked(corpus: Corpus, read: ReadVectors, side: Side) -> torch.Tensor:
    """The vectors of all languages."""
    return torch.from_numpy(np.concatenate([read(side, name)[:] for name in corpus.languages]))


def bare(queries: torch.Tensor, passages: torch.Tensor, block: tuple[int, int]) -> float:
    """Seconds of the float32 product of all queries and passages, block by block."""
    start = time.perf_counter()
    for some in passages.split(block[1]):
        for asked in queries.split(block[0]):
            torch.mm(asked, some.T)
    return time.perf_counter() - start


def best_bare(queries: torch.Tensor, passages: torch.Tensor) -> tuple[tuple[int, int], float]:
    """The fastest of a few shapes of a block, each tried twice, and its seconds."""
    tried: dict[str, Callable[[], float]] = {
        str(block): partial(bare, queries, passages, block) for block in BLOCKS
    }
    seconds = {name: min(found) for name, found in peers.alternate(tried, 2).items()}
    fastest = min(BLOCKS, key=lambda block: seconds[str(block)])
    return fastest, seconds[str(fastest)]


@dataclass(frozen=True)
class Ranked:
    """Values of all queries, and how long they took."""

    counting: float
    scoring: float
    values: Values = field(repr=False)

    @property
    def seconds(self) -> float:
        """From vectors to values."""
        return self.counting + self.scoring


def asked_of(corpus: Corpus, settings: Sequence[str] = SETTINGS) -> Iterator[Component]:
    """All components of some settings."""
    for name in settings:
        yield from components(name, corpus.languages, parallel=True)


def ours(
    corpus: Corpus, read: ReadVectors, *, top_k: int = 0, settings: Sequence[str] = SETTINGS
) -> Ranked:
    """Count, and compute every metric of every query in all components of the settings."""
    start = time.perf_counter()
    pairs = relevant_pairs(corpus)
    counts = rank.count(corpus, pairs, read, top_k=top_k, progress=lambda share, what: None)
    counted = time.perf_counter()
    beats = Beats(pairs.query, pairs.passage, pairs.grade, counts.beats)
    values: Values = {}
    for component in asked_of(corpus, settings):
        found = ranks_in_pool(corpus, beats, component)
        if found is not None:
            numbers, ranks = found
            own = {name: values_of(metric, name, ranks) for name, metric in METRICS.items()}
            values[component] = (numbers, own)
    return Ranked(counted - start, time.perf_counter() - counted, values)
