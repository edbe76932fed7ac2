"""One process at a time: locks that end with the process that holds them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hbench.room import writable


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
        StoreError: the file cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, thread_local=False)
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(Timeout):
            lock.acquire(blocking=wait)
    try:
        yield lock.is_locked
    finally:
        lock.release()
