"""Language-pair heat maps as tables: a number in each cell, and a colour that says the same.

Cells carry the class of a step of a scale; the style sheet gives each step its colours in both
themes. Both scales can be told apart by colour-blind readers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hbench.page.words import decimals, number, signed
from hbench.tables import ARROWS

STEPS = 21  # odd, so that a difference of 0 has a step of its own
# By theme and class of step, the colours between which a scale runs: from low to high, and from
# worse (red) to better (blue). Where nothing is to be seen they are near the page's ground.
SCALES = {
    "light": {
        "s": ("#f3f7fb", "#9cc6e3", "#3a87c0", "#0b3c78"),
        "d": ("#7a1023", "#d6604d", "#fbd3bf", "#f7f7f7", "#cbe2f0", "#4393c3", "#0b3c78"),
    },
    "dark": {
        "s": ("#1b2632", "#23598b", "#5aa3dd", "#d6ebff"),
        "d": ("#ffb8a3", "#d9654d", "#6b2f26", "#20262d", "#23486b", "#4b93cf", "#b5dcff"),
    },
}
Matrix = Mapping[tuple[str, str], float]  # by query and passage language


@dataclass(frozen=True)
class HeatCell:
    """A number and the class of its colour; ``same`` on the diagonal, where languages are equal."""

    text: str
    step: str
    same: bool


@dataclass(frozen=True)
class HeatMap:
    """Query languages (rows) against passage languages (columns)."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[HeatCell]]]


@dataclass(frozen=True)
class MethodMaps:
    """A method's figures, and their difference to the first method (None for that one)."""

    method: str
    values: HeatMap
    difference: HeatMap | None


@dataclass(frozen=True)
class Pairs:
    """The heat maps of an evaluation's headline metric, all on the same two scales.

    Args:
        dataset: the evaluation's name.
        metric: with the arrow of its direction.
        first: the method that the others are compared with.
        low: what the lightest step (on a dark ground the darkest) stands for.
        high: what the other end stands for.
        reach: the largest difference, which both ends of the scale of differences stand for.
        methods: in the order of the spec.
    """

    dataset: str
    metric: str
    first: str
    low: str
    high: str
    reach: str
    methods: Sequence[MethodMaps]


def pairs(entry: Mapping[str, Any]) -> Iterator[Pairs]:
    """The heat maps of each evaluation that has single-language pools of two languages or more."""
    for dataset, table in headlines(entry).items():
        matrices = _matrices(entry, dataset, table["metric"])
        values = [value for _, matrix in matrices for value in matrix.values()]
        tags = sorted({tag for _, matrix in matrices for pair in matrix for tag in pair})
        if len(tags) < 2 or not any(q != p for _, matrix in matrices for q, p in matrix):
            continue
        places, low, high = decimals(values), min(values), max(values)
        first, base = matrices[0]
        differences = [_less(matrix, base) for _, matrix in matrices[1:]]
        reach = max((abs(v) for matrix in differences for v in matrix.values()), default=0.0)
        sign = 1 if table["direction"] == "higher" else -1
        yield Pairs(
            dataset,
            f"{table['metric']} {ARROWS[table['direction']]}",
            first,
            number(low, places),
            number(high, places),
            number(reach, places),
            [
                MethodMaps(
                    method,
                    _map(method, matrix, tags, places, low, high),
                    _map_of_difference(f"{method} minus {first}", less, tags, places, sign, reach)
                    if less is not None
                    else None,
                )
                for (method, matrix), less in zip(matrices, [None, *differences], strict=True)
            ],
        )


def headlines(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """By evaluation a table of its first metric."""
    found: dict[str, Mapping[str, Any]] = {}
    for table in entry["tables"]:
        found.setdefault(table["dataset"], table)
    return found


def _matrices(entry: Mapping[str, Any], dataset: str, metric: str) -> list[tuple[str, Matrix]]:
    """Each method's figures in pools of one language; none without any."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    for cell in entry["matrix"]:
        is_asked = (cell["dataset"], cell["metric"]) == (dataset, metric)
        if is_asked and "+" not in cell["pool"] and cell["mean"] is not None:
            place = (cell["query_language"], cell["pool"])
            found.setdefault(cell["method"], {})[place] = cell["mean"]
    return list(found.items())


def _less(matrix: Matrix, base: Matrix) -> Matrix:
    return {place: value - base[place] for place, value in matrix.items() if place in base}


def _map(
    title: str, matrix: Matrix, tags: Sequence[str], places: int, low: float, high: float
) -> HeatMap:
    span = high - low

    def cell(value: float) -> tuple[str, str]:
        return number(value, places), f"s{step_of((value - low) / span if span else 0.5)}"

    return _filled(title, {place: cell(value) for place, value in matrix.items()}, tags)


def _map_of_difference(
    title: str, matrix: Matrix, tags: Sequence[str], places: int, sign: int, reach: float
) -> HeatMap:
    def cell(value: float) -> tuple[str, str]:
        share = 0.5 + sign * value / reach / 2 if reach else 0.5
        return signed(value, places), f"d{step_of(share)}"

    return _filled(title, {place: cell(value) for place, value in matrix.items()}, tags)


def _filled(
    title: str, cells: Mapping[tuple[str, str], tuple[str, str]], tags: Sequence[str]
) -> HeatMap:
    rows = [
        (
            query,
            [HeatCell(*cells.get((query, tag), (number(None), "")), query == tag) for tag in tags],
        )
        for query in tags
    ]
    return HeatMap(title, tags, rows)


def step_of(share: float) -> int:
    """The step of a share of a scale, 0 to 1."""
    return min(STEPS - 1, max(0, round(share * (STEPS - 1))))


def colours(theme: str) -> dict[str, tuple[str, str]]:
    """By class of step the colours of its ground and text, whose contrast is above 4.5 to 1."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    found = {}
    for kind, anchors in SCALES[theme].items():
        scale = LinearSegmentedColormap.from_list(kind, anchors)
        for step in range(STEPS):
            ground = to_hex(scale(step / (STEPS - 1)))
            found[f"{kind}{step}"] = (ground, _text_on(ground))
    return found


def _text_on(ground: str) -> str:
    """Black or white, whichever is read better."""
    return "#000000" if contrast(ground, "#000000") >= contrast(ground, "#ffffff") else "#ffffff"


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, as ``#rrggbb``: 1 to 21 (WCAG 2.2, contrast ratio).

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    dark, light = sorted([_luminance(one), _luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """The relative luminance (WCAG 2.2)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
