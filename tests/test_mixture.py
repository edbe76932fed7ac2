"""What is told of the training data before training, beside what is then drawn."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from hbench.cli import app
from hbench.errors import PluginError, SpecError
from hbench.mixture import Mixture, mixtures, printable_table
from hbench.plan import make_plan
from hbench.provenance import find_hardware
from hbench.registry import build
from hbench.site import Site
from hbench.stages import train
from hbench.store import Store
from hbench.trainer import texts_to_train_on
from hbench.validate import load_spec
from hbench.worker import run_job
from hbench_plugins.datasets.babel import Babel

SPEC = """
version: 1
benchmarks:
  toy:
    train:
      data:
        towers: {use: babel, split: train, seed: 1}
        all: {use: babel, split: train, weight: 3, cap: 504}
        test: {use: babel, split: test, minimum: 756}
      steps: 1
      batch_size: 4
      leakage: warn
    encoders: {tiny: {use: scratch, hidden: 8, layers: 1, vocabulary: 300}}
    samplers:
      mono: {use: mono}
      hybrid: {use: hybrid, alpha: 0.25}
      even: {use: mixed, source_weight: 0}
    objectives: {infonce: {use: infonce}}
    evaluate:
      test: {data: {use: babel, split: test, seed: 5}, settings: [mono], metrics: [map]}
"""
TOWERS = 21  # of the 252 places to train on


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """The plan, with its data in place; of the first source the towers alone, in two languages."""
    for name in ("queries", "passages", "judgements"):
        original = getattr(Babel, name)

        def kept(dataset, original=original):
            for record in original(dataset):
                place = getattr(record, "item", None) or record.id
                if dataset.seed != 1 or ("-tower" in place and record.language in ("de", "en")):
                    yield record

        monkeypatch.setattr(Babel, name, kept)
    languages = Babel.languages
    monkeypatch.setattr(
        Babel, "languages", lambda it: ("de", "en") if it.seed == 1 else languages(it)
    )
    (tmp_path / "f.yaml").write_text(SPEC)
    store, hardware = Store(tmp_path / "results"), find_hardware("cpu")
    plan = make_plan(load_spec(tmp_path / "f.yaml"), store, hardware)
    for job in plan.jobs:
        if job.title.startswith("data"):
            outcome = run_job(job, Site(store, hardware), lambda share, note: None)
            assert outcome.state == "done", outcome.message
    return plan, store


def test_the_table_counts_items_and_pairs_by_hand_and_weighs_sizes_within_their_bounds(planned):
    plan, store = planned
    towers, everything, test = mixtures(plan.benchmarks[0], plan.todo, store)
    assert (towers.source, towers.languages) == ("towers", ["de", "en"])
    assert (towers.items, towers.pairs, towers.crossing) == (
        TOWERS * 6,
        TOWERS * 6 * 2,
        TOWERS * 6 * 2,
    )
    assert (everything.items, everything.pairs) == (252 * 6, 252 * 6 * 8)
    assert everything.crossing == 252 * 6 * 8 * 7
    assert (test.items, len(test.languages)) == (84 * 6, 8)
    # 126 items; 1,512 that are taken for 504, three times; 504 that are taken for 756.
    total = 126 + 3 * 504 + 756
    expected = {"towers": 126 / total, "all": 1512 / total, "test": 756 / total}
    for mixture in (towers, everything, test):
        assert mixture.shares["mono"] == pytest.approx(expected[mixture.source])
        assert mixture.shares["hybrid"] == pytest.approx(expected[mixture.source])
    assert [m.shares["even"] for m in (towers, everything, test)] == pytest.approx([0.2, 0.6, 0.2])


@pytest.mark.parametrize("sampler", ["mono", "hybrid", "even"])
def test_2000_batches_are_drawn_as_the_table_says(planned, sampler):
    plan, store = planned
    job = next(iter(plan.benchmarks[0].systems[sampler].values()))
    items = texts_to_train_on(job, store).items
    batches = job.sampler.plugin.prepare(items, batch_size=4, seed=0)
    sources = [set(items.source[batches.batch(step)[:, 0]]) for step in range(2000)]
    assert all(len(found) == 1 for found in sources)
    counts = np.bincount([found.pop() for found in sources], minlength=3)
    for mixture, count in zip(mixtures(plan.benchmarks[0], plan.todo, store), counts, strict=True):
        share = mixture.shares[sampler] or 0.0
        assert abs(count / 2000 - share) <= 3 * np.sqrt(share * (1 - share) / 2000)


def test_a_sampler_that_does_not_tell_its_shares_is_tried_out(planned, monkeypatch):
    plan, store = planned

    class Second:
        def batch(self, step):
            return np.array([[TOWERS * 6 + step, 0, 0]], np.int32)  # items of the second source

    mono = type(build("sampler", "mono", {}).plugin)
    monkeypatch.setattr(mono, "prepare", lambda *_, **__: Second())
    shares = [mixture.shares["mono"] for mixture in mixtures(plan.benchmarks[0], plan.todo, store)]
    assert shares == [0, 1, 0]


def told(monkeypatch, shares):
    """Let the sampler `mono` tell these shares."""

    class Telling:
        def __init__(self):
            self.shares = shares

        def batch(self, step):
            return np.array([[0, 0, 0]], np.int32)

    mono = type(build("sampler", "mono", {}).plugin)
    monkeypatch.setattr(mono, "prepare", lambda *_, **__: Telling())


NO_SHARES = {
    "a mapping": {"towers": 1.0},
    "a number": 0.5,
    "texts": ["0.2", "0.3", "0.5"],
    "no numbers": [None, 0.5, 0.5],
    "a short list": [0.5, 0.5],
    "a table": [[0.2, 0.3, 0.5]],
    "lists of several lengths": [[0.2], [0.3, 0.5], []],
    "NaN": [float("nan"), 0.5, 0.5],
    "infinite": [float("inf"), 0.0, 0.0],
    "negative": [-0.5, 1.0, 0.5],
    "more than all": [0.5, 0.5, 0.5],
}


@pytest.mark.parametrize("shares", NO_SHARES.values(), ids=NO_SHARES)
def test_what_a_sampler_tells_and_are_no_shares_is_a_mistake_of_the_plugin(
    planned, monkeypatch, shares
):
    plan, store = planned
    told(monkeypatch, shares)
    with pytest.raises(PluginError) as caught:
        mixtures(plan.benchmarks[0], plan.todo, store)
    assert re.fullmatch(
        r"sampler 'mono' \(hbench \S+\): the `shares` of its batches must be one number a source, "
        r"none negative, with the sum 1; found .+ for 3 sources; mend or update the plugin",
        str(caught.value),
    )


@pytest.mark.parametrize(
    "shares", [[0.25, 0.25, 0.5], (0, 1, 0), np.array([0.1, 0.2, 0.7], np.float32)]
)
def test_shares_may_be_any_numbers_with_the_sum_1(planned, monkeypatch, shares):
    plan, store = planned
    told(monkeypatch, shares)
    found = [mixture.shares["mono"] for mixture in mixtures(plan.benchmarks[0], plan.todo, store)]
    assert found == pytest.approx([float(share) for share in shares])


def test_a_run_shows_the_table_before_it_trains(planned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "run", lambda *_, **__: 1 / 0)  # enough is seen by then
    done = CliRunner().invoke(app, ["run", "f.yaml", "--device", "cpu"])
    lines = done.stderr.splitlines()
    start = lines.index("toy: what the batches are made of")
    assert start < next(i for i, line in enumerate(lines) if "] FAILED train " in line)
    assert lines[start + 2].startswith("training data ")
    assert re.split(r"  +", lines[start + 4].strip())[:5] == [
        "towers",
        "2: de en",
        "126",
        "252",
        "252",
    ]


TAGS = ("ar", "bn", "de", "en", "es", "fa", "fi", "fr", "hi", "id", "ja", "ko", "ru", "sw")


def test_the_table_tells_the_share_of_each_sampler_below_each_source():
    few = Mixture("few", ("de", "en"), 126, 252, 252, {"mono": 0.053, "hybrid": None})
    many = Mixture("many", TAGS[:3], 10, 30, 60, {"mono": 0.947, "hybrid": None})
    lines = printable_table("toy", [few, many]).splitlines()
    assert lines[0] == "toy: what the batches are made of"
    cells = [re.split(r"  +", line.strip()) for line in lines[2:]]
    assert cells[0] == [
        "training data", "languages", "items", "pairs", "across languages", "share",
    ]  # fmt: skip
    assert cells[2:] == [
        ["few", "2: de en", "126", "252", "252"],
        ["in mono", "5.3%"],
        ["in hybrid", "–"],
        ["many", "3: ar bn de", "10", "30", "60"],
        ["in mono", "94.7%"],
        ["in hybrid", "–"],
    ]


def test_the_table_fits_into_a_terminal():
    names = ["mono", "cross", "a-sampler-with-a-very-long-name"]
    shares: dict[str, float | None] = dict.fromkeys(names, 1.0)
    source = Mixture("all-that-was-translated", TAGS, 1_000_000, 14_000_000, 182_000_000, shares)
    table = printable_table("toy", [source])
    assert max(map(len, table.splitlines())) <= 100
    assert all(tag in table.split() for tag in TAGS)


def test_a_minimum_above_the_cap_is_a_mistake(tmp_path):
    (tmp_path / "f.yaml").write_text(SPEC.replace("cap: 504", "cap: 504, minimum: 505"))
    with pytest.raises(SpecError, match="the minimum, 505, is above the cap, 504"):
        load_spec(tmp_path / "f.yaml")


REAL = """
version: 1
benchmarks:
  real:
    train:
      data:
        ntrex: {use: parallel, files: "DATA/ntrex/newstest2019-*.{lang}.txt", weight: 2}
        tatoeba: {use: parallel, files: "DATA/tatoeba/tatoeba.{set}.{lang}", cap: 3000}
        mkqa: {use: parallel, files: "DATA/mkqa/dev/mkqa-{lang}.jsonl", query: question,
               passage: answers, id: id, minimum: 2500}
      steps: 3
      batch_size: 16
    encoders: {tiny: {use: scratch, hidden: 8, layers: 1, vocabulary: 500}}
    samplers: {cross: {use: cross}, hybrid: {use: hybrid}}
    objectives: {infonce: {use: infonce}}
    evaluate:
      xquad:
        data: {use: squad, path: "DATA/xquad/xquad.{lang}.json", unit: sentence}
        settings: [mono, cross]
        metrics: [map]
"""


def test_ntrex_tatoeba_and_mkqa_are_drawn_as_their_table_says(shared_data, tmp_path):
    (tmp_path / "f.yaml").write_text(REAL.replace("DATA", str(shared_data)))
    store, hardware = Store(tmp_path / "results"), find_hardware("cpu")
    plan = make_plan(load_spec(tmp_path / "f.yaml"), store, hardware)
    for job in plan.jobs:
        if job.title.startswith("data"):
            assert run_job(job, Site(store, hardware), lambda share, note: None).state == "done"
    found = mixtures(plan.benchmarks[0], plan.todo, store)
    assert [mixture.source for mixture in found] == ["ntrex", "tatoeba", "mkqa"]
    assert [mixture.items for mixture in found] == [1997, 9548, 1758]
    assert [len(mixture.languages) for mixture in found] == [11, 11, 12]
    total = 2 * 1997 + 3000 + 2500
    for sampler in ("cross", "hybrid"):
        job = next(iter(plan.benchmarks[0].systems[sampler].values()))
        items = texts_to_train_on(job, store).items
        batches = build("sampler", sampler, {}).plugin.prepare(items, batch_size=16, seed=3)
        drawn = np.bincount(
            [items.source[batches.batch(step)[0, 0]] for step in range(2000)], minlength=3
        )
        for mixture, count, part in zip(found, drawn, (2 * 1997, 3000, 2500), strict=True):
            assert mixture.shares[sampler] == pytest.approx(part / total)
            error = np.sqrt(part / total * (1 - part / total) / 2000)
            assert abs(count / 2000 - part / total) <= 3 * error


@pytest.mark.slow
def test_ntrex_tatoeba_and_mkqa_train_one_model(shared_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_text(REAL.replace("DATA", str(shared_data)))
    done = CliRunner().invoke(app, ["run", "f.yaml", "--device", "cpu"])
    assert done.exit_code == 0, done.stderr
    assert "real: xquad, cross" in done.stdout
    assert "also occur in training (exact)" in " ".join(done.stdout.split())
