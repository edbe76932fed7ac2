"""A comparison's other tables, as text in cells: differences, strata, pairs, published figures.

Every format shows the same cells; ``render`` writes them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from hbench.tables import ABSENT, ARROWS, EXPLORATORY, letter, superscript

MOST_DIFFERENCES = 60
MOST_COLUMNS = 8  # methods beside each other, in strata
ALONE = (
    "Intervals are of each difference alone; p is adjusted for all of them, and sets the "
    "superscripts"
)

Entry = Mapping[str, Any]
Table = Mapping[str, Any]


@dataclass(frozen=True)
class Sheet:
    """A table as text.

    Args:
        title: what it shows.
        headers: of its columns.
        rows: a cell for each column.
        note: what stands below.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def differences(entry: Entry, baseline: str | None) -> list[Sheet]:
    """The differences with their intervals, each for itself, and their p, adjusted for all.

    Without a baseline those of the primary family; with one, of all metrics, each method's
    difference to the baseline.
    """
    chosen = [
        (table, pair)
        for table in entry["tables"]
        for pair in _to_baseline(table, baseline)
        if baseline is not None or pair["primary"]
    ]
    title = "Differences of the primary family" if baseline is None else f"Against {baseline}"
    if len(chosen) > MOST_DIFFERENCES and baseline is None:
        told = f"{len(chosen)} differences are in the primary family: see --format json."
        return [Sheet(title, (), (), told)]
    rows = [
        [
            table["dataset"],
            table["setting"],
            column(table),
            f"{pair['a']} - {pair['b']}",
            signed(pair["difference"]),
            ABSENT if pair["low"] is None else f"{signed(pair['low'])} to {signed(pair['high'])}",
            error(pair.get("item_error")),
            seed_part(pair),
            probability(pair["p_adjusted"]) + _mark(pair),
        ]
        for table, pair in chosen
    ]
    share = f"{100 * (1 - entry['family']['alpha']):g} %"
    headers = [
        "Data", "Setting", "Metric", "Difference", "", f"{share} interval",
        "se items", "se seeds", "p adjusted",
    ]  # fmt: skip
    return [Sheet(title, headers, rows, _difference_note(entry, chosen))] if rows else []


def _difference_note(entry: Entry, chosen: Sequence[tuple[Table, Mapping[str, Any]]]) -> str:
    adjusted = [f"* significant: p adjusted by {entry['family']['correction'].capitalize()}"]
    if any(not pair["primary"] for _, pair in chosen):
        adjusted.append(f"{EXPLORATORY} exploratory: by Benjamini-Hochberg")
    parts = ["se: standard error from items (their clusters) and from seeds"]
    if any(pair.get("seed_sd_limit") is not None for _, pair in chosen):
        parts.append("s < x: as methods they differ significantly if the seed sd is below x")
    return "; ".join([*adjusted, *parts]) + f". {ALONE}."


def strata(entry: Entry, baseline: str | None) -> Iterator[Sheet]:
    """The tables of ``--by``: a row for each stratum, a column for each method."""
    places = groupby(entry["tables"], key=lambda t: (t["dataset"], t["setting"], t["metric"]))
    for (dataset, setting, _), group in places:
        tables = list(group)
        methods = [row["method"] for row in tables[0]["rows"]]
        title = f"{entry['benchmark']}: {dataset}, {setting}, {column(tables[0])}"
        if tables[0]["by"] == "pair" and all(_single(table["stratum"]) for table in tables):
            note = _strata_note(entry, tables, baseline)
            yield from _grids(title, tables, methods, baseline, note)
            continue
        for start in range(0, len(methods), MOST_COLUMNS):
            part = list(enumerate(methods))[start : start + MOST_COLUMNS]
            headers = [tables[0]["by"].capitalize(), "Queries"]
            headers += [f"{letter(number)} {method}" for number, method in part]
            rows = [
                [table["stratum"], f"{max(row['queries'] for row in table['rows']):,}"]
                + [_figure(table, method, methods, baseline) for _, method in part]
                for table in tables
            ]
            yield Sheet(title, headers, rows, _strata_note(entry, tables, baseline))


def _strata_note(entry: Entry, tables: Sequence[Table], baseline: str | None) -> str:
    """What the marks in the tables of strata mean, or why there are none."""
    pairs = [(table, pair) for table in tables for pair in _to_baseline(table, baseline)]
    shown = "" if baseline is None else f"Differences to {baseline}, whose own figures are shown. "
    if any(pair["significant"] for _, pair in pairs):
        if baseline is None:
            return "Superscripts: significantly better than that column's method."
        return f"{shown}{EXPLORATORY}: significant."
    tested = [pair for table, pair in pairs if _is_tested(table, pair)]
    if not tested:
        once = any(row["seeds"] == 1 for table in tables for row in table["rows"])
        why = ": that needs several seeds of each method" if once else ""
        return f"{shown}No difference is tested{why}."
    what = "The one difference is not" if len(tested) == 1 else (
        f"None of these {len(tested):,} differences is")  # fmt: skip
    alpha = entry["family"]["alpha"]
    return f"{shown}{what} significant (Benjamini-Hochberg, alpha {alpha})."


def _is_tested(table: Table, pair: Mapping[str, Any]) -> bool:
    """Whether a pair can be marked: models trained once have a p, which says nothing of methods."""
    once = {row["method"] for row in table["rows"] if row["seeds"] == 1}
    return pair["p"] is not None and not once & {pair["a"], pair["b"]}


def _grids(
    title: str, tables: Sequence[Table], methods: Sequence[str], baseline: str | None, note: str
) -> Iterator[Sheet]:
    """For each method its language pairs: a row for each query language, a column for a pool's."""
    cells = {tuple(table["stratum"].split(" > ")): table for table in tables}
    queries, pools = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    for number, method in enumerate(methods):
        rows = [
            [query]
            + [
                _figure(cells[query, pool], method, methods, baseline)
                if (query, pool) in cells
                else ""
                for pool in sorted(pools)
            ]
            for query in queries
        ]
        named = f"{title}: {letter(number)} {method}"
        headers = ["queries \\ passages", *sorted(pools)]
        yield Sheet(named, headers, rows, note if number == 0 else "")


def published(entry: Entry) -> list[Sheet]:
    """What others published, beside what was measured."""
    rows = [
        [
            figure["dataset"],
            figure["setting"]
            + (f", {figure['query_language']}" if figure["query_language"] else ""),
            figure["metric"],
            figure["method"],
            number(figure["value"]),
            number(figure["measured"]),
            ABSENT if figure["difference"] is None else signed(figure["difference"]),
            figure["source"],
        ]
        for figure in entry.get("published", ())
    ]
    headers = [
        "Data", "Setting", "Metric", "Method", "Published", "Measured", "Difference", "Source",
    ]  # fmt: skip
    note = "Published figures are not tested: their scores by query are not known."
    return [Sheet(f"{entry['benchmark']}: published figures", headers, rows, note)] if rows else []


def column(table: Table) -> str:
    """A metric and which direction is better."""
    return f"{table['metric']} {ARROWS[table['direction']]}"


def _to_baseline(table: Table, baseline: str | None) -> list[Mapping[str, Any]]:
    """The comparisons with the baseline, turned so that it is subtracted; without one, all."""
    if baseline is None:
        return list(table["comparisons"])
    return [
        pair if pair["b"] == baseline else _turned(pair)
        for pair in table["comparisons"]
        if baseline in (pair["a"], pair["b"])
    ]


def _turned(pair: Mapping[str, Any]) -> dict[str, Any]:
    low, high = pair["low"], pair["high"]
    return {
        **pair,
        "a": pair["b"],
        "b": pair["a"],
        "difference": -pair["difference"],
        "low": None if high is None else -high,
        "high": None if low is None else -low,
    }


def _figure(table: Table, method: str, methods: Sequence[str], baseline: str | None) -> str:
    """A method's cell: its mean with superscripts, or its difference to the baseline."""
    if baseline is not None and method != baseline:
        found = [pair for pair in _to_baseline(table, baseline) if pair["a"] == method]
        return signed(found[0]["difference"]) + _mark(found[0]) if found else ABSENT
    mean = next(row["mean"] for row in table["rows"] if row["method"] == method)
    return number(mean) + ("" if baseline else superscript(method, table, methods))


def _mark(pair: Mapping[str, Any]) -> str:
    return ("*" if pair["primary"] else EXPLORATORY) if pair["significant"] else ""


def seed_part(pair: Mapping[str, Any]) -> str:
    """The standard error from seeds; of models trained once, the seed sd that it may have."""
    limit = pair.get("seed_sd_limit")
    return error(pair.get("seed_error")) if limit is None else f"s < {error(limit)}"


def _single(stratum: str) -> bool:
    """Whether the pool of a pair is one language."""
    return "+" not in stratum


def number(value: float | None) -> str:
    """Three digits behind the point."""
    return ABSENT if value is None else f"{value:.3f}"


def signed(value: float) -> str:
    """Three digits, or as many as a large value needs, with its sign."""
    return f"{value:+.3f}" if abs(value) < 100 else f"{value:+.1f}"


def error(value: float | None) -> str:
    """A standard error or deviation."""
    if value is None:
        return ABSENT
    return f"{value:.4f}" if value < 1 else f"{value:.1f}"


def probability(p: float | None) -> str:
    """Three digits, and no p is 0."""
    if p is None:
        return ABSENT
    return f"{p:.3f}" if p >= 0.001 else "<0.001"
