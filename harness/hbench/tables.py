"""What a comparison's tables hold, in whatever format they are shown: groups, letters, cells.

Knows nothing of how figures came about; reads what ``hbench compare --format json`` prints.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ARROWS = {"higher": "↑", "lower": "↓"}
LETTERS = "abcdefghijklmnoprstuvwxyz"  # without q, which has no superscript
RAISED = "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"
SUPERSCRIPTS = str.maketrans(LETTERS, RAISED)
EXPLORATORY = "°"
ABSENT = "–"


@dataclass(frozen=True)
class Group:
    """The tables of one evaluation and setting: one row a method, one column a metric."""

    benchmark: str
    dataset: str
    setting: str
    tables: Sequence[Mapping[str, Any]]
    languages: int
    notes: Sequence[str] = ()

    @property
    def methods(self) -> list[str]:
        """The methods, in the order of the spec."""
        return [row["method"] for row in self.tables[0]["rows"]]

    @property
    def title(self) -> str:
        """What the tables are of."""
        return f"{self.benchmark}: {self.dataset}, {self.setting}"


Notes = Mapping[str, Sequence[str]]  # by evaluation


def groups(entries: Iterable[tuple[Mapping[str, Any], Notes]]) -> Iterator[Group]:
    """The tables of comparisons, one group for each evaluation and setting, in their order."""
    for entry, notes in entries:
        places = dict.fromkeys((table["dataset"], table["setting"]) for table in entry["tables"])
        for dataset, setting in places:
            tables = [
                t for t in entry["tables"] if (t["dataset"], t["setting"]) == (dataset, setting)
            ]
            cells = [cell for cell in entry["matrix"] if cell["dataset"] == dataset]
            languages = {cell["query_language"] for cell in cells if cell["queries"]}
            yield Group(
                entry["benchmark"], dataset, setting, tables, len(languages), notes.get(dataset, ())
            )


def letter(index: int) -> str:
    """The name of a row: a to z without q, then aa, ab, ...

    >>> [letter(i) for i in (0, 16, 24, 25)]
    ['a', 'r', 'z', 'aa']
    """
    head, tail = divmod(index, len(LETTERS))
    return (letter(head - 1) if head else "") + LETTERS[tail]


def superscript(method: str, table: Mapping[str, Any], methods: Sequence[str]) -> str:
    """The letters of the methods that ``method`` is significantly better than, raised."""
    sign = 1 if table["direction"] == "higher" else -1
    beaten = set()
    for pair in table["comparisons"]:
        if pair["significant"] and method in (pair["a"], pair["b"]):
            own = sign * pair["difference"] * (1 if pair["a"] == method else -1)
            if own > 0:
                beaten.add(pair["b"] if pair["a"] == method else pair["a"])
    letters = [letter(index) for index, other in enumerate(methods) if other in beaten]
    join = "," if len(methods) > len(LETTERS) else ""
    return join.join(letters).translate(SUPERSCRIPTS)


def heading(table: Mapping[str, Any]) -> str:
    """A column's heading: metric, which direction is better, and whether it is exploratory."""
    primary = any(pair["primary"] for pair in table["comparisons"])
    exploratory = EXPLORATORY if table["comparisons"] and not primary else ""
    return f"{table['metric']} {ARROWS[table['direction']]}{exploratory}"


def cell(table: Mapping[str, Any], method: str) -> str:
    """A method's mean with its interval."""
    row = next(row for row in table["rows"] if row["method"] == method)
    if row["mean"] is None:
        return ABSENT
    bounds = f" [{row['low']:.3f}, {row['high']:.3f}]" if row["low"] is not None else ""
    return f"{row['mean']:.3f}{bounds}"
