"""Compare's entry as what the templates of a page show: tables of methods, and sheets of text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hbench import sheets
from hbench.page.words import decimals, is_numeric, number, signed, typeset
from hbench.sheets import Sheet
from hbench.tables import (
    ARROWS,
    EXPLORATORY,
    LETTERS,
    RAISED,
    Group,
    Notes,
    groups,
    heading,
    letter,
    superscript,
)
from hbench.wording import family_line, remarks, unit_line

MANY = 60  # differences; more are folded away
LOWERED = str.maketrans(RAISED, LETTERS)  # HTML raises by itself
NEITHER = "neither"
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A metric of a table.

    Args:
        name: of the metric.
        arrow: which direction is better, as an arrow.
        direction: the same in a word: higher or lower.
        exploratory: whether its tests are outside the primary family.
    """

    name: str
    arrow: str
    direction: str
    exploratory: bool


@dataclass(frozen=True)
class Cell:
    """A method's figure.

    Args:
        value: to sort by; None where it is absent.
        text: as it is read.
        interval: likewise; empty if there is none.
        beaten: the letters of the rows that it is significantly better than.
        seed_sd: the standard deviation over seeds, as it is read; empty if it is not known.
        best: whether no other method has a better one.
    """

    value: float | None
    text: str
    interval: str
    beaten: str
    seed_sd: str
    best: bool


@dataclass(frozen=True)
class Row:
    """A method of a table, with the letter by which other rows name it."""

    letter: str
    method: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """The figures of one evaluation and setting; ``unit`` says what was sampled."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    unit: str

    @property
    def raised(self) -> int:
        """The most letters of rows that a cell has beaten."""
        return max((len(cell.beaten) for row in self.rows for cell in row.cells), default=0)


@dataclass(frozen=True)
class Listing:
    """A sheet as a page shows it: each column with its heading, and whether it holds numbers."""

    title: str
    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]
    note: str


@dataclass(frozen=True)
class Comparison:
    """All of compare's entry that is shown as tables.

    Args:
        benchmark: its name.
        level: of the intervals, in percent.
        tables: of methods, one for each evaluation and setting; none if queries are split.
        strata: the tables of split queries.
        family: how tests are corrected, and how that is marked.
        differences: with their intervals and p.
        published: what others have published, beside what was measured.
        notes: what stands under all tables of split queries.
    """

    benchmark: str
    level: str
    tables: Sequence[Table]
    strata: Sequence[Listing]
    family: str
    differences: Sequence[Listing]
    published: Sequence[Listing]
    notes: Sequence[str]


def comparison(entry: Entry, notes: Notes, baseline: str | None = None) -> Comparison:
    """A benchmark's tables, with what stands below them.

    Args:
        entry: as ``hbench compare --format json`` prints it.
        notes: by evaluation what a reader must know besides.
        baseline: the method that the others' differences are shown to; None shows all
            differences of the primary family.
    """
    level = f"{100 * (1 - entry['family']['alpha']):g}"
    is_split = any("by" in table for table in entry["tables"])
    found = [] if is_split else [g for g in groups([(entry, notes)]) if g.tables]
    differences = list(sheets.differences(entry, baseline)) if baseline else _primary(entry, level)
    return Comparison(
        entry["benchmark"],
        level,
        [_table(group, entry["family"]) for group in found],
        [_listing(sheet) for sheet in sheets.strata(entry, baseline)] if is_split else [],
        " ".join([family_line(entry), *remarks(entry)]),
        [] if is_split else [_listing(sheet) for sheet in differences],
        [_listing(sheet) for sheet in sheets.published(entry)],
        [f"{name}: {note}." for name, texts in notes.items() for note in texts] if is_split else [],
    )


def _table(group: Group, family: Mapping[str, Any]) -> Table:
    columns = [
        Column(
            table["metric"],
            ARROWS[table["direction"]],
            table["direction"],
            heading(table).endswith(EXPLORATORY),
        )
        for table in group.tables
    ]
    cells = [_cells(table, group.methods) for table in group.tables]
    rows = [
        Row(letter(index), method, [column[index] for column in cells])
        for index, method in enumerate(group.methods)
    ]
    title = f"{group.dataset}, {group.setting}"
    return Table(title, columns, rows, unit_line(group, family))


def _cells(table: Mapping[str, Any], methods: Sequence[str]) -> list[Cell]:
    """A column, top to bottom."""
    rows = table["rows"]
    places = decimals([row["mean"] for row in rows])
    present = [row["mean"] for row in rows if row["mean"] is not None]
    choose = max if table["direction"] == "higher" else min
    best = choose(present) if len(present) > 1 else None
    return [
        Cell(
            row["mean"],
            number(row["mean"], places),
            _interval(row, places, number),
            superscript(method, table, methods).translate(LOWERED),
            "" if row.get("seed_sd") is None else number(row["seed_sd"], places),
            row["mean"] is not None and row["mean"] == best,
        )
        for row, method in zip(rows, methods, strict=True)
    ]


def _primary(entry: Entry, level: str) -> list[Sheet]:
    """The tests of the primary family, however many; each says which method is better."""
    rows = [line for table in entry["tables"] for line in _tests(table)]
    if not rows:
        return []
    headers = [
        "Data", "Setting", "Metric", "a", "b", "a − b", f"{level} % interval", "se items",
        "se seeds", "p adjusted", "Significantly better",
    ]  # fmt: skip
    note = (
        f"{sheets.ALONE}; it is significant up to {entry['family']['alpha']}. se: standard error "
        "from items (their clusters) and from seeds."
    )
    limits = [p.get("seed_sd_limit") for t in entry["tables"] for p in t["comparisons"]]
    if any(limit is not None for limit in limits):
        note += " s < x: as methods they differ significantly if the seed sd is below x."
    return [Sheet("Differences of the primary family", headers, rows, note)]


def _tests(table: Mapping[str, Any]) -> Iterator[list[str]]:
    pairs = [pair for pair in table["comparisons"] if pair["primary"]]
    places = decimals([pair["difference"] for pair in pairs])
    for pair in pairs:
        is_for_a = (pair["difference"] > 0) == (table["direction"] == "higher")
        yield [
            table["dataset"],
            table["setting"],
            sheets.column(table),
            pair["a"],
            pair["b"],
            signed(pair["difference"], places),
            _interval(pair, places, signed),
            sheets.error(pair.get("item_error")),
            sheets.seed_part(pair),
            sheets.probability(pair["p_adjusted"]),
            (pair["a"] if is_for_a else pair["b"]) if pair["significant"] else NEITHER,
        ]


def _interval(row: Mapping[str, Any], places: int, show: Callable[[float | None, int], str]) -> str:
    if row["low"] is None or row["high"] is None:
        return ""
    return f"[{show(row['low'], places)}, {show(row['high'], places)}]"


def _listing(sheet: Sheet) -> Listing:
    rows = [[typeset(text) for text in row] for row in sheet.rows]
    columns = [
        (header, all(is_numeric(row[number]) for row in rows))
        for number, header in enumerate(sheet.headers)
    ]
    return Listing(sheet.title, columns, rows, sheet.note)
