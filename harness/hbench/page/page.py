"""Pages: a report with everything, or the tables alone; jinja2 fills in the templates beside.

Everything is escaped, by jinja2; what is not is our own: style, script and drawn figures. A
content policy in the page forbids whatever would reach out, and any script but ours.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from hbench.page import about, figures
from hbench.page.bylanguage import by_language
from hbench.page.drawing import Drawn, draw
from hbench.page.heat import colours, pairs
from hbench.page.views import MANY, comparison
from hbench.page.words import clean, decimals, several, signed
from hbench.sheets import probability
from hbench.tables import Notes

if TYPE_CHECKING:
    from jinja2 import Environment

    from hbench.stages.report import Told

VERDICTS = ("supported", "refuted", "inconclusive", "description")


@dataclass(frozen=True)
class Page:
    """A report.

    Args:
        html: the page.
        files: the figures by name, as SVG and PDF.
        notes: what did not go as it should, in words.
    """

    html: str
    files: Mapping[str, bytes]
    notes: Sequence[str]


def report_page(told: "Told") -> Page:
    """The report of a benchmark."""
    entry = told.comparison
    drawn = {
        "bias": [draw(picture) for picture in figures.bias(entry, told.cells)],
        "trade_off": [draw(picture) for picture in figures.trade_off(entry)],
        "loss": [draw(picture) for picture in figures.loss(told.systems)],
    }
    every: list[Drawn] = [each for group in drawn.values() for each in group]
    notes = [note for each in every for note in each.notes]
    html = _filled(
        "report.html.jinja",
        told=told,
        title=f"{told.benchmark}: report",
        comparison=comparison(entry, told.notes),
        claims=about.claimed(told),
        verdicts={name: sum(c["verdict"] == name for c in told.claims) for name in VERDICTS},
        pairs=list(pairs(entry)),
        languages=list(by_language(entry, told.cells)),
        drawn=drawn,
        costs=about.costs(told.systems),
        training_notes=about.training_notes(told.systems),
        surroundings=about.surroundings(told),
        specification=about.specification(told),
        command=about.command(told),
        bibtex=about.bibtex(told),
        notes=notes,
        colours={theme: colours(theme) for theme in ("light", "dark")},
    )
    forms = {f"{d.picture.name}.svg": d.svg for d in every}
    forms |= {f"{d.picture.name}.pdf": d.pdf for d in every}
    return Page(html, forms, notes)


def tables_page(
    entries: Sequence[Mapping[str, Any]], notes: Sequence[Notes], baseline: str | None = None
) -> str:
    """A page of tables alone.

    Args:
        entries: as ``hbench compare --format json`` prints them.
        notes: for each entry what stands under the tables of its evaluations besides.
        baseline: the method that the others' differences are shown to.
    """
    shown = [comparison(entry, told, baseline) for entry, told in zip(entries, notes, strict=True)]
    names = ", ".join(each.benchmark for each in shown)
    return _filled("tables.html.jinja", title=f"{names}: tables", comparisons=shown, colours={})


def _filled(name: str, **values: Any) -> str:  # noqa: ANN401 - what the template shows
    return _environment().get_template(name).render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def cleaned(value: object) -> object:
        is_text = isinstance(value, str) and not isinstance(value, Markup)
        return clean(value) if is_text else value  # type: ignore[arg-type]

    environment = Environment(
        loader=PackageLoader("hbench.page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = _text("page.js")
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.filters |= {
        "signed": lambda value: signed(value, decimals([value])),
        "probability": probability,
    }
    environment.globals |= {
        "style": Markup(_text("style.css")),
        "script": Markup(script),
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        "many": MANY,
        "several": several,
        "inline": lambda drawn: Markup(drawn.inline),
    }
    return environment


def _text(name: str) -> str:
    return (files("hbench.page") / "templates" / name).read_text(encoding="utf-8")
