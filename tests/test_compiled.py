"""numba's work is kept where it may be, and done again where it may not."""

from typing import Any

import numba
import pytest
from numba.core.caching import CacheImpl

from hbench.compiled import compiled


def double(number):
    return number * 2


def test_what_is_compiled_is_kept():
    kept: Any = compiled()(double)
    assert kept.stats.cache_path


def test_without_a_place_to_write_it_is_compiled_all_the_same(monkeypatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError, match="no locator available"):
        numba.njit(cache=True)(double)
    assert compiled(fastmath=True)(double)(21) == 42
