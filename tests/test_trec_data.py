"""trec_eval's own test run and judgements: our metrics against its printed values and its code."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval

from hbench.protocols import Metric
from hbench.records import Ranks
from hbench_plugins.metrics.map import AveragePrecision
from hbench_plugins.metrics.mrr import ReciprocalRank
from hbench_plugins.metrics.ndcg import NDCG
from hbench_plugins.metrics.precision import Precision
from hbench_plugins.metrics.r_precision import RPrecision
from hbench_plugins.metrics.recall import Recall
from hbench_plugins.metrics.success import Success

CUTOFFS = (5, 10, 20, 100, 1000)
UNSEEN = 1e13  # the rank of a relevant document that was not retrieved: it adds less than 1e-12
METRICS: dict[str, Metric] = {
    "map": AveragePrecision(),
    "recip_rank": ReciprocalRank(),
    "Rprec": RPrecision(),
    **{f"{name}_{k}": kind(k) for k in CUTOFFS
       for name, kind in (("P", Precision), ("recall", Recall), ("ndcg_cut", NDCG))},
    **{f"success_{k}": Success(k) for k in (1, 5, 10)},
}  # fmt: skip


def table(path: Path, document: int, value: int) -> dict[str, dict[str, float]]:
    """A column of a TREC file by topic and document."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in path.read_text().splitlines():
        fields = line.split()
        found[fields[0]][fields[document]] = float(fields[value])
    return found


def ranks_of(scores, judged):
    """One topic: documents by score and then by the later id, as trec_eval orders them."""
    order = sorted(scores, key=lambda key: (scores[key], key), reverse=True)
    place = {key: rank for rank, key in enumerate(order, 1)}
    relevant = sorted((place.get(key, UNSEEN), int(grade)) for key, grade in judged.items()
                      if grade > 0)  # fmt: skip
    rank, grade = np.array(relevant, np.float64).T[:, None]
    zeros = np.zeros(rank.shape, int)
    return Ranks(rank, grade.astype(int), zeros, "en", ("en",), np.array([10**13]))


@pytest.fixture
def topics(shared_data):
    folder = shared_data / "trec_eval"
    return table(folder / "results.test", 2, 4), table(folder / "qrels.test", 2, 3)


def test_values_are_those_that_trec_eval_printed(shared_data, topics):
    printed: dict[str, dict[str, float]] = defaultdict(dict)
    for line in (shared_data / "trec_eval" / "out.test.aq").read_text().splitlines():
        name, topic, value = line.split()
        if topic != "all" and name in METRICS:
            printed[topic][name] = float(value)
    runs, judged = topics
    assert len(printed) >= 3
    for topic, wanted in printed.items():
        ranks = ranks_of(runs[topic], judged[topic])
        found = {name: METRICS[name].values(ranks)[0] for name in wanted}
        assert len(found) >= 15
        assert found == pytest.approx(wanted, abs=0.5e-4 + 1e-9)


def test_values_are_those_of_trec_evals_code_to_the_ninth_digit(topics):
    runs, judged = topics
    grades = {t: {d: int(g) for d, g in found.items()} for t, found in judged.items()}
    cut = ",".join(map(str, CUTOFFS))
    names = {"map", "recip_rank", "Rprec", f"P.{cut}", f"recall.{cut}", f"ndcg_cut.{cut}"}
    wanted = pytrec_eval.RelevanceEvaluator(grades, {*names, "success.1,5,10"}).evaluate(runs)
    assert len(wanted) >= 3
    for topic, values in wanted.items():
        ranks = ranks_of(runs[topic], judged[topic])
        found = {name: metric.values(ranks)[0] for name, metric in METRICS.items()}
        assert found == pytest.approx({name: values[name] for name in METRICS}, abs=1e-9)
