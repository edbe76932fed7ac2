"""The headline metric by query language, where passages of several languages compete."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hbench.page.heat import HeatCell, headlines, step_of
from hbench.page.words import decimals, number
from hbench.tables import ARROWS

Cells = Mapping[str, Mapping[str, Sequence[tuple[str, str]]]]


@dataclass(frozen=True)
class ByLanguage:
    """Methods (rows) by query language and, where a language has several, pool (columns)."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[HeatCell]]]


def by_language(entry: Mapping[str, Any], cells: Cells) -> Iterator[ByLanguage]:
    """A table for each evaluation and setting whose pools hold several languages.

    Args:
        entry: as ``hbench compare --format json`` prints it.
        cells: by evaluation and setting the (query language, pool) that it averages over.
    """
    for dataset, table in headlines(entry).items():
        metric = table["metric"]
        figures: dict[str, dict[tuple[str, str], float]] = {}
        for cell in entry["matrix"]:
            if (cell["dataset"], cell["metric"]) == (dataset, metric) and cell["mean"] is not None:
                place = (cell["query_language"], cell["pool"])
                figures.setdefault(cell["method"], {})[place] = cell["mean"]
        for setting, places in cells.get(dataset, {}).items():
            shown = [place for place in places if "+" in place[1]]
            values = [own[place] for own in figures.values() for place in shown if place in own]
            if values:
                title = f"{dataset}, {setting}: {metric} {ARROWS[table['direction']]}"
                yield ByLanguage(title, _columns(shown), _rows(figures, shown, values))


def _columns(places: Sequence[tuple[str, str]]) -> list[str]:
    """Query languages; with their pools where a language is asked in several."""
    languages = [language for language, _ in places]
    if len(set(languages)) == len(languages):
        return languages
    return [f"{language} in {pool}" for language, pool in places]


def _rows(
    figures: Mapping[str, Mapping[tuple[str, str], float]],
    places: Sequence[tuple[str, str]],
    values: Sequence[float],
) -> list[tuple[str, list[HeatCell]]]:
    low, span, digits = min(values), max(values) - min(values), decimals(values)

    def cell(value: float | None) -> HeatCell:
        step = "" if value is None else f"s{step_of((value - low) / span if span else 0.5)}"
        return HeatCell(number(value, digits), step, False)

    return [(method, [cell(own.get(place)) for place in places]) for method, own in figures.items()]
