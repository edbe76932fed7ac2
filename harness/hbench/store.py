"""The results folder: where things lie, and how they get there whole or not at all.

Files are written elsewhere on the same disk, synced, renamed, and the manifest last, which says of
each what it must be (``hbench.manifests``). Nothing is ever unpickled.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from hbench.errors import Damaged
from hbench.locks import alone
from hbench.manifests import (
    MANIFEST,
    damage,
    file_record,
    is_complete,
    key_of,
    present,
    read_manifest,
    signed,
)
from hbench.room import room, writable

MAX_NAME = 100  # bytes; file systems refuse more than 255, and names are put together


def slug(name: str) -> str:
    """A name as one path component: percent-encoded, so that it can neither hide nor climb.

    A long name, as of 12 Chinese characters or more, is cut and ends in a sum.

    >>> slug("../x y")
    '%2E.%2Fx%20y'
    """
    encoded = quote(name, safe="+")
    if len(encoded) > MAX_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()
        encoded = f"{encoded[: MAX_NAME - 9]}-{digest[:8]}"
    return "%2E" + encoded[1:] if encoded.startswith(".") else encoded


class Store:
    """Paths and atomic writes below one results folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.set_aside: list[str] = []

    def data(self, dataset: str, key: str) -> Path:
        """Text tables of a dataset."""
        return self.root / "data" / f"{slug(dataset)}-{key[:8]}"

    def leakage(self, dataset: str, key: str) -> Path:
        """What of a dataset occurs in some training data."""
        return self.root / "leakage" / f"{slug(dataset)}-{key[:8]}"

    def system(self, parts: tuple[str, ...], seed: int, key: str) -> Path:
        """A trained system; ``parts`` are the names of its encoder, sampler and objective."""
        name = "-".join([*map(slug, parts), f"s{seed}", key[:8]])
        return self.root / "systems" / name

    def vectors(self, key: str) -> Path:
        """A system's vectors of a dataset; safe to delete."""
        return self.root / "cache" / "vectors" / key[:16]

    def tokens(self, inputs: Mapping[str, Any]) -> Path:
        """Token ids of a list of texts; safe to delete."""
        return self.root / "cache" / "tokens" / key_of(inputs)[:16]

    @property
    def downloads(self) -> Path:
        """Files from elsewhere; safe to delete."""
        return self.root / "cache" / "downloads"

    def checkpoints(self, key: str) -> Path:
        """What an interrupted training goes on from; safe to delete."""
        return self.root / "cache" / "checkpoints" / key[:16]

    def benchmark(self, name: str) -> Path:
        """What belongs to one benchmark: resolved spec, comparison, tables."""
        return self.root / "benchmarks" / slug(name)

    def failure(self, key: str) -> Path:
        """Why a job failed when it was last tried."""
        return self.root / "failures" / key[:16]

    def lock(self, what: str) -> Path:
        """The file that only one process at a time may hold a lock on."""
        return self.root / "cache" / "locks" / f"{slug(what)}.lock"

    @contextmanager
    def writing(
        self, folder: Path, manifest: Mapping[str, Any]
    ) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Fill a folder: yields a temporary folder, and the manifest to add to.

        Files that ``manifest`` lists already, from an earlier filling, stay. What is damaged in the
        folder is set aside.

        On leaving without an exception the files are synced and moved, and the manifest, with
        their sums, is written last; on an exception nothing of them remains.

        Raises:
            StoreError: the results folder cannot be written.
        """
        with self._scratch(folder) as scratch:
            content = dict(manifest)
            with room(folder):
                yield scratch, content
                files = sorted(path for path in scratch.rglob("*") if path.is_file())
                made = {path.relative_to(scratch).as_posix(): file_record(path) for path in files}
            content["files"] = dict(content.get("files", {})) | made
            self._announce(folder, made)
            for path in files:
                _move(path, folder / path.relative_to(scratch))
            self._write_manifest(folder, content)

    def _announce(self, folder: Path, made: Mapping[str, Any]) -> None:
        """Let the manifest know of files that will take the place of others, before they do.

        A process that dies in between leaves the old or the new one: either is what was written.
        """
        if not is_complete(folder):
            if (folder / MANIFEST).exists():
                self.put_aside(folder, "its manifest, or the size of a file")
            return
        before = read_manifest(folder)
        files: dict[str, Any] = before.get("files", {})
        replaced = {name: record for name, record in made.items() if name in files}
        if any(files[name] != record for name, record in replaced.items()):
            known = {
                name: {**present(folder / name, files[name]), "next": record}
                for name, record in replaced.items()
            }
            self._write_manifest(folder, {**before, "files": {**files, **known}})

    def put(self, folder: Path, name: str, text: str) -> None:
        """Write one file of a folder that several processes write to, and its manifest.

        Raises:
            StoreError: the results folder cannot be written.
        """
        with writable(folder), alone(self.lock(folder.relative_to(self.root).as_posix())):
            wrong, manifest = damage(folder)
            if wrong:
                self.put_aside(folder, ", ".join(wrong))
                manifest = read_manifest(folder)
            apart = {**manifest.get("apart", {}), name: []}
            with self.writing(folder, {**manifest, "apart": apart}) as (scratch, _):
                (scratch / name).write_text(text, encoding="utf-8")

    def _write_manifest(self, folder: Path, content: Mapping[str, Any]) -> None:
        with self._scratch(folder) as scratch:
            with room(folder):
                (scratch / MANIFEST).write_text(as_json(signed(content)), encoding="utf-8")
            _move(scratch / MANIFEST, folder / MANIFEST)

    def put_aside(self, folder: Path, cause: str) -> None:
        """Move what is damaged to where nobody reads it, unless it has been made anew since.

        That is a folder's own files, without the folders in it that have manifests of theirs; or
        only the files that are damaged, if the manifest says that these can be made anew alone.

        Raises:
            StoreError: the results folder cannot be written.
        """
        aside = self.root / "cache" / "damaged"
        with writable(aside), alone(self.lock("damaged")):
            wrong, manifest = damage(folder)
            if not wrong:
                return
            aside.mkdir(parents=True, exist_ok=True)
            place = Path(tempfile.mkdtemp(prefix=f"{slug(folder.name)}-", dir=aside))
            apart: Mapping[str, list[str]] = manifest.get("apart", {})
            is_apart = set(wrong) <= apart.keys()
            if is_apart:
                moved = [folder / name for name in wrong]
            else:
                moved = [path for path in folder.iterdir() if not any(path.rglob(MANIFEST))]
                moved.sort(key=lambda path: path.name != MANIFEST)  # first: the rest is then void
            for path in moved:
                if path.exists():
                    path.rename(place / path.name)
            if is_apart:
                gone = {"files", *(entry for name in wrong for entry in apart[name])}
                files = {n: each for n, each in manifest["files"].items() if n not in wrong}
                kept = {name: value for name, value in manifest.items() if name not in gone}
                self._write_manifest(folder, {**kept, "files": files})
        self.set_aside.append(
            f"{folder} was damaged ({cause}); that lies in {place} now, and a run makes it anew"
        )

    def put_all_aside(self, error: Damaged) -> None:
        """Move away all that an error says is damaged."""
        for each in (error, *error.others):
            self.put_aside(each.folder, each.cause)

    def told(self) -> list[str]:
        """What was set aside since this was asked for last, a line each."""
        lines, self.set_aside = self.set_aside, []
        return lines

    def now(self) -> int:
        """The time by the clock of the disk that the results lie on, in nanoseconds."""
        with self._scratch(self.root) as scratch:
            return scratch.stat().st_mtime_ns

    def sweep(self) -> None:
        """Remove what processes that are no more have left unfinished."""
        for lock in sorted(self._unfinished.glob("*.lock")):
            with alone(lock, wait=False) as ours:
                if ours:
                    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                    lock.unlink(missing_ok=True)

    @property
    def _unfinished(self) -> Path:
        return self.root / "cache" / "unfinished"

    @contextmanager
    def _scratch(self, place: Path) -> Iterator[Path]:
        """A folder of this process's own: while it holds the lock beside it, nobody sweeps it."""
        scratch = self._unfinished / uuid4().hex[:16]
        lock = scratch.with_suffix(".lock")
        with ExitStack() as held:
            with writable(place):
                held.enter_context(alone(lock))
                scratch.mkdir()
            try:
                yield scratch
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
                lock.unlink(missing_ok=True)


def as_json(value: Mapping[str, Any] | list[Any]) -> str:
    """Indented JSON, as it is stored; NaN is refused, since it is not JSON."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _move(source: Path, target: Path) -> None:
    """Put a file into a folder that may not be there yet."""
    with writable(target):
        _make(target.parent)
        put_in_place(source, target)


def _make(folder: Path) -> None:
    """Make a folder and those above it, their names synced."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def put_in_place(source: Path, target: Path) -> None:
    """Rename a file on its disk, its bytes and then its name synced before this returns."""
    _sync(source)
    source.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
