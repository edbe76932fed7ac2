"""Asks a plugin the same in other processes, whose sets and hashes have other orders.

What depends on ``hash("text")``, on the order of a set or on what was asked before is the same as
long as one process lives, and another one tomorrow. Nothing is pickled: a plugin that is a
dataclass is made again from its module, its name and its options.
"""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import is_dataclass
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hbench.testing.common import options_of, rebuilt

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

HASH_SEEDS = ("1", "2")  # two, since a small set may have one order under both of two seeds
CANNOT_MAKE = 3  # the exit status of a process in which the plugin cannot be made
COMMAND = "from hbench.testing.elsewhere import answer; answer()"


def answers(plugin: Any, question: Callable[..., Any], *given: Any) -> list[Any]:  # noqa: ANN401
    """What a plugin answers in other processes.

    Args:
        plugin: is made again there. Where that cannot be, since it is no dataclass, or its class
            stands inside a function or in a script, a warning says so.
        question: a function at the top of a module, called with the plugin and what is given;
            takes and returns what JSON can hold.
        given: further arguments.

    Returns:
        One answer a process; [] if the plugin cannot be made there.

    Raises:
        RuntimeError: the plugin raised an error there; holds its traceback.
    """
    kind = type(plugin)
    if not is_dataclass(kind):
        return _without(plugin, f"{kind.__name__} is no dataclass")
    if kind.__module__ == "__main__" or "<" in kind.__qualname__:
        return _without(plugin, f"{kind.__qualname__} does not stand at the top of a module")
    asked = {
        "kind": _address(kind),
        "options": options_of(plugin),
        "question": _address(question),
        "given": given,
    }
    with TemporaryDirectory() as folder:
        Path(folder, "asked").write_text(json.dumps(asked), encoding="utf-8")
        processes = [_started(folder, seed) for seed in HASH_SEEDS]
        printed = [process.communicate()[0] for process in processes]
        for process, text in zip(processes, printed, strict=True):
            if process.returncode == CANNOT_MAKE:
                return _without(plugin, text.strip().rpartition("\n")[2])
            if process.returncode:
                raise RuntimeError(f"{plugin!r} failed in another process:\n{text}")
        return [json.loads(Path(folder, seed).read_text(encoding="utf-8")) for seed in HASH_SEEDS]


def answer() -> None:
    """What the other process does: read the question, make the plugin, write the answer."""
    folder, seed = sys.argv[1:]
    asked = json.loads(Path(folder, "asked").read_text(encoding="utf-8"))
    try:
        kind = _found(*asked["kind"])
        plugin = rebuilt(kind, asked["options"])
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(CANNOT_MAKE)
    told = _found(*asked["question"])(plugin, *asked["given"])
    Path(folder, seed).write_text(json.dumps(told), encoding="utf-8")


def _started(folder: str, seed: str) -> "subprocess.Popen[str]":
    paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", COMMAND, folder, seed],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths},
    )


def _address(thing: Callable[..., Any]) -> tuple[str, str]:
    """Where a class or function is found: its module, and its name there."""
    return thing.__module__, thing.__qualname__


def _found(module: str, name: str) -> Any:  # noqa: ANN401 - a class or a function
    return attrgetter(name)(import_module(module))


def _without(plugin: object, cause: str) -> list[Any]:
    warnings.warn(
        f"{plugin!r} is not compared with what it gives in another process: it cannot be made "
        f"there, since {cause} (`other_processes=False` leaves this out)",
        stacklevel=3,
    )
    return []
