"""The manifest of a folder: what it holds, with sums, and whether that is what was written.

A folder is complete exactly when its ``manifest.json`` exists; it is written last. It has the size
and sha256 of every file beside it, and a sum of itself.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from hbench.errors import Damaged, StoreError, shown

MANIFEST = "manifest.json"
FORMAT = 1  # of the results folder; to be raised when an older hbench would misread it
Record = Mapping[str, Any]
_checked: dict[Path, str] = {}  # the sum of the manifest by which this process checked a folder


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


def signed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest as it is written: with the folder's format, and a sum of all the rest."""
    whole = {**content, "format": FORMAT}
    whole.pop("sum", None)
    return {**whole, "sum": key_of(whole)}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a complete folder, or {} where there is none.

    Raises:
        Damaged: it is not what was written.
        StoreError: it cannot be read, or another hbench wrote it in a format of its own.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise Damaged(folder, f"{MANIFEST} holds no JSON object")
        written = content.pop("sum", None)
        if written != key_of(content):
            raise Damaged(folder, f"{MANIFEST} has another sum than it says")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, RecursionError) as error:
        raise Damaged(folder, f"{MANIFEST}: {error}") from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    known = content.get("format")
    if known != FORMAT:
        by = content.get("provenance", {}).get("versions", {}).get("hbench", "another version")
        raise StoreError(
            f"{path}: is in format {known}, written by hbench {by}, and this one reads format "
            f"{FORMAT}; use that version, or give another folder with --results"
        )
    for name in (*content.get("files", ()), *content.get("apart", ())):
        if not is_inside(name):
            raise Damaged(folder, f"{MANIFEST} names {shown(name)}, which lies elsewhere")
    return content


def is_inside(name: str) -> bool:
    """Whether a path, relative to a folder, stays in it.

    >>> [is_inside(name) for name in ("model/config.json", "../x", "/x")]
    [True, False, False]
    """
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def is_complete(folder: Path) -> bool:
    """Whether a folder was written to its end, and its files are there in their sizes.

    Raises:
        StoreError: its manifest cannot be read, or is of another hbench.
    """
    try:
        return bool(read_manifest(folder)) and not _wrong(folder, None, _has_size)
    except Damaged:
        return False


def check(folder: Path, names: Iterable[str] | None = None) -> None:
    """Make sure that a complete folder holds what was written; what is checked once, stays so.

    Args:
        folder: one that has a manifest.
        names: only these of its files; None takes all.

    Raises:
        Damaged: a file is missing or has another sum.
    """
    manifest_sum = key_of(read_manifest(folder))
    if _checked.get(folder) == manifest_sum:
        return
    wrong = _wrong(folder, names, _has_sum)
    if wrong:
        raise Damaged(folder, f"{', '.join(wrong)}: missing, or not what was written")
    if names is None:
        _checked[folder] = manifest_sum


def check_all(folders: Iterable[Path]) -> None:
    """As ``check`` of each; the error holds all that is damaged, so that it is made anew at once.

    Raises:
        Damaged: a file is missing or has another sum.
    """
    found = []
    for folder in folders:
        try:
            check(folder)
        except Damaged as error:
            found.append(error)
    if found:
        raise Damaged(found[0].folder, found[0].cause, found[1:])


def forget_checks() -> None:
    """Check anew whatever is read from now on, as a new process does."""
    _checked.clear()


def damage(folder: Path) -> tuple[list[str], dict[str, Any]]:
    """What is wrong with a folder that has a manifest, by reading every file.

    Returns:
        The files that are missing or have another sum, ``manifest.json`` among them; and the
        manifest, if it is sound.
    """
    try:
        return _wrong(folder, None, _has_sum), read_manifest(folder)
    except Damaged:
        return [MANIFEST], {}


def is_intact(folder: Path) -> bool:
    """Whether every file of a complete folder is there with the sum that the manifest says."""
    return not damage(folder)[0]


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


def present(path: Path, record: Record) -> Record:
    """What is known of the file that lies there: of the old one, or of what took its place.

    Args:
        path: a file.
        record: what a manifest says of it, ``next`` being what was about to take its place.
    """
    old, new = {name: record[name] for name in ("bytes", "sha256")}, record.get("next")
    return new if new and _is_one_of(path, new, _has_sum) else old


def _wrong(
    folder: Path, names: Iterable[str] | None, has: Callable[[Path, Record], bool]
) -> list[str]:
    """The files that are not what the manifest says."""
    while True:
        manifest = read_manifest(folder)
        files: Mapping[str, Record] = manifest.get("files", {})
        wrong = [
            name for name in (names or files) if not _is_one_of(folder / name, files.get(name), has)
        ]
        # Another process may have put a newer file there since; then its manifest is newer, too.
        if not wrong or read_manifest(folder) == manifest:
            return wrong


def _is_one_of(path: Path, record: Record | None, has: Callable[[Path, Record], bool]) -> bool:
    """Whether a file is what is known of it, or what was about to take its place."""
    try:
        known = [record, record["next"]] if record and "next" in record else [record]
        return any(each is not None and has(path, each) for each in known)
    except FileNotFoundError:
        return False


def _has_size(path: Path, record: Record) -> bool:
    return path.stat().st_size == int(record["bytes"])


def _has_sum(path: Path, record: Record) -> bool:
    return file_record(path) == {"bytes": record["bytes"], "sha256": record["sha256"]}
