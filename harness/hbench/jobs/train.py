"""The jobs that make a system: its data, and its training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hbench.jobs.base import Job
from hbench.memory import token_budget
from hbench.provenance import Hardware
from hbench.records import Remote
from hbench.registry import Built
from hbench.spec import Training
from hbench.stages import data, train
from hbench.store import Store


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
    def downloads(self) -> Sequence[Remote]:
        """The files from elsewhere that the dataset needs."""
        tell = getattr(self.dataset.plugin, "downloads", None)
        return tell() if tell is not None else ()

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
    bounds: tuple[tuple[float, float], ...]  # sizes that the sources are taken for
    training: Training | None
    validation: DataJob | None
    seed: int
    hardware: Hardware
    without: "tuple[Job, ...]"  # leakage jobs, whose leaking items are not trained on
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
        """The training and the validation data, and what must not be trained on."""
        return (*self.sources, *([self.validation] if self.validation else []), *self.without)

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
            **({"bounds": self._bounds} if self._bounds else {}),
            **({"without": [job.key for job in self.without]} if self.without else {}),
        }

    @property
    def _bounds(self) -> list[list[str]]:
        """As JSON, which knows no infinity; nothing if no source has any."""
        is_bound = self.sampler is not None and set(self.bounds) - {(0.0, float("inf"))}
        return [[str(bound) for bound in bounds] for bounds in self.bounds] if is_bound else []

    @property
    def _recipe(self) -> dict[str, Any] | None:
        """The numbers of the training, with what the device decides."""
        if self.training is None:
            return None
        recipe = self.training.model_dump(
            mode="json", exclude={"data": True, "leakage": True, "validation": {"data"}}
        )
        if recipe["deterministic"]:  # what it is unless somebody asks for less
            del recipe["deterministic"]
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
