"""What every job has."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from hbench.manifests import is_complete, key_of, read_manifest
from hbench.registry import Built
from hbench.store import Store


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

    def written(self, store: Store) -> str:
        """What this job writes to, below the results: two jobs with one name never run at once."""
        return self.folder(store).relative_to(store.root).as_posix()

    def is_done(self, store: Store) -> bool:
        """Whether the manifest, which is written last, is there and of this very job."""
        folder = self.folder(store)
        return is_complete(folder) and read_manifest(folder).get("key") == self.key
