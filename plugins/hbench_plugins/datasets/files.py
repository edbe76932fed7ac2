"""Files of texts, read line by line: a mistake is told with its file and line.

Plain text, JSON lines, and tables whose columns are divided by tabs; gzipped if the name ends in
``.gz``. A line ends at a line feed and nowhere else: other separators may stand inside a sentence.
"""

import json
import math
import reprlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hbench.errors import DataError, did_you_mean, shortened, shown
from hbench.unpacking import opened
from hbench_plugins.datasets import quoting

LINE = "line"  # the one field of a line of plain text
LONGEST = 2**24  # bytes of a line
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # byte order marks


class Line(NamedTuple):
    """A line of a file, counted from 1."""

    path: Path
    number: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.number}"


@dataclass(frozen=True, slots=True)
class Record:
    """What one line holds, by the names of its fields."""

    line: Line
    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A field that holds text, or a list that begins with it.

        Raises:
            DataError: there is no such field, it is empty, or holds something else.
        """
        value = self._field(name)
        if isinstance(value, list):
            value = value[0] if value else ""
        if not isinstance(value, str):
            raise DataError(f"{self.line}: {name!r} is {quoted(value)}, where text is expected")
        if not value.strip():
            what = "" if name == LINE else f"{name!r} "
            raise DataError(f"{self.line}: {what}is empty, where text is expected")
        return _whole(value, self.line)

    def is_blank(self, name: str) -> bool:
        """Whether a field is absent, or holds nothing but white space, or a list that begins so."""
        value = self.fields.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        return value is None or (isinstance(value, str) and not value.strip())

    def id(self, name: str) -> str:
        """A field that holds an id: text, or a whole number.

        Raises:
            DataError: there is no such field, it is empty, or holds something else.
        """
        value = self._field(name)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise DataError(f"{self.line}: {name!r} is {quoted(value)}, where an id is expected")
        return _whole(str(value), self.line)

    def scalars(self, name: str) -> dict[str, str]:
        """The texts, numbers and truth values in a field that holds an object, all as texts.

        Blank ones, lists and objects are passed over; a field that is no object has none.

        Raises:
            DataError: one cannot be written.
        """
        found = self.fields.get(name)
        fields = found.items() if isinstance(found, dict) else ()
        told = {key: _scalar(value) for key, value in fields}
        return {
            _whole(key, self.line): _whole(text, self.line)
            for key, text in told.items()
            if key.strip() and text.strip()
        }

    def _field(self, name: str) -> Any:  # noqa: ANN401 - JSON
        if name not in self.fields:
            is_table = kind_of(self.line.path) == "tsv"
            where = f"{Line(self.line.path, 1)}: there is no column" if is_table else (
                f"{self.line}: there is no field")  # fmt: skip
            hint = did_you_mean(name, self.fields) if self.fields else "it holds none"
            raise DataError(f"{where} {name!r}: {hint}")
        return self.fields[name]


class Distinct:
    """Whether the ids of a file are distinct, in 8 bytes an id.

    Hashes are kept; where two are equal, the file is read once more to see whether the ids are.
    """

    def __init__(self, path: Path, field: str) -> None:
        self._path = path
        self._field = field
        self._hashes = array("q")

    def add(self, value: str) -> None:
        """Take note of the next record's id."""
        self._hashes.append(hash(value))

    def check(self) -> None:
        """After the last one.

        Raises:
            DataError: an id is given twice; names both lines.
        """
        hashes = np.sort(np.frombuffer(self._hashes, np.int64))
        twice = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        first: dict[str, Line] = {}
        for record in read(self._path) if twice else ():
            value = record.id(self._field)
            if hash(value) in twice and first.setdefault(value, record.line) != record.line:
                raise DataError(
                    f"{record.line}: {self._field!r} {shown(value)} is given twice, first in line "
                    f"{first[value].number}; ids must be distinct: remove one of the two, or "
                    "give it an id of its own"
                )


def lines(path: Path) -> Iterator[tuple[Line, str]]:
    """The lines of a file, without their ends.

    Raises:
        DataError: the file cannot be read, has a line of more than 16 MiB, or is not UTF-8; says
            at which byte (of the unpacked content, counted from 0).
    """
    start = 0
    with opened(path) as file:
        for number, raw in enumerate(iter(lambda: file.readline(LONGEST + 1), b""), start=1):
            line = Line(path, number)
            if len(raw) > LONGEST:
                raise DataError(
                    f"{line}: is longer than {LONGEST:,} bytes; a line holds one text and ends at "
                    "a line feed: divide the file so"
                )
            if number == 1 and raw.startswith(UTF_16):
                raise DataError(f"{path}: is UTF-16; save the file as UTF-8")
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{line}: byte {start + error.start} is no UTF-8; save the file as UTF-8"
                ) from None
            start += len(raw)
            if number == 1:
                text = text.removeprefix("\ufeff")  # a byte order mark is no text
            yield line, text.removesuffix("\n").removesuffix("\r")


def read(path: Path) -> Iterator[Record]:
    """The records of a file: JSON lines, a table, or else plain lines, by what its name ends in.

    Raises:
        DataError: the file cannot be read, or a line is not what its format asks for.
    """
    kind = kind_of(path)
    if kind == "jsonl":
        yield from _json_lines(path)
    elif kind == "tsv":
        yield from table(path)
    else:
        for line, text in lines(path):
            yield Record(line, {LINE: text})


def kind_of(path: Path) -> str:
    """``jsonl``, ``tsv`` or ``lines``: the format that a file's name stands for.

    >>> [kind_of(Path(name)) for name in ("a.jsonl.gz", "a.tsv", "a.txt", "a.en")]
    ['jsonl', 'tsv', 'lines', 'lines']
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    return {".jsonl": "jsonl", ".ndjson": "jsonl", ".tsv": "tsv"}.get(suffix, "lines")


def table(path: Path, header: Sequence[str] | None = None) -> Iterator[Record]:
    """The rows below the header of a table.

    Args:
        path: of the file.
        header: what the first line must be; None takes any distinct names.

    Raises:
        DataError: the header is another, a row has more or fewer columns, or a cell is quoted as
            spreadsheets do.
    """
    names: list[str] = []
    before: list[str] = []
    for line, text in lines(path):
        cells = text.split("\t")
        if line.number == 1:
            names = cells
            _check_header(line, names, header)
            continue
        if '"' in text:
            quoting.check_cells(str(line), path, cells)
        if len(cells) != len(names):
            quoting.check_closed(str(line), path, [*before, *cells])
            raise DataError(
                f"{line}: {len(cells)} columns, but the header has {len(names)}; columns are "
                "divided by tabs"
            )
        yield Record(line, dict(zip(names, cells, strict=True)))
        before = cells


def quoted(value: object) -> str:
    """A value of JSON as a message quotes it, however deep it is."""
    is_deep = isinstance(value, list | dict)
    return shortened(reprlib.repr(value)) if is_deep else shown(value)


def _json_lines(path: Path) -> Iterator[Record]:
    for line, text in lines(path):
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{line}: is no JSON ({error}); one object a line is expected"
            ) from None
        if not isinstance(fields, dict):
            raise DataError(f"{line}: {quoted(fields)}, where an object is expected")
        yield Record(line, fields)


def _check_header(line: Line, names: Sequence[str], wanted: Sequence[str] | None) -> None:
    if not any(names):
        raise DataError(f"{line}: is empty, where names of columns are expected, divided by tabs")
    quoting.check_header(str(line), line.path, names)
    if wanted is not None and list(names) != list(wanted):
        raise DataError(
            f"{line}: the header {' '.join(wanted)} is expected, divided by tabs; "
            f"found {shown(' '.join(names))}"
        )
    if len(set(names)) < len(names):
        raise DataError(f"{line}: two columns have one name in {shown(' '.join(names))}")


def _scalar(value: object) -> str:
    """A text, a number or a truth value of JSON as text, "" for all else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return str(value) if isinstance(value, str | int | float) else ""


def _whole(text: str, line: Line) -> str:
    """The text, unless it cannot be written."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError(f"{line}: the text holds half of a surrogate pair; mend the file") from None
    return text
