"""A comparison as comma-separated values: a line for each (dataset, setting, metric, method)."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

PLACE = ("benchmark", "dataset", "setting", "metric", "direction")
FIGURES = ("method", "mean", "low", "high", "queries", "items", "clusters", "seeds")


def as_csv(entries: Sequence[Mapping[str, Any]]) -> str:
    """The tables of comparisons with a heading; what is absent is empty.

    Args:
        entries: as ``hbench compare --format json`` prints them.
    """
    text = StringIO()
    writer = csv.DictWriter(text, [*PLACE, *FIGURES], lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        for table in entry["tables"]:
            place = {name: table[name] for name in PLACE[1:]}
            for row in table["rows"]:
                figures = {name: row[name] for name in FIGURES}
                writer.writerow({"benchmark": entry["benchmark"], **place, **figures})
    return text.getvalue()
