"""Figures and names as they stand on a page."""

import re
import unicodedata
from collections.abc import Iterable

from hbench.tables import ABSENT, RAISED

MINUS = "−"  # as wide as a plus, so that columns stand still
NUMERIC = re.compile(rf"(s )?[<\[]? ?[-−+]?\d[\d.,]*[*°{RAISED},]*(( to|,) [-−+]?\d[\d.,]*\]?)?")
LARGE = 100  # from here on one decimal is shown
NO_CHARACTERS = "\ufffe\uffff"  # XML has no place for them, escaped or not
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # the text's direction


def clean(text: str) -> str:
    r"""A text without what neither HTML nor XML can hold; lines and joiners stay.

    Nor does it hold what turns the direction of what follows around.

    >>> clean("a\x1b[2J\nb")
    'a\ufffd[2J\nb'
    """
    return "".join(
        "\ufffd"
        if (unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t")
        or sign in NO_CHARACTERS + TURNING
        else sign
        for sign in text
    )


def decimals(values: Iterable[float | None]) -> int:
    """How many decimals a column of such values needs.

    >>> decimals([0.5, None]), decimals([3404.58, 29.4]), decimals([250_000.0])
    (3, 1, 0)
    """
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    return 3 if largest < LARGE else 1 if largest < LARGE * LARGE else 0


def number(value: float | None, places: int = 3) -> str:
    """A value, or the sign of what is absent.

    >>> number(3404.58, 1), number(-0.25), number(-0.0001), number(None)
    ('3,404.6', '−0.250', '0.000', '–')
    """
    return ABSENT if value is None else f"{value:z,.{places}f}".replace("-", MINUS)


def signed(value: float | None, places: int = 3) -> str:
    """A difference, with its sign unless it is shown as 0.

    >>> signed(0.25), signed(-3374.38, 1), signed(-0.0001)
    ('+0.250', '−3,374.4', '0.000')
    """
    if value is None:
        return ABSENT
    sign = "+" if round(value, places) > 0 else ""
    return sign + number(value, places)


def typeset(text: str) -> str:
    """A cell of text with a page's minus sign, if it is a number or an interval.

    >>> typeset("-0.100 to +0.2"), typeset("mono-cross"), typeset("-0.5*")
    ('−0.100 to +0.2', 'mono-cross', '−0.5*')
    """
    return text.replace("-", MINUS) if is_numeric(text) else text


def is_numeric(text: str) -> bool:
    """Whether a cell holds a number, an interval, or the sign of what is absent.

    >>> [is_numeric(text) for text in ("<0.001", "[−0.1, +0.2]", "s < 0.1", "0.9ᵃ,ᵇ", "–")]
    [True, True, True, True, True]
    >>> [is_numeric(text) for text in ("a", "3 of 4", "2024-01")]
    [False, False, False]
    """
    return text in ("", ABSENT) or NUMERIC.fullmatch(text) is not None


def several(count: int, word: str) -> str:
    """A count with its noun.

    >>> several(1, "claim"), several(1234, "claim")
    ('1 claim', '1,234 claims')
    """
    return f"{count:,} {word}" + ("" if count == 1 else "s")
