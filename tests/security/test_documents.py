"""HTML, LaTeX and Markdown hold names and texts as text, wherever these come from."""

import re

from tests.page.reading import Document
from tests.page.toy_told import CELLS, claim, data, entry, system, told

from hbench import latex
from hbench.page import report_page, tables_page
from hbench.render import render
from hbench.wording import escaped

HTML = "".join(
    [
        "<script>alert(1)</script>",
        "\"' onload=alert(1) x='\"",
        "<img src=https://evil.example/x onerror=alert(1)>",
        "</style></title></pre><script>alert(1)</script>",
        "{{ 7 * 7 }}{% raw %}",
        "a\u202eb\u2066c",  # which turns what follows around
    ]
)
TEX = r"\input{/etc/passwd}\write18{rm x} $x^2$ 50% #1 ~ a_b & {\bf c} \end{table} ^^5cinput"


def page(evil):
    """A report in which each name and text that is not hbench's own is an attack."""
    return report_page(
        told(
            (evil, "hybrid"),
            benchmark=evil,
            says=evil,
            comparison=entry((evil, "hybrid"), dataset=evil, name=evil),
            cells={evil: CELLS},
            claims=[claim(evil, "supported", 0.1, notes=[evil])],
            missing=[evil],
            notes={evil: [evil]},
            systems=[system(evil, "1", notes=[evil])],
            data=[data(name=evil, licence=evil, use=evil, notes=[evil])],
            surroundings={evil: {evil: [evil], "b": [evil]}},
            gaps=[evil],
            spec={"claims": [{"says": evil, "metric": evil}], evil: evil},
        )
    )


def assert_only_text(html):
    document = Document(html)
    tags = [tag for tag, _, _ in document.elements]
    assert tags.count("script") == tags.count("style") == tags.count("title") == 1
    assert not {"img", "iframe", "object", "embed", "link", "base"} & {*tags}
    for _, attributes, _ in document.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert attributes.get("href", "#").startswith("#")
    assert "{{ 7 * 7 }}" in "".join(document.texts("title"))
    assert not {*"\u202e\u2066"} & {*html}


def test_a_report_runs_nothing_and_asks_for_nothing_that_a_name_says():
    made = page(HTML)
    assert_only_text(made.html)
    for name, content in made.files.items():
        assert re.fullmatch(r"[\w%.+-]+\.(svg|pdf)", name)
        assert b"<script" not in content and b"<img" not in content


def test_tables_alone_are_as_safe():
    given = entry((HTML, "b"), dataset=HTML, name=HTML)
    assert_only_text(tables_page([given], [{HTML: [HTML]}]))


def commands(text):
    """The commands that LaTeX would run, less those that hbench writes of its own."""
    own = {"toprule", "midrule", "bottomrule", "begin", "end", "centering", "caption", "par",
           "resizebox", "ifdim", "width", "linewidth", "else", "fi", "smallskip", "footnotesize",
           "textsuperscript", "uparrow", "downarrow", "circ", "textbackslash", "usepackage",
           "textasciitilde", "textasciicircum", "textless", "textgreater", "ensuremath",
           "label", "multirow"}  # fmt: skip
    return {*re.findall(r"\\([A-Za-z]+)", text)} - own


def test_latex_prints_commands_and_runs_none():
    given = entry((TEX, "hybrid"), dataset=TEX, name=TEX)
    for text in (latex.text(TEX), render([given], "latex", [{TEX: [TEX]}])):
        assert commands(text) == set()
        assert not re.search(r"(?<!\\)[$#&_~%]", latex.text(TEX))
        assert "^^" not in text
        assert text.count(r"\end{table}") == text.count(r"\begin{table}")


def test_markdown_shows_names_and_makes_no_links_cells_or_html():
    evil = "[a](https://evil.example) ![b](c) <b>x</b> | y `z` *w* ~~v~~\n# head"
    text = escaped(evil)
    assert "\n" not in text and "<b>" not in text
    assert not re.search(r"(?<!\\)[\[\]|`*]", text)
    shown = render([entry((evil, "hybrid"), dataset=evil, name=evil)], "markdown")
    rows = [line for line in shown.splitlines() if line.startswith("| a |")]
    assert rows and all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)
