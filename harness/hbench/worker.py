"""Does one job: builds what its stage needs from the store, runs the stage, stores the outcome."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, cast

from hbench import downloads, provenance
from hbench.corpus import Corpus
from hbench.errors import (
    Damaged,
    DataError,
    HBenchError,
    PluginError,
    TrainingError,
    without_accounts,
)
from hbench.jobs import DataJob, EncodeJob, FitJob, Job, LeakageJob, RankJob, ScoreJob, TrainJob
from hbench.manifests import canonical, check, damage, is_complete, read_manifest
from hbench.memory import is_out_of_memory
from hbench.overlap import leaks, told
from hbench.provenance import Hardware
from hbench.ranks import Beats
from hbench.records import Outcome
from hbench.site import Site, prepare_torch
from hbench.stages import data, encode, fit, leakage, rank, score
from hbench.stored import ranked_vectors, stored_vectors
from hbench.tokens import cached_tokens
from hbench.trainer import train_here
from hbench.training.checkpoint import Checkpoints

Progress = Callable[[float, str], None]
# What every process of a training finds at the same point, so that none waits for another.
SHARED = (TrainingError, DataError, PluginError)


def run_job(job: Job, site: Site, progress: Progress) -> Outcome:
    """Run a job to its end; its failure is an outcome, with the traceback if it is a bug.

    Where something that it reads is damaged, that is set aside, and the job is ``skipped``: to be
    run again when what it needs was made anew.
    """
    started = perf_counter()
    try:
        detail = _RUN[type(job)](job, site, progress)
        return Outcome("done", perf_counter() - started, detail=detail)
    except Damaged as error:
        site.store.put_all_aside(error)
        _end_all_unless_shared(job, site, error)
        told = f"{', '.join(error.folders)}: damaged ({error.cause}), to be made anew"
        return Outcome("skipped", perf_counter() - started, told, {"damaged": error.folders})
    except HBenchError as error:
        _end_all_unless_shared(job, site, error)
        return Outcome("failed", perf_counter() - started, str(error))
    except Exception as error:
        _end_all_unless_shared(job, site, error)
        if not all(need.is_done(site.store) for need in job.needs):  # set aside by another process
            return Outcome("skipped", perf_counter() - started, "what it needs is made anew")
        return Outcome("failed", perf_counter() - started, _told(error))


def damaged(outcome: Outcome) -> Sequence[str]:
    """The folders whose damage kept a job from being done."""
    return cast(Sequence[str], outcome.detail.get("damaged", ()))


def _told(error: Exception) -> str:
    """What is said of an error that no stage foresaw: all of it, unless memory ran out."""
    if is_out_of_memory(error):
        cause = without_accounts(str(error).partition("\n")[0][:200]) or type(error).__name__
        return (
            f"out of memory ({cause}); use a smaller model, batch_size or maximum length, or a "
            "machine or device with more"
        )
    return without_accounts(traceback.format_exc().rstrip())


def _end_all_unless_shared(job: Job, site: Site, error: Exception) -> None:
    """A training that fails in one process alone ends them all: the others wait for its share.

    What ended this process ends the others too, by way of what started them; the same command goes
    on from the last checkpoint.
    """
    alone = site.processes.count > 1 and not isinstance(error, SHARED)
    if isinstance(job, TrainJob) and alone:
        raise SystemExit(f"{job.title} failed in one of {site.processes.count} processes: {error}")


def follow(jobs: Mapping[str, Job], site: Site) -> None:
    """Take part in the training jobs that the first process runs, until it says that all is done.

    Args:
        jobs: all jobs of the plan by their keys.
        site: as the first process's, with this process's device.
    """
    while (key := site.processes.agree("")) != "":
        with TemporaryDirectory() as folder, suppress(*SHARED):
            train_here(jobs[key], site, Path(folder), lambda share, note: None)  # type: ignore[arg-type]


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
    downloads.settle(site.store.downloads)
    for remote in job.downloads:
        downloads.fetch(remote, progress)
    return _stored(job, site, lambda folder: data.run(job.dataset.plugin, folder))


def _leakage(job: LeakageJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    sources = [
        (name, Corpus(source.folder(site.store)))
        for name, source in zip(job.names, job.sources, strict=True)
    ]
    evaluation = Corpus(job.evaluation.folder(site.store))

    def stage(folder: Path) -> dict[str, Any]:
        detail = leakage.run(sources, evaluation, folder, progress)
        return {**detail, "notes": [told(detail)] if leaks(detail) else []}

    return _stored(job, site, stage)


def _train(job: TrainJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    if site.processes.count > 1:
        site.processes.agree(job.key)  # the others wait in `follow`
    detail = _stored(job, site, lambda folder: train_here(job, site, folder, progress))
    Checkpoints(site.store, site.store.checkpoints(job.key)).clear()
    return detail


def _encode(job: EncodeJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    """Encode the shards that are missing or damaged."""
    prepare_torch(site.hardware)
    places = job.places(site.store)
    missing = [place for place in places if not is_complete(place.folder)]
    facts = {"provenance": provenance.record(site.hardware)}
    detail: dict[str, Any] = {"encoded": 0, "notes": []}
    model = job.system.folder(site.store)
    if missing:
        check(model)
        detail = encode.run(
            job.system.encoder.plugin,
            model / "model",
            Corpus(job.data.folder(site.store)),
            [replace(place, manifest={**place.manifest, **facts}) for place in missing],
            encode.Arithmetic(site.hardware.device, job.precision, job.stored),
            store=site.store,
            tokenize=partial(cached_tokens, site.store),
            progress=progress,
        )
    found = sum(place.shard.texts for place in places) - detail["encoded"]
    cached = [f"{found:,} of the texts' vectors were in the cache"] if found else []
    return {**detail, "notes": [*cached, *detail["notes"]]}


def _fit(job: FitJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    corpus = Corpus(job.vectors.data.folder(site.store))
    read = partial(stored_vectors(job.vectors, site.store), "passage")

    def stage(folder: Path) -> dict[str, Any]:
        return fit.run(job.transform.plugin, corpus, read, folder)

    return _stored(job, site, stage)


def _rank(job: RankJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    prepare_torch(site.hardware)
    # float64, which decides near ties, is not to be had on other devices.
    device = site.hardware.device if site.hardware.device.startswith("cuda") else "cpu"

    def stage(folder: Path) -> dict[str, Any]:
        return rank.run(
            Corpus(job.vectors.data.folder(site.store)),
            ranked_vectors(job, site.store),
            top_k=job.top_k,
            device=device,
            folder=folder,
            progress=progress,
            index=job.index,
            threads=site.hardware.threads,
        )

    return _stored(job, site, stage)


def _score(job: ScoreJob, site: Site, progress: Progress) -> Mapping[str, Any]:
    target = job.folder(site.store)
    wrong, manifest = damage(target)
    if wrong:  # at most the scores may be: they are made of the rest
        site.store.put_aside(target, ", ".join(wrong))
        check(target, ["beats.npz", "top.parquet"])
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
            Beats.read(target / "beats.npz"),
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
        content["data"] = job.rank.vectors.data.key
        content["scored"] = {**detail, "versions": provenance.versions()}
        content["apart"] = {"scores.parquet": ["scores", "data", "scored"]}
        plugins = [*manifest["plugins"], *_manifest(job, site.hardware)["plugins"]]
        content["plugins"] = list({canonical(plugin): plugin for plugin in plugins}.values())
    return detail


_RUN: Mapping[type, Any] = {
    DataJob: _data,
    LeakageJob: _leakage,
    TrainJob: _train,
    EncodeJob: _encode,
    FitJob: _fit,
    RankJob: _rank,
    ScoreJob: _score,
}
