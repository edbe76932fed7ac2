"""Figures that others published beside the measured ones: shown, never tested."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hbench.matrix import fitting

Rows = Sequence[Mapping[str, Any]]


def beside_published(
    resolved: Mapping[str, Any], tables: Rows, matrix: Rows
) -> list[dict[str, Any]]:
    """Each published figure of a benchmark with what was measured.

    Args:
        resolved: the benchmark's ``resolved.json``.
        tables: as the compare stage makes them.
        matrix: likewise.

    Returns:
        For each figure ``dataset, setting, metric, method, query_language, value, source``, and
        ``measured`` and ``difference`` (measured - published), None where there is no such score.
    """
    axes = {method["name"]: method["axes"] for method in resolved["methods"]}
    found = []
    for figure in resolved["spec"].get("published", ()):
        place = {
            "dataset": figure.get("dataset") or next(iter(resolved["evaluations"])),
            "setting": figure["setting"],
            "metric": figure["metric"],
            "method": fitting(figure["method"], axes)[0],
        }
        language = figure.get("query_language")
        if language is None:
            measured = _macro(place, tables)
        else:
            cells = resolved["evaluations"][place["dataset"]]["settings"][place["setting"]]
            pools = [pool for query, pool in cells if query == language]
            measured = _of_language(place, language, pools, matrix)
        found.append(
            {
                **place,
                "query_language": language,
                "value": figure["value"],
                "source": figure["source"],
                "measured": measured,
                "difference": None if measured is None else measured - figure["value"],
            }
        )
    return found


def _macro(place: Mapping[str, str], tables: Rows) -> float | None:
    for table in tables:
        if all(table[name] == place[name] for name in ("dataset", "setting", "metric")):
            for row in table["rows"]:
                if row["method"] == place["method"]:
                    mean: float | None = row["mean"]
                    return mean
    return None


def _of_language(
    place: Mapping[str, str], language: str, pools: Sequence[str], matrix: Rows
) -> float | None:
    """The mean over the pools that queries of a language are ranked against."""
    wanted = {name: place[name] for name in ("dataset", "metric", "method")}
    means = [
        cell["mean"]
        for cell in matrix
        if cell["query_language"] == language
        and cell["pool"] in pools
        and all(cell[name] == value for name, value in wanted.items())
        and cell["mean"] is not None
    ]
    return float(np.mean(means)) if means else None
