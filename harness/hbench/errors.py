"""What can go wrong, and whose mistake it is.

    HBenchError            shown as one message without a traceback, exit code 2
    ├── SpecError          the benchmark file: all of its mistakes at once
    ├── OptionError        an option of a plugin or of the command line
    ├── PluginError        a plugin is missing, broken, claimed twice, or breaks its contract
    ├── DataError          a dataset is missing, damaged, or lacks what was asked of it
    ├── TrainingError      training cannot go on: the loss is no number
    ├── MemoryShortage     not even one text at a time fits into memory
    ├── DeviceError        a device was asked for that is not there
    └── StoreError         the results folder cannot be read or written

Everything else is a bug of hbench or of a plugin, and keeps its traceback.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class HBenchError(Exception):
    """A mistake that the user can mend: says where, what was found, what is allowed, what next."""


@dataclass(frozen=True)
class Mistake:
    """One mistake in a spec file; line and column count from 1."""

    place: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return printable(f"{self.place}:{self.line}:{self.column}: {self.message}")


class SpecError(HBenchError):
    """The benchmark file cannot be used; holds every mistake found in it."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda m: (m.place, m.line, m.column, m.message))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class OptionError(HBenchError):
    """An option is unknown, missing or has a wrong value; `path` leads to it inside the options."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        self.path = path
        super().__init__(message)


class PluginError(HBenchError):
    """A plugin is missing, cannot be imported, is claimed twice, or breaks its contract."""


class DataError(HBenchError):
    """A dataset is missing, damaged, or lacks what was asked of it."""


class TrainingError(HBenchError):
    """Training cannot go on: the loss is no number."""


class MemoryShortage(HBenchError):
    """Not even one text at a time fits into the device's memory."""


class DeviceError(HBenchError):
    """A device was asked for that this machine does not offer."""


class StoreError(HBenchError):
    """The results folder cannot be read or written."""


def printable(text: str) -> str:
    r"""Text without control characters, which a terminal would obey; lines stay.

    >>> printable("a\x1b[2J")
    'a?[2J'
    """
    return "".join(sign if sign.isprintable() or sign in " \n" else "?" for sign in text)


def shown(value: object) -> str:
    """A value as a message quotes it: on one line, and not all of it if it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """What is allowed, with the nearest name first.

    >>> did_you_mean("hybird", ["mono", "cross", "hybrid"])
    "did you mean 'hybrid'? Allowed: cross, hybrid, mono"
    """
    names = sorted(set(allowed))
    if not names:
        return "nothing is allowed here"
    near = get_close_matches(name, names, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"Allowed: {', '.join(names)}"
