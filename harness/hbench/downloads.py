"""Files from elsewhere: taken from ``$HBENCH_DATA`` if they lie there, else downloaded once.

What is downloaded is checked against its pinned size and sha256 before it gets its name, so that a
file in the downloads folder is right or absent, never half. What has arrived of it lies beside it
as ``<name>.part``, from where the next attempt, or the next run, goes on.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hbench.errors import DataError, PluginError, shown, without_accounts
from hbench.locks import alone
from hbench.manifests import file_record
from hbench.records import Remote
from hbench.store import put_in_place

if TYPE_CHECKING:
    import requests

CONNECT = 10.0  # seconds until a server that does not answer is given up
STALL = 60.0  # seconds without a byte until a connection is given up
WAITS = (1.0, 2.0, 5.0, 10.0, 20.0)  # seconds before each further attempt at one mirror
LONGEST_WAIT = 120.0  # seconds, whatever Retry-After asks for
NAME = re.compile(r"[^/\\:]+(/[^/\\:]+)*")
HERE = ("localhost", "127.0.0.1", "::1")  # what goes there passes nobody who could change it
PIECE = 1 << 16  # bytes; as much may have to be fetched again after an interruption
Progress = Callable[[float, str], None]
"""Is told the share that is done, from 0 to 1, and of what, in a line."""


_folder = Path("results/cache/downloads")


class _Failure(Exception):
    """Why an attempt failed; ``wait`` is None if another attempt at this mirror is of no use."""

    def __init__(self, cause: str, wait: float | None = None) -> None:
        self.wait = wait
        super().__init__(without_accounts(cause))


def settle(folder: Path) -> None:
    """Say where this process keeps downloads; before that it is ``results/cache/downloads``."""
    global _folder
    _folder = folder


def is_offline() -> bool:
    """Whether ``HBENCH_OFFLINE`` forbids to download; ``0`` or nothing is as if it were not set."""
    return os.environ.get("HBENCH_OFFLINE", "") not in ("", "0")


def local(remote: Remote) -> Path | None:
    """The file, if it is here; whether it is the right one is for `fetch` to see.

    Raises:
        PluginError: its name leads out of the folder.
    """
    own = _place(_folder, remote)
    return _given(remote) or (own if own.is_file() else None)


def missing(remotes: Sequence[Remote]) -> list[Remote]:
    """Those that are not here."""
    return [remote for remote in remotes if local(remote) is None]


def require(remotes: Sequence[Remote]) -> None:
    """Make sure that all are here or may be downloaded.

    Raises:
        DataError: nothing may be downloaded, and some are not here; lists them all.
    """
    absent = missing(remotes)
    if absent and is_offline():
        raise _unreachable(absent)


def fetch(remote: Remote, progress: Progress = lambda share, what: None) -> Path:
    """The local file with its sum checked; it is downloaded if it is not here.

    Several processes may ask for one file at once: one of them downloads it, the others wait.

    Args:
        remote: the file.
        progress: told the share that has arrived, and what is going on.

    Raises:
        DataError: the file in ``$HBENCH_DATA`` is not the right one, or no mirror has it, or it
            is not here and nothing may be downloaded.
        PluginError: its name leads out of the folder.
        StoreError: the downloads folder cannot be written.
    """
    given = _given(remote)
    if given is not None:
        return _checked(given, remote)
    target = _place(_folder, remote)
    if _is_right(target, remote):
        return target
    if is_offline():
        raise _unreachable([remote])
    with _alone(target, progress):
        if not _is_right(target, remote):  # else another process was here first
            if target.is_file():
                progress(0.0, f"{target} has a wrong sum and is downloaded again")
                target.unlink()
            _download(remote, target, progress)
    return target


def _given(remote: Remote) -> Path | None:
    """The file in the folder of the user's own data, which is never written to."""
    base = os.environ.get("HBENCH_DATA")
    path = _place(Path(base), remote) if base else None
    return path if path is not None and path.is_file() else None


def _place(folder: Path, remote: Remote) -> Path:
    """Where a file lies below a folder; a plugin gives the name, and a name may say anything."""
    name = remote.name
    if not NAME.fullmatch(name) or ".." in name.split("/") or not name.isprintable():
        raise PluginError(
            f"downloads() names the file {shown(name)}, which is no path below a folder, as "
            "'toy/de.json' is: tell the dataset's authors"
        )
    return folder / name


def _checked(path: Path, remote: Remote) -> Path:
    if _is_right(path, remote):
        return path
    raise DataError(
        f"{path} has sha256 {file_record(path)['sha256']}, expected {remote.sha256}; it is damaged "
        f"or of another version: get it from {remote.urls[0]}, or move it away to download it"
    )


def _is_right(path: Path, remote: Remote) -> bool:
    expected = {"bytes": remote.size, "sha256": remote.sha256}
    return path.is_file() and file_record(path) == expected


@contextmanager
def _alone(target: Path, progress: Progress) -> Iterator[None]:
    """Be the one process that works on a file; say so if another one has to end first."""
    lock = target.with_name(f"{target.name}.lock")
    with ExitStack() as held:
        if not held.enter_context(alone(lock, wait=False)):
            progress(0.0, f"waiting for the process that downloads {target.name}")
            held.enter_context(alone(lock))
        yield


def _download(remote: Remote, target: Path, progress: Progress) -> None:
    """Get the file from the first mirror that has it."""
    part = target.with_name(f"{target.name}.part")
    causes = []
    for url in remote.urls:
        try:
            _from_mirror(url, remote, part, progress)
        except _Failure as failure:
            causes.append(f"  {url}: {failure}")
        else:
            put_in_place(part, target)
            return
    advice = f"run again to go on where it stopped, or {_by_hand(remote)}"
    raise _told(f"{remote.name} cannot be downloaded:", *causes, advice)


def _from_mirror(url: str, remote: Remote, part: Path, progress: Progress) -> None:
    """Fill ``part`` with the right content, in as many attempts as `WAITS` allows."""
    for wait in (*WAITS, None):
        try:
            _attempt(url, remote, part, progress)
            return
        except _Failure as failure:
            if failure.wait is None or wait is None:
                raise
            pause = min(max(failure.wait, wait), LONGEST_WAIT)
            share = _size(part) / remote.size
            progress(share, f"{remote.name}: {failure}; next attempt in {pause:.0f} s")
            time.sleep(pause)


def _attempt(url: str, remote: Remote, part: Path, progress: Progress) -> None:
    """Go on from what ``part`` holds, and check the whole."""
    begun = _size(part)
    if begun < remote.size:
        begun = _receive(url, remote, part, begun, progress)
    if _size(part) < remote.size:
        raise _Failure(f"ended after {_size(part):,} of {remote.size:,} bytes", wait=0.0)
    if not _is_right(part, remote):
        cause = f"what it sends has sha256 {file_record(part)['sha256']}, expected {remote.sha256}"
        part.unlink()
        # What it went on from may have been another file's beginning: then a fresh start helps.
        raise _Failure(cause, wait=0.0 if begun else None)


def _receive(url: str, remote: Remote, part: Path, begun: int, progress: Progress) -> int:
    """Append what is still to come to ``part``; returns from which byte on it is this answer's."""
    import requests
    from requests.exceptions import ChunkedEncodingError

    _check_address(url)
    # Not compressed on the way: ranges and sizes are then those of the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=(CONNECT, STALL)) as answer:
            _check_address(answer.url)  # to which it may have been led
            _check_status(answer, part)
            if answer.status_code != requests.codes.partial:
                begun = 0  # the server knows no ranges, and sends the whole file
            with part.open("ab" if begun else "wb") as file:
                done = begun
                for piece in answer.iter_content(PIECE):
                    file.write(piece)
                    done += len(piece)
                    progress(min(done / remote.size, 1.0), f"downloading {remote.name}")
                    if done > remote.size:
                        break  # it is another file, however long
    except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError) as error:
        raise _Failure(str(error), wait=0.0) from error
    except requests.RequestException as error:
        raise _Failure(str(error)) from error
    return begun


def _check_address(url: str) -> None:
    """Pass an address of which nobody on the way sees what is asked for, or changes the answer."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in HERE:
        raise _Failure(f"{url} is not https")


def _check_status(answer: "requests.Response", part: Path) -> None:
    """Pass an answer that holds content."""
    import requests

    codes, status = requests.codes, answer.status_code
    if status in (codes.ok, codes.partial):
        return
    cause = f"the server answered {status} {answer.reason}".rstrip()
    if status == codes.requested_range_not_satisfiable:
        part.unlink(missing_ok=True)
    elif status not in (codes.request_timeout, codes.too_many_requests) and status < 500:
        raise _Failure(cause)
    raise _Failure(cause, _asked_wait(answer.headers.get("Retry-After", "")))


def _asked_wait(retry_after: str) -> float:
    """Seconds that a Retry-After header asks for, as a number or as a date; else 0."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return 0.0


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _unreachable(remotes: Sequence[Remote]) -> DataError:
    first = "files are missing that --offline or HBENCH_OFFLINE forbids to download; allow it, or:"
    return _told(first, *(f"  {_by_hand(remote)}" for remote in remotes))


def _by_hand(remote: Remote) -> str:
    return (
        f"put {remote.urls[0]} ({remote.size:,} bytes, sha256 {remote.sha256}) "
        f"to $HBENCH_DATA/{remote.name}"
    )


def _told(*lines: str) -> DataError:
    """An error of these lines, and of one on what they mean by $HBENCH_DATA."""
    base = os.environ.get("HBENCH_DATA")
    where = f"is {base}" if base else "is not set: name a folder of yours"
    return DataError("\n".join([*lines, f"HBENCH_DATA {where}"]))
