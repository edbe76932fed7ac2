"""numba's compiler, which keeps its work on disk where it may. To be imported inside functions."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(**options: Any) -> Callable[[Function], Function]:  # noqa: ANN401 - numba's
    """``numba.njit``: its work is kept beside the source, as Python keeps its own, or in a cache.

    Where neither can be written, a process compiles for itself: some seconds.
    """

    def compile_(function: Function) -> Function:
        try:
            made: Function = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # numba found no place to write
            made = numba.njit(**options)(function)
        return made

    return compile_
