import json
from pathlib import Path
from shutil import rmtree

import pytest
from tests.toy_manifests import change_manifest, write_manifest

from hbench.errors import DataError, OptionError, SpecError
from hbench.jobs import DataJob, EncodeJob, Job, LeakageJob, RankJob, ScoreJob, TrainJob
from hbench.manifests import MANIFEST, read_manifest
from hbench.plan import make_plan
from hbench.provenance import Hardware
from hbench.resolved import resolved
from hbench.stages import data, encode, rank, score, train
from hbench.store import Store
from hbench.validate import load_spec
from hbench_plugins.datasets.babel import Babel
from hbench_plugins.encoders.scratch import Scratch
from hbench_plugins.metrics.ndcg import NDCG
from hbench_plugins.objectives.infonce import InfoNCE
from hbench_plugins.samplers.mono import Mono

CPU = Hardware("cpu", 2)
TINY = """\
version: 1
benchmarks:
  tiny:
    says: what
    train: {data: {some: {use: babel, split: train}}, steps: 2, batch_size: 4}
    encoders: {small: {use: scratch, hidden: 32}}
    samplers: {mono: {use: mono}, mixed: {use: hybrid, alpha: 0.5}}
    objectives: {nce: {use: infonce}}
    seeds: [1, 2]
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono, cross], metrics: [map, ndcg@10]}
"""
# What a stored dataset of two languages tells.
DETAIL = {
    "languages": ["de", "en"],
    "shards": {
        "query": {"de": [{"texts": 3, "sum": "a"}], "en": [{"texts": 3, "sum": "b"}]},
        "passage": {"de": [{"texts": 9, "sum": "c"}], "en": [{"texts": 9, "sum": "d"}]},
    },
}
KINDS = (DataJob, TrainJob, EncodeJob, RankJob, ScoreJob)


@pytest.fixture
def plan(tmp_path):
    """Plans a text: ``plan(text, hardware=..., only=...)``."""
    path = tmp_path / "f.yaml"

    def run(text=TINY, hardware=CPU, only=()):
        path.write_text(text, encoding="utf-8")
        return make_plan(load_spec(path), Store(tmp_path / "results"), hardware, only)

    return run


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def counts(jobs):
    return [sum(isinstance(job, kind) for job in jobs) for kind in KINDS]


def keys(plan):
    """The keys of each kind of job."""
    return [{job.key for job in plan.jobs if isinstance(job, kind)} for kind in KINDS]


def finish(jobs, store):
    """Put what a job leaves behind where the plan looks for it."""
    for job in jobs:
        if isinstance(job, EncodeJob):
            for place in job.places(store):
                write_manifest(place.folder, {})
            continue
        folder = job.folder(store)
        content = read_manifest(folder) or {"key": job.key}
        if isinstance(job, DataJob):
            content["detail"] = DETAIL
        if isinstance(job, ScoreJob):
            content["scores"] = {
                label: {"key": key, "cells": job.cells} for label, key in job.metric_keys.items()
            }
        write_manifest(folder, content)


def test_each_job_stands_in_the_plan_once_after_what_it_needs(plan):
    jobs = plan().jobs
    # 2 samplers x 2 seeds; one dataset to train on, one to evaluate on
    assert counts(jobs) == [2, 4, 4, 4, 4]
    assert len({job.key for job in jobs}) == 18 + 1  # and one comparison of both datasets
    place = {job.key: number for number, job in enumerate(jobs)}
    assert all(place[need.key] < place[job.key] for job in jobs for need in job.needs)
    assert plan().todo == jobs


def test_systems_come_one_after_the_other_so_that_tables_fill_up_early(plan):
    titles = [job.title for job in plan().jobs]
    system = "mono, seed 1"
    assert titles[:7] == [
        "data babel split=train", "data babel split=test", "leakage babel split=test in some",
        f"train {system}", f"encode babel split=test by {system}",
        f"rank babel split=test by {system}", f"score babel split=test by {system}",
    ]  # fmt: skip


def test_two_benchmarks_share_the_systems_that_both_need(plan, store):
    other = TINY.split("  tiny:\n")[1]
    other = other.replace("mixed: {use: hybrid, alpha: 0.5}", "x: {use: cross}")
    other = other.replace("mono: {", "monolingual: {").replace("[map, ndcg@10]", "[mrr]")
    both = plan(f"{TINY}  other:\n{other}")
    # mono, hybrid and cross with 2 seeds each; mono's two systems are scored by two lists
    assert counts(both.jobs) == [2, 6, 6, 6, 8]
    tiny, other = both.benchmarks
    shared = {job.key for job in tiny.systems["mono"].values()}
    assert shared == {job.key for job in other.systems["monolingual"].values()}
    assert (
        resolved(tiny, store)["methods"][0]["systems"]
        == (resolved(other, store)["methods"][0]["systems"])
    )


DATA, TRAIN, ENCODE, RANK, SCORE = range(5)


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        ("split: train", "split: train, seed: 1", TRAIN),
        ("split: test", "split: test, seed: 1", ENCODE),
        ("split: train", "split: train, weight: 2.0", TRAIN),
        ("hidden: 32", "hidden: 64", TRAIN),
        ("alpha: 0.5", "alpha: 0.25", TRAIN),
        ("use: infonce", "use: infonce, temperature: 0.1", TRAIN),
        ("steps: 2", "steps: 3", TRAIN),
        ("batch_size: 4", "batch_size: 5", TRAIN),
        ("steps: 2", "steps: 2, warmup: 0.2", TRAIN),
        ("steps: 2", "steps: 2, precision: bfloat16", TRAIN),
        ("[1, 2]", "[1, 3]", TRAIN),
        ("[mono", "[mono, multi", SCORE),
        ("ndcg@10", "ndcg@5", SCORE),
        ("settings", "top_k: 3, settings", RANK),
    ],
)
def test_what_changes_an_outcome_changes_its_key_and_those_behind_it(old, new, first, plan):
    assert old in TINY
    before, after = keys(plan()), keys(plan(TINY.replace(old, new)))
    changed = [before[kind] != after[kind] for kind in range(5)]
    assert changed[1:] == [kind >= first for kind in range(1, 5)]
    assert changed[DATA] == ("seed: 1" in new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tiny:", "other:"),
        ("says: what", "says: that"),
        ("some:", "thing:"),
        ("small:", "little:"),
        ("mono: {", "m: {"),
        ("nce:", "loss:"),
        ("test: {data", "heldout: {data"),
        ("[1, 2]", "[2, 1]"),
        ("use: infonce", "use: infonce, temperature: 0.05"),
        ("hidden: 32", "layers: 4, hidden: 32"),
        ("ndcg@10", "{use: ndcg, k: 10}"),
    ],
)
def test_names_and_written_out_defaults_change_no_key(old, new, plan):
    assert old in TINY
    assert keys(plan()) == keys(plan(TINY.replace(old, new)))


@pytest.mark.parametrize(
    ("owner", "name", "first"),
    [
        (Mono, "version", TRAIN), (InfoNCE, "version", TRAIN), (NDCG, "version", SCORE),
        (Babel, "version", DATA), (data, "VERSION", DATA), (train, "VERSION", TRAIN),
        (encode, "VERSION", ENCODE), (rank, "VERSION", RANK), (score, "VERSION", SCORE),
    ],
)  # fmt: skip
def test_a_raised_version_changes_the_keys_behind_it(owner, name, first, plan, monkeypatch):
    before = keys(plan())
    monkeypatch.setattr(owner, name, 99)
    after = keys(plan())
    assert [a != b for a, b in zip(before, after, strict=True)] == [n >= first for n in range(5)]


def test_other_content_behind_the_same_options_changes_the_keys(plan, monkeypatch):
    before = keys(plan())
    monkeypatch.setattr(Babel, "fingerprint", lambda self: "other")
    assert all(a.isdisjoint(b) for a, b in zip(before, keys(plan()), strict=True))


def test_threads_of_a_cpu_and_the_class_of_a_device_change_keys_but_its_number_does_not(plan):
    two, three = keys(plan()), keys(plan(hardware=Hardware("cpu", 3)))
    first, second = (
        keys(plan(hardware=Hardware("cuda", 2))),
        keys(plan(hardware=Hardware("cuda:1", 3))),
    )
    assert two[DATA] == three[DATA] == first[DATA]
    assert first == second
    for a, b in ((two, three), (two, first)):
        assert all(a[kind].isdisjoint(b[kind]) for kind in range(1, 5))


def test_an_untrained_model_is_the_same_everywhere_and_its_vectors_are_not(plan):
    text = TINY.replace("mono: {use: mono}", "none: {use: none}")
    one, other = (keys(plan(text, Hardware("cpu", threads))) for threads in (1, 2))
    # Of 4 systems, the 2 untrained ones are shared.
    assert len(one[TRAIN] & other[TRAIN]) == 2
    assert one[ENCODE].isdisjoint(other[ENCODE])


def test_other_weights_to_start_from_change_the_keys(plan, monkeypatch):
    before = keys(plan())
    monkeypatch.setattr(Scratch, "fingerprint", lambda self: "other")
    after = keys(plan())
    assert before[DATA] == after[DATA]
    assert before[TRAIN].isdisjoint(after[TRAIN])


def test_the_place_of_the_results_changes_no_key(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text(TINY, encoding="utf-8")
    spec = load_spec(path)
    here, there = (make_plan(spec, Store(tmp_path / name), CPU) for name in "ab")
    assert keys(here) == keys(there)
    assert resolved(here.benchmarks[0], Store(tmp_path / "a")) == resolved(
        there.benchmarks[0], Store(tmp_path / "b")
    )


def test_with_the_scores_in_place_nothing_is_done_again(plan, store):
    jobs = plan().jobs
    finish(jobs, store)
    assert plan().todo == []
    rmtree(store.root / "cache")
    rmtree(store.root / "data")
    assert plan().todo == []
    assert len(plan().jobs) == 19


def test_only_what_something_missing_needs_is_done_again(plan, store):
    jobs = plan().jobs
    finish(jobs, store)
    rmtree(store.root / "cache")
    rmtree(store.root / "data")
    lost = next(job for job in jobs if isinstance(job, RankJob))
    rmtree(lost.folder(store))
    # The system is there: its training data is not needed, its vectors and their data are.
    assert [job.title.split()[0] for job in plan().todo] == ["data", "encode", "rank", "score"]
    assert lost.vectors.data.key == plan().todo[0].key


def test_the_bounds_of_a_source_are_part_of_a_system(plan):
    before = keys(plan())
    found = [keys(plan(TINY.replace("split: train", f"split: train, {bound}")))[1]
             for bound in ("cap: 5", "cap: 6", "minimum: 5")]  # fmt: skip
    assert len(set.union(before[1], *found)) == 4 * len(before[1])


def test_what_leaks_is_part_of_a_system_only_where_it_is_dropped(plan, store):
    before = keys(plan())
    assert keys(plan(TINY.replace("steps: 2", "steps: 2, leakage: error"))) == before
    dropped = plan(TINY.replace("steps: 2", "steps: 2, leakage: drop"))
    assert not keys(dropped)[1] & before[1]
    finish([job for job in dropped.jobs if not isinstance(job, LeakageJob)], store)
    # The systems are there; what leaked is not looked at again for them, but for the tables.
    again = plan(TINY.replace("steps: 2", "steps: 2, leakage: drop"))
    assert [job.title.split()[0] for job in again.todo] == ["leakage"]


def test_a_new_metric_or_setting_is_only_scored(plan, store):
    finish(plan().jobs, store)
    for text in (TINY.replace("[map", "[mrr, map"), TINY.replace("[mono", "[multi, mono")):
        assert counts(plan(text).todo) == [0, 0, 0, 0, 4]
    assert plan(TINY.replace("[map, ", "[").replace("[mono, ", "[")).todo == []


def test_a_folder_of_another_job_or_without_manifest_is_not_taken_for_done(plan, store):
    jobs = plan().jobs
    finish(jobs, store)
    first, second = [job for job in jobs if isinstance(job, TrainJob)][:2]
    write_manifest(first.folder(store), {"key": first.key[:8] + "0" * 56})
    (second.folder(store) / MANIFEST).unlink()
    assert [job.key for job in plan().todo] == [first.key, second.key]


def test_scores_of_other_counts_are_not_taken_for_done(plan, store):
    finish(plan().jobs, store)
    job = next(job for job in plan().jobs if isinstance(job, ScoreJob))
    other = {"key": job.rank.key[:8] + "0" * 56}
    change_manifest(job.folder(store), lambda manifest: manifest | other)
    assert [found.key for found in plan().todo] == [job.rank.key, job.key]


def test_one_parallel_source_is_enough_for_a_sampler_that_crosses_languages(plan, monkeypatch):
    parallel = property(lambda self: self.seed == 0)
    monkeypatch.setattr(Babel, "parallel", parallel)
    more = "{some: {use: babel, split: train, seed: 1}, more: {use: babel, split: train}}"
    assert plan(TINY.replace("{some: {use: babel, split: train}}", more)).jobs
    with pytest.raises(DataError, match=r"none of the training data \(some\) is parallel"):
        plan(TINY.replace("split: train", "split: train, seed: 1"))


def test_all_mistakes_of_the_data_come_at_once_and_nothing_is_written(plan, store, monkeypatch):
    monkeypatch.setattr(Babel, "parallel", False)
    twice = TINY.replace("mono: {use: mono}", "mono: {use: mono}, again: {use: mono}")
    with pytest.raises(DataError) as caught:
        plan(twice.replace("cross]", "multi]"))
    sampler, same = str(caught.value).splitlines()
    assert sampler.startswith("tiny: sampler 'mixed' pairs a query with a passage of another lang")
    assert sampler.endswith("(some) is parallel; use a monolingual sampler or add parallel data")
    assert same == "tiny: the methods 'mono' and 'again' are the same; remove one"
    assert not store.root.exists()


def test_data_and_models_that_are_missing_are_mistakes_before_anything_is_written(
    plan, store, monkeypatch, tmp_path
):
    def missing(self):
        raise DataError(f"babel {self.split}: not here")

    monkeypatch.setattr(Babel, "fingerprint", missing)
    with pytest.raises(DataError) as caught:
        plan(TINY.replace("use: scratch, hidden: 32", f"use: huggingface, model: {tmp_path}"))
    assert str(caught.value).splitlines() == [
        "tiny: train.data.some: babel train: not here",
        "tiny: evaluate.test: babel test: not here",
        f"tiny: encoder 'small': {tmp_path}: holds no config.json, so it is no model folder",
    ]
    assert not store.root.exists()


def test_content_is_read_once_however_many_systems_need_it(plan, monkeypatch):
    read = []

    def fingerprint(self):
        read.append(self.split)
        return self.split

    monkeypatch.setattr(Babel, "fingerprint", fingerprint)
    plan()
    assert read == ["train", "test"]


def test_a_pool_of_unknown_languages_is_a_mistake(plan):
    with pytest.raises(SpecError, match=r"settings\.1: pool 'nordic': no language 'da'"):
        plan(TINY.replace("cross]", "{name: nordic, pool: [da, en]}]"))


COMMIT = "0123456789" * 4
PRETRAINED = f"use: huggingface, model: org/model, revision: '{COMMIT}'"


def test_an_untrained_pretrained_encoder_is_one_system_without_training_data(plan):
    text = TINY.replace("use: scratch, hidden: 32", PRETRAINED)
    text = text.replace("mono: {use: mono}, mixed: {use: hybrid, alpha: 0.5}", "none: {use: none}")
    made = plan(text)
    assert counts(made.jobs) == [1, 1, 1, 1, 1]
    ((seed, job),) = made.benchmarks[0].systems["none"].items()
    assert (seed, job.needs, job.training, job.plugins) == (0, (), None, [job.encoder])
    assert job.folder(Store(Path("r"))).name == f"huggingface-none-none-s0-{job.key[:8]}"
    # What it is does not depend on where it is loaded, nor on how others are trained.
    assert keys(plan(text, Hardware("cpu", 5)))[TRAIN] == keys(made)[TRAIN]


def test_an_untrained_encoder_from_scratch_is_a_system_for_each_seed(plan, store):
    made = plan(TINY.replace("mono: {use: mono}", "none: {use: none}"))
    assert counts(made.jobs) == [2, 4, 4, 4, 4]
    assert [*made.benchmarks[0].systems["none"]] == [1, 2]
    assert [m["seeded"] for m in resolved(made.benchmarks[0], store)["methods"]] == [True, True]


def test_an_encoder_from_scratch_needs_texts_for_its_tokenizer(plan):
    text = TINY.replace("mono: {use: mono}, mixed: {use: hybrid, alpha: 0.5}", "none: {use: none}")
    text = text.replace(next(line for line in TINY.splitlines() if "train:" in line), "")
    with pytest.raises(DataError, match="encoder 'small' needs training texts for its tokenizer"):
        plan(text)


def test_benchmarks_are_chosen_by_name_or_by_default(plan):
    body = TINY.split("  tiny:\n")[1]
    text = f"{TINY}  extra:\n    default: false\n{body}"
    assert [part.name for part in plan(text).benchmarks] == ["tiny"]
    assert [part.name for part in plan(text, only=["extra", "tiny", "extra"]).benchmarks] == [
        "extra",
        "tiny",
    ]
    with pytest.raises(OptionError, match=r"^--only tny: did you mean 'tiny'\? Allowed: extra, t"):
        plan(text, only=["tny"])
    with pytest.raises(
        OptionError, match="no benchmark runs by default; choose with --only from: "
    ):
        plan(TINY.replace("says: what", "default: false"))


def test_the_resolved_spec_writes_every_default_out_and_is_json(plan, store):
    (part,) = plan().benchmarks
    detail = json.loads(json.dumps(resolved(part, store), allow_nan=False))
    assert detail["benchmark"] == "tiny"
    spec = detail["spec"]
    nce = spec["objectives"]["nce"]
    assert nce == {
        "use": "infonce", "temperature": 0.05, "symmetric": False, "joint": False,
        "learn_temperature": False, "hard_negatives": 0, "margin": None,
    }  # fmt: skip
    assert spec["train"]["learning_rate"] == 3e-5
    assert spec["train"]["data"]["some"] == {
        "use": "babel", "weight": 1.0, "split": "train", "seed": 0,
    }  # fmt: skip
    assert [m["name"] for m in detail["methods"]] == ["mono", "mixed"]
    assert detail["methods"][1]["axes"] == {
        "encoder": "small", "sampler": "mixed", "objective": "nce",
    }  # fmt: skip
    system = part.systems["mixed"][2]
    folder = detail["methods"][1]["systems"]["2"]["folder"]
    assert folder == f"systems/scratch-hybrid-infonce-s2-{system.key[:8]}"
    evaluation = detail["evaluations"]["test"]
    assert evaluation["settings"]["mono"][:2] == [["ar", "ar"], ["de", "de"]]
    assert len(evaluation["settings"]["cross"]) == 8 * 7
    assert evaluation["metrics"]["map"]["direction"] == "higher"
    rank_job = part.scores["test"]["mixed"][2].rank
    assert system.key == rank_job.vectors.system.key
    assert evaluation["scores"]["mixed"]["2"] == {
        "key": rank_job.key,
        "folder": f"{folder}/eval/babel-{rank_job.key[:8]}",
        "vectors": rank_job.vectors.encoding,
        "transform": None,
    }


def test_a_job_that_does_not_say_what_identifies_it_cannot_have_a_key(store):
    with pytest.raises(TypeError, match="does not say what goes into its key"):
        _ = Job().key
    with pytest.raises(TypeError, match="does not say where its outcome lies"):
        Job().folder(store)
