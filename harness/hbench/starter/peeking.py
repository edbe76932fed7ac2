"""A look at the beginning of files, before it is known what reads them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from itertools import islice
from pathlib import Path

from hbench.errors import DataError, shown
from hbench.unpacking import opened

LANG = "{lang}"
CODE = r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*"
FIRST = 50  # lines that are looked at
LONGEST = 2**24  # bytes of a line
LONGEST_NAME = 200  # signs of a column's name
BLOCK = 2**20  # bytes that are read at once
DISTINCT = 0.9  # of a column's values, where they tell rows apart
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # byte order marks
KINDS = {".tsv": "table", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}
UNREAD = (".csv", ".xlsx", ".xls", ".ods", ".parquet", ".arrow", ".zip", ".tar", ".xml")
PARTS = re.compile(r"(\{lang\}|\{set\}|\*)")


@dataclass(frozen=True)
class Column:
    """A column of a table, or a field of JSON lines.

    Args:
        name: of the column.
        values: the first that are not blank, as texts.
    """

    name: str
    values: Sequence[str]

    @property
    def may_be_ids(self) -> bool:
        """Whether the values tell rows apart and look like no sentences."""
        is_short = all(len(value.split()) == 1 and len(value) <= 80 for value in self.values)
        return is_short and len(set(self.values)) == len(self.values) > 0

    @property
    def tells_apart(self) -> bool:
        """Whether nearly every value is another, as texts are and topics are not."""
        return len(set(self.values)) >= DISTINCT * len(self.values) > 0

    @property
    def rank(self) -> tuple[bool, float]:
        """Larger for what looks more like the texts that are searched for."""
        return self.tells_apart, sum(map(len, self.values)) / max(1, len(self.values))

    @property
    def is_text(self) -> bool:
        """Whether some value has a letter."""
        return any(sign.isalpha() for value in self.values for sign in value)


def matching(pattern: str) -> list[Path]:
    """The files or folders that a pattern stands for, sorted; packed ones too.

    ``{lang}`` stands for the code of a language, ``{set}`` and ``*`` for anything.
    """
    path = Path(pattern)
    if not PARTS.search(pattern):
        return [path] if path.exists() else []
    parts = PARTS.split(str(path.relative_to(path.anchor)))
    wild = "".join("*" if PARTS.fullmatch(part) else escape(part) for part in parts)
    text, seen = "", set[str]()
    for part in PARTS.split(str(path)):
        again = "(?P=lang)" if part in seen else f"(?P<lang>{CODE})"
        text += {LANG: again, "{set}": "[^/]+", "*": "[^/]*"}.get(part, re.escape(part))
        seen.add(part)
    expression = re.compile(text + r"(?:\.gz)?")
    wild = re.sub(r"\*\*+", "*", wild)
    found = {each for end in ("", ".gz") for each in Path(path.anchor).glob(wild + end)}
    return sorted(each for each in found if expression.fullmatch(str(each)))


def size_of(pattern: str) -> int:
    """Bytes of the files that a pattern stands for, or of those in its folders."""
    found = matching(pattern)
    inside = [file for each in found for file in (each.rglob("*") if each.is_dir() else [each])]
    return sum(file.stat().st_size for file in inside if file.is_file())


def kind_of(path: Path) -> str:
    """``table``, ``jsonl``, ``json`` or ``lines``, by a file's name.

    Raises:
        DataError: it is of a kind that no shipped dataset reads.

    >>> [kind_of(Path(name)) for name in ("a.tsv", "a.jsonl.gz", "a.json", "a.de")]
    ['table', 'jsonl', 'json', 'lines']
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix == ".csv":
        raise DataError(
            f"{path}: comma-separated values are not read; save them as JSON lines:\n"
            f"{_to_json_lines(path, ',')}"
        )
    if suffix in UNREAD:
        raise DataError(
            f"{path}: {suffix} is not read; save it as .tsv (columns divided by tabs, the header "
            "names them) or .jsonl (one JSON object a line)"
        )
    return KINDS.get(suffix, "lines")


def columns(path: Path) -> list[Column]:
    """The columns of a table or of JSON lines, as far as the first lines show them.

    Raises:
        DataError: the file cannot be read, is empty, or has a header of a spreadsheet.
    """
    lines = _first_lines(path)
    is_table = kind_of(path) == "table"
    if is_table and lines:
        _check_header(path, lines[0])
    rows = _rows(lines) if is_table else _objects(lines)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        raise DataError(f"{path}: is empty, or no line of it has a field")
    if long := [name for name in names if len(name) > LONGEST_NAME]:
        raise DataError(
            f"{path}: {shown(long[0])} is longer than {LONGEST_NAME} signs, where the name of a "
            "column is expected; the first line of a table names its columns"
        )
    found = [
        Column(name, [row[name] for row in rows if row.get(name, "").strip()]) for name in names
    ]
    if not any(column.values for column in found):
        raise DataError(
            f"{path}: has names of columns ({', '.join(names[:8])}), and no line below them"
        )
    return found


def count_rows(path: Path) -> int:
    """How many rows a table or a file of JSON lines has.

    Raises:
        DataError: the file cannot be read.
    """
    count, last = 0, b"\n"
    with opened(path) as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n") - (kind_of(path) == "table")


def _check_header(path: Path, header: str) -> None:
    """Whether a table's first line names columns that tabs divide, as far as this can be seen."""
    names = header.split("\t")
    if any(len(name) > 1 and name[0] == name[-1] == '"' for name in names):
        divider, what = "\\t", "is quoted, as spreadsheets write it"
    elif len(names) == 1 and ";" in header:
        divider, what = ";", "has semicolons, where tabs divide columns"
    else:
        return
    raise DataError(
        f"{path}: its header {what}: {shown(header)}; save it as tab-separated text without "
        f"quotes, or make JSON lines of it:\n{_to_json_lines(path, divider)}"
    )


def _to_json_lines(path: Path, divider: str) -> str:
    """The command that converts what a spreadsheet has saved."""
    target = path.with_name(path.name.removesuffix(".gz")).with_suffix(".jsonl")
    return (
        f"  python -c \"import pandas; pandas.read_csv('{path}', sep='{divider}', dtype=str, "
        f"keep_default_na=False).to_json('{target}', orient='records', lines=True, "
        'force_ascii=False)"'
    )


def _rows(lines: Sequence[str]) -> list[Mapping[str, str]]:
    names = lines[0].split("\t") if lines and lines[0] else []
    rows = [dict(zip(names, line.split("\t"), strict=False)) for line in lines[1:]]
    return [dict.fromkeys(names, ""), *rows]


def _objects(lines: Sequence[str]) -> list[Mapping[str, str]]:
    """What is text, a number, or a list that begins with a text; all else is passed over."""
    found: list[Mapping[str, str]] = []
    for line in lines:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue  # the plugin that reads it all will say where
        fields = content.items() if isinstance(content, dict) else ()
        first = {
            name: value[0] if isinstance(value, list) and value else value for name, value in fields
        }
        found.append({n: str(v) for n, v in first.items() if isinstance(v, str | int | None)})
    return found


def _first_lines(path: Path) -> list[str]:
    with opened(path) as file:
        raw = list(islice(iter(lambda: file.readline(LONGEST + 1), b""), FIRST))
    if any(len(line) > LONGEST for line in raw):
        raise DataError(
            f"{path}: has a line of more than {LONGEST:,} bytes; a line holds one text and ends at "
            "a line feed: divide the file so"
        )
    if raw and raw[0].startswith(UTF_16):
        raise DataError(f"{path}: is UTF-16; save the file as UTF-8")
    texts = [line.decode(errors="replace").rstrip("\r\n") for line in raw]
    return [texts[0].removeprefix("\ufeff"), *texts[1:]] if texts else []
