"""The trainings that are compared: hbench's train stage, and sentence-transformers' trainer."""

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from tests.performance.peers import (
    SEED,
    Clock,
    load_ours,
    load_theirs,
    make_resident,
    tokens_seen,
)

from hbench.protocols import Sampler
from hbench.records import Side
from hbench.stages import train
from hbench.tokens import tokenize
from hbench.training.recipe import Precision, Recipe
from hbench.training_texts import TrainingTexts
from hbench_plugins.encoders.transformer import Transformer, quiet_transformers
from hbench_plugins.objectives.infonce import InfoNCE

SCALE, RATE = 20.0, 2e-5


@dataclass(frozen=True)
class Course:
    """How both sides train."""

    sampler: Sampler
    steps: int
    batch_size: int = 100
    device: str = "cpu"
    precision: Precision = "float32"


@dataclass(frozen=True)
class Run:
    """What was seen of a training.

    Args:
        seconds: of each step after the warm-up.
        loss: of the first step.
        seen: tokens that the first layer saw, padding included, in all steps.
        risen: bytes of resident memory above the start, at most.
    """

    seconds: list[float]
    loss: float
    seen: int
    risen: int


@dataclass(frozen=True)
class Loaded:
    """An encoder plugin whose model is loaded already."""

    model: Transformer
    version: ClassVar[int] = 1
    from_scratch: ClassVar[bool] = False

    def fingerprint(self) -> str:
        """Nothing: it is not stored."""
        return ""

    def create(self, texts: Iterable[str], *, seed: int) -> Transformer:
        """The model."""
        return self.model

    def load(self, folder: Path) -> Transformer:
        """The model."""
        return self.model


def train_ours(folder: Path, texts: TrainingTexts, course: Course, *, caching: bool) -> Run:
    """The train stage, as ``hbench run`` starts it."""
    model = load_ours(folder)
    sides: tuple[tuple[Side, list[str]], ...] = (
        ("query", texts.queries),
        ("passage", texts.passages),
    )
    make_resident(model.body)
    tokens = {side: tokenize(model, found, side) for side, found in sides}
    recipe = Recipe(
        steps=course.steps,
        batch_size=course.batch_size,
        learning_rate=RATE,
        schedule="constant",
        weight_decay=0.0,
        precision=course.precision,
        gradient_caching=caching,
    )
    lesson = train.Lesson(course.sampler, [(1.0, InfoNCE(temperature=1 / SCALE))], recipe)
    with (
        tempfile.TemporaryDirectory() as name,
        tokens_seen(model.body) as seen,
        Clock() as clock,
    ):
        around = train.Surroundings(
            course.device,
            Path(name),
            tokenize=lambda _, __, side: tokens[side],
            progress=lambda _, __: clock.tick(),
        )
        train.run(Loaded(model), lesson, texts, around, seed=SEED)
        first = json.loads((Path(name) / "train.jsonl").read_text().splitlines()[0])
    return Run(clock.seconds, first["loss"], sum(seen), clock.risen)


def pairs_of(texts: TrainingTexts, course: Course) -> dict[str, list[str]]:
    """The texts of all batches, in the order in which hbench meets them."""
    batches = course.sampler.prepare(texts.items, batch_size=course.batch_size, seed=SEED)
    rows = np.concatenate([batches.batch(step) for step in range(course.steps)])
    item, query, passage = rows.T
    return {
        "anchor": [texts.queries[n] for n in texts.items.query[item, query]],
        "positive": [texts.passages[n] for n in texts.items.passage[item, passage]],
    }


def train_theirs(
    folder: Path,
    texts: TrainingTexts,
    course: Course,
    *,
    mini_batch: int | None = None,
    **options: object,
) -> Run:
    """sentence-transformers' trainer over the same batches.

    Args:
        folder: the model.
        texts: what is trained on.
        course: how.
        mini_batch: texts at once of its gradient caching; None does not cache.
        options: for transformers.
    """
    model = load_theirs(folder, course.device, **options)
    make_resident(model)
    losses: list[torch.Tensor] = []
    with (
        tempfile.TemporaryDirectory() as name,
        tokens_seen(model) as seen,
        quiet_transformers(),
    ):
        trainer = _trainer(model, pairs_of(texts, course), course, Path(name), mini_batch)
        trainer.loss.register_forward_hook(lambda _, __, loss: losses.append(loss.detach()))
        with Clock() as clock:
            trainer.add_callback(_ticking(clock))
            trainer.train()
    return Run(clock.seconds, float(losses[0]), sum(seen), clock.risen)


def _trainer(
    model: Any,
    pairs: dict[str, list[str]],
    course: Course,
    folder: Path,
    mini_batch: int | None,
) -> Any:
    from datasets import Dataset  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.sentence_transformer import losses
    from torch.utils.data import SequentialSampler
    from transformers import PrinterCallback

    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=course.steps,
        per_device_train_batch_size=course.batch_size,
        batch_sampler=lambda rows, **how: DefaultBatchSampler(SequentialSampler(rows), **how),
        learning_rate=RATE,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=course.precision == "bfloat16",
        use_cpu=course.device == "cpu",
        dataloader_pin_memory=course.device != "cpu",
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=SEED,
    )
    loss = (
        losses.MultipleNegativesRankingLoss(model, scale=SCALE)
        if mini_batch is None
        else losses.CachedMultipleNegativesRankingLoss(
            model, scale=SCALE, mini_batch_size=mini_batch
        )
    )
    rows = Dataset.from_dict(pairs)
    trainer = SentenceTransformerTrainer(model, arguments, train_dataset=rows, loss=loss)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _ticking(clock: Clock) -> Any:
    from transformers import TrainerCallback

    class Ticking(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            clock.tick()

    return Ticking()
