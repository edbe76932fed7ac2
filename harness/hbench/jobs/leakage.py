"""The job that looks for an evaluation's texts in what is trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hbench.jobs.base import Job
from hbench.jobs.train import DataJob
from hbench.stages import leakage
from hbench.store import Store


@dataclass(frozen=True)
class LeakageJob(Job):
    """Training data are compared with the data of one evaluation."""

    sources: tuple[DataJob, ...]
    names: tuple[str, ...]  # of the sources in the spec
    evaluation: DataJob

    work = 20.0

    @property
    def title(self) -> str:  # type: ignore[override]
        """One line for people."""
        return f"leakage {self.evaluation.title.removeprefix('data ')} in {', '.join(self.names)}"

    @property
    def needs(self) -> tuple[Job, ...]:  # type: ignore[override]
        """All data."""
        return (*self.sources, self.evaluation)

    @property
    def inputs(self) -> dict[str, Any]:
        """The data on both sides."""
        names = zip(self.names, self.sources, strict=True)
        return {
            "stage": f"leakage {leakage.VERSION}",
            "sources": [[name, job.key] for name, job in names],
            "evaluation": self.evaluation.key,
        }

    def folder(self, store: Store) -> Path:
        """``leakage/<dataset>-<key>``."""
        return store.leakage(self.evaluation.dataset.entry.name, self.key)
