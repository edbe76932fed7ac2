"""Thousands of examples in a process of their own, which has a second for each and 500 MB for all.

What is run is a function of a module that hypothesis calls (``@given``); it hands what it tries
out to ``judge``.
"""

import importlib
import multiprocessing
import os
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings

from hbench.errors import HBenchError, printable

Found = TypeVar("Found")
SECOND = 1.0  # of the process's own time
MEMORY = 500_000_000
MESSAGE = 3_000  # signs of a line
FEW, MANY = 60, 10_000
START, EACH = 60, 0.3  # seconds on the clock that a process may take, and for each example
WARM = 30  # files before memory is measured: what is imported and compiled is no reader's
# A process of its own that all others are forked from: it has nothing of what pytest holds.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["pytest", "hypothesis.strategies", "hbench.stages.data"])
sized = pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])


@dataclass
class Tally:
    """What the examples of a process came to."""

    read: int = 0
    refused: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    grown: int = 0  # bytes
    failure: str = ""


_tally = Tally()


def judge(read: Callable[[], Found], place: str = "") -> Found | None:
    """What is read, or None if the file is refused: in a second, by one message with its place.

    Args:
        read: reads a file; can be called again.
        place: what the message must hold.
    """
    if _tally.read + _tally.refused == WARM:
        _limit_memory()
        _tally.grown = _peak()
    took = found = message = None
    for _ in range(2):  # the better of two: the machine may be busy
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, 10 * SECOND)
        try:
            found, message = read(), None
        except HBenchError as error:
            message = printable(str(error))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        took = min(time.process_time() - started, took or 10 * SECOND)
        if took < SECOND:
            break
    assert took is not None and took < SECOND, f"took {took:.2f} s"
    if _tally.read + _tally.refused > WARM:
        _tally.slowest = max(_tally.slowest, took)
    if message is None:
        _tally.read += 1
        return found
    _tally.refused += 1
    assert place in message, message[:MESSAGE]
    assert max(map(len, message.splitlines())) < MESSAGE, message[:MESSAGE]
    return None


def survive(batch: Callable[[], None], examples: int, start: float = START) -> Tally:
    """Run a function that hypothesis calls, in a process of its own; fail if it does, or hangs.

    The process works in an empty folder.

    Args:
        batch: the function.
        examples: how many it is called with.
        start: seconds that the process may take, besides those for each example.
    """
    seconds = start + EACH * examples
    here, there = PROCESSES.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        task = (batch.__module__, batch.__name__, examples, folder, there)
        process = PROCESSES.Process(target=_run, args=task)
        process.start()
        there.close()
        try:
            tally: Tally = here.recv() if here.poll(seconds) else _hanging(seconds)
        except EOFError:
            tally = Tally(failure="the process died")
        process.kill()  # all that it had to say is here
        process.join()
    print(  # noqa: T201
        f"\n{batch.__name__}: {tally.read} read, {tally.refused} refused, {tally.seconds:.0f} s, "
        f"slowest {tally.slowest:.2f} s, {tally.grown / 1e6:.0f} MB more"
    )
    assert not tally.failure, tally.failure
    assert tally.read + tally.refused >= examples
    # Files that are all right, or all beyond recognition, would show nothing.
    assert min(tally.read, tally.refused) > examples / 50
    return tally


def _hanging(seconds: float) -> Tally:
    return Tally(failure=f"the process hangs: it has said nothing for {seconds:.0f} s")


def _run(module: str, name: str, examples: int, folder: str, there: Connection) -> None:
    warnings.simplefilter("error")
    signal.signal(signal.SIGPROF, _stop)
    os.chdir(folder)
    # Arrow's own allocator takes hundreds of MB at once that nothing is ever written to.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    try:
        _configure(WARM + examples)
        getattr(importlib.import_module(module), name)()
        _tally.seconds = time.process_time()
        _tally.grown = _peak() - _tally.grown
    except BaseException:  # whatever it is, the parent shows it
        _tally.failure = traceback.format_exc()[-20_000:]
    there.send(_tally)


def _configure(examples: int) -> None:
    """How hypothesis calls the functions of modules that are imported next."""
    settings.register_profile(
        "fuzz",
        max_examples=examples,
        database=None,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # the files are small; to shrink those that take long takes longer
    )
    settings.load_profile("fuzz")


def _stop(*_: object) -> None:
    raise AssertionError("took ten seconds")


def _limit_memory() -> None:
    """Any request for more than 500 MB above what the process has now is refused.

    What counts is what can be written to, and not what threads' allocators only reserve.
    """
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the memory so far
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _peak() -> int:
    """The most memory that was in use, in bytes."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
