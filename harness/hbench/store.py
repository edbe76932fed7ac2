"""The results folder: where things lie, and how they get there whole or not at all.

A folder is complete exactly when its ``manifest.json`` exists; it is written last and holds the
sha256 of every file beside it. Nothing is ever unpickled.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hbench.errors import StoreError

MANIFEST = "manifest.json"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
MAX_NAME = 100  # bytes; file systems refuse more than 255, and names are put together


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON in one spelling, so that equal values have equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def key_of(inputs: Mapping[str, Any]) -> str:
    """64 hex digits that differ exactly when the inputs of a job differ.

    It is the sha256 of their JSON with sorted keys, so that the order of keys is nothing.

    Args:
        inputs: JSON values.

    Raises:
        TypeError: a value is none that JSON has.
        ValueError: a number is NaN or infinite.
    """
    return hashlib.sha256(canonical(inputs).encode()).hexdigest()


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

    @contextmanager
    def writing(
        self, folder: Path, manifest: Mapping[str, Any]
    ) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Fill a folder: yields a temporary folder, and the manifest to add to.

        Files that ``manifest`` lists already, from an earlier filling, stay.

        On leaving without an exception the files are synced and moved, and the manifest, with
        their sums, is written last; on an exception nothing of them remains.

        Raises:
            StoreError: the results folder cannot be written.
        """
        scratch = self._scratch()
        try:
            content = dict(manifest)
            with _room(folder):
                yield scratch, content
            files = sorted(path for path in scratch.rglob("*") if path.is_file())
            content["files"] = dict(content.get("files", {})) | {
                path.relative_to(scratch).as_posix(): file_record(path) for path in files
            }
            for path in files:
                _move(path, folder / path.relative_to(scratch))
            self.write_json(folder / MANIFEST, content)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def write_text(self, path: Path, text: str) -> None:
        """Write one file atomically.

        Raises:
            StoreError: the results folder cannot be written.
        """
        scratch = self._scratch()
        try:
            with _writable(path):
                (scratch / path.name).write_text(text, encoding="utf-8")
            _move(scratch / path.name, path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def write_json(self, path: Path, value: Mapping[str, Any] | list[Any]) -> None:
        """Write a JSON file atomically; NaN is refused, since it is not JSON."""
        self.write_text(
            path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        )

    def _scratch(self) -> Path:
        parent = self.root / "cache" / "unfinished"
        with _writable(parent):
            parent.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(dir=parent))


@contextmanager
def _writable(place: Path) -> Iterator[None]:
    """What the system refuses to write ends as a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{place}: cannot be written ({error.strerror or error}); make it writable, make room, "
            "or give another folder with --results"
        ) from error


@contextmanager
def _room(place: Path) -> Iterator[None]:
    """What a stage has no room to write ends as a StoreError; its other errors are bugs."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        with _writable(place):
            raise


def is_complete(folder: Path) -> bool:
    """Whether a folder was written to its end."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a complete folder, or {} where there is none.

    Raises:
        StoreError: the manifest is damaged.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
        cause = "it holds no JSON object"
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        cause = str(error)
    raise StoreError(f"{path}: damaged ({cause}); delete {folder} and run again")


def is_intact(folder: Path) -> bool:
    """Whether every file of a complete folder is there with the sum that the manifest says."""
    files: Mapping[str, Any] = read_manifest(folder).get("files", {})
    return all(
        (folder / name).is_file() and file_record(folder / name) == record
        for name, record in files.items()
    )


def file_record(path: Path) -> dict[str, Any]:
    """The size and sum by which a file is known again.

    Returns:
        ``bytes`` and ``sha256``, in 64 hex digits.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _move(source: Path, target: Path) -> None:
    """Put a file into a folder that may not be there yet."""
    with _writable(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        put_in_place(source, target)


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
