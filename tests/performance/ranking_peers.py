"""pytrec_eval and ranx on a sample of the queries and settings, scaled to all of them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytrec_eval
from tests.performance import peers
from tests.performance.rankings import SETTINGS, Values, asked_of

from hbench.corpus import Corpus
from hbench.pools import ReadVectors
from hbench.settings import Component

COMPONENTS = 2  # of each setting, in the sample
QUERIES = {"mono": 100, "cross": 100, "multi": 20}  # of each of them
WANTED = {"pytrec_eval": 20, "ranx": 50}
AGREEMENT = 1e-9
# Names here, there; neither knows the rank distance.
TREC_EVAL = {
    "map": "map", "ndcg@10": "ndcg_cut_10", "recall@1": "recall_1", "recall@10": "recall_10",
    "mrr": "recip_rank",
}  # fmt: skip
RANX = ["map", "ndcg@10", "recall@1", "recall@10", "mrr"]
Runs = dict[str, dict[str, float]]
Judged = dict[str, dict[str, int]]
Evaluated = Mapping[str, Mapping[str, float]]
Library = type["TrecEval"] | type["Ranx"]


@dataclass(frozen=True)
class Sample:
    """Some queries of a component, with the scores of every passage of its pool.

    Args:
        setting: its name.
        component: queries of a language, and a pool.
        queries: (n,) their numbers.
        ids: of the passages of the pool.
        scores: (n, pool) float32, exact.
        judged: the relevant passages of each query.
    """

    setting: str
    component: Component
    queries: Sequence[int]
    ids: Sequence[str]
    scores: np.ndarray
    judged: Judged


def samples(corpus: Corpus, read: ReadVectors) -> Iterator[Sample]:
    """The first queries of a few components of each setting, drawn at random."""
    rng = np.random.default_rng(peers.SEED)
    every, bounds = corpus.passage_ids.to_pylist(), corpus.passage_offsets
    ids = {name: every[bounds[i] : bounds[i + 1]] for i, name in enumerate(corpus.languages)}
    known: dict[int, dict[str, int]] = {}
    for item, passage, grade in zip(*corpus.judgements, strict=True):
        known.setdefault(int(item), {})[every[passage]] = int(grade)
    for setting in SETTINGS:
        parts = list(asked_of(corpus, [setting]))
        for chosen in rng.choice(len(parts), min(COMPONENTS, len(parts)), replace=False):
            part = parts[chosen]
            language = corpus.languages.index(part.query_language)
            asked = read("query", part.query_language)[: QUERIES[setting]].astype(np.float64)
            pool = np.concatenate([read("passage", name)[:] for name in part.pool])
            numbers = (corpus.query_offsets[language] + np.arange(len(asked))).tolist()
            names = [key for name in part.pool for key in ids[name]]
            own = set(names)
            judged = {
                str(n): {k: g for k, g in known[int(corpus.query_items[n])].items() if k in own}
                for n in numbers
            }
            scores = (asked @ pool.astype(np.float64).T).astype(np.float32)
            yield Sample(setting, part, numbers, names, scores, judged)


def run_of(sample: Sample) -> Runs:
    """The dictionary that both libraries want."""
    rows = zip(sample.queries, sample.scores.tolist(), strict=True)
    return {str(query): dict(zip(sample.ids, row, strict=True)) for query, row in rows}


class TrecEval:
    """pytrec_eval: takes dictionaries as they are."""

    def __init__(self, run: Runs, judged: Judged) -> None:
        measures = {"map", "recip_rank", "ndcg_cut.10", "recall.1,10"}
        self.run = run
        self.evaluator = pytrec_eval.RelevanceEvaluator(judged, measures)

    def values(self) -> Evaluated:
        """By query and name."""
        values: Evaluated = self.evaluator.evaluate(self.run)
        return values


class Ranx:
    """ranx: turns dictionaries into numba's."""

    threads = 0

    def __init__(self, run: Runs, judged: Judged) -> None:
        import ranx  # chooses numba's threads for the whole process: not before ours are measured

        self.run, self.judged = ranx.Run(run), ranx.Qrels(judged)

    def values(self) -> object:
        """By name, in the order of the queries."""
        import ranx

        return ranx.evaluate(self.judged, self.run, RANX, return_mean=False, threads=self.threads)


def measure(
    corpus: Corpus, read: ReadVectors, values: Values, ours: float, threads: int
) -> Iterator[list[str]]:
    """The table's lines.

    Args:
        corpus: the dataset.
        read: gives the vectors.
        values: ours.
        ours: the seconds in which they were computed from the vectors.
        threads: of ranx.
    """
    taken = list(samples(corpus, read))
    Ranx.threads = threads
    Ranx(run_of(taken[0]), taken[0].judged).values()  # compiles
    libraries: dict[str, Library] = {"pytrec_eval": TrecEval, "ranx": Ranx}
    difference = max(_difference(sample, values) for sample in taken)
    for name, library in libraries.items():
        whole, evaluating = _scaled(corpus, taken, library)
        is_checked = name == "pytrec_eval"
        yield [
            name,
            f"{sum(len(sample.queries) for sample in taken)}",
            f"{whole:.0f}",
            f"{evaluating:.0f}",
            f"{ours:.2f}",
            f"{whole / ours:.0f}",
            peers.verdict(whole / ours, at_least=WANTED[name]),
            f"{evaluating / ours:.0f}",
            f"{difference:.1e}" if is_checked else "",
            peers.verdict(difference, at_most=AGREEMENT) if is_checked else "",
        ]


def _scaled(corpus: Corpus, taken: Sequence[Sample], library: Library) -> tuple[float, float]:
    """Seconds for all queries in all settings: with the dictionaries, and without them."""
    sizes = dict(zip(corpus.languages, np.diff(corpus.query_offsets).tolist(), strict=True))
    whole = evaluating = 0.0
    for setting in SETTINGS:
        own = [sample for sample in taken if sample.setting == setting]
        asked = sum(sizes[part.query_language] for part in asked_of(corpus, [setting]))
        factor = asked / sum(len(sample.queries) for sample in own)
        for sample in own:
            start = time.perf_counter()
            ready = library(run_of(sample), sample.judged)
            built = time.perf_counter()
            ready.values()
            end = time.perf_counter()
            whole += factor * (end - start)
            evaluating += factor * (end - built)
    return whole, evaluating


def _difference(sample: Sample, values: Values) -> float:
    """The largest between pytrec_eval's values and ours."""
    numbers, own = values[sample.component]
    rows = np.searchsorted(numbers, sample.queries)
    theirs = TrecEval(run_of(sample), sample.judged).values()
    return max(
        abs(float(own[name][row]) - theirs[str(query)][twin])
        for row, query in zip(rows, sample.queries, strict=True)
        for name, twin in TREC_EVAL.items()
    )
