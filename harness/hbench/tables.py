"""A comparison as tables for people: the terminal's by ranx's Report, Markdown by our own writer.

Knows nothing of how figures came about; reads what ``hbench compare --format json`` prints.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import fill
from typing import Any

from hbench.errors import printable
from hbench.settings import MACRO

VERSION = 2  # raised when a comparison is shown otherwise
ARROWS = {"higher": "↑", "lower": "↓"}
LETTERS = "abcdefghijklmnoprstuvwxyz"  # without q, which has no superscript
SUPERSCRIPTS = str.maketrans(LETTERS, "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")
EXPLORATORY = "°"
ABSENT = "–"
FEW_CLUSTERS = 20
WIDTH = 96  # of the lines of text under a table in the terminal
MOST_DIFFERENCES = 60


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


def unit_line(group: Group) -> str:
    """What was sampled, and so what the tests speak of."""
    rows = [row for table in group.tables for row in table["rows"] if row["queries"]]
    if not rows:
        return "No query has what these metrics need."
    row = max(rows, key=lambda row: int(row["items"]))
    seeds = {row["method"]: int(row["seeds"]) for row in rows}
    trained = {count for count in seeds.values() if count} or {0}
    each = str(max(trained)) if len(trained) == 1 else f"{min(trained)}-{max(trained)}"
    languages = f"{group.languages} languages" if group.setting in MACRO else "its languages"
    line = (
        f"Unit: {row['items']:,} items in {row['clusters']:,} clusters, {languages} fixed, "
        f"{each} {'seed' if each == '1' else 'seeds'} per method."
    )
    if row["clusters"] < FEW_CLUSTERS:
        line += " Few clusters: intervals are rough."
    fixed = [method for method, count in seeds.items() if not count]
    once = [method for method, count in seeds.items() if count == 1]
    if fixed:
        line += f" Fixed checkpoint, no seeds: {', '.join(fixed)}."
    if once:
        line += (
            f" Model-level only, trained once: {', '.join(once)}; this speaks of the trained "
            "models, not of the methods."
        )
    if len(fixed) + len(once) < len(seeds):
        line += (
            " Claim: the method, on new clusters like these, in these languages, with this "
            "training set and recipe."
        )
    return line + "".join(f" Note: {note}." for note in group.notes)


def differences(entry: Mapping[str, Any], style: str) -> str:
    """The differences of the primary family with their intervals, which decide, and Holm's p."""
    from tabulate import tabulate

    rows = [
        [
            table["dataset"],
            table["setting"],
            f"{table['metric']} {ARROWS[table['direction']]}",
            f"{pair['a']} - {pair['b']}",
            _signed(pair["difference"]),
            ABSENT if pair["low"] is None else f"{_signed(pair['low'])} to {_signed(pair['high'])}",
            _probability(pair["p_adjusted"]) + ("*" if pair["significant"] else ""),
        ]
        for table in entry["tables"]
        for pair in table["comparisons"]
        if pair["primary"]
    ]
    if len(rows) > MOST_DIFFERENCES:
        return f"{len(rows)} differences are in the primary family: see --format json."
    headers = ["Data", "Setting", "Metric", "Difference", "", "95 % interval", "Holm's p"]
    if style == "markdown":
        rows = [[*map(_escaped, row[:4]), *row[4:]] for row in rows]
    form = "pipe" if style == "markdown" else "simple"
    return str(tabulate(rows, headers, tablefmt=form, disable_numparse=True)) if rows else ""


def family_line(entry: Mapping[str, Any]) -> str:
    """How many tests were corrected together, and how the others are marked."""
    family = entry["family"]
    line = (
        f"Superscripts: significantly better than that row, clusters + seeds t test, "
        f"{family['correction'].capitalize()} within the primary family of {family['size']} tests, "
        f"alpha {family['alpha']}."
    )
    if any(not pair["primary"] for table in entry["tables"] for pair in table["comparisons"]):
        line += f" {EXPLORATORY} exploratory: Benjamini-Hochberg over all such tests."
    return line


def terminal(group: Group) -> str:
    """The table of a group as ranx prints it, with better and worse the right way round."""
    from ranx.data_structures.frozenset_dict import FrozensetDict
    from ranx.data_structures.report import Report
    from tabulate import tabulate

    class DirectedReport(Report):  # type: ignore[misc]
        """ranx's Report for metrics of either direction, absent values and any number of rows."""

        def format_score(self, score: float | None) -> str:
            return ABSENT if score is None else str(super().format_score(score))

        def get_metric_label(self, m: str) -> str:
            return m

        def get_superscript_for_table(self, model: str, metric: str) -> str:
            return superscript(model, by_heading[metric], group.methods)

        def to_table(self) -> str:
            rows = [
                [letter(index), model]
                + [
                    self.format_score(self.results[model][metric])
                    + self.get_superscript_for_table(model, metric)
                    for metric in self.metrics
                ]
                for index, model in enumerate(self.model_names)
            ]
            headers = ["#", "Method", *map(self.get_metric_label, self.metrics)]
            return str(tabulate(rows, headers, disable_numparse=True))

    by_heading = {heading(table): table for table in group.tables}
    means = {
        method: {
            name: next(row["mean"] for row in table["rows"] if row["method"] == method)
            for name, table in by_heading.items()
        }
        for method in group.methods
    }
    decisions = {
        (a, b): {
            name: {"p_value": pair["p_adjusted"], "significant": pair["significant"]}
            for name, table in by_heading.items()
            for pair in table["comparisons"]
            if (pair["a"], pair["b"]) == (a, b)
        }
        for a, b in {(p["a"], p["b"]) for t in group.tables for p in t["comparisons"]}
    }
    report = DirectedReport(
        model_names=group.methods,
        results=means,
        comparisons=FrozensetDict(decisions),
        metrics=list(by_heading),
        max_p=0.05,
        win_tie_loss={},
        stat_test="clusters + seeds t test",
    )
    return str(report)


def markdown(group: Group) -> str:
    """The table of a group in Markdown, with the 95 % interval of each figure."""
    names = ["#", "Method", *(_escaped(heading(table)) for table in group.tables)]
    lines = [names, ["---"] * len(names)]
    for index, method in enumerate(group.methods):
        cells = []
        for table in group.tables:
            row = next(row for row in table["rows"] if row["method"] == method)
            cells.append(_cell(row) + superscript(method, table, group.methods))
        lines.append([letter(index), _escaped(method), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def render(
    entries: Sequence[Mapping[str, Any]], style: str, notes: Sequence[Notes] | None = None
) -> str:
    """All tables of comparisons.

    Args:
        entries: as ``hbench compare --format json`` prints them.
        style: ``table`` for the terminal or ``markdown``.
        notes: for each entry what stands under the tables of its evaluations besides.
    """
    wrapped = str if style == "markdown" else partial(fill, width=WIDTH, break_on_hyphens=False)
    parts: list[str] = []
    for entry, told in zip(entries, notes or [{}] * len(entries), strict=True):
        for group in groups([(entry, told)]):
            title = f"## {_escaped(group.title)}" if style == "markdown" else group.title
            body = markdown(group) if style == "markdown" else terminal(group)
            parts += [title, body, wrapped(unit_line(group))]
        parts += [wrapped(family_line(entry)), differences(entry, style)]
    return printable("\n\n".join(parts)) + "\n"


def _signed(value: float) -> str:
    """Three digits, or as many as a large value needs, with its sign."""
    return f"{value:+.3f}" if abs(value) < 100 else f"{value:+.1f}"


def _probability(p: float | None) -> str:
    if p is None:
        return ABSENT
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _cell(row: Mapping[str, Any]) -> str:
    if row["mean"] is None:
        return ABSENT
    bounds = f" [{row['low']:.3f}, {row['high']:.3f}]" if row["low"] is not None else ""
    return f"{row['mean']:.3f}{bounds}"


def _escaped(text: str) -> str:
    """A name that Markdown shows as it is: no HTML, no link, no cell or line of its own."""
    text = printable(text).replace("\n", " ")
    for sign, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, code)
    return re.sub(r"([\\`*\[\]|~])", r"\\\1", text)
