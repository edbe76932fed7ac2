"""Whether everything in a results folder is what was written there."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hbench.errors import Damaged, StoreError
from hbench.manifests import MANIFEST, check, read_manifest
from hbench.store import Store

# What nobody takes for a result, by its path below the results folder.
NO_RESULTS = (
    ("cache", "unfinished"),
    ("cache", "damaged"),
    ("cache", "locks"),
    ("cache", "downloads"),  # checked against their pinned sums whenever they are used
    ("tracking",),  # TensorBoard's and MLflow's own
)
Seen = Callable[[Path], None]


@dataclass(frozen=True)
class Soundness:
    """What was found in a results folder.

    Args:
        folders: that have a manifest.
        files: that these list.
        size: of these, in bytes.
        damaged: what is not what was written.
        unknown: files that no manifest lists.
        failures: (job, why) of the jobs that failed when they were last tried.
        set_aside: folders that were damaged when something read them.
    """

    folders: int
    files: int
    size: int
    damaged: list[Damaged]
    unknown: list[Path]
    failures: list[tuple[str, str]]
    set_aside: list[Path]


def examine(store: Store, seen: Seen = lambda folder: None) -> Soundness:
    """Check every file of a results folder against the sum that its manifest has of it.

    Args:
        store: the results folder.
        seen: told each folder before it is checked.

    Raises:
        StoreError: there is no such folder, or another hbench wrote in it.
    """
    if not store.root.is_dir():
        raise StoreError(f"{store.root}: no such folder; name one with --results")
    files = set(_files(store.root))
    folders = sorted(path.parent for path in files if path.name == MANIFEST)
    known: set[Path] = set()
    size, damaged = 0, []
    for folder in folders:
        seen(folder)
        try:
            listed = read_manifest(folder).get("files", {})
            known |= {folder / name for name in listed}
            size += sum(record["bytes"] for record in listed.values())
            check(folder)
        except Damaged as error:
            damaged.append(error)
    manifests = {folder / MANIFEST for folder in folders}
    unknown = files - known - manifests
    return Soundness(
        folders=len(folders),
        files=len(known),
        size=size,
        damaged=damaged,
        # A run may have removed some since, as it does with checkpoints.
        unknown=sorted(path for path in unknown if path.is_file()),
        failures=sorted(_failures(store.root / "failures", folders)),
        set_aside=sorted((store.root / "cache" / "damaged").glob("*")),
    )


def _files(root: Path) -> Iterator[Path]:
    """The files below a folder that are results, or ought to be."""
    for place, folders, names in os.walk(root):  # goes on where a run removes a folder meanwhile
        parts = Path(place).relative_to(root).parts
        folders[:] = [name for name in folders if (*parts, name) not in NO_RESULTS]
        yield from (path for name in names if (path := Path(place, name)).is_file())


def _failures(place: Path, folders: list[Path]) -> Iterator[tuple[str, str]]:
    """(job, the last line of why) of the failures that can be read."""
    for folder in folders:
        if folder.parent == place:
            try:
                told = read_manifest(folder)
            except Damaged:
                continue
            if told:  # else the job has been done since
                reason = str(told.get("message", "")).rstrip().rpartition("\n")[2]
                yield str(told.get("job", folder.name)), reason or "no reason given"
