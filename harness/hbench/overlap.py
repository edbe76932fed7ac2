"""Whether texts occur among others, word for word or nearly so.

Texts are compared without regard to case, to the width and composition of characters, and to white
space. One nearly occurs in another if ``SHARE`` of its grams do (``hbench.grams``): about that much
is left of a sentence of eight words when one of them is replaced. (Of XQuAD-R's questions of eight
words or more, with one of them replaced by another of the same question, 96 to 100 % are found, in
each of its 11 languages; of the questions of a third of its articles 0 to 1.4 % are found in those
of the others.)
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.records import Int64Array

SHARE = 0.6
FEWEST = 16  # grams; of shorter texts too little is left to tell one from another
Flags = npt.NDArray[np.bool_]


def normalised(text: str) -> str:
    r"""A text without what does not make another text of it.

    >>> normalised("  The  ＩＲＯＮ\tTower ")
    'the iron tower'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@dataclass(frozen=True)
class Overlap:
    """Which of n texts occur: (n,) each; ``near`` holds none that is in ``exact``."""

    exact: Flags
    near: Flags


class Known:
    """Texts to be recognised, and which of them were seen so far.

    Args:
        texts: any number, repetitions included.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from hbench import grams

        plain = [normalised(text) for text in texts]
        numbers: dict[str, int] = {}
        self._number = np.array([numbers.setdefault(t, len(numbers)) for t in plain], np.int64)
        self._numbers = numbers
        self._exact = np.zeros(len(numbers), bool)
        self._near = np.zeros(len(numbers), bool)
        self._grams, self._offsets = grams.gram_sets(*_bytes(list(numbers)))
        distinct, entry, counts = np.unique(self._grams, return_inverse=True, return_counts=True)
        rare, text = grams.rarest(self._grams, self._offsets, counts[entry], SHARE)
        is_long = np.diff(self._offsets)[text] >= FEWEST
        rare, text = rare[is_long], text[is_long]
        order = np.argsort(rare, kind="stable")
        distinct, starts = np.unique(rare[order], return_index=True)
        self._texts = text[order]
        self._starts = np.append(starts, len(order))
        bits = max(4, int(2 * len(distinct)).bit_length())
        self._table, self._rows = grams.hashed(distinct, bits)

    def find(self, texts: Sequence[str]) -> Overlap:
        """Which of ``texts`` are, or nearly contain, one that is known; and remember which."""
        from hbench import grams

        plain = [normalised(text) for text in texts]
        number = np.array([self._numbers.get(text, -1) for text in plain], np.int64)
        exact, near = number >= 0, np.zeros(len(plain), bool)
        self._exact[number[exact]] = True
        grams.contained(
            *_bytes(plain), self._grams, self._offsets, SHARE, self._table, self._rows,
            self._starts, self._texts, self._near, near,
        )  # fmt: skip
        return Overlap(exact, near & ~exact)

    @property
    def seen(self) -> Overlap:
        """Which of the known texts have occurred in what ``find`` was given."""
        exact = self._exact[self._number]
        return Overlap(exact, self._near[self._number] & ~exact)


def _bytes(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint8], Int64Array]:
    """The texts in UTF-8, end to end, and where each ends."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([len(each) for each in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def told(detail: Mapping[str, Any]) -> str:
    """What was found, in a sentence for people.

    >>> one = {"all": 1190, "exact": 0, "near": 2}
    >>> told({"queries": one, "passages": {"all": 13014, "exact": 0, "near": 1}})
    '0 of 1,190 questions and 0 of 13,014 passages also occur in training (exact); 3 near'
    """
    queries, passages = detail["queries"], detail["passages"]
    judged = "judged " if passages.get("of") else ""
    return (
        f"{queries['exact']:,} of {queries['all']:,} questions and {passages['exact']:,} of "
        f"{passages['all']:,} {judged}passages also occur in training (exact); "
        f"{queries['near'] + passages['near']:,} near"
    )


def leaks(detail: Mapping[str, Any]) -> int:
    """How many questions and passages were found, exactly or nearly."""
    parts = (detail["queries"], detail["passages"])
    return sum(part["exact"] + part["near"] for part in parts)
