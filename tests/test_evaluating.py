"""Evaluation through ``hbench run``: what is encoded, what damage does, transforms, the top."""

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hbench import counting
from hbench.cli import app
from hbench.records import Query
from hbench_plugins.datasets.babel import Babel
from hbench_plugins.encoders.transformer import Transformer
from hbench_plugins.metrics.map import AveragePrecision

SPEC = """
version: 1
benchmarks:
  toy:
    train: {data: {some: {use: babel, split: train}}, steps: 1, batch_size: 2}
    encoders: {tiny: {use: scratch, hidden: 8, layers: 1, vocabulary: 300}}
    samplers: {mono: {use: mono}, cross: {use: cross}, before: {use: none}}
    objectives: {infonce: {use: infonce}}
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono, multi], metrics: [map]}
"""
ONE = SPEC.replace("mono: {use: mono}, cross: {use: cross}, ", "")


class Small:
    """Babel with few places, in some languages; counts what is encoded."""

    def __init__(self, monkeypatch):
        self.languages = {"train": ["de", "en", "es"], "test": ["de", "en", "es"]}
        self.encoded: list[int] = []  # texts of each call
        self.products = 0
        for name in ("queries", "passages", "judgements"):
            monkeypatch.setattr(Babel, name, self._some(getattr(Babel, name)))
        monkeypatch.setattr(Babel, "languages", lambda babel: self.languages[babel.split])
        mark = Babel.fingerprint
        monkeypatch.setattr(
            Babel, "fingerprint", lambda babel: mark(babel) + str(self.languages[babel.split])
        )
        embed, count = Transformer.embed, counting.Asked.count

        def embedded(model, tokens, **options):
            if not model.body.training:
                self.encoded.append(len(tokens))
            return embed(model, tokens, **options)

        def counted(asked, block):
            self.products += 1
            return count(asked, block)

        monkeypatch.setattr(Transformer, "embed", embedded)
        monkeypatch.setattr(counting.Asked, "count", counted)

    def _some(self, original):
        def kept(dataset):
            for record in original(dataset):
                place = record.item if isinstance(record, Query) else str(record)
                if "tower" in place and record.language in self.languages[dataset.split]:
                    yield record

        return kept


@pytest.fixture
def babel(monkeypatch):
    return Small(monkeypatch)


@pytest.fixture
def hbench(tmp_path, monkeypatch):
    """Runs a spec; returns how it ended."""
    monkeypatch.chdir(tmp_path)

    def go(spec, command="run", *options):
        (tmp_path / "f.yaml").write_text(spec)
        return CliRunner().invoke(app, [command, "f.yaml", "--device", "cpu", *options])

    return go


def test_each_system_encodes_each_side_of_each_language_once_and_passes_once(hbench, babel):
    """3 systems, 2 x 3 encodes each, whatever the number of settings; one pass over 3 languages."""
    done = hbench(SPEC)
    assert done.exit_code == 0, done.stderr
    assert len(babel.encoded) == 3 * 2 * 3
    assert babel.products == 3 * 3  # one block of queries, one block of passages a language


def test_a_second_benchmark_on_the_same_texts_encodes_nothing(hbench, babel):
    hbench(ONE)
    babel.encoded.clear()
    again = ONE.replace("toy:", "again:").replace("[map]", "[mrr]").replace(
        "multi]", "multi, {name: few, pool: [de, es]}], top_k: 3"
    ).replace("      test:", "      other:")  # fmt: skip
    assert "to encode: 0 texts" in hbench(again, "plan").stdout
    done = hbench(again)
    assert done.exit_code == 0, done.stderr
    assert babel.encoded == []


def test_a_new_language_is_all_that_is_encoded(hbench, babel):
    babel.languages["test"] = ["de", "en"]
    hbench(ONE)
    assert len(babel.encoded) == 2 * 2
    babel.encoded.clear()
    babel.languages["test"] = ["de", "en", "es"]
    assert "1 encode jobs wait for their data" in hbench(ONE, "plan").stdout
    done = hbench(ONE)
    assert len(babel.encoded) == 2 * 1
    assert re.search(r"note: \d+ of the texts' vectors were in the cache", done.stderr)


def test_other_precisions_are_other_vectors(hbench, babel):
    hbench(ONE)
    babel.encoded.clear()
    done = hbench(ONE.replace("[map]}", "[map], vectors: float16}"))
    assert len(babel.encoded) == 6
    line = "Note: vectors are stored and compared in float16."
    assert line in " ".join(done.stdout.split())
    babel.encoded.clear()
    hbench(ONE.replace("[map]}", "[map], precision: bfloat16}"))
    assert len(babel.encoded) == 6


def test_damaged_vectors_are_computed_anew_and_named(hbench, babel, tmp_path):
    before = hbench(ONE).stdout
    babel.encoded.clear()
    vectors = sorted(tmp_path.glob("results/cache/vectors/*/vectors.safetensors"))
    content = bytearray(vectors[0].read_bytes())
    content[-1] ^= 1
    vectors[0].write_bytes(bytes(content))
    for folder in tmp_path.glob("results/systems/*/eval/*"):
        for path in folder.iterdir():
            path.unlink()
    done = hbench(ONE)
    assert len(babel.encoded) == 1
    named = f"{vectors[0].parent.relative_to(tmp_path)} was damaged (vectors.safetensors: "
    assert named in done.stderr
    assert done.stdout == before


TRANSFORMED = ONE.replace(
    "    evaluate:",
    "    transforms: {plain: {use: none}, middle: {use: centering}, shift: {use: shift}}\n"
    "    evaluate:",
)


def test_transforms_are_an_axis_and_share_the_encodes(hbench, babel, tmp_path):
    done = hbench(TRANSFORMED)
    assert done.exit_code == 0, done.stderr
    rows = [line.split()[1] for line in done.stdout.splitlines() if re.match("[abc]  ", line)]
    assert rows[:3] == ["plain", "middle", "shift"]
    assert len(babel.encoded) == 6 + 6  # the evaluation's texts and those that are fitted on
    scores = tmp_path.glob("results/systems/*/eval/*/scores.parquet")
    means = {round(float(pq.read_table(path)["map"].to_numpy().mean()), 9) for path in scores}
    assert len(means) == 3
    (fitted, _) = tmp_path.glob("results/systems/*/transforms/*/manifest.json")
    plugins = json.loads(fitted.read_text())["plugins"]
    assert [plugin["kind"] for plugin in plugins] == ["transform"]


def test_a_transform_is_not_fitted_on_what_it_is_evaluated_on(hbench, babel):
    same = TRANSFORMED.replace(
        "{use: centering}", "{use: centering, data: {use: babel, split: test}}"
    )
    done = hbench(same)
    assert done.exit_code == 2
    assert "is fitted on the very data that it is evaluated on" in done.stderr


def test_nor_on_other_data_with_texts_of_the_evaluation(hbench, babel, monkeypatch):
    original = Babel.passages
    monkeypatch.setattr(
        Babel, "passages", lambda self: original(Babel(split="test") if self.seed == 9 else self)
    )
    judgements, queries = Babel.judgements, Babel.queries
    for name, of in (("judgements", judgements), ("queries", queries)):
        monkeypatch.setattr(
            Babel, name, lambda self, of=of: of(Babel(split="test") if self.seed == 9 else self)
        )
    other = TRANSFORMED.replace(
        "{use: centering}", "{use: centering, data: {use: babel, split: train, seed: 9}}"
    )
    done = hbench(other)
    assert done.exit_code == 2
    assert re.search(
        r"transform 'centering' would be fitted on [\d,]+ passages in 'de'", done.stderr
    )


def test_a_cut_off_beyond_the_pool_is_an_error_before_training(hbench, babel, tmp_path):
    done = hbench(ONE.replace("[map]", "['recall@5000']"))
    assert done.exit_code == 2
    assert "metric 'recall@5000' looks at the first 5000 passages, and the pool" in done.stderr
    assert not (tmp_path / "results" / "systems").exists()


def test_metrics_of_the_top_look_at_no_more_than_is_kept(hbench, babel):
    spec = ONE.replace("[map]", "[map, 'language_share@4', 'language_skew@4']")
    done = hbench(spec)
    assert done.exit_code == 0, done.stderr
    assert "language_skew@4 ↓" in done.stdout
    refused = hbench(spec.replace("skew@4", "skew@40"))
    assert refused.exit_code == 2
    assert "it looks at the first 40 passages, and top_k is 10; raise top_k" in refused.stderr


def test_an_approximate_index_is_marked_and_told_with_its_recall(hbench, babel, tmp_path):
    exact = hbench(ONE)
    spec = ONE.replace("[map]}", "[map, 'recall@5'], top_k: 5, index: HNSW8}")
    done = hbench(spec)
    assert done.exit_code == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "Note: approximate search by a faiss index, HNSW8." in told
    found = re.search(r"approximate search against the exact one (\d\.\d+)", told)
    assert found and 0.5 < float(found[1]) <= 1
    assert "approximate: HNSW8 finds" in done.stderr
    assert "approximate" not in exact.stdout


def test_an_index_that_looks_everywhere_ranks_as_the_exact_search_as_deep_as_it_looks(
    hbench, babel, tmp_path
):
    """Flat: mrr equals the exact one, where the first relevant passage is among those found."""
    means = []
    for index in ("", ", top_k: 500, index: Flat"):
        done = hbench(ONE.replace("[map]}", f"[mrr]{index}}}"))
        assert done.exit_code == 0, done.stderr
        compared = json.loads((tmp_path / "results/benchmarks/toy/compare.json").read_text())
        means.append([table["rows"][0]["mean"] for table in compared[0]["tables"]])
    assert means[0] == pytest.approx(means[1], abs=1e-12)


def test_values_of_an_older_version_of_a_metric_are_never_served(
    hbench, babel, monkeypatch, tmp_path
):
    def mean(spec, version, value):
        """The mean that a run ends with for ``multi``, with a map that gives one value."""
        monkeypatch.setattr(AveragePrecision, "version", version)
        monkeypatch.setattr(
            AveragePrecision, "values", lambda metric, ranks: np.full(len(ranks.rank), value)
        )
        done = hbench(spec)
        assert done.exit_code == 0, done.stderr
        compared = json.loads((tmp_path / "results/benchmarks/toy/compare.json").read_text())
        tables = {table["setting"]: table["rows"] for table in compared[0]["tables"]}
        return tables["multi"][0]["mean"] if "multi" in tables else None

    assert mean(ONE, 7, 0.25) == 0.25
    assert mean(ONE.replace("[mono, multi]", "[mono]"), 8, 0.5) is None
    assert mean(ONE, 8, 0.5) == 0.5
