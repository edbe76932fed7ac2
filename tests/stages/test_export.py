import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import pytrec_eval
from hypothesis import given, settings
from tests.toy_corpora import problems, ranked, spelled, stored, toy

from hbench.settings import Component, components
from hbench.stages import export, score
from hbench.stages.export import Ranking, Request
from hbench_plugins.metrics.map import AveragePrecision
from hbench_plugins.metrics.mrr import ReciprocalRank
from hbench_plugins.metrics.recall import Recall

pytestmark = pytest.mark.filterwarnings("ignore:builtin type .*:DeprecationWarning")  # faiss's own
TWINS = {"map": "map", "mrr": "recip_rank", "recall@10": "recall_10"}
METRICS: dict[str, Any] = {
    "map": AveragePrecision(),
    "mrr": ReciprocalRank(),
    "recall@10": Recall(10),
}


def exported(corpus, asked, folder, **options):
    """What the stage tells of each pool."""
    request = Request(**{"depth": 100, "tag": "toy", **options})
    return list(export.run(Ranking(corpus, spelled(corpus), asked), request, folder))


def test_a_run_and_its_judgements_hold_the_pools_own_queries_and_passages(tmp_path):
    dataset = toy(
        {"de:q 1": "1 0", "en:q 1": "0 1", "de:r": "1 0", "en:s": "1 0"},
        {"de:a": "3 4", "de:b": "4 3", "de:50 %": "6 8", "en:a": "1 0"},
        {"q 1": {"de:a": 2, "de:b": 0, "en:a": 1}, "r": {"en:a": 1}, "s": {"de:50 %": 1}},
    )
    corpus = stored(dataset, tmp_path)
    asked = {
        "mono": [Component("de", ("de",))],
        "cross": [Component("en", ("de",))],
        "own": [Component("de", ("en", "de"))],
    }
    german, both = exported(corpus, asked, tmp_path, depth=2)
    assert (german.name, german.queries, german.recall) == ("de", 3, None)
    assert german.settings == {"mono": ["de"], "cross": ["en"]}
    # de:r has no relevant passage in German. 0.6 is shared, and de:a is the later id.
    assert (tmp_path / german.run).read_text() == (
        "de:q%201 Q0 de:b 1 0.800000012 toy\n"
        "de:q%201 Q0 de:a 2 0.600000024 toy\n"
        "en:q%201 Q0 de:a 1 0.800000012 toy\n"
        "en:q%201 Q0 de:50%20%25 2 0.800000012 toy\n"
        "en:s Q0 de:b 1 0.800000012 toy\n"
        "en:s Q0 de:a 2 0.600000024 toy\n"
    )
    assert sorted((tmp_path / german.qrels).read_text().splitlines()) == [
        "de:q%201 0 de:a 2",
        "de:q%201 0 de:b 0",
        "en:q%201 0 de:a 2",
        "en:q%201 0 de:b 0",
        "en:s 0 de:50%20%25 1",
    ]
    assert (both.name, both.run, both.queries) == ("de+en", "de+en.trec", 2)
    assert "de:r 0 en:a 1\n" in (tmp_path / both.qrels).read_text()


def test_nothing_that_a_reader_splits_at_stays_in_a_name():
    assert export.spelled("de:a b\t%\u3000語") == "de:a%20b%09%25%E3%80%80語"
    assert export.spelled("zh:語-1+") == "zh:語-1+"


@settings(max_examples=50)
@given(problems())
def test_trec_eval_says_of_the_files_what_the_score_stage_says_of_the_pool(dataset):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = stored(dataset, folder)
        languages = corpus.languages
        names = ["mono", "cross", "multi"] if len(languages) > 1 else ["mono", "multi"]
        asked = {key: components(key, languages, parallel=True) for key in names}
        beats = ranked(corpus, spelled(corpus), folder)
        score.run(corpus, beats, asked, METRICS, folder / "scores.parquet")
        judged = {
            pool.name: trec_eval(folder, pool) for pool in exported(corpus, asked, folder)
        }  # fmt: skip
        for row in pq.read_table(folder / "scores.parquet").to_pylist():
            values = judged[row["pool"]][f"{row['query_language']}:{row['item']}"]
            for ours, theirs in TWINS.items():
                assert abs(row[ours] - values[theirs]) <= 1e-9


def trec_eval(folder, pool):
    """trec_eval's values by topic, from the files."""
    with (folder / pool.run).open() as run, (folder / pool.qrels).open() as qrels:
        found, judged = pytrec_eval.parse_run(run), pytrec_eval.parse_qrel(qrels)
    assert found.keys() == judged.keys() and len(found) == pool.queries
    return pytrec_eval.RelevanceEvaluator(judged, {"map", "recip_rank", "recall.10"}).evaluate(
        found
    )


def test_an_index_has_a_recall(tmp_path):
    candidates = {f"de:{i}": f"{i + 1} {20 - i}" for i in range(20)}
    corpus = stored(toy({"de:q": "1 1"}, candidates, {"q": {"de:3": 1}}), tmp_path)
    asked = {"mono": [Component("de", ("de",))]}
    (pool,) = exported(corpus, asked, tmp_path, index="HNSW8", depth=5)
    assert pool.recall is not None and 0 <= pool.recall <= 1
    (flat,) = exported(corpus, asked, tmp_path, index="Flat", depth=5)
    assert flat.recall == 1
