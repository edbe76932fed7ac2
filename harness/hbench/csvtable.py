"""A comparison as comma-separated values: a line for each (dataset, setting, metric, method)."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

PLACE = ("benchmark", "dataset", "setting", "metric", "direction")
SPLIT = ("by", "stratum")  # columns of tables of strata
FIGURES = ("method", "mean", "low", "high", "queries", "items", "clusters", "seeds")


def as_csv(entries: Sequence[Mapping[str, Any]]) -> str:
    """The tables of comparisons with a heading; what is absent is empty.

    Args:
        entries: as ``hbench compare --format json`` prints them.
    """
    text = StringIO()
    is_split = any("by" in table for entry in entries for table in entry["tables"])
    places = (*PLACE, *SPLIT) if is_split else PLACE
    writer = csv.DictWriter(text, [*places, *FIGURES], lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        for table in entry["tables"]:
            place = {name: table[name] for name in places[1:]}
            for row in table["rows"]:
                figures = {name: row[name] for name in FIGURES}
                writer.writerow({"benchmark": entry["benchmark"], **place, **figures})
    return text.getvalue()
