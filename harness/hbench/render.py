"""A comparison's tables as text: for the terminal, in Markdown, in LaTeX."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any, Literal

from hbench import latex, sheets
from hbench.alternatives import DEFAULT, NAMES
from hbench.errors import printable
from hbench.sheets import Sheet
from hbench.tables import Group, Notes, cell, groups, heading, letter, superscript
from hbench.wording import escaped, evaluated, family_line, nobody, remarks, unit_line

VERSION = 4  # raised when a comparison is shown otherwise
WIDTH = 96  # of the lines of text under a table in the terminal
Style = Literal["table", "markdown", "latex"]


def render(
    entries: Sequence[Mapping[str, Any]],
    style: Style,
    notes: Sequence[Notes] | None = None,
    baseline: str | None = None,
) -> str:
    """All tables of comparisons.

    Args:
        entries: as ``hbench compare --format json`` prints them.
        style: how.
        notes: for each entry what stands under the tables of its evaluations besides.
        baseline: the method that the others' differences are shown to.
    """
    parts = [latex.HEAD] if style == "latex" else []
    for whole, told in zip(entries, notes or [{}] * len(entries), strict=True):
        entry, absent = evaluated(whole)
        parts += [_line(nobody(entry, name), style) for name in absent]
        if not entry["tables"]:
            continue
        if any("by" in table for table in entry["tables"]):
            shown = [_sheet(sheet, style) for sheet in sheets.strata(entry, baseline)]
            told_once = [f"{name}: {note}." for name, texts in told.items() for note in texts]
            below = [family_line(entry), *remarks(entry), *told_once]
            parts += [*shown, _line(" ".join(below), style)]
            continue
        for group in groups([(entry, told)]):
            parts += _group(group, entry, style)
        parts.append(_line(" ".join([family_line(entry), *remarks(entry)]), style))
        others = [*sheets.differences(entry, baseline), *sheets.published(entry)]
        parts += [_sheet(sheet, style) for sheet in others]
    return printable("\n\n".join(part for part in parts if part)) + "\n"


def _group(group: Group, entry: Mapping[str, Any], style: Style) -> Iterator[str]:
    """The table of an evaluation and setting: its title, its figures, what was sampled."""
    line = unit_line(group, entry["family"])
    if style == "markdown":
        yield from (f"## {escaped(group.title)}", markdown(group), escaped(line))
        return
    from hbench.directed import report

    family = entry["family"]
    made = report(group, NAMES[family.get("test", DEFAULT)], family["alpha"])
    if style == "latex":
        yield latex.table(group.title, made.to_latex(), line)
    else:
        yield from (group.title, str(made), _line(line, style))


def markdown(group: Group) -> str:
    """The table of a group in Markdown, with the interval of each figure."""
    names = ["#", "Method", *(escaped(heading(table)) for table in group.tables)]
    lines = [names, ["---"] * len(names)]
    for index, method in enumerate(group.methods):
        cells = [
            cell(table, method) + superscript(method, table, group.methods)
            for table in group.tables
        ]
        lines.append([letter(index), escaped(method), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _sheet(sheet: Sheet, style: Style) -> str:
    from tabulate import tabulate

    rows, headers = [list(row) for row in sheet.rows], list(sheet.headers)
    if style == "markdown":
        rows = [[escaped(text) for text in row] for row in rows]
        headers = [escaped(text) for text in headers]
    form = {"table": "simple", "markdown": "pipe", "latex": "latex_booktabs"}[style]
    body = str(tabulate(rows, headers, tablefmt=form, disable_numparse=True)) if rows else ""
    if style == "latex":
        return latex.table(sheet.title, body, sheet.note)
    title = f"### {escaped(sheet.title)}" if style == "markdown" else sheet.title
    return "\n\n".join(part for part in (title, body, _line(sheet.note, style)) if part)


def _line(text: str, style: Style) -> str:
    if style == "table":
        return fill(text, width=WIDTH, break_on_hyphens=False)
    return latex.text(text) if style == "latex" else escaped(text)
