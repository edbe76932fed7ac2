"""LaTeX: a table that compiles in any document that loads booktabs and graphicx."""

import re

from hbench.tables import LETTERS, RAISED

HEAD = (
    r"% Needs \usepackage{booktabs,graphicx}; with names beyond Latin letters XeLaTeX or LuaLaTeX."
)
# As wide as it is, but not wider than the text.
FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
SIGNS = {
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "°": r"$^{\circ}$", "–": "--",
}  # fmt: skip
SPECIAL = {
    **{sign: "\\" + sign for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
LOWERED = str.maketrans(RAISED, LETTERS)


def table(title: str, tabular: str, note: str) -> str:
    """A table that LaTeX places, with its title above and its note below.

    Args:
        title: plain text.
        tabular: as tabulate writes it, whose cells are escaped already.
        note: plain text; "" for none.
    """
    below = [r"\par\smallskip", rf"{{\footnotesize {text(note)}\par}}"] if note else []
    lines = [r"\begin{table}[ht]", r"\centering", rf"\caption{{{text(title)}}}"]
    body = [FIT, _signs(tabular) + "}"]
    return "\n".join([*lines, *body, *below, r"\end{table}"])


def text(plain: str) -> str:
    r"""Text as LaTeX prints it as it is; tabulate does the same for the cells of a tabular.

    >>> text("50 % of_ᵃ")
    '50 \\% of\\_\\textsuperscript{a}'
    """
    return _signs("".join(SPECIAL.get(sign, sign) for sign in plain))


def _signs(text: str) -> str:
    """Arrows, marks and superscripts, which are letters of Unicode elsewhere, as commands."""
    for sign, command in SIGNS.items():
        text = text.replace(sign, command)
    return re.sub(
        rf"[{RAISED}][{RAISED},]*",
        lambda found: rf"\textsuperscript{{{found[0].translate(LOWERED)}}}",
        text,
    )
