"""One step ahead: what comes next is made in a thread while the present is worked on."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Value = TypeVar("Value")


def ahead(values: Iterable[Value]) -> Iterator[Value]:
    """The same values in the same order; errors come where their value would.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    source, end = iter(values), object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        coming = thread.submit(next, source, end)
        while (value := coming.result()) is not end:
            coming = thread.submit(next, source, end)
            yield value  # type: ignore[misc]
