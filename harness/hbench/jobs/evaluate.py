"""The jobs that evaluate a system on a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hbench.corpus import shards_of
from hbench.errors import Damaged
from hbench.jobs.base import Job
from hbench.jobs.train import DataJob, TrainJob
from hbench.manifests import is_complete, key_of, read_manifest
from hbench.memory import token_budget
from hbench.provenance import Hardware
from hbench.registry import Built
from hbench.settings import Component
from hbench.stages import encode, fit, rank, score
from hbench.stages.encode import Place
from hbench.store import Store, slug
from hbench.training.recipe import Precision
from hbench.vectors import Stored, shard_inputs


@dataclass(frozen=True)
class EncodeJob(Job):
    """A system's vectors of a dataset: a folder for each shard of its distinct texts."""

    system: TrainJob
    data: DataJob
    hardware: Hardware
    precision: Precision
    stored: Stored

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
        """How the dataset's texts become vectors."""
        return {**self.encoding, "data": self.data.key}

    @property
    def encoding(self) -> dict[str, Any]:
        """The system, the precisions, the token budget and the hardware."""
        return {
            "stage": f"encode {encode.VERSION}",
            "system": self.system.key,
            "precision": self.precision,
            "stored": self.stored,
            "token_budget": token_budget(None, self.hardware.device),
            "hardware": self.hardware.identity,
        }

    def places(self, store: Store) -> list[Place]:
        """Where the vectors of each shard lie, or will; the data must be done.

        A shard is known by its texts, so that datasets share what they have in common.

        Raises:
            Damaged: the data is not there, as when another process has set it aside.
        """
        data = self.data.folder(store)
        detail = read_manifest(data).get("detail")
        if detail is None:
            raise Damaged(data, "no data is there")
        shards = shards_of(detail)
        inputs = [shard_inputs(self.encoding, shard) for shard in shards]
        return [
            Place(shard, store.vectors(key_of(each)), {"inputs": each})
            for shard, each in zip(shards, inputs, strict=True)
        ]

    def written(self, store: Store) -> str:
        """All vectors of the system: datasets share those of the texts that they have in common."""
        return store.vectors(key_of(self.encoding)).relative_to(store.root).as_posix()

    def is_done(self, store: Store) -> bool:
        """Whether the vectors of every shard are there."""
        try:
            return self.data.is_done(store) and all(
                is_complete(place.folder) for place in self.places(store)
            )
        except Damaged:  # another process has set the data aside since
            return False


@dataclass(frozen=True)
class FitJob(Job):
    """A transform is fitted on a system's vectors of parallel texts."""

    transform: Built
    vectors: EncodeJob

    work = 5.0

    @property
    def title(self) -> str:  # type: ignore[override]
        """One line for people."""
        what, by = self.vectors.title.removeprefix("encode ").rsplit(" by ", 1)
        return f"fit {self.transform.entry.name} on {what} by {by}"

    @property
    def needs(self) -> tuple[Job, ...]:  # type: ignore[override]
        """The vectors and the dataset."""
        return (self.vectors, self.vectors.data)

    @property
    def plugins(self) -> Sequence[Built]:
        """The transform."""
        return (self.transform,)

    @property
    def inputs(self) -> dict[str, Any]:
        """The transform and the vectors."""
        return {
            "stage": f"fit {fit.VERSION}",
            "transform": self.transform.identity,
            "vectors": self.vectors.key,
        }

    def folder(self, store: Store) -> Path:
        """``<system>/transforms/<transform>-<key>``."""
        system = self.vectors.system.folder(store)
        return system / "transforms" / f"{slug(self.transform.entry.name)}-{self.key[:8]}"


@dataclass(frozen=True)
class RankJob(Job):
    """The counts of a system, perhaps with a transform, on a dataset."""

    vectors: EncodeJob
    top_k: int
    fit: FitJob | None = None
    index: str | None = None

    work = 20.0

    @property
    def title(self) -> str:  # type: ignore[override]
        """One line for people."""
        by = f" with {self.fit.transform.entry.name}" if self.fit else ""
        return self.vectors.title.replace("encode", "rank", 1) + by

    @property
    def needs(self) -> tuple[Job, ...]:  # type: ignore[override]
        """The vectors, the dataset and what the transform learned."""
        return (self.vectors, self.vectors.data, *([self.fit] if self.fit else []))

    @property
    def plugins(self) -> Sequence[Built]:
        """The transform."""
        return self.fit.plugins if self.fit else ()

    @property
    def inputs(self) -> dict[str, Any]:
        """The vectors, the transform, and how many of the best are kept."""
        transform = {"transform": self.fit.key} if self.fit else {}
        # faiss links the passages of some indexes in the order in which its threads come by.
        threads = self.vectors.hardware.threads
        index = {"index": self.index, "threads": threads} if self.index else {}
        return {
            "stage": f"rank {rank.VERSION}",
            "vectors": self.vectors.key,
            "top_k": self.top_k,
            **transform,
            **index,
        }

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
