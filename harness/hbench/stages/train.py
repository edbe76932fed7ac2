"""Train stage: a model, batches and an objective become a trained model.

Knows nothing of evaluation. A plain loop: AdamW, warm-up and decay, clipped gradients. Every
random number follows from the seed and the step, so that nothing but model, optimiser and step
makes up the state.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from hbench.corpus import TrainingTexts
from hbench.errors import DataError, TrainingError
from hbench.protocols import Batches, Encoder, Model, Need, Objective, Sampler
from hbench.records import Int32Array, Side

if TYPE_CHECKING:
    import torch

VERSION = 1
LOGGED = 100  # points of the loss curve
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Recipe:
    """How to train; see ``hbench.spec.Training``."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup: float
    schedule: Literal["linear", "cosine", "constant"]
    weight_decay: float
    clip: float
    precision: Literal["float32", "bfloat16"]


def run(
    encoder: Encoder,
    sampler: Sampler | None,
    objective: Objective | None,
    texts: TrainingTexts | None,
    recipe: Recipe | None,
    *,
    seed: int,
    device: str,
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Make a system: create the model, train it unless there is no sampler, save it.

    Args:
        encoder: where the model comes from.
        sampler: None leaves the model untrained; objective and recipe are then not used.
        objective: the loss.
        texts: what to train on; an untrained pretrained encoder needs none.
        recipe: how.
        seed: of weights, batches and dropout.
        device: torch's name of it.
        folder: gets ``model/`` and ``train.jsonl``.
        progress: told the share done and a line on what is at work.

    Returns:
        What the manifest tells: steps, parameters, speed, and what was drawn.

    Raises:
        TrainingError: the loss is not finite.
        DataError: the data cannot fill a batch, or lacks a text that the objective needs.
    """
    import torch

    distinct = [*texts.queries, *texts.passages] if texts is not None else []
    model = encoder.create(distinct, seed=seed)
    facts: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters()), "steps": 0}
    log: list[dict[str, float]] = []
    if sampler is not None and objective is not None and texts is not None and recipe is not None:
        model.to(torch.device(device))
        batches = sampler.prepare(texts.items, batch_size=recipe.batch_size, seed=seed)
        loop = Loop(model, batches, objective, texts, recipe, seed, device)
        facts |= loop.run(log, progress) | {"notes": texts.notes}
    model.train(False)
    model.save(folder / "model")
    lines = "".join(json.dumps(entry) + "\n" for entry in log)
    (folder / "train.jsonl").write_text(lines, encoding="utf-8")
    return facts


def share_of_peak(step: int, recipe: Recipe) -> float:
    """The learning rate of a step as a share of its peak: up in the warm-up, then down.

    >>> recipe = Recipe(10, 2, 1e-3, 0.2, "linear", 0.0, 1.0, "float32")
    >>> [round(share_of_peak(step, recipe), 3) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.125]
    """
    warm = round(recipe.warmup * recipe.steps)
    if step < warm:
        return (step + 1) / warm
    if recipe.schedule == "constant":
        return 1.0
    done = (step - warm) / max(1, recipe.steps - warm)
    return 1 - done if recipe.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2


class Loop:
    """The training loop of one system."""

    def __init__(
        self,
        model: Model,
        batches: Batches,
        objective: Objective,
        texts: TrainingTexts,
        recipe: Recipe,
        seed: int,
        device: str,
    ) -> None:
        self.model = model
        self.batches = batches
        self.objective = objective
        self.items = texts.items
        self.recipe = recipe
        self.seed = seed
        self.device = device.partition(":")[0]
        self.tokens: dict[Side, list[list[int]]] = {
            "query": model.tokenize(texts.queries, "query"),
            "passage": model.tokenize(texts.passages, "passage"),
        }
        self.optimizer = _optimizer(model, recipe)
        self.drawn: Counter[tuple[int, int]] = Counter()
        self.monolingual = 0

    def run(self, log: list[dict[str, float]], progress: Progress) -> dict[str, Any]:
        """All steps; adds the loss curve to ``log``."""
        recipe = self.recipe
        self.model.train(True)
        every = max(1, recipe.steps // LOGGED)
        started = perf_counter()
        total, count = 0.0, 0
        for step in range(recipe.steps):
            rate = recipe.learning_rate * share_of_peak(step, recipe)
            loss = self._step(step, rate)
            total, count = total + loss, count + 1
            if (step + 1) % every == 0 or step + 1 == recipe.steps:
                log.append({"step": step + 1, "loss": total / count, "learning_rate": rate})
                total, count = 0.0, 0
            speed = (step + 1) / (perf_counter() - started)
            progress((step + 1) / recipe.steps, f"loss {loss:.3f}, {speed:.1f} steps/s")
        names = self.items.languages
        return {
            "steps": recipe.steps,
            "seconds": round(perf_counter() - started, 3),
            "drawn": {
                "monolingual_batches": self.monolingual,
                "rows": {f"{names[q]}-{names[p]}": n for (q, p), n in sorted(self.drawn.items())},
            },
        }

    def _step(self, step: int, rate: float) -> float:
        import torch

        # A step's dropout follows from the seed and the step alone, as its batch does.
        torch.manual_seed((self.seed << 32) + step)
        rows = self.batches.batch(step)
        self._count(rows)
        with torch.autocast(
            self.device, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"
        ):
            vectors = self._embed(rows)
        loss = self.objective.loss(vectors)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {step}; lower learning_rate, or raise the "
                "objective's temperature"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(list(self.model.parameters()), self.recipe.clip)
        self.optimizer.step()
        return value

    def _embed(self, rows: Int32Array) -> "Mapping[str, torch.Tensor]":
        """A (n, dim) tensor for each text that the objective needs, from one pass of the model."""
        tokens = [ids for need in self.objective.needs for ids in self._texts(rows, need)]
        vectors = self.model.embed(tokens).float()
        parts = vectors.reshape(len(self.objective.needs), len(rows), -1)
        return dict(zip(self.objective.needs, parts, strict=True))

    def _texts(self, rows: Int32Array, need: Need) -> Iterator[list[int]]:
        """The tokens of one kind of text for each row."""
        item, query_language, passage_language = rows.T
        if need == "negatives":
            raise DataError("the objective needs hard negatives, and the training data has none")
        side: Side = "query" if need.startswith("query") else "passage"
        own = query_language if side == "query" else passage_language
        other = passage_language if side == "query" else query_language
        table = self.items.query if side == "query" else self.items.passage
        numbers = table[item, own if need == side else other]
        if (numbers < 0).any():
            raise DataError(f"the objective needs {need!r}, and some training items have none")
        return (self.tokens[side][number] for number in numbers.tolist())

    def _count(self, rows: Int32Array) -> None:
        pairs = [(query, passage) for _, query, passage in rows.tolist()]
        self.drawn.update(pairs)
        self.monolingual += len(set(pairs)) == 1 and pairs[0][0] == pairs[0][1]


def _optimizer(model: Model, recipe: Recipe) -> "torch.optim.AdamW":
    """AdamW; biases and normalisation weights, which have one dimension, do not decay."""
    import torch

    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
