"""What the system refuses to write: no room, no right. Told in words."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hbench.errors import HBenchError, StoreError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
# Libraries written in other languages say it in words of their own.
SAYS_FULL = re.compile(rf"(?:errno|os error|code:?) ?:?({'|'.join(map(str, FULL))})\b", re.I)


@contextmanager
def writable(place: Path) -> Iterator[None]:
    """What the system refuses to write ends as a StoreError."""
    try:
        yield
    except OSError as error:
        raise _unwritable(place, error) from error


@contextmanager
def room(place: Path) -> Iterator[None]:
    """What a stage has no room to write ends as a StoreError."""
    try:
        yield
    except HBenchError:
        raise
    except Exception as error:
        if not _is_out_of_room(error):
            raise
        raise _unwritable(place, error) from error


def _unwritable(place: Path, error: Exception) -> StoreError:
    cause = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return StoreError(
        f"{place}: cannot be written ({cause}); make it writable, make room, or give another "
        "folder with --results"
    )


def _is_out_of_room(error: Exception) -> bool:
    """Whether an error says that nothing more can be written, in whichever library's words."""
    return getattr(error, "errno", None) in FULL or bool(SAYS_FULL.search(str(error)))
