"""A comparison's tables as text: for the terminal, in Markdown, in LaTeX."""

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any, Literal

from hbench import sheets
from hbench.alternatives import DEFAULT, NAMES
from hbench.errors import printable
from hbench.sheets import Sheet
from hbench.tables import LETTERS, Group, Notes, cell, groups, heading, letter, superscript
from hbench.wording import escaped, family_line, unit_line

VERSION = 3  # raised when a comparison is shown otherwise
WIDTH = 96  # of the lines of text under a table in the terminal
Style = Literal["table", "markdown", "latex"]
LATEX_HEAD = (
    r"% Needs \usepackage{booktabs,graphicx}; with names beyond Latin letters XeLaTeX or LuaLaTeX."
)
# As wide as it is, but not wider than the text.
LATEX_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
LATEX_SIGNS = {
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "°": r"$^{\circ}$", "–": "--", "≤": r"$\leq$",
}  # fmt: skip
RAISED = dict(zip("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", LETTERS, strict=True))


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
    parts = [LATEX_HEAD] if style == "latex" else []
    for entry, told in zip(entries, notes or [{}] * len(entries), strict=True):
        if any("by" in table for table in entry["tables"]):
            shown = [_sheet(sheet, style) for sheet in sheets.strata(entry, baseline)]
            told_once = [f"{name}: {note}." for name, texts in told.items() for note in texts]
            parts += [*shown, _line(" ".join([family_line(entry), *told_once]), style)]
            continue
        for group in groups([(entry, told)]):
            parts += _group(group, entry, style)
        parts.append(_line(family_line(entry), style))
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
        yield _float(group.title, made.to_latex(), line)
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
        return _float(sheet.title, body, sheet.note)
    title = f"### {escaped(sheet.title)}" if style == "markdown" else sheet.title
    return "\n\n".join(part for part in (title, body, _line(sheet.note, style)) if part)


def _line(text: str, style: Style) -> str:
    if style == "table":
        return fill(text, width=WIDTH, break_on_hyphens=False)
    return _latex_text(text) if style == "latex" else escaped(text)


def _float(title: str, tabular: str, note: str) -> str:
    """A table that LaTeX places, with its title above and its note below."""
    below = [r"\par\smallskip", rf"{{\footnotesize {_latex_text(note)}\par}}"] if note else []
    lines = [r"\begin{table}[ht]", r"\centering", rf"\caption{{{_latex_text(title)}}}"]
    body = [LATEX_FIT, _latex_signs(tabular) + "}"]
    return "\n".join([*lines, *body, *below, r"\end{table}"])


def _latex_text(text: str) -> str:
    """Text as LaTeX prints it as it is; tabulate does the same for the cells of a tabular."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {sign: "\\" + sign for sign in "&%$#_{}"}
    special |= {"<": r"\textless{}", ">": r"\textgreater{}"}
    return _latex_signs("".join(special.get(sign, sign) for sign in text))


def _latex_signs(text: str) -> str:
    """Arrows, marks and superscripts, which are letters of Unicode elsewhere, as commands."""
    for sign, command in LATEX_SIGNS.items():
        text = text.replace(sign, command)
    raised = "".join(RAISED)
    return re.sub(
        rf"[{raised}][{raised},]*",
        lambda found: rf"\textsuperscript{{{''.join(RAISED.get(c, c) for c in found[0])}}}",
        text,
    )
