"""Datasets that fit on a screen, stored as the data stage stores them, and problems with many ties.

The text of a toy query or passage spells its vector, before it is put on the grid: ``"3 -4"``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
from tests.toy_manifests import write_manifest

from hbench.corpus import Corpus
from hbench.pools import ReadVectors
from hbench.ranks import Beats
from hbench.records import Judgement, Passage, Query, Side
from hbench.stages import data, rank
from hbench.vectors import on_grid


@dataclass(frozen=True)
class Toy:
    asked: Sequence[Query]
    candidates: Sequence[Passage]
    judged: Sequence[Judgement]
    parallel: bool = True
    version: ClassVar[int] = 1

    def fingerprint(self) -> str:
        return ""

    def languages(self) -> Sequence[str]:
        return sorted({passage.language for passage in self.candidates})

    def queries(self) -> Sequence[Query]:
        return self.asked

    def passages(self) -> Sequence[Passage]:
        return self.candidates

    def judgements(self) -> Sequence[Judgement]:
        return self.judged


def toy(
    asked: Mapping[str, str], candidates: Mapping[str, str], judged: Mapping[str, Mapping[str, int]]
) -> Toy:
    """A dataset from ``{"de:q1": text}``, ``{"de:p1": text}`` and ``{"q1": {"de:p1": grade}}``."""
    return Toy(
        [Query(key.partition(":")[2], key.partition(":")[0], text) for key, text in asked.items()],
        [Passage(k.partition(":")[2], k.partition(":")[0], text) for k, text in candidates.items()],
        [
            Judgement(item, key.partition(":")[0], key.partition(":")[2], grade)
            for item, grades in judged.items()
            for key, grade in grades.items()
        ],
    )


def stored(dataset: Any, folder: Path) -> Corpus:
    """The dataset, through the data stage."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = data.run(dataset, folder)
    write_manifest(folder, {"detail": facts})
    return Corpus(folder)


def spelled(corpus: Corpus) -> ReadVectors:
    """Reads the vectors that the texts spell."""

    @cache
    def read(side: Side, language: str) -> Any:
        texts = corpus.texts(side, language)
        if not texts:
            return np.empty((0, 0), np.float32)
        return on_grid(np.array([text.split() for text in texts], np.float64), texts)[0]

    return read


def ranked(
    corpus: Corpus, read: ReadVectors, folder: Path, *, top_k: int = 3, index: str | None = None
) -> Beats:
    """What the rank stage writes into ``folder``, read back."""
    rank.run(corpus, read, top_k=top_k, device="cpu", folder=folder, progress=silent, index=index)
    return Beats.read(folder / "beats.npz")


def silent(share: float, what: str) -> None:
    """Progress that nobody watches."""


def queries_of(corpus: Corpus) -> list[tuple[str, str]]:
    """(language, item) of each query, by its number."""
    items = corpus.table("items")["item"].to_pylist()
    languages = np.repeat(corpus.languages, np.diff(corpus.query_offsets)).tolist()
    return [(name, items[i]) for name, i in zip(languages, corpus.query_items, strict=True)]


def exact_score(query: npt.NDArray[np.float32], passage: npt.NDArray[np.float32]) -> float:
    """The dot product of vectors on the grid in integers, rounded to 24 bits, half to even."""
    total = sum(
        int(a * 2**26) * int(b * 2**26)
        for a, b in zip(query.tolist(), passage.tolist(), strict=True)
    )
    dropped = max(0, abs(total).bit_length() - 24)
    kept, rest = divmod(total, 2**dropped)
    half = 2**dropped / 2
    kept += dropped > 0 and (rest > half or (rest == half and kept % 2 == 1))
    return float(kept * 2**dropped) / 2**52


def slow_ranking(
    corpus: Corpus, read: ReadVectors, query: int, pool: Sequence[str]
) -> list[tuple[float, str]]:
    """(score, id) of every passage of a pool, best first, by the definition."""
    language = int(np.searchsorted(corpus.query_offsets, query, side="right")) - 1
    asked = read("query", corpus.languages[language])[query - corpus.query_offsets[language]]
    ids = {name: corpus.table(f"passages-{name}")["id"].to_pylist() for name in pool}
    found = [
        (exact_score(asked, vector), f"{name}:{key}")
        for name in pool
        for key, vector in zip(ids[name], read("passage", name)[:], strict=True)
    ]
    return sorted(found, key=lambda entry: (entry[0], entry[1].encode()), reverse=True)


SPELLINGS = [
    " ".join(map(str, vector)) for vector in product((-2, -1, 0, 1), repeat=3) if any(vector)
]
IDS = ["1", "10", "9", "09", "a", "A", "é", "ü1", "語", "😀"]


@st.composite
def problems(draw: st.DrawFn) -> Toy:
    """Few distinct vectors, ids that sort oddly, grades -1 to 3, questions in some languages.

    ``zh-Hant:`` sorts before ``zh:``, and ``zh`` before ``zh-Hant``.
    """
    languages = draw(st.sampled_from([["en"], ["de", "en"], ["de", "zh", "zh-Hant"]]))
    vectors = st.sampled_from(draw(st.lists(st.sampled_from(SPELLINGS), min_size=1, max_size=5)))
    keys = {
        name: draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=8, unique=True))
        for name in languages
    }
    candidates = [
        Passage(key, name, draw(vectors)) for name in draw(st.permutations(languages))
        for key in keys[name]
    ]  # fmt: skip
    items = [f"q{i}" for i in range(draw(st.integers(1, 3)))]
    subsets = st.lists(st.sampled_from(languages), min_size=1, unique=True)
    asked = [Query(item, name, draw(vectors)) for item in items for name in draw(subsets)]
    places = st.sampled_from([(p.language, p.id) for p in candidates])
    grades = {item: draw(st.dictionaries(places, st.integers(-1, 3), max_size=6)) for item in items}
    grades[items[0]] |= {draw(places): draw(st.integers(1, 3))}
    judged = [
        Judgement(item, *place, grade)
        for item, places in grades.items()
        for place, grade in places.items()
    ]
    return Toy(asked, candidates, judged)


def near_ties_of_many(seed: int) -> tuple[Any, Any, Any, Any]:
    """A query, 300 vectors, 60 of which a few steps of the grid set apart, tie order, and order."""
    random = np.random.default_rng(seed)
    base, asked = random.integers(-(2**23), 2**23, (2, 48))
    passages = random.integers(-(2**23), 2**23, (300, 48))
    passages[::5] = base + random.integers(-2, 3, (60, 48))
    asked = asked // 8 + base  # so that these 60 are the best
    rows = (passages * 2.0**-26).astype(np.float32)
    place = random.permutation(300)
    queries = (asked[None] * 2.0**-26).astype(np.float32)
    exact = (rows.astype(np.float64) @ queries[0].astype(np.float64)).astype(np.float32)
    return queries, rows, place, np.lexsort((place, exact))[::-1]
