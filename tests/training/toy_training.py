"""Small models, texts and batches to train on; importable by processes that a test starts."""

from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertModel

from hbench.memory import Budget
from hbench.records import Items, Negatives
from hbench.tokens import tokenize
from hbench.training.batches import BatchMaker
from hbench.training.gradients import Gradients
from hbench.training.objective import WeightedSum
from hbench.training.processes import ALONE
from hbench.training_texts import TrainingTexts
from hbench_plugins.encoders.scratch import Scratch
from hbench_plugins.encoders.transformer import Transformer
from hbench_plugins.objectives.infonce import InfoNCE
from hbench_plugins.objectives.lakda import LaKDA
from hbench_plugins.objectives.semantic_proximity import SemanticProximity

OBJECTIVES: dict[str, Any] = {
    "one way": InfoNCE(),
    "symmetric": InfoNCE(symmetric=True, margin=0.1),
    "joint": InfoNCE(joint=True),
    "hard negatives": InfoNCE(hard_negatives=2),
    "learned": InfoNCE(learn_temperature=True),
    "semantic-proximity": SemanticProximity(),
    "lakda": LaKDA(),
}
LANGUAGES = ("de", "en", "th")
ROWS = np.array(
    [[0, 0, 1], [1, 1, 0], [2, 2, 0], [3, 1, 2], [4, 0, 0], [4, 2, 1], [5, 1, 2]], np.int32
)  # item 4 comes twice: its two rows are no negatives of each other


def toy_texts(items=8):
    """Parallel items in three languages whose texts differ in length; two hard negatives each."""
    rng = np.random.default_rng(5)
    words = ["iron", "tower", "moon", "lake", "wolf", "bridge", "gold", "gate", "salt", "mill"]

    def texts(side):
        return [
            f"{side} {tag}{item} " + " ".join(rng.choice(words, rng.integers(1, 9)))
            for item in range(items)
            for tag in LANGUAGES
        ]

    numbers = np.arange(3 * items, dtype=np.int32).reshape(items, 3)
    passages = [*texts("answer"), *texts("wrong"), *texts("worse")]
    wrong = np.stack([numbers.ravel() + 3 * items, numbers.ravel() + 6 * items], axis=1)
    negatives = Negatives(np.arange(0, 6 * items + 1, 2), wrong.ravel().astype(np.int32))
    sources, weights = np.zeros(items, np.int32), np.ones(1)
    table = Items(LANGUAGES, numbers, numbers, sources, weights, negatives)
    return TrainingTexts(table, texts("question"), passages)


def toy_model(kind="xlm-r", dtype=torch.float64):
    """A tiny XLM-R with mean pooling, or a tiny LaBSE: BERT, first token, dense layer, tanh."""
    texts = toy_texts()
    encoder = Scratch(hidden=16, layers=2, heads=2, vocabulary=300)
    model = encoder.create([*texts.queries, *texts.passages], seed=3)
    if kind == "labse":
        torch.manual_seed(3)
        config = BertConfig(
            vocab_size=len(model.tokenizer), hidden_size=16, num_hidden_layers=2,
            num_attention_heads=2, intermediate_size=32, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        body, dense = BertModel(config, add_pooling_layer=False), torch.nn.Linear(16, 12)
        model = Transformer(body, model.tokenizer, model.sides, "cls", dense, "tanh")
    for part in model._parts:
        part.to(dtype)
    return model


def toy_batch(model, objective, step=0, rows=ROWS):
    """A batch for an objective."""
    texts = toy_texts()
    tokens: Any = {
        "query": tokenize(model, texts.queries, "query"),
        "passage": tokenize(model, texts.passages, "passage"),
    }
    whole = WeightedSum([(1.0, objective)])
    return BatchMaker(texts, tokens, whole.needs, whole.negatives, seed=1).make(rows, step)


def gradients(model, objective, *, caching=False, budget=40, processes=ALONE):
    """Gradients of a model and an objective, ready to be added up."""
    whole = WeightedSum([(1.0, objective)])
    dtype = next(model.parameters()).dtype
    learned = {
        name: torch.nn.Parameter(torch.tensor(value, dtype=dtype))
        for name, value in whole.learned.items()
    }
    limit = Budget(budget, "cpu")
    return Gradients(model, whole, learned, processes, limit, "float32", caching, "cpu")


def computed(objective, *, kind="xlm-r", dtype=torch.float64, **how):
    """The loss of the toy batch, and its gradients by name, as hbench computes them."""
    model = toy_model(kind, dtype)
    engine = gradients(model, objective, **how)
    loss = engine.add(toy_batch(model, objective))
    return loss, {**named(model), **{n: p.grad for n, p in engine.learned.items()}}


def named(model):
    """Gradients by the names of the body's and the dense layer's parameters."""
    found = dict(model.body.named_parameters())
    if model.dense is not None:
        found |= {f"dense.{name}": p for name, p in model.dense.named_parameters()}
    return {name: parameter.grad for name, parameter in found.items()}


def plain(objective, *, kind="xlm-r", dtype=torch.float64):
    """The same by one padded batch through the unmodified body, with no packing."""
    model = toy_model(kind, dtype)
    batch = toy_batch(model, objective)
    longest = max(map(len, batch.tokens))
    pad = model.tokenizer.pad_token_id
    ids = torch.tensor([[*map(int, t), *[pad] * (longest - len(t))] for t in batch.tokens])
    mask = torch.tensor([[1] * len(t) + [0] * (longest - len(t)) for t in batch.tokens])
    hidden = model.body(input_ids=ids, attention_mask=mask).last_hidden_state
    if kind == "labse":
        vectors = torch.tanh(model.dense(hidden[:, 0]))
    else:
        weights = mask.unsqueeze(-1).to(dtype)
        vectors = (hidden * weights).sum(1) / weights.sum(1)
    parts = torch.split(vectors, [count for _, count in batch.kinds])
    seen = {name: part for (name, _), part in zip(batch.kinds, parts, strict=True)}
    seen |= {name: torch.from_numpy(m) for name, m in batch.masks.items()}
    learned = {
        name: torch.nn.Parameter(torch.tensor(value, dtype=dtype))
        for name, value in getattr(objective, "learned", {}).items()
    }
    loss = objective.loss({**seen, **learned})
    loss.backward()
    return loss.detach(), {**named(model), **{f"0.{n}": p.grad for n, p in learned.items()}}
