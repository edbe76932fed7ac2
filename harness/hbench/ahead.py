"""Work beside the device's: what comes next is made, and what is done put away, in a thread."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Value = TypeVar("Value")


def ahead(values: Iterable[Value], device: str) -> Iterator[Value]:
    """The same values in the same order, one made ahead; errors come where their value would.

    On a CPU a thread that makes them would take the cores from those that compute, so that there
    all is done in turn.

    >>> list(ahead(iter("abc"), "cuda"))
    ['a', 'b', 'c']
    """
    if device == "cpu":
        yield from values
        return
    source, end = iter(values), object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        coming: Future[Any] = thread.submit(next, source, end)
        while (value := coming.result()) is not end:
            coming = thread.submit(next, source, end)
            yield value


@contextmanager
def behind() -> Iterator[Callable[..., None]]:
    """A function ``later(work, *arguments)`` that does work in order, one piece behind.

    For work that waits for the disk. All is done on leaving; an error of one piece comes with the
    next, or on leaving.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        waiting: list[Future[None]] = []

        def later(work: Callable[..., None], *arguments: object) -> None:
            if waiting:
                waiting.pop().result()
            waiting.append(thread.submit(work, *arguments))

        yield later
        for last in waiting:
            last.result()
