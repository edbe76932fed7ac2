"""What a training job needs of the store, put together; one process's part of it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.corpus import Corpus
from hbench.jobs import TrainJob
from hbench.provenance import Hardware
from hbench.site import Site, prepare_torch
from hbench.spec import Training
from hbench.stages import leakage, train
from hbench.store import Store
from hbench.tokens import cached_tokens
from hbench.training.checkpoint import Checkpoints
from hbench.training.recipe import Recipe
from hbench.training.trackers import tracking
from hbench.training_texts import TrainingTexts, training_texts

Progress = Callable[[float, str], None]


def train_here(job: TrainJob, site: Site, folder: Path, progress: Progress) -> dict[str, Any]:
    """This process's part of a training job."""
    prepare_torch(site.hardware)
    texts = texts_to_train_on(job, site.store) if job.sources else None
    lesson = None
    if job.sampler is not None and job.training is not None:
        objectives = [(weight, built.plugin) for weight, built in job.objectives]
        recipe = _recipe(job.training, site.hardware)
        validation = _validation(job, site.store)
        lesson = train.Lesson(job.sampler.plugin, objectives, recipe, validation)
    trackers = site.trackers if lesson is not None and site.processes.is_first else ()
    place = site.store.root / "tracking"
    with tracking(trackers, job.title.removeprefix("train "), job.inputs, place) as track:
        checkpoints = Checkpoints(site.store, site.store.checkpoints(job.key))
        around = train.Surroundings(
            site.hardware.device,
            folder,
            partial(cached_tokens, site.store),
            progress,
            track,
            checkpoints if lesson is not None else None,
            site.processes,
        )
        return train.run(job.encoder.plugin, lesson, texts, around, seed=job.seed)


def texts_to_train_on(job: TrainJob, store: Store) -> TrainingTexts:
    """The sources of a job, mixed as the spec says, without what must not be trained on."""
    return training_texts(
        [Corpus(source.folder(store)) for source in job.sources],
        job.weights,
        hard_negatives=_needs_negatives(job),
        names=[source.title.removeprefix("data ") for source in job.sources],
        without=_leaking(job, store)[: len(job.sources)],
        bounds=job.bounds,
    )


def _validation(job: TrainJob, store: Store) -> TrainingTexts | None:
    if job.validation is None:
        return None
    held_out = [Corpus(job.validation.folder(store))]
    without = _leaking(job, store)[len(job.sources) :]
    return training_texts(held_out, [1.0], hard_negatives=_needs_negatives(job), without=without)


def _needs_negatives(job: TrainJob) -> bool:
    return any("negatives" in objective.plugin.needs for _, objective in job.objectives)


def _leaking(job: TrainJob, store: Store) -> list[npt.NDArray[np.bool_]]:
    """(items,) for each source, and the validation data: whether an evaluation knows the item."""
    found = [leakage.read(other.folder(store)) for other in job.without]
    return [np.logical_or.reduce(flags) for flags in zip(*found, strict=True)]


def _recipe(training: Training, hardware: Hardware) -> Recipe:
    """The spec's numbers, with what the device decides."""
    numbers = training.model_dump(exclude={"data", "validation", "leakage"})
    numbers["precision"] = training.precision_on(hardware.device)
    if training.validation is not None:
        numbers |= {"every": training.validation.every, "patience": training.validation.patience}
    return Recipe(**numbers)
