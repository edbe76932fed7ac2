"""Does one job: builds what its stage needs from the store, runs the stage, stores the outcome."""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from hbench import provenance
from hbench.corpus import Corpus, training_texts
from hbench.errors import DeviceError, HBenchError
from hbench.jobs import DataJob, EncodeJob, Job, RankJob, ScoreJob, TrainJob
from hbench.provenance import Hardware
from hbench.records import Outcome, Side
from hbench.stages import data, encode, rank, score, train
from hbench.store import Store, canonical, read_manifest

Progress = Callable[[float, str], None]


def run_job(job: Job, store: Store, hardware: Hardware, progress: Progress) -> Outcome:
    """Run a job to its end; its failure is an outcome, with the traceback if it is a bug."""
    started = perf_counter()
    try:
        if not job.is_done(store):
            detail = _RUN[type(job)](job, store, hardware, progress)
            return Outcome("done", perf_counter() - started, detail=detail)
        return Outcome("done")
    except HBenchError as error:
        return Outcome("failed", perf_counter() - started, str(error))
    except Exception:
        return Outcome("failed", perf_counter() - started, traceback.format_exc().rstrip())


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


def _stored(
    job: Job, store: Store, hardware: Hardware, stage: Callable[[Path], dict[str, Any]]
) -> Mapping[str, Any]:
    """Let a stage fill the job's folder; what it tells goes into the manifest."""
    with store.writing(job.folder(store), _manifest(job, hardware)) as (folder, manifest):
        detail = manifest["detail"] = stage(folder)
    return detail


def _data(job: DataJob, store: Store, hardware: Hardware, progress: Progress) -> Mapping[str, Any]:
    return _stored(job, store, hardware, lambda folder: data.run(job.dataset.plugin, folder))


def _train(
    job: TrainJob, store: Store, hardware: Hardware, progress: Progress
) -> Mapping[str, Any]:
    prepare_torch(hardware)
    corpora = [Corpus(source.folder(store)) for source in job.sources]
    texts = training_texts(corpora, job.weights) if corpora else None
    recipe = None
    if job.training is not None:
        recipe = train.Recipe(**job.training.model_dump(exclude={"data"}))

    def stage(folder: Path) -> dict[str, Any]:
        return train.run(
            job.encoder.plugin,
            job.sampler.plugin if job.sampler else None,
            job.objective.plugin if job.objective else None,
            texts,
            recipe,
            seed=job.seed,
            device=hardware.device,
            folder=folder,
            progress=progress,
        )

    return _stored(job, store, hardware, stage)


def _encode(
    job: EncodeJob, store: Store, hardware: Hardware, progress: Progress
) -> Mapping[str, Any]:
    prepare_torch(hardware)
    encoder, model = job.system.encoder.plugin, job.system.folder(store) / "model"
    corpus = Corpus(job.data.folder(store))

    def stage(folder: Path) -> dict[str, Any]:
        device = hardware.device
        return encode.run(encoder, model, corpus, device=device, folder=folder, progress=progress)

    return _stored(job, store, hardware, stage)


def _rank(job: RankJob, store: Store, hardware: Hardware, progress: Progress) -> Mapping[str, Any]:
    vectors = job.vectors.folder(store)
    corpus = Corpus(job.vectors.data.folder(store))

    def read(side: Side, language: str) -> rank.Vectors:
        return encode.read_vectors(vectors, side, language)

    def stage(folder: Path) -> dict[str, Any]:
        return rank.run(corpus, read, top_k=job.top_k, folder=folder, progress=progress)

    return _stored(job, store, hardware, stage)


def _score(
    job: ScoreJob, store: Store, hardware: Hardware, progress: Progress
) -> Mapping[str, Any]:
    target = job.folder(store)
    manifest = read_manifest(target)
    stored = {
        label: entry
        for label, entry in manifest.get("scores", {}).items()
        if job.metric_keys.get(label, entry["key"]) == entry["key"]  # else it is out of date
    }
    earlier = target / "scores.parquet"
    with store.writing(target, manifest) as (folder, content):
        detail = score.run(
            Corpus(job.rank.vectors.data.folder(store)),
            score.Beats.read(target / "beats.npz"),
            dict(job.settings),
            {label: metric.plugin for label, metric in job.metrics},
            folder / "scores.parquet",
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
        plugins = [*manifest["plugins"], *_manifest(job, hardware)["plugins"]]
        content["plugins"] = list({canonical(plugin): plugin for plugin in plugins}.values())
    return detail


_RUN: Mapping[type, Any] = {
    DataJob: _data,
    TrainJob: _train,
    EncodeJob: _encode,
    RankJob: _rank,
    ScoreJob: _score,
}
