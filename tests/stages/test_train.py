import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hbench.corpus import TrainingTexts
from hbench.errors import DataError, TrainingError
from hbench.protocols import Need
from hbench.records import Items, Side
from hbench.stages import train
from hbench.stages.train import Loop, Recipe, share_of_peak
from hbench_plugins.encoders.scratch import Scratch
from hbench_plugins.objectives.infonce import InfoNCE
from hbench_plugins.samplers.hybrid import Hybrid

ENCODER = Scratch(hidden=16, layers=1, heads=2, vocabulary=300, dropout=0.1)
RECIPE = Recipe(6, 4, 5e-3, 0.2, "linear", 0.01, 1.0, "float32")
WORDS = ["iron tower", "moon lake", "wolf bridge", "gold gate", "salt mill", "rose hill"]


def toy_texts():
    """Six items in two languages; text number = 2 x item + language, for both sides."""
    numbers = np.arange(12, dtype=np.int32).reshape(6, 2)
    items = Items(("de", "en"), numbers, numbers, np.zeros(6, np.int32), np.ones(1))
    queries = [f"{tag} where is the {word}?" for word in WORDS for tag in ("wo", "so")]
    passages = [f"{tag} the {word} is there" for word in WORDS for tag in ("da", "th")]
    return TrainingTexts(items, queries, passages)


def run(folder, *, seed=1, recipe=RECIPE, sampler=Hybrid(), objective=InfoNCE()):  # noqa: B008
    folder.mkdir(parents=True)
    return train.run(ENCODER, sampler, objective, toy_texts(), recipe, seed=seed, device="cpu",
                     folder=folder, progress=lambda share, note: None)  # fmt: skip


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_training_twice_with_one_seed_gives_the_same_bytes(tmp_path):
    facts = run(tmp_path / "a")
    torch.manual_seed(123)  # what came before must not matter
    run(tmp_path / "b")
    run(tmp_path / "c", seed=2)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    weights = Path("model/model.safetensors")
    assert files(tmp_path / "a")[weights] != files(tmp_path / "c")[weights]
    assert facts["steps"] == 6


def test_the_loss_falls_and_the_log_holds_its_curve(tmp_path):
    run(tmp_path / "a", recipe=Recipe(150, 4, 5e-3, 0.1, "cosine", 0.01, 1.0, "float32"))
    lines = (tmp_path / "a" / "train.jsonl").read_text().splitlines()
    log = [json.loads(line) for line in lines]
    assert [entry["step"] for entry in log] == list(range(1, 151))
    first, last = (np.mean([entry["loss"] for entry in part]) for part in (log[:10], log[-10:]))
    assert last < 0.5 * first


def test_what_was_drawn_is_counted(tmp_path):
    facts = run(tmp_path / "a", recipe=Recipe(40, 4, 1e-3, 0, "constant", 0, 1.0, "float32"))
    batches = Hybrid().prepare(toy_texts().items, batch_size=4, seed=1)
    rows = [batches.batch(step) for step in range(40)]
    mono = sum((batch[:, 1] == batch[:, 2]).all() for batch in rows)
    pair = sum(int(((batch[:, 1] == 0) & (batch[:, 2] == 1)).sum()) for batch in rows)
    assert facts["drawn"]["monolingual_batches"] == mono
    assert facts["drawn"]["rows"]["de-en"] == pair
    assert sum(facts["drawn"]["rows"].values()) == 160


def test_an_untrained_model_keeps_its_first_weights(tmp_path):
    facts = run(tmp_path / "a", sampler=None, objective=None, recipe=None)
    fresh = ENCODER.create([*toy_texts().queries, *toy_texts().passages], seed=1)
    saved = ENCODER.load(tmp_path / "a" / "model")
    for mine, theirs in zip(fresh.parameters(), saved.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert facts["steps"] == 0
    assert (tmp_path / "a" / "train.jsonl").read_text() == ""


class AllTexts:
    """An objective that keeps what it is given."""

    version = 1
    needs: tuple[Need, ...] = (
        "query",
        "passage",
        "passage_in_query_language",
        "query_in_passage_language",
    )

    def loss(self, batch):
        self.seen = {name: tensor.detach().clone() for name, tensor in batch.items()}
        return sum(tensor.sum() for tensor in batch.values())


def test_an_objective_gets_the_texts_that_it_asks_for_row_by_row():
    objective, texts = AllTexts(), toy_texts()
    model = Scratch(hidden=16, layers=1, heads=2, vocabulary=300).create(texts.queries, seed=1)
    batches = Hybrid(alpha=0).prepare(texts.items, batch_size=4, seed=1)
    loop = Loop(model, batches, objective, texts, RECIPE, 1, "cpu")
    rows = batches.batch(0)
    with torch.no_grad():
        expected: dict[Need, list[tuple[int, Side]]] = {
            "query": [(2 * item + query, "query") for item, query, _ in rows],
            "passage": [(2 * item + passage, "passage") for item, _, passage in rows],
            "passage_in_query_language": [(2 * item + query, "passage") for item, query, _ in rows],
            "query_in_passage_language": [(2 * item + other, "query") for item, _, other in rows],
        }
        source: dict[Side, list[str]] = {"query": texts.queries, "passage": texts.passages}
        wanted = {
            name: model.embed([model.tokenize([source[side][n]], side)[0] for n, side in numbers])
            for name, numbers in expected.items()
        }
    loop._step(0, 1e-3)
    for name, tensor in wanted.items():
        torch.testing.assert_close(objective.seen[name], tensor, atol=1e-5, rtol=0)


class NotANumber:
    version = 1
    needs = ("query",)

    def loss(self, batch):
        return batch["query"].sum() * float("nan")


def test_a_loss_that_is_no_number_stops_the_job_and_names_the_step(tmp_path):
    with pytest.raises(TrainingError, match="the loss is nan at step 0"):
        run(tmp_path / "a", objective=NotANumber())


class HardNegatives:
    version = 1
    needs = ("query", "negatives")


def test_hard_negatives_that_the_data_lacks_are_an_error(tmp_path):
    with pytest.raises(DataError, match="needs hard negatives"):
        run(tmp_path / "a", objective=HardNegatives())


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("constant", 0.0, [1, 1, 1, 1]),
        ("linear", 0.0, [1, 0.75, 0.5, 0.25]),
        ("linear", 0.5, [0.5, 1, 1, 0.5]),
        ("cosine", 0.0, [1, 0.8535533905932737, 0.5, 0.1464466094067262]),
        ("linear", 1.0, [0.25, 0.5, 0.75, 1]),
    ],
)
def test_the_learning_rate_warms_up_and_decays(schedule, warmup, expected):
    recipe = Recipe(4, 2, 1.0, warmup, schedule, 0.0, 1.0, "float32")
    assert [share_of_peak(step, recipe) for step in range(4)] == pytest.approx(expected)


def test_biases_and_normalisation_do_not_decay():
    model = ENCODER.create(WORDS, seed=1)
    decays, stays = train._optimizer(model, RECIPE).param_groups
    names = {id(p): name for name, p in model.body.named_parameters()}
    assert decays["weight_decay"] == 0.01 and stays["weight_decay"] == 0
    assert all("bias" in names[id(p)] or "LayerNorm" in names[id(p)] for p in stays["params"])
    assert not any("bias" in names[id(p)] or "LayerNorm" in names[id(p)] for p in decays["params"])


def test_bfloat16_changes_the_weights_but_not_their_type(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", recipe=Recipe(6, 4, 5e-3, 0.2, "linear", 0.01, 1.0, "bfloat16"))
    a, b = (ENCODER.load(tmp_path / name / "model") for name in "ab")
    pairs = list(zip(a.parameters(), b.parameters(), strict=True))
    assert all(y.dtype == torch.float32 for _, y in pairs)
    assert any(not torch.equal(x, y) for x, y in pairs)
