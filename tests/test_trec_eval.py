"""Every metric that trec_eval has too, query by query, against trec_eval on the same ranking.

trec_eval's runs and judgements are built here from the data set itself, with scores of our own:
of hbench they share nothing but the vectors.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.toy_corpora import Toy, problems, ranked, spelled, stored

from hbench.pools import ReadVectors
from hbench.protocols import Metric
from hbench.records import Judgement, Passage, Query
from hbench.settings import Component, components
from hbench.stages import score
from hbench.vectors import on_grid
from hbench_plugins.datasets.xquad_r import XQuADR
from hbench_plugins.metrics.map import AveragePrecision
from hbench_plugins.metrics.mrr import ReciprocalRank
from hbench_plugins.metrics.ndcg import NDCG
from hbench_plugins.metrics.precision import Precision
from hbench_plugins.metrics.r_precision import RPrecision
from hbench_plugins.metrics.recall import Recall
from hbench_plugins.metrics.success import Success

MANY = (1, 3, 10, 100, 1000)
FEW = (1, 2, 5)
BLOCK = 100  # queries that trec_eval judges at once


def metrics_by_twin(cutoffs: Sequence[int]) -> dict[str, Metric]:
    """Our metrics by trec_eval's names."""
    twins: dict[str, Metric] = {
        "map": AveragePrecision(), "recip_rank": ReciprocalRank(), "Rprec": RPrecision()
    }  # fmt: skip
    for k in cutoffs:
        twins |= {f"ndcg_cut_{k}": NDCG(k), f"recall_{k}": Recall(k)}
        twins |= {f"success_{k}": Success(k), f"P_{k}": Precision(k)}
    return twins


class TrecEval:
    """trec_eval's values for a dataset and its vectors, one component of a setting at a time."""

    def __init__(self, dataset: Toy, read: ReadVectors, cutoffs: Sequence[int]) -> None:
        cut = ",".join(map(str, cutoffs))
        self.measures = {"map", "recip_rank", "Rprec"}
        self.measures |= {f"{name}.{cut}" for name in ("ndcg_cut", "recall", "success", "P")}
        self.read, self.ids, self.items = read, defaultdict(list), defaultdict(list)
        for passage in dataset.passages():
            self.ids[passage.language].append(f"{passage.language}:{passage.id}")
        for query in dataset.queries():
            self.items[query.language].append(query.item)
        self.judged: dict[str, dict[str, int]] = defaultdict(dict)
        for j in dataset.judgements():
            self.judged[j.item][f"{j.language}:{j.passage}"] = j.grade

    def values(self, component: Component) -> Iterator[tuple[str, Mapping[str, float]]]:
        """(item, value by name) of each query with a relevant passage in the pool."""
        ids = [key for name in component.pool for key in self.ids[name]]
        passages = np.concatenate([self.read("passage", name)[:] for name in component.pool])
        queries = self.read("query", component.query_language)
        items = self.items[component.query_language]
        for start in range(0, len(items), BLOCK):
            part = slice(start, start + BLOCK)
            yield from self._block(ids, items[part], queries[part], passages, component.pool)

    def _block(
        self, ids: list[str], items: list[str], queries: Any, passages: Any, pool: Sequence[str]
    ) -> Iterator[tuple[str, Mapping[str, float]]]:
        judged = {
            item: {key: g for key, g in self.judged[item].items() if key.partition(":")[0] in pool}
            for item in items
        }
        asked = [row for row, item in enumerate(items) if max([0, *judged[item].values()]) > 0]
        scores = queries[asked].astype(np.float64) @ passages.astype(np.float64).T
        run = {
            items[row]: dict(zip(ids, found, strict=True))
            for row, found in zip(asked, scores.astype(np.float32).tolist(), strict=True)
        }
        judge = pytrec_eval.RelevanceEvaluator({key: judged[key] for key in run}, self.measures)
        values = judge.evaluate(run)
        yield from ((item, values[item]) for item in run)


def assert_equal_to_trec_eval(
    dataset: Toy,
    read: ReadVectors,
    asked: Mapping[str, Sequence[Component]],
    folder: Path,
    cutoffs: Sequence[int],
) -> npt.NDArray[np.float64]:
    """The values, after the comparison: (rows, metrics)."""
    corpus = stored(dataset, folder)
    metrics = metrics_by_twin(cutoffs)
    score.run(corpus, ranked(corpus, read, folder), asked, metrics, folder / "scores.parquet")
    table = pq.read_table(folder / "scores.parquet")
    keys = [table[name].to_pylist() for name in ("setting", "query_language", "pool", "item")]
    values = np.stack([table[name].to_numpy() for name in metrics], axis=1)
    found = dict(zip(zip(*keys, strict=True), values, strict=True))
    truth = TrecEval(dataset, read, cutoffs)
    for setting, parts in asked.items():
        for part in parts:
            for item, expected in truth.values(part):
                ours = found.pop((setting, part.query_language, part.pool_name, item))
                theirs = [expected[name] for name in metrics]
                assert np.abs(ours - theirs).max() <= 1e-9, (setting, part, item, expected)
    assert not found  # trec_eval has all our rows
    return values


def all_settings(languages: Sequence[str], *own: str) -> dict[str, tuple[Component, ...]]:
    """The four settings, and one of the spec's own."""
    names = ["mono", "cross", "multi", "pair"]
    asked = {name: components(name, languages, parallel=True) for name in names}
    return asked | {"own": components("own", languages, parallel=True, pool=own)}


def letters(text: str) -> npt.NDArray[np.int64]:
    """15 coarse steps for a text's hashed trigrams, and a 1: many texts share a vector."""
    points = np.frombuffer(text.casefold().encode("utf-32-le"), np.uint32).astype(np.uint64)
    points = np.concatenate([[32, 32], points, [32, 32]]).astype(np.uint64)
    hashed = (points[:-2] * 31 + points[1:-1]) * 31 + points[2:]
    counts = np.bincount((hashed * 2654435761 >> 16).astype(np.int64) % 15, minlength=15)
    steps = np.rint(1.2 * (counts - counts.mean()) / (counts.std() + 1)).astype(np.int64)
    return np.append(steps, 1)


def lettered(dataset: Toy) -> ReadVectors:
    """Reads vectors of the letters of the texts, in the dataset's order."""
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for query in dataset.queries():
        texts["query", query.language].append(query.text)
    for passage in dataset.passages():
        texts["passage", passage.language].append(passage.text)
    vectors = {
        key: on_grid(np.stack([*map(letters, some)]), some)[0] for key, some in texts.items()
    }
    return lambda side, language: vectors[side, language]


def synthetic() -> Toy:
    """Six questions in four languages among 30 sentences each; each third sentence comes twice."""
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("abcdefgh"), 3)) for _ in range(12)]
    content = [random.choice(words, 5) for _ in range(30)]
    endings = {"de": "en", "en": "ed", "es": "ar", "tr": "mak"}
    asked, candidates, judged = [], [], []
    for language, ending in endings.items():
        sentences = [" ".join(word + ending for word in some) for some in content]
        sentences[::3] = sentences[1::3]
        candidates += [Passage(f"{i:02}", language, text) for i, text in enumerate(sentences)]
        asked += [Query(f"q{i}", language, sentences[5 * i][:15]) for i in range(6)]
        judged += [Judgement(f"q{i}", language, f"{5 * i:02}", 1 + i % 2) for i in range(6)]
    return Toy(asked, candidates, judged)


def part_of_xquad_r(shared: Path, every: int) -> Toy:
    """Each ``every``-th question in all languages, among all 13,014 candidate sentences."""
    data = whole_xquad_r(shared)
    kept = {query.item for query in [q for q in data.asked if q.language == "en"][::every]}
    return Toy(
        [query for query in data.asked if query.item in kept],
        data.candidates,
        [judgement for judgement in data.judged if judgement.item in kept],
    )


@cache
def whole_xquad_r(shared: Path) -> Toy:
    data = XQuADR(path=shared / "xquad-r", context=False)  # sentences alone: some are the same text
    return Toy(list(data.queries()), list(data.passages()), list(data.judgements()))


def assert_ties_decide(dataset: Toy, read: ReadVectors) -> None:
    """A query gives most candidates a score that others have too, so that ids decide."""
    candidates = np.concatenate([read("passage", name)[:] for name in dataset.languages()])
    for language in dataset.languages():
        scores = (read("query", language)[:] @ candidates.T.astype(np.float64)).astype(np.float32)
        assert all(len(np.unique(row)) < len(row) / 2 for row in scores)


def test_a_synthetic_parallel_corpus_in_all_settings(tmp_path):
    dataset = synthetic()
    read = lettered(dataset)
    assert_ties_decide(dataset, read)
    asked = all_settings(dataset.languages(), "en", "de", "tr")
    values = assert_equal_to_trec_eval(dataset, read, asked, tmp_path, FEW)
    # mono 4, cross 12, multi 4, pair 6, own 3 components of 6 questions
    assert len(values) == 6 * (4 + 12 + 4 + 6 + 3)
    assert ((values[:, 0] > 0) & (values[:, 0] < 1)).mean() > 0.5


def test_eight_questions_of_xquad_r_in_all_132_settings(shared_data, tmp_path):
    dataset = part_of_xquad_r(shared_data, every=149)
    read = lettered(dataset)
    assert_ties_decide(dataset, read)
    asked = all_settings(dataset.languages(), "ar", "th", "zh")
    values = assert_equal_to_trec_eval(dataset, read, asked, tmp_path, MANY)
    assert len(values) == 8 * (11 + 110 + 11 + 20 + 3)
    assert len(np.unique(values[:, 0])) > 500


@pytest.mark.slow
def test_all_questions_of_xquad_r_in_all_132_settings(shared_data, tmp_path):
    dataset = whole_xquad_r(shared_data)
    asked = all_settings(dataset.languages(), "ar", "th", "zh")
    values = assert_equal_to_trec_eval(dataset, lettered(dataset), asked, tmp_path, MANY)
    assert len(values) == 1190 * (11 + 110 + 11 + 20 + 3)


def test_equal_candidate_texts_of_xquad_r_tie(shared_data):
    candidates = whole_xquad_r(shared_data).candidates
    turkish = [passage for passage in candidates if passage.language == "tr"]
    texts = [passage.text for passage in turkish]
    vectors = lettered(Toy([], turkish, []))("passage", "tr")
    twice = [(texts.index(text), i) for i, text in enumerate(texts) if texts.index(text) < i]
    assert twice
    assert all(vectors[i].tobytes() == vectors[j].tobytes() for i, j in twice)


@settings(max_examples=200)
@given(problems(), st.data())
def test_small_problems_with_ties_grades_and_missing_languages(dataset, data):
    languages = dataset.languages()
    pool = st.lists(st.sampled_from(languages), min_size=1, unique=True)
    asked = {
        "multi": components("multi", languages, parallel=True),
        "own": [Component(name, tuple(sorted(data.draw(pool)))) for name in languages],
    }
    with tempfile.TemporaryDirectory() as name:
        corpus = stored(dataset, Path(name))
        assert_equal_to_trec_eval(dataset, spelled(corpus), asked, Path(name), FEW)


def first_of(scores: Mapping[str, float]) -> list[str]:
    """The documents in trec_eval's order, found by asking which of them gets which rank."""
    rank = {}
    for key in scores:
        judge = pytrec_eval.RelevanceEvaluator({"q": {key: 1}}, {"recip_rank"})
        rank[key] = judge.evaluate({"q": dict(scores)})["q"]["recip_rank"]
    return sorted(rank, key=lambda key: -rank[key])


def test_trec_eval_orders_equal_scores_by_the_later_id():
    assert first_of({"de:10": 0.5, "de:9": 0.5, "en:1": 0.5, "de:é": 0.5, "de:1": 0.7}) == [
        "de:1", "en:1", "de:é", "de:9", "de:10"
    ]  # fmt: skip


def test_trec_eval_tells_neighbouring_float32_scores_apart_and_nothing_finer():
    one = np.float32(0.7)
    below = np.nextafter(one, np.float32(0))
    assert first_of({"a": float(one), "b": float(below)}) == ["a", "b"]
    finer = float(one) - float(one - below) / 8
    assert finer < float(one)
    assert first_of({"a": float(one), "b": finer}) == ["b", "a"]
