"""The kinds of jobs: what each needs, the key under which its result is stored, and where.

A key is a hash of everything that can change the outcome: options, plugin and stage versions, data
fingerprints, seeds, device class and threads. Library versions are in the manifest instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hbench.memory import token_budget
from hbench.provenance import Hardware
from hbench.registry import Built
from hbench.settings import Component
from hbench.spec import Training
from hbench.stages import data, encode, rank, score, train
from hbench.store import Store, is_complete, key_of, read_manifest


class Job:
    """What all jobs have; a subclass says what goes into its key."""

    needs: "tuple[Job, ...]" = ()
    title: str
    work: float  # rough cost, in training steps; only the progress bar uses it

    @property
    def inputs(self) -> dict[str, Any]:
        """Everything that can change the outcome; JSON."""
        raise TypeError(f"{type(self).__name__} does not say what goes into its key")

    @cached_property
    def key(self) -> str:
        """64 hex digits that identify the outcome."""
        return key_of(self.inputs)

    @property
    def plugins(self) -> Sequence[Built]:
        """The plugins that take part, for the manifest."""
        return ()

    def folder(self, store: Store) -> Path:
        """Where the outcome lies."""
        raise TypeError(f"{type(self).__name__} does not say where its outcome lies")

    def is_done(self, store: Store) -> bool:
        """Whether the manifest, which is written last, is there and of this very job."""
        folder = self.folder(store)
        return is_complete(folder) and read_manifest(folder).get("key") == self.key


@dataclass(frozen=True)
class DataJob(Job):
    """A dataset becomes tables."""

    dataset: Built
    fingerprint: str

    work = 20.0

    @property
    def title(self) -> str:  # type: ignore[override]
        """One line for people."""
        return " ".join(["data", self.dataset.entry.name, *self.dataset.chosen])

    @property
    def plugins(self) -> Sequence[Built]:
        """The dataset."""
        return (self.dataset,)

    @property
    def inputs(self) -> dict[str, Any]:
        """Options, versions and the content's fingerprint."""
        return {
            "stage": f"data {data.VERSION}",
            "dataset": self.dataset.identity,
            "fingerprint": self.fingerprint,
        }

    def folder(self, store: Store) -> Path:
        """``data/<dataset>-<key>``."""
        return store.data(self.dataset.entry.name, self.key)


@dataclass(frozen=True)
class TrainJob(Job):
    """An encoder is created, and trained unless it has no sampler."""

    encoder: Built
    fingerprint: str
    sampler: Built | None
    objectives: tuple[tuple[float, Built], ...]
    sources: tuple[DataJob, ...]
    weights: tuple[float, ...]
    training: Training | None
    validation: DataJob | None
    seed: int
    hardware: Hardware
    method: str  # what the benchmark calls it; no part of the key, since benchmarks share systems

    @property
    def title(self) -> str:  # type: ignore[override]
        """One line for people."""
        return f"train {self.method}, seed {self.seed}"

    @property
    def work(self) -> float:  # type: ignore[override]
        """The steps."""
        return float(self.training.steps) if self.sampler and self.training else 5.0

    @property
    def needs(self) -> tuple[Job, ...]:  # type: ignore[override]
        """The training and the validation data."""
        return (*self.sources, *([self.validation] if self.validation else []))

    @property
    def plugins(self) -> Sequence[Built]:
        """Encoder, sampler, objectives."""
        sampler = [self.sampler] if self.sampler else []
        return [self.encoder, *sampler, *(objective for _, objective in self.objectives)]

    @property
    def inputs(self) -> dict[str, Any]:
        """Plugins, data, recipe, seed and hardware."""
        keys = [source.key for source in self.sources]
        hardware = {**self.hardware.identity, "processes": self.hardware.processes}
        return {
            "stage": f"train {train.VERSION}",
            "encoder": self.encoder.identity,
            "fingerprint": self.fingerprint,
            "sampler": self.sampler.identity if self.sampler else None,
            "objectives": [[weight, built.identity] for weight, built in self.objectives],
            # An untrained model takes only the set of texts from its sources, for its tokenizer.
            "sources": keys if self.sampler else sorted(keys),
            "weights": list(self.weights) if self.sampler else None,
            "training": self._recipe,
            "seed": self.seed,
            "hardware": hardware if self.sampler else None,
        }

    @property
    def _recipe(self) -> dict[str, Any] | None:
        """The numbers of the training, with what the device decides."""
        if self.training is None:
            return None
        recipe = self.training.model_dump(
            mode="json", exclude={"data": True, "validation": {"data"}}
        )
        recipe["precision"] = self.training.precision_on(self.hardware.device)
        recipe["token_budget"] = token_budget(self.training.token_budget, self.hardware.device)
        if self.validation is not None:
            recipe["validation"]["data"] = self.validation.key
        return recipe

    def folder(self, store: Store) -> Path:
        """``systems/<encoder>-<sampler>-<objective>-s<seed>-<key>``."""
        return store.system(self._parts, self.seed, self.key)

    @property
    def _parts(self) -> tuple[str, ...]:
        sampler = self.sampler.entry.name if self.sampler else "none"
        objective = "+".join(built.entry.name for _, built in self.objectives) or "none"
        return (self.encoder.entry.name, sampler, objective)


@dataclass(frozen=True)
class EncodeJob(Job):
    """A system's vectors of a dataset."""

    system: TrainJob
    data: DataJob
    hardware: Hardware

    work = 60.0

    @property
    def title(self) -> str:  # type: ignore[override]
        """One line for people."""
        what, by = self.data.title.removeprefix("data "), self.system.title.removeprefix("train ")
        return f"encode {what} by {by}"

    @property
    def needs(self) -> tuple[Job, ...]:  # type: ignore[override]
        """The system and the dataset."""
        return (self.system, self.data)

    @property
    def plugins(self) -> Sequence[Built]:
        """The encoder."""
        return (self.system.encoder,)

    @property
    def inputs(self) -> dict[str, Any]:
        """The system, the dataset and the hardware."""
        return {
            "stage": f"encode {encode.VERSION}",
            "system": self.system.key,
            "data": self.data.key,
            "hardware": self.hardware.identity,
        }

    def folder(self, store: Store) -> Path:
        """``cache/vectors/<key>``."""
        return store.vectors(self.key)


@dataclass(frozen=True)
class RankJob(Job):
    """The counts of a system on a dataset."""

    vectors: EncodeJob
    top_k: int

    work = 20.0

    @property
    def title(self) -> str:  # type: ignore[override]
        """One line for people."""
        return self.vectors.title.replace("encode", "rank", 1)

    @property
    def needs(self) -> tuple[Job, ...]:  # type: ignore[override]
        """The vectors and the dataset."""
        return (self.vectors, self.vectors.data)

    @property
    def inputs(self) -> dict[str, Any]:
        """The vectors and how many of the best are kept."""
        return {"stage": f"rank {rank.VERSION}", "vectors": self.vectors.key, "top_k": self.top_k}

    def folder(self, store: Store) -> Path:
        """``<system>/eval/<dataset>-<key>``."""
        name = f"{self.vectors.data.folder(store).name.rsplit('-', 1)[0]}-{self.key[:8]}"
        return self.vectors.system.folder(store) / "eval" / name


@dataclass(frozen=True)
class ScoreJob(Job):
    """Metrics of a system on a dataset; added to what its scores file holds already."""

    rank: RankJob
    settings: tuple[tuple[str, tuple[Component, ...]], ...]
    metrics: tuple[tuple[str, Built], ...]

    work = 10.0

    @property
    def title(self) -> str:  # type: ignore[override]
        """One line for people."""
        return self.rank.title.replace("rank", "score", 1)

    @property
    def needs(self) -> tuple[Job, ...]:  # type: ignore[override]
        """The counts and the dataset."""
        return (self.rank, self.rank.vectors.data)

    @property
    def plugins(self) -> Sequence[Built]:
        """The metrics."""
        return [metric for _, metric in self.metrics]

    @property
    def inputs(self) -> dict[str, Any]:
        """The counts, settings and metrics."""
        return {"rank": self.rank.key, "cells": self.cells, "metrics": self.metric_keys}

    @property
    def cells(self) -> dict[str, list[str]]:
        """The (query language, pool) of each setting, as text."""
        return {
            name: [f"{c.query_language}>{c.pool_name}" for c in components]
            for name, components in self.settings
        }

    @property
    def metric_keys(self) -> dict[str, str]:
        """What identifies each metric's values, by its label."""
        stage = f"score {score.VERSION}"
        return {label: key_of({"stage": stage, **m.identity}) for label, m in self.metrics}

    def folder(self, store: Store) -> Path:
        """The folder of the counts."""
        return self.rank.folder(store)

    def is_done(self, store: Store) -> bool:
        """Whether the scores file has every metric in every pool of every setting."""
        if not self.rank.is_done(store):
            return False
        stored: Mapping[str, Any] = read_manifest(self.folder(store)).get("scores", {})
        return all(
            stored.get(label, {}).get("key") == key
            and set(cells) <= set(stored[label]["cells"].get(setting, ()))
            for label, key in self.metric_keys.items()
            for setting, cells in self.cells.items()
        )
