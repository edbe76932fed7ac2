"""Train stage: a model, batches and objectives become a trained model.

Knows nothing of evaluation. What it is made of is in ``hbench.training``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from hbench.errors import DataError
from hbench.memory import Budget
from hbench.protocols import Encoder, Model, Objective, Sampler
from hbench.records import Side
from hbench.repeatable import repeatable
from hbench.tokens import Tokenize
from hbench.training.batches import BatchMaker, monolingual_rows
from hbench.training.checkpoint import Checkpoints
from hbench.training.gradients import Gradients
from hbench.training.loop import Loop, Progress, Track
from hbench.training.objective import WeightedSum
from hbench.training.processes import ALONE, Processes
from hbench.training.recipe import Recipe
from hbench.training_texts import TrainingTexts

VERSION = 2
SIDES: tuple[Side, Side] = ("query", "passage")


@dataclass(frozen=True)
class Lesson:
    """What a system learns from.

    Args:
        sampler: which rows meet.
        objectives: weights and losses, added up.
        recipe: how long and how fast.
        validation: texts by whose loss the best weights are chosen; None takes the last ones.
    """

    sampler: Sampler
    objectives: Sequence[tuple[float, Objective]]
    recipe: Recipe
    validation: TrainingTexts | None = None


@dataclass(frozen=True)
class Surroundings:
    """Where a training runs, and who looks on.

    Args:
        device: torch's name of it.
        folder: gets ``model/`` and ``train.jsonl``.
        tokenize: gives the tokens of texts, from a cache perhaps.
        progress: told the share done and a line on what is at work.
        track: told the figures of each point of the log.
        checkpoints: where to go on from after an interruption, if anywhere.
        processes: who shares the work.
    """

    device: str
    folder: Path
    tokenize: Tokenize
    progress: Progress
    track: Track = lambda values, step: None
    checkpoints: Checkpoints | None = None
    processes: Processes = ALONE


def run(
    encoder: Encoder,
    lesson: Lesson | None,
    texts: TrainingTexts | None,
    around: Surroundings,
    *,
    seed: int,
) -> dict[str, Any]:
    """Make a system: create the model, train it unless there is no lesson, save it.

    Args:
        encoder: where the model comes from.
        lesson: None leaves the model untrained.
        texts: what to train on; an untrained pretrained encoder needs none.
        around: device, folder, and who looks on.
        seed: of weights, batches and dropout.

    Returns:
        What the manifest tells: steps, parameters, speed, and what was drawn.

    Raises:
        TrainingError: the loss is not finite.
        DataError: the data cannot fill a batch, or lacks a text that the objective needs.
        MemoryShortage: not even one text at a time fits into memory.
    """
    distinct = [*texts.queries, *texts.passages] if texts is not None else []
    model = encoder.create(distinct, seed=seed)
    facts: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters()), "steps": 0}
    log: Sequence[Mapping[str, float]] = []
    if lesson is not None and texts is not None:
        loop, notes = _loop(model, lesson, texts, around, seed)
        with repeatable(wanted=lesson.recipe.deterministic) as varying:
            loop.run(around.progress, around.track, around.checkpoints)
        notes += varying
        around.processes.wait()  # none may still read a checkpoint that is removed now
        notes += getattr(model, "notes", [])
        log = loop.course.log
        facts |= _told(loop, lesson) | {"notes": [*notes, *loop.gradients.budget.notes]}
    model.train(False)
    if around.processes.is_first:
        model.save(around.folder / "model")
        lines = "".join(json.dumps(entry) + "\n" for entry in log)
        (around.folder / "train.jsonl").write_text(lines, encoding="utf-8")
    return facts


def _loop(
    model: Model, lesson: Lesson, texts: TrainingTexts, around: Surroundings, seed: int
) -> tuple[Loop, list[str]]:
    """The loop of a system, ready to run, and what is noteworthy of its data."""
    import torch

    recipe, device = lesson.recipe, torch.device(around.device)
    objective = WeightedSum(lesson.objectives)
    count = around.processes.count
    if recipe.batch_size * len(objective.needs) < count:
        raise DataError(f"a batch of {recipe.batch_size} rows is too small for {count} processes")
    model.to(device)
    try:
        batches = lesson.sampler.prepare(texts.items, batch_size=recipe.batch_size, seed=seed)
    except DataError as error:
        raise DataError("; ".join([str(error), *texts.notes])) from error
    maker, notes = _maker(model, objective, texts, around, seed, "training")
    learned = {
        name: torch.nn.Parameter(torch.tensor(value, device=device))
        for name, value in objective.learned.items()
    }
    gradients = Gradients(
        model,
        objective,
        learned,
        around.processes,
        Budget(recipe.token_budget, around.device, may_shrink=around.processes.count == 1),
        recipe.precision,
        recipe.gradient_caching,
        around.device,
    )
    validation = []
    if lesson.validation is not None:
        looked, more = _maker(model, objective, lesson.validation, around, seed, "validation")
        without = getattr(lesson.sampler, "without", ())
        rows = monolingual_rows(lesson.validation, recipe.batch_size, without)
        validation = [looked.make(part, number) for number, part in enumerate(rows)]
        notes += more
    notes += texts.notes
    return Loop(gradients, recipe, batches, maker, validation, seed), notes


def _maker(
    model: Model,
    objective: WeightedSum,
    texts: TrainingTexts,
    around: Surroundings,
    seed: int,
    what: str,
) -> tuple[BatchMaker, list[str]]:
    """Tokenised texts as batches; and how many of them had to be cut."""
    tokens = {
        side: around.tokenize(model, texts.queries if side == "query" else texts.passages, side)
        for side in SIDES
    }
    notes = [
        f"{found.cut:,} of {len(found):,} {what} {side} texts are longer than the encoder's "
        f"maximum of {found.lengths.max()} tokens and were cut"
        for side, found in tokens.items()
        if found.cut
    ]
    return BatchMaker(texts, tokens, objective.needs, objective.negatives, seed), notes


def _told(loop: Loop, lesson: Lesson) -> dict[str, Any]:
    """What the manifest says of a training."""
    course = loop.course
    facts: dict[str, Any] = {
        "steps": course.step,
        "seconds": round(perf_counter() - loop.started, 3),
        "first_step": loop.first,
        "precision": loop.gradients.precision,
        "token_budget": loop.gradients.budget.tokens,
        "processes": loop.gradients.processes.count,
        "drawn": loop.drawn,
    }
    if loop.gradients.learned:
        facts["learned"] = {
            name: float(value.detach()) for name, value in loop.gradients.learned.items()
        }
    if lesson.validation is not None:
        facts["validation"] = {"loss": course.best, "step": course.best_step}
    return facts
