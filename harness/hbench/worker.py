"""Does one job: builds what its stage needs from the store, runs the stage, stores the outcome."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from hbench import provenance
from hbench.corpus import Corpus
from hbench.errors import DataError, DeviceError, HBenchError, PluginError, TrainingError
from hbench.jobs import DataJob, EncodeJob, FitJob, Job, RankJob, ScoreJob, TrainJob
from hbench.provenance import Hardware
from hbench.records import Outcome
from hbench.spec import Training
from hbench.stages import data, encode, fit, rank, score, train
from hbench.store import Store, canonical, is_complete, read_manifest
from hbench.stored import ranked_vectors, remove_damaged, stored_vectors
from hbench.tokens import cached_tokens
from hbench.training.checkpoint import Checkpoints
from hbench.training.processes import ALONE, Processes
from hbench.training.recipe import Recipe
from hbench.training.trackers import tracking
from hbench.training_texts import training_texts

Progress = Callable[[float, str], None]
# What every process of a training finds at the same point, so that none waits for another.
SHARED = (TrainingError, DataError, PluginError)


@dataclass(frozen=True)
class Site:
    """Where jobs run and what is there.

    Args:
        store: the results folder.
        hardware: what they run on.
        processes: who shares the work of training; the first does all else alone.
        trackers: names of the experiment trackers that training reports to.
    """

    store: Store
    hardware: Hardware
    processes: Processes = ALONE
    trackers: Sequence[str] = ()


def run_job(job: Job, site: Site, progress: Progress) -> Outcome:
    """Run a job to its end; its failure is an outcome, with the traceback if it is a bug."""
    started = perf_counter()
    try:
        if not job.is_done(site.store):
            detail = _RUN[type(job)](job, site, progress)
            return Outcome("done", perf_counter() - started, detail=detail)
        return Outcome("done")
    except HBenchError as error:
        _end_all_unless_shared(job, site, error)
        return Outcome("failed", perf_counter() - started, str(error))
    except Exception as error:
        _end_all_unless_shared(job, site, error)
        return Outcome("failed", perf_counter() - started, traceback.format_exc().rstrip())


def _end_all_unless_shared(job: Job, site: Site, error: Exception) -> None:
    """A training that fails in one process alone ends them all: the others wait for its share.

    What ended this process ends the others too, by way of what started them; the same command goes
    on from the last checkpoint.
    """
    alone = site.processes.count > 1 and not isinstance(error, SHARED)
    if isinstance(job, TrainJob) and alone:
        raise SystemExit(f"{job.title} failed in one of {site.processes.count} processes: {error}")


def prepare_torch(hardware: Hardware) -> None:
    """Fix torch's threads and forbid TF32; on a CPU this makes its operations repeatable.

    Raises:
        DeviceError: torch does not see the device.
    """
    import torch

    kind, _, index = hardware.device.partition(":")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {hardware.device!r} was chosen, and torch {torch.__version__} sees "
            f"{torch.cuda.device_count()} CUDA devices; install torch for CUDA, or use --device cpu"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("device 'mps' was chosen, and torch sees none; use --device cpu")
    torch.set_num_threads(hardware.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def follow(jobs: Mapping[str, Job], site: Site) -> None:
    """Take part in the training jobs that the first process runs, until it says that all is done.

    Args:
        jobs: all jobs of the plan by their keys.
        site: as the first process's, with this process's device.
    """
    while (key := site.processes.agree("")) != "":
        with TemporaryDirectory() as folder, suppress(*SHARED):
            _train_here(jobs[key], site, Path(folder), lambda share, note: None)  # type: ignore[arg-type]


def _manifest(job: Job, hardware: Hardware) -> dict[str, Any]:
    return {
        "key": job.key,
        "inputs": job.inputs,
        "plugins": [
            {
                "kind": built.entry.kind,
                "name": built.entry.name,
                "distribution": built.entry.distribution,
                "distribution_version": built.entry.distribution_version,
                "version": built.plugin.version,
                "options": dict(built.options),
            }
            for built in job.plugins
        ],
        "provenance": provenance.record(hardware),
    }


def _stored(job: Job, site: Site, stage: Callable[[Path], dict[str, Any]]) -> Mapping[str, Any]:
    """Let a stage fill the job's folder; what it tells goes into the manifest."""
    folder, manifest = job.folder(site.store), _manifest(job, site.hardware)
    with site.store.writing(folder, manifest) as (scratch, content):
        detail = content["detail"] = stage(scratch)
    return detail


def _data(job: DataJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    return _stored(job, site, lambda folder: data.run(job.dataset.plugin, folder))


def _train(job: TrainJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    if site.processes.count > 1:
        site.processes.agree(job.key)  # the others wait in `follow`
    detail = _stored(job, site, lambda folder: _train_here(job, site, folder, progress))
    Checkpoints(site.store, site.store.checkpoints(job.key)).clear()
    return detail


def _train_here(job: TrainJob, site: Site, folder: Path, progress: Progress) -> dict[str, Any]:
    """This process's part of a training job."""
    prepare_torch(site.hardware)
    texts, lesson = None, None
    corpora = [Corpus(source.folder(site.store)) for source in job.sources]
    hard = any("negatives" in objective.plugin.needs for _, objective in job.objectives)
    if corpora:
        names = [source.title.removeprefix("data ") for source in job.sources]
        texts = training_texts(corpora, job.weights, hard_negatives=hard, names=names)
    if job.sampler is not None and job.training is not None:
        validation = None
        if job.validation is not None:
            held_out = [Corpus(job.validation.folder(site.store))]
            validation = training_texts(held_out, [1.0], hard_negatives=hard)
        objectives = [(weight, built.plugin) for weight, built in job.objectives]
        recipe = _recipe(job.training, site.hardware)
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


def _recipe(training: Training, hardware: Hardware) -> Recipe:
    """The spec's numbers, with what the device decides."""
    numbers = training.model_dump(exclude={"data", "validation"})
    numbers["precision"] = training.precision_on(hardware.device)
    if training.validation is not None:
        numbers |= {"every": training.validation.every, "patience": training.validation.patience}
    return Recipe(**numbers)


def _encode(job: EncodeJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    """Encode the shards that are missing or damaged."""
    prepare_torch(site.hardware)
    notes = remove_damaged(job, site.store)
    places = job.places(site.store)
    missing = [place for place in places if not is_complete(place.folder)]
    facts = {"provenance": provenance.record(site.hardware)}
    detail: dict[str, Any] = {"encoded": 0, "notes": []}
    if missing:
        detail = encode.run(
            job.system.encoder.plugin,
            job.system.folder(site.store) / "model",
            Corpus(job.data.folder(site.store)),
            [replace(place, manifest={**place.manifest, **facts}) for place in missing],
            encode.Arithmetic(site.hardware.device, job.precision, job.stored),
            store=site.store,
            tokenize=partial(cached_tokens, site.store),
            progress=progress,
        )
    found = sum(place.shard.texts for place in places) - detail["encoded"]
    if found:
        notes.append(f"{found:,} of the texts' vectors were in the cache")
    return {**detail, "notes": [*notes, *detail["notes"]]}


def _fit(job: FitJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    corpus = Corpus(job.vectors.data.folder(site.store))
    read = partial(stored_vectors(job.vectors, site.store), "passage")

    def stage(folder: Path) -> dict[str, Any]:
        return fit.run(job.transform.plugin, corpus, read, folder)

    return _stored(job, site, stage)


def _rank(job: RankJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    prepare_torch(site.hardware)
    notes = remove_damaged(job.vectors, site.store)
    if notes:
        _encode(job.vectors, site, progress)
    # float64, which decides near ties, is not to be had on other devices.
    device = site.hardware.device if site.hardware.device.startswith("cuda") else "cpu"

    def stage(folder: Path) -> dict[str, Any]:
        detail = rank.run(
            Corpus(job.vectors.data.folder(site.store)),
            ranked_vectors(job, site.store),
            top_k=job.top_k,
            device=device,
            folder=folder,
            progress=progress,
            index=job.index,
            threads=site.hardware.threads,
        )
        return {**detail, "notes": [*notes, *detail["notes"]]}

    return _stored(job, site, stage)


def _score(job: ScoreJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    target = job.folder(site.store)
    manifest = read_manifest(target)
    stored = {
        label: entry
        for label, entry in manifest.get("scores", {}).items()
        if job.metric_keys.get(label, entry["key"]) == entry["key"]  # else it is out of date
    }
    earlier = target / "scores.parquet"
    with site.store.writing(target, manifest) as (folder, content):
        detail = score.run(
            Corpus(job.rank.vectors.data.folder(site.store)),
            score.Beats.read(target / "beats.npz"),
            dict(job.settings),
            {label: metric.plugin for label, metric in job.metrics},
            folder / "scores.parquet",
            top=target / "top.parquet",
            keep=earlier if stored and earlier.is_file() else None,
            kept_columns=list(stored),
        )
        for label, key in job.metric_keys.items():
            cells = {
                name: set(done) for name, done in stored.get(label, {}).get("cells", {}).items()
            }
            for name, new in job.cells.items():
                cells[name] = cells.get(name, set()) | set(new)
            stored[label] = {"key": key, "cells": {n: sorted(done) for n, done in cells.items()}}
        content["scores"] = stored
        content["scored"] = detail
        plugins = [*manifest["plugins"], *_manifest(job, site.hardware)["plugins"]]
        content["plugins"] = list({canonical(plugin): plugin for plugin in plugins}.values())
    return detail


_RUN: Mapping[type, Any] = {
    DataJob: _data,
    TrainJob: _train,
    EncodeJob: _encode,
    FitJob: _fit,
    RankJob: _rank,
    ScoreJob: _score,
}
