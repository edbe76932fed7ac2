import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.toy_training import toy_texts

from hbench.errors import DataError, PluginError, TrainingError
from hbench.stages import train
from hbench.stages.train import Lesson, Surroundings
from hbench.store import Store
from hbench.tokens import tokenize
from hbench.training import checkpoint
from hbench.training.checkpoint import Checkpoints
from hbench.training.recipe import Recipe
from hbench_plugins.encoders.scratch import Scratch
from hbench_plugins.objectives.infonce import InfoNCE
from hbench_plugins.objectives.lakda import LaKDA
from hbench_plugins.samplers.hybrid import Hybrid

ROOT = Path(__file__).parents[2]
ENCODER = Scratch(hidden=16, layers=1, heads=2, vocabulary=300, dropout=0.1)
RECIPE = Recipe(steps=6, batch_size=4, learning_rate=5e-3, warmup=0.2)
ONE = [(1.0, InfoNCE())]
WEIGHTS = Path("model/model.safetensors")


@pytest.fixture
def own_threads():
    """Threads are as before when the test has ended."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def silent(share, note):
    """Nobody looks on."""


def run(folder, *, seed=1, recipe=RECIPE, sampler=Hybrid(), objectives=ONE, encoder=ENCODER,  # noqa: B008
        validation=None, texts=None, trained=True, **around):  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    lesson = Lesson(sampler, objectives, recipe, validation) if trained else None
    place = Surroundings("cpu", folder, tokenize, around.pop("progress", silent), **around)
    return train.run(encoder, lesson, texts or toy_texts(), place, seed=seed)


def model_of(folder):
    model = folder / "model"
    return {p.relative_to(folder): p.read_bytes() for p in model.rglob("*") if p.is_file()}


def log_of(folder):
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def test_training_twice_with_one_seed_gives_the_same_bytes(tmp_path):
    facts = run(tmp_path / "a")
    torch.manual_seed(123)  # what came before must not matter
    run(tmp_path / "b")
    run(tmp_path / "c", seed=2)
    assert model_of(tmp_path / "a") == model_of(tmp_path / "b")
    assert model_of(tmp_path / "a")[WEIGHTS] != model_of(tmp_path / "c")[WEIGHTS]
    assert [e["loss"] for e in log_of(tmp_path / "a")] == [
        e["loss"] for e in log_of(tmp_path / "b")
    ]
    assert facts["steps"] == 6


@pytest.mark.usefixtures("own_threads")
def test_two_processes_give_the_same_weights_and_need_no_package_that_gpu_machines_lack(tmp_path):
    path = os.pathsep.join(map(str, (ROOT, ROOT / "harness", ROOT / "plugins")))
    script = (
        "import sys, pathlib\n"
        "for name in ('ranx', 'faiss', 'ir_datasets'): sys.modules[name] = None\n"
        "import torch; torch.set_num_threads(1)\n"
        "from tests.stages.test_train import run\n"
        "run(pathlib.Path(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT)
    torch.set_num_threads(1)
    run(tmp_path / "b")
    assert model_of(tmp_path / "a") == model_of(tmp_path / "b")


def test_the_loss_falls_and_the_log_holds_its_curve_and_the_speed(tmp_path):
    seen = []
    recipe = Recipe(steps=150, batch_size=4, learning_rate=5e-3, warmup=0.1, schedule="cosine")
    run(tmp_path / "a", recipe=recipe, track=lambda values, step: seen.append((step, values)))
    log = log_of(tmp_path / "a")
    assert [entry["step"] for entry in log] == list(range(1, 151))
    first, last = (np.mean([entry["loss"] for entry in part]) for part in (log[:10], log[-10:]))
    assert last < 0.5 * first
    assert all(e["tokens_per_second"] > 0 and 0 < e["share_of_peak"] < 1 for e in log)
    assert [(step, values["loss"]) for step, values in seen] == [
        (e["step"], e["loss"]) for e in log
    ]


def test_what_was_drawn_is_counted(tmp_path):
    recipe = Recipe(steps=40, batch_size=4, learning_rate=1e-3)
    drawn = run(tmp_path / "a", recipe=recipe)["drawn"]
    batches = Hybrid().prepare(toy_texts().items, batch_size=4, seed=1)
    rows = [batches.batch(step) for step in range(40)]
    english = sum((batch[:, 1:] == 1).all() for batch in rows)
    pair = sum(int(((batch[:, 1] == 0) & (batch[:, 2] == 1)).sum()) for batch in rows)
    crossing = sum(len(np.unique(batch[:, 1:], axis=0)) > 1 for batch in rows)
    assert drawn["batches"]["en-en"] == english
    assert drawn["batches"]["several cross-language pairs"] == crossing
    assert drawn["rows"]["de-en"] == pair
    assert sum(drawn["batches"].values()) == 40 and sum(drawn["rows"].values()) == 160


def test_an_untrained_model_keeps_its_first_weights(tmp_path):
    facts = run(tmp_path / "a", trained=False)
    fresh = ENCODER.create([*toy_texts().queries, *toy_texts().passages], seed=1)
    saved = ENCODER.load(tmp_path / "a" / "model")
    for mine, theirs in zip(fresh.parameters(), saved.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert facts["steps"] == 0
    assert log_of(tmp_path / "a") == []


MODES: dict[str, Any] = {
    "packed": {},
    "cached": {"recipe": {"gradient_caching": True, "token_budget": 30}},
    "bfloat16": {"recipe": {"precision": "bfloat16"}},
    "checkpointed": {"encoder": replace(ENCODER, gradient_checkpointing=True)},
    "learned": {"objectives": [(0.7, InfoNCE(learn_temperature=True)), (0.3, LaKDA())]},
    "validated": {"validation": toy_texts(), "recipe": {"every": 4}},
}


@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mode", MODES)
def test_gone_on_from_any_step_the_weights_are_the_same_to_the_bit(
    mode, count, tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoint, "KEPT", 99)
    options = dict(MODES[mode])
    recipe = Recipe(**{"steps": 24, "batch_size": 4, "learning_rate": 5e-3, "warmup": 0.2,
                       **options.pop("recipe", {})})  # fmt: skip
    whole, store = tmp_path / "whole", Store(tmp_path)
    saved = Checkpoints(store, whole / "checkpoints", every=0)
    told = run(whole, recipe=recipe, checkpoints=saved, **options)
    rng = np.random.default_rng(list(MODES).index(mode))
    for step in rng.choice(np.arange(1, 24), count, replace=False).tolist():
        folder, name = tmp_path / f"from-{step}", f"step-{step:012d}"
        shutil.copytree(saved.folder / name, folder / "checkpoints" / name)
        left = Checkpoints(store, folder / "checkpoints")
        again = run(folder, recipe=recipe, checkpoints=left, **options)
        assert model_of(folder) == model_of(whole)
        assert (again["first_step"], again["drawn"]) == (step, told["drawn"])
        losses = [[e.get("loss") for e in log_of(place)] for place in (folder, whole)]
        assert losses[0] == pytest.approx(losses[1])


class NotANumber:
    version = 1
    needs = ("query",)

    def loss(self, batch):
        return batch["query"].sum() * float("nan")


def test_a_loss_that_is_no_number_stops_the_job_and_names_step_and_batch(tmp_path):
    with pytest.raises(TrainingError, match=r"no number at step 0 \(seed 1, 4 rows, the first are"):
        run(tmp_path / "a", objectives=[(1.0, NotANumber())])
    assert not (tmp_path / "a" / "model").exists()


def test_a_step_that_is_no_number_between_two_points_of_the_log_is_found(tmp_path):
    class Late(InfoNCE):
        seen = 0

        def loss(self, batch):
            Late.seen += 1
            return super().loss(batch) * (float("nan") if Late.seen == 137 else 1.0)

    recipe = Recipe(steps=1000, batch_size=4, learning_rate=1e-3)
    with pytest.raises(TrainingError, match="at step 136 "):
        run(tmp_path / "a", recipe=recipe, objectives=[(1.0, Late())])


class NanFrom(InfoNCE):
    """A loss that is no number from a step on, in training alone."""

    steps = 0

    def loss(self, batch):
        seen = super().loss(batch)
        NanFrom.steps += seen.requires_grad
        return seen * (float("nan") if NanFrom.steps > 6 and seen.requires_grad else 1.0)


def test_patience_that_ends_the_training_hides_no_loss_that_is_no_number(tmp_path):
    recipe = Recipe(steps=10_000, batch_size=4, learning_rate=1e-3, every=4, patience=1)
    with pytest.raises(TrainingError, match="no number at step 6 "):
        run(tmp_path / "a", recipe=recipe, objectives=[(1.0, NanFrom())], validation=toy_texts())


def test_patience_that_ends_the_training_leaves_no_loss_out_of_the_log(tmp_path):
    recipe = Recipe(steps=10_000, batch_size=4, learning_rate=1.0, every=7, patience=2)
    facts = run(tmp_path / "a", recipe=recipe, validation=toy_texts())
    assert [e["step"] for e in log_of(tmp_path / "a") if "loss" in e] == [facts["steps"]]


def test_gone_on_from_where_patience_ended_it_the_training_only_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "KEPT", 99)
    recipe = Recipe(steps=10_000, batch_size=4, learning_rate=1.0, every=7, patience=2)
    whole, store = tmp_path / "whole", Store(tmp_path)
    saved = Checkpoints(store, whole / "checkpoints", every=0)
    told = run(whole, recipe=recipe, checkpoints=saved, validation=toy_texts())
    again = run(tmp_path / "again", recipe=recipe, checkpoints=saved, validation=toy_texts())
    assert again["first_step"] == again["steps"] == told["steps"]
    assert model_of(tmp_path / "again") == model_of(whole)
    points = [[(e["step"], e.get("learning_rate")) for e in log_of(tmp_path / name)]
              for name in ("whole", "again")]  # fmt: skip
    assert points[0] == points[1]


def test_a_validation_loss_that_is_no_number_stops_the_job(tmp_path):
    class Odd(InfoNCE):
        def loss(self, batch):
            found = super().loss(batch)
            return found if found.requires_grad else found * float("inf") * 0

    with pytest.raises(TrainingError, match="validation loss is no number after 2 steps"):
        run(tmp_path / "a", recipe=replace(RECIPE, every=2), objectives=[(1.0, Odd())],
            validation=toy_texts())  # fmt: skip


def test_languages_that_training_does_without_are_not_validated_on(tmp_path):
    seen = []

    class Watching(InfoNCE):
        def loss(self, batch):
            found = super().loss(batch)
            seen.append((found.requires_grad, len(batch["query"])))
            return found

    options: Any = {"recipe": replace(RECIPE, every=6), "objectives": [(1.0, Watching())]}
    run(tmp_path / "a", sampler=Hybrid(without=("th",)), validation=toy_texts(), **options)
    assert sum(rows for trains, rows in seen if not trains) == 8 * 2


class Misspelt:
    version = 1
    needs = ("queries", "passage")


class Flat:
    """A sampler whose batches have no rows of three."""

    def prepare(self, items, *, batch_size, seed):
        return self

    def batch(self, step):
        return np.zeros(4, np.int32)


def test_a_plugin_that_breaks_its_contract_is_named_and_not_misread(tmp_path):
    with pytest.raises(PluginError, match="needs 'queries', and there are only query, passage, "):
        run(tmp_path / "a", objectives=[(1.0, Misspelt())])
    with pytest.raises(PluginError, match=r"a sampler's batch is \(n, 3\) integers; found shape"):
        run(tmp_path / "b", sampler=Flat())


def test_hard_negatives_that_the_data_lacks_are_an_error(tmp_path):
    texts = toy_texts()
    without = replace(texts, items=replace(texts.items, negatives=None))
    with pytest.raises(DataError, match="needs hard negatives, and the training data has none"):
        run(tmp_path / "a", objectives=[(1.0, InfoNCE(hard_negatives=1))], texts=without)
    run(tmp_path / "b", objectives=[(1.0, InfoNCE(hard_negatives=1))])


def test_bfloat16_changes_the_weights_but_not_their_type(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", recipe=replace(RECIPE, precision="bfloat16"))
    a, b = (ENCODER.load(tmp_path / name / "model") for name in "ab")
    pairs = list(zip(a.parameters(), b.parameters(), strict=True))
    assert all(y.dtype == torch.float32 for _, y in pairs)
    assert any(not torch.equal(x, y) for x, y in pairs)


def test_the_weights_with_the_lowest_validation_loss_are_kept(tmp_path):
    """A learning rate that wrecks the model after a while: the last weights are not the best."""
    recipe = Recipe(steps=40, batch_size=4, learning_rate=1.0, warmup=1.0, every=2)
    facts = run(tmp_path / "a", recipe=recipe, validation=toy_texts())
    looks = {
        e["step"]: e["validation_loss"] for e in log_of(tmp_path / "a") if "validation_loss" in e
    }
    assert sorted(looks) == list(range(2, 41, 2))
    best = min(looks, key=looks.__getitem__)
    assert facts["validation"] == {"loss": looks[best], "step": best}
    assert best < 40
    shorter = replace(recipe, steps=best, warmup=1.0, learning_rate=1.0 * best / 40)
    run(tmp_path / "b", recipe=shorter)  # the same learning rates up to the best step
    a, b = (ENCODER.load(tmp_path / name / "model") for name in "ab")
    for x, y in zip(a.parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(x, y, atol=1e-5, rtol=1e-4)


def test_patience_ends_the_training_early(tmp_path):
    recipe = Recipe(steps=400, batch_size=4, learning_rate=1.0, warmup=0.5, every=2, patience=3)
    facts = run(tmp_path / "a", recipe=recipe, validation=toy_texts())
    assert facts["steps"] == facts["validation"]["step"] + 6 < 400


def test_texts_that_are_cut_are_counted(tmp_path):
    short = replace(ENCODER, max_query_length=5)
    notes = run(tmp_path / "a", encoder=short)["notes"]
    assert len(notes) == 1
    assert notes[0].endswith("training query texts are longer than the encoder's maximum of 5 "
                             "tokens and were cut")  # fmt: skip
