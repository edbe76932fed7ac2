"""Cells that a spreadsheet has quoted: in a table whose columns tabs divide, quotes are text."""

from collections.abc import Sequence
from pathlib import Path

from hbench.errors import DataError, shown

QUOTE = '"'


def check_header(place: str, path: Path, names: Sequence[str]) -> None:
    """Whether the first line of a table names columns that tabs divide.

    Args:
        place: of the line, for messages.
        path: of the file.
        names: what the tabs divide.

    Raises:
        DataError: a name is quoted, or other signs divide them.
    """
    for name in names:
        if len(name) > 1 and name[0] == name[-1] == QUOTE:
            raise DataError(_message(place, path, name, "is quoted"))
    for sign, what in ((";", "semicolons"), (",", "commas")):
        if len(names) == 1 and len(names[0].split(sign)) > 1 and " " not in names[0]:
            raise DataError(
                f"{place}: columns are divided by tabs, and this header has {what}: "
                f"{shown(names[0])}; make JSON lines of it:\n{_command(path, sign)}"
            )


def check_cells(place: str, path: Path, cells: Sequence[str]) -> None:
    """Whether no cell of a row is quoted as in RFC 4180, its own quotes doubled.

    A text that begins with a quotation mark, or stands in two, is none.

    Args:
        place: of the line, for messages.
        path: of the file.
        cells: of the row.

    Raises:
        DataError: one is.
    """
    for cell in cells:
        inside = cell[1:-1]
        if (
            cell.startswith(QUOTE)
            and cell.endswith(QUOTE)
            and QUOTE * 2 in inside
            and QUOTE not in inside.replace(QUOTE * 2, "")
        ):
            raise DataError(_message(place, path, cell, "is quoted, with doubled quotes"))


def check_closed(place: str, path: Path, cells: Sequence[str]) -> None:
    """Whether no line break is quoted, as far as the cells of a row that is cut off show it.

    Texts may well begin with a quotation mark that a later text closes. So this is only for rows
    about which something else is wrong; two columns or more always show a line break so.

    Args:
        place: of the line, for messages.
        path: of the file.
        cells: of the row, and of the one before.

    Raises:
        DataError: one is.
    """
    for cell in cells:
        if cell.startswith(QUOTE) and cell.count(QUOTE) % 2:
            what = "has a quoted line break"
            raise DataError(_message(place, path, cell, what))


def _message(place: str, path: Path, cell: str, what: str) -> str:
    return (
        f"{place}: the cell {shown(cell)} {what}, as spreadsheets write it, and hbench "
        "takes quotes for text; save it as tab-separated text without such quotes, or make JSON "
        f"lines of it:\n{_command(path)}"
    )


def _command(path: Path, divider: str = "\\t") -> str:
    """What turns a table, as spreadsheets write it, into JSON lines."""
    target = path.with_name(path.name.removesuffix(".gz")).with_suffix(".jsonl")
    return (
        f"  python -c \"import pandas; pandas.read_csv('{path}', sep='{divider}', dtype=str, "
        f"keep_default_na=False).to_json('{target}', orient='records', lines=True, "
        'force_ascii=False)"'
    )
