"""What a process of examples comes to is told, also if it says nothing."""

import os
import time

import pytest
from tests.fuzz.guard import survive


def hangs():
    time.sleep(600)


def dies():
    os._exit(1)


def test_a_process_that_hangs_is_ended_and_told():
    started = time.monotonic()
    with pytest.raises(AssertionError, match="the process hangs: it has said nothing for 3 s"):
        survive(hangs, 0, start=3)
    assert time.monotonic() - started < 60


def test_a_process_that_dies_is_told():
    with pytest.raises(AssertionError, match="the process died"):
        survive(dies, 0)
