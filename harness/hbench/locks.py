"""One process at a time: locks that end with the process that holds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Be the one process that holds a lock.

    The system gives a lock back when its process ends, however it ends. The file stays, so that
    those who wait for it and those who come later mean the same one.

    Args:
        path: the lock's file; its folder is made.
        wait: until it is free; or else do without it.

    Yields:
        Whether it is held.

    Raises:
        OSError: the file cannot be written.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
