"""What every figure shares: fonts, colours, and its forms: SVG and PDF files, and SVG in the page.

In the page a figure takes the theme's colours: its ink becomes the text's colour, and the colours
of its series become variables of the style sheet. Equal figures have equal bytes.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from hbench.page.fonts import families

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 4.6  # inches; a phone shows it about as large as paper does
INK = "#1b1f24"
# Okabe and Ito's colours, which colour-blind readers can tell apart; dark ones first.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (8, 2)))
LONGEST = 40  # characters of a name in a figure
MISSING = re.compile(r"Glyph (\d+) .* missing from font")
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hbench",
    "pdf.fonttype": 42,
    "text.parse_math": False,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.18,
    "grid.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "axes.unicode_minus": True,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color",
         "grid.color"), INK
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A figure that can be drawn.

    Args:
        name: of its files, without an ending.
        title: what it shows, in a line.
        caption: how it is read.
        height: in inches.
        texts: the names that it shows, for which fonts are chosen.
        paint: draws it; called with matplotlib set to ``STYLE``.
    """

    name: str
    title: str
    caption: str
    height: float
    texts: Sequence[str]
    paint: Callable[["Figure"], None]


@dataclass(frozen=True)
class Drawn:
    """A figure in all its forms.

    Args:
        svg: a file of its own.
        pdf: the same, with its fonts.
        inline: SVG for a page, in the page's colours and fonts.
        notes: what did not go as it should, in words.
    """

    picture: Picture
    svg: bytes
    pdf: bytes
    inline: str
    notes: Sequence[str]


def draw(picture: Picture) -> Drawn:
    """Draw a figure; matplotlib's settings are as before afterwards."""
    import matplotlib
    from matplotlib.figure import Figure

    notes: list[str] = []
    fonts = families(picture.texts)
    with matplotlib.rc_context(), _telling(picture, notes):
        matplotlib.rcdefaults()  # whatever the user's own settings are
        matplotlib.rcParams.update({**STYLE, "font.family": fonts})
        figure = Figure(figsize=(WIDTH, picture.height), layout="constrained")
        picture.paint(figure)
        svg, pdf = BytesIO(), BytesIO()
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
        figure.savefig(pdf, format="pdf", transparent=True, metadata={"CreationDate": None})
    inline = themed(svg.getvalue(), picture)
    return Drawn(picture, svg.getvalue(), pdf.getvalue(), inline, notes)


@contextmanager
def _telling(picture: Picture, notes: list[str]) -> Iterator[None]:
    """Signs that no installed font has become a note; other warnings stay warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    signs = []
    for warning in caught:
        found = MISSING.match(str(warning.message))
        if found:
            signs.append(chr(int(found[1])))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    if signs:
        shown = " ".join(dict.fromkeys(signs))
        notes.append(f"{picture.name}.pdf: no installed font has the signs {shown}")


def themed(svg: bytes, picture: Picture) -> str:
    """An SVG file as a part of a page: no names of its own in the way of others', no fonts."""
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        changed = {
            name.rpartition("}")[2]: _themed_value(name.rpartition("}")[2], value, picture.name)
            for name, value in element.attrib.items()
        }
        element.attrib.clear()
        element.attrib.update(changed)
    keep = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": picture.title}
    root.attrib.clear()
    root.attrib.update(keep)
    return ElementTree.tostring(root, encoding="unicode", method="html")


def _themed_value(name: str, value: str, prefix: str) -> str:
    """An attribute's value with ids made unique and colours left to the page."""
    if name == "id":
        return f"{prefix}-{value}"
    if name == "href":
        return f"#{prefix}-{value.removeprefix('#')}"
    value = re.sub(r"url\(#", f"url(#{prefix}-", value)
    if name == "style":
        value = re.sub(r"font-family: [^;]*(; )?", "", value)
        value = re.sub(r"#[0-9a-f]{6}", lambda colour: _themed_colour(colour[0]), value)
    return value


def _themed_colour(colour: str) -> str:
    if colour == INK:
        return "currentColor"
    return f"var(--series-{PALETTE.index(colour)})" if colour in PALETTE else colour


@dataclass(frozen=True)
class Look:
    """How a method is drawn in every figure: by colour, marker and line, each enough for a few."""

    label: str
    colour: str
    marker: str
    line: Any


def looks(methods: Sequence[str]) -> Mapping[str, Look]:
    """The look of each method; up to 49 have colour and marker of their own."""
    found: dict[str, Look] = {}
    for method in methods:
        index = len(found)
        turn = index // len(PALETTE)
        label = " ".join(method.split())
        if len(label) > LONGEST:  # both ends stay: names are told apart by either
            label = f"{label[: LONGEST // 2]}…{label[-LONGEST // 2 :]}"
        # A label that begins with an underscore is one that matplotlib leaves out of legends.
        label = f" {label}" if label.startswith("_") else label
        found.setdefault(
            method,
            Look(
                label,
                PALETTE[index % len(PALETTE)],
                MARKERS[(index + turn) % len(MARKERS)],
                LINES[(index + turn) % len(LINES)],
            ),
        )
    return found


def legend_columns(labels: Sequence[str]) -> int:
    """How many columns of a legend fit side by side."""
    longest = max(map(len, labels), default=1)
    return max(1, min(4, len(labels), int(WIDTH / (0.55 + 0.075 * longest))))


def legend_height(labels: Sequence[str]) -> float:
    """Inches that a legend below a figure takes."""
    return 0.25 + 0.21 * -(-len(labels) // legend_columns(labels))
