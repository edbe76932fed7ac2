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
        └── Damaged        something in it is not what was written

Everything else is a bug of hbench or of a plugin, and keeps its traceback.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

MOST_MISTAKES = 100  # that are told at once
MOST_NAMES = 50  # that a message lists
MOST_COMPARED = 500  # names that are looked through for the nearest
LONGEST = 60  # characters of a value that a message quotes
PRINTABLE = r"^\P{C}+$"  # what names of one's own are made of
JOINERS = "\u200c\u200d"  # without which Persian, Hindi and others are misspelled
ACCOUNT = re.compile(r"(?<=://)[^\s/@]+@")  # user and password of an address


class HBenchError(Exception):
    """A mistake that the user can mend: says where, what was found, what is allowed, what next."""

    def __init__(self, message: str = "") -> None:
        super().__init__(without_accounts(message))


@dataclass(frozen=True)
class Mistake:
    """One mistake in a spec file.

    Args:
        place: the file.
        line: from 1.
        column: from 1.
        message: what was found, what is allowed, and what to do.
    """

    place: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        text = f"{self.place}:{self.line}:{self.column}: {self.message}"
        return printable(text.replace("\n", " "))


class SpecError(HBenchError):
    """The benchmark file cannot be used.

    Args:
        mistakes: in any order. The attribute ``mistakes`` has them by place, and only the first
            100 if there are more.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        found = sorted(mistakes, key=lambda m: (m.place, m.line, m.column, m.message))
        self.mistakes = found[:MOST_MISTAKES]
        if len(found) > MOST_MISTAKES:
            more = replace(found[MOST_MISTAKES], message="and more; mend those above first")
            self.mistakes.append(more)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class OptionError(HBenchError):
    """An option is unknown, missing or has a wrong value.

    Args:
        message: what was found, what is allowed, and what to do.
        path: leads to it inside the options, as ``("languages", 0)``.
    """

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


class Damaged(StoreError):
    """Something in the results folder is not what was written there.

    Args:
        folder: what is to be set aside, so that it is made anew.
        cause: what is wrong with it.
        others: damage that was found along with it. The attribute ``folders`` has the paths of all.
    """

    def __init__(self, folder: Path, cause: str, others: "Iterable[Damaged]" = ()) -> None:
        self.folder, self.cause, self.others = folder, cause, tuple(others)
        self.folders = [str(each.folder) for each in (self, *self.others)]
        super().__init__(
            f"{folder}: damaged ({cause}); `hbench check --set-aside` moves it away, then "
            "`hbench run` makes it anew"
        )


def printable(text: str) -> str:
    r"""Text without control characters, which a terminal would obey; lines stay.

    Spaces of all kinds stay, and the joiners that some scripts are written with. What turns the
    direction of a text around does not.

    >>> printable("a\x1b[2J")
    'a?[2J'
    """
    return "".join(sign if is_printable(sign) or sign == "\n" else "?" for sign in text)


def is_printable(sign: str) -> bool:
    """Whether a terminal shows a character, and does nothing else."""
    return sign.isprintable() or sign in JOINERS or unicodedata.category(sign) == "Zs"


def without_accounts(text: str) -> str:
    """Text in which no address holds a user, a password or a token.

    >>> without_accounts("https://me:secret@example.org/x")
    'https://example.org/x'
    """
    return ACCOUNT.sub("", text)


def shown(value: object) -> str:
    """A value as a message quotes it: on one line, and not all of it if it is long."""
    return shortened(repr(value))


def shortened(text: str) -> str:
    """A text, or its first 57 characters if it is long."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """What is allowed, with the nearest name first.

    Args:
        name: what was found.
        allowed: the names that there are.

    >>> did_you_mean("hybird", ["mono", "cross", "hybrid"])
    "did you mean 'hybrid'? Allowed: cross, hybrid, mono"
    """
    names = sorted(set(allowed))
    if not names:
        return "nothing is allowed here"
    near = get_close_matches(name[:LONGEST], names[:MOST_COMPARED], n=1)
    listed = ", ".join(map(shortened, names[:MOST_NAMES]))
    more = f", ... ({len(names):,} in all)" if len(names) > MOST_NAMES else ""
    return (f"did you mean {near[0]!r}? " if near else "") + f"Allowed: {listed}{more}"
