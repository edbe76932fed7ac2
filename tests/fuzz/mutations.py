"""Files that are wrong, or right after all: made of right ones, of nothing, or of wrong shapes."""

import gzip
import json
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import hypothesis.strategies as st

LONGEST = 20_000_000
SIGNS = (
    b"\0", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", "\u2028".encode(), "\x85".encode(), b"\x0b",
    b"\xed\xa0\x80", b"\xff", b"\xff\xfe", b"\xc3", b"\x1b[2J", b"\\ud800", b"\\u0000", b'"', b'""',
    b"\t", b" ", b"  ", b"", b"%", b"%ff", b"\\", b",", b"{", b"}", b"[", b"]", b":", b"-", b"_",
    "é".encode(), "٣".encode(), "𝟘".encode(),
)  # fmt: skip
VALUES = (
    b"NaN", b"-Infinity", b"inf", b"1e999", b"-1e999", b"1e-999", b"1e39", b"0x10", b"1_0", b"-0",
    b"0.5", b"2147483648", b"-2147483649", b"9223372036854775808", b"1" + b"0" * 400, b"9" * 5000,
    b"null", b"true", b"{}", b"[]", b'""', b'"x"', b"1", b"0", b'{"a": 1, "a": 2}', b'"\\ud800"',
    b"[" * 900 + b"]" * 900, b"[" * 100_000, b'{"a":' * 5_000, b"-", b"id", b"x" * 70_000,
)  # fmt: skip
HUGE = {
    "a long text": b"x" * LONGEST,
    "a long list": b"[],[]," * (LONGEST // 50),
    "many lines": b"\n" * 50_000,
    "many short lines": b"a\n" * 50_000,
    "many columns": b"\t" * 100_000,
    "many blanks": b" " * 1_000_000,
    "many keys": b"{" + b",".join(b'"%d":{}' % n for n in range(50_000)) + b"}",
}
BOMBS = (b"x", b"\n", b"\0", b"[")


@dataclass(frozen=True)
class Content:
    """What a file holds."""

    data: bytes

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # as hypothesis shows it
        more = "" if len(self.data) <= 2000 else f" and more, {len(self.data):,} bytes in all"
        printer.text(f"Content({self.data[:2000]!r}){more}")


def _span(draw: st.DrawFn, data: bytes) -> tuple[int, int]:
    at = draw(st.integers(0, len(data)))
    return at, min(len(data), at + draw(st.integers(0, 20) | st.integers(0, len(data))))


def _flipped(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, max(0, len(data) - 1)))
    return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]


def _cut(draw: st.DrawFn, data: bytes) -> bytes:
    return data[: draw(st.integers(0, len(data)))]


def _dropped(draw: st.DrawFn, data: bytes) -> bytes:
    start, end = _span(draw, data)
    return data[:start] + data[end:]


def _doubled(draw: st.DrawFn, data: bytes) -> bytes:
    start, end = _span(draw, data)
    return data[:end] + data[start:]


def _swapped(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    a, b = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def _repeated(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at = draw(st.integers(0, len(lines) - 1))
    return b"".join([*lines[:at], lines[at], *lines[at:]])


def _inserted(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from(SIGNS)) + data[at:]


def _replaced(draw: st.DrawFn, data: bytes) -> bytes:
    """Another value in place of a word, a number or a quoted text."""
    words = list(re.finditer(rb'"[^"\n]*"|[^\s",:{}\[\]]+', data[:100_000]))
    if not words:
        return data + draw(st.sampled_from(VALUES))
    start, end = draw(st.sampled_from(words)).span()
    return data[:start] + draw(st.sampled_from(VALUES)) + data[end:]


EDITS = (
    _flipped, _cut, _dropped, _doubled, _swapped, _repeated, _inserted, _inserted, _replaced,
    _replaced, _replaced,
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> Content:
    """A right file after some edits; once in hundreds it is made huge."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        data = draw(st.sampled_from(EDITS))(draw, data)
    if draw(st.integers(0, 299)) == 299:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + HUGE[draw(st.sampled_from(sorted(HUGE)))] + data[at:]
    return Content(data)


arbitrary = st.builds(
    Content,
    st.binary(max_size=200)
    | st.text(max_size=100).map(str.encode)
    | st.text("\t\n\r {}[]\",:\\a1-e.", max_size=100).map(str.encode),
)  # fmt: skip
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([2**31, 2**63, 10**400, "\ud800", "", " ", "\0", "en", [[]], "9" * 5000])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def _holders(value: Any) -> list[tuple[Any, Any]]:
    """Each list or object of a value, with each of its places."""
    found = []
    places = value.items() if isinstance(value, dict) else enumerate(value)
    for place, inner in places:
        found.append((value, place))
        if isinstance(inner, dict | list):
            found += _holders(inner)
    return found


@st.composite
def misshapen(draw: st.DrawFn, seed: Any, *, lines: bool = False) -> Content:
    """JSON of a right file with other values in some places; ``lines``: JSON lines."""
    value = deepcopy(seed)
    for _ in range(draw(st.integers(1, 3))):
        holders = _holders(value)
        if not holders:
            break
        holder, place = draw(st.sampled_from(holders))
        kind = draw(st.sampled_from(["other", "other", "gone", "nested", "moved"]))
        if kind == "gone":
            del holder[place]
        elif kind == "nested":
            depth = draw(st.sampled_from([1, 2, 300]) | st.integers(800, 1000))
            holder[place] = f"nested {depth}"
        elif kind == "moved":
            source, other = draw(st.sampled_from(holders))
            holder[place] = deepcopy(source[other])
        else:
            holder[place] = deepcopy(draw(values))
    is_ascii = draw(st.booleans())
    texts = [_dumped(each, is_ascii) for each in (value if lines else [value])]
    text = "\n".join(texts) + "\n"
    if draw(st.integers(0, 9)) == 9:  # a key twice, if others of the same object were renamed
        keys = sorted(set(re.findall(r'"\w+"(?=:)', text)))
        if keys:
            text = text.replace(draw(st.sampled_from(keys)), draw(st.sampled_from(keys)))
    return Content(text.encode("utf-8", "surrogatepass"))


def _dumped(value: Any, is_ascii: bool) -> str:
    """As JSON, with lists in lists where it says so."""
    text = json.dumps(value, ensure_ascii=is_ascii)
    return re.sub(r'"nested (\d+)"', lambda found: _brackets(int(found[1])), text)


def _brackets(depth: int) -> str:
    return "[" * depth + "]" * depth


@cache
def _bomb(sign: bytes) -> bytes:
    """300 MB of one sign, in 300 kB."""
    return gzip.compress(sign * 1_000_000, 9) * 300


@st.composite
def packed(draw: st.DrawFn, plain: st.SearchStrategy[Content]) -> Content:
    """Gzipped, and perhaps damaged; or what unpacks to more than anyone has room for."""
    data = draw(plain).data
    whole = gzip.compress(data[:1_000_000], 1)
    kind = draw(st.integers(0, 99))
    if kind == 99:
        return Content(draw(st.sampled_from([b"", whole])) + _bomb(draw(st.sampled_from(BOMBS))))
    if kind == 98:  # the last line again and again, if it is not so short that a second is too few
        last = data[:500].splitlines(keepends=True)[-1:] or [b""]
        return Content(gzip.compress(data[:500] + last[0] * (4_000_000 // max(40, len(last[0])))))
    if kind < 40:
        return Content(whole)
    if kind < 50:
        return Content(whole + draw(st.sampled_from([whole, b"junk", b"\0" * 9, whole[:12]])))
    if kind < 55:
        return Content(data)
    return Content(draw(st.sampled_from([_flipped, _cut, _dropped, _doubled]))(draw, whole))
