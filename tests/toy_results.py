"""A results folder by hand: three methods, two seeds, two languages, three clusters of questions.

Question 0 and 1 share cluster x; question 2 is y and 3 is z. Question 3 is not asked in English.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tests.toy_manifests import write_manifest

from hbench.statistics import Scores

QUESTIONS = [("de", 0), ("de", 1), ("de", 2), ("de", 3), ("en", 0), ("en", 1), ("en", 2)]
CLUSTERS = "xxyz"
SETTINGS = {
    "mono": {"de": "de", "en": "en"},
    "multi": {"de": "de+en", "en": "de+en"},
}
METRICS = {"map": "higher", "mrr": "higher", "rank_distance": "lower"}
SEEDS = {"1": 0.01, "2": -0.01}  # what a seed adds to every value

# German mean 0.5, English mean 0.8, macro average 0.65 (over all rows it would be 0.629).
GOOD = [1.0, 0.5, 0.5, 0.0, 1.0, 0.8, 0.6]
# Worse by 0.3 in German and by (0.3 + 0.3 + 0.27) / 3 = 0.29 in English: 0.295 on average.
WORSE = [0.7, 0.2, 0.2, -0.3, 0.7, 0.5, 0.33]
FAR = [8.0, 9.0, 8.0, 9.0, 8.0, 8.0, 8.0]  # rank distances: 8.5 in German, 8 in English
NEAR = [3.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0]

COMPONENT = np.array([0, 0, 0, 0, 1, 1, 1])  # language
CLUSTER = np.array([0, 0, 1, 2, 0, 0, 1])

Entry = Mapping[str, Any]
Values = dict[str, Sequence[float | None]]
METHODS: dict[str, Values] = {
    "good": {"map": GOOD, "mrr": GOOD, "rank_distance": NEAR},
    "worse": {"map": WORSE, "mrr": GOOD, "rank_distance": FAR},
    "same": {"map": GOOD, "mrr": GOOD, "rank_distance": NEAR},
}
CLAIM = {"says": "less bias", "metric": "rank_distance", "setting": "multi"}


def resolved(
    methods: Mapping[str, Values] = METHODS, seeds: Sequence[str] = "12"
) -> dict[str, Any]:
    """What a run would have written to ``resolved.json``."""
    systems = {
        name: {seed: {"key": f"{name}{seed}", "folder": f"systems/{name}{seed}"} for seed in seeds}
        for name in methods
    }
    return {
        "benchmark": "toy",
        "spec": {"claims": [CLAIM, {"says": "a fact", "languages": 2}]},
        "methods": [
            {"name": name, "axes": {"sampler": name}, "seeded": True, "systems": own}
            for name, own in systems.items()
        ],
        "evaluations": {
            "test": {
                "settings": {name: [*map(list, c.items())] for name, c in SETTINGS.items()},
                "metrics": {
                    name: {"direction": direction, "key": f"k-{name}"}
                    for name, direction in METRICS.items()
                },
                "notes": [],
                "scores": {
                    name: {
                        seed: {"key": f"r-{each['key']}", "folder": f"{each['folder']}/e"}
                        for seed, each in own.items()
                    }
                    for name, own in systems.items()
                },
            }
        },
    }


def write_scores(
    root: Path,
    methods: Mapping[str, Values] = METHODS,
    seeds: Sequence[str] = "12",
    *,
    backwards: bool = False,
) -> None:
    """The eval folders of all systems; ``backwards`` turns the order of the rows around."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, values in methods.items():
        for seed in seeds:
            cells = [(key, *cell) for key, pools in SETTINGS.items() for cell in pools.items()]
            # Rows of a setting and of a pool that nobody asked for are there, too.
            unasked = [("cross", "de", "en"), ("multi", "en", "de+en+fr")]
            rows = [
                _row(setting, pool, place, values, SEEDS[seed])
                for setting, language, pool in [*cells, *unasked]
                for place, (own, _) in enumerate(QUESTIONS)
                if own == language
            ]
            folder = root / "systems" / f"{name}{seed}" / "e"
            folder.mkdir(parents=True, exist_ok=True)
            table = pa.Table.from_pylist(rows[::-1] if backwards else rows)
            pq.write_table(table, folder / "scores.parquet")
            stored = {key: [f"{q}>{p}" for q, p in own.items()] for key, own in SETTINGS.items()}
            scores = {metric: {"key": f"k-{metric}", "cells": stored} for metric in METRICS}
            manifest = {"key": f"r-{name}{seed}", "scores": scores}
            write_manifest(folder, manifest)


def _row(setting: str, pool: str, place: int, values: Values, added: float) -> dict[str, Any]:
    language, question = QUESTIONS[place]
    row: dict[str, Any] = {
        "item": f"q{question}",
        "cluster": CLUSTERS[question],
        "query": place,
        "query_language": language,
        "pool": pool,
        "setting": setting,
    }
    for metric, numbers in values.items():
        value = numbers[place]
        absent = value is None or (metric == "rank_distance" and setting == "mono")
        row[metric] = None if absent or value is None else value + added
    return row


def write_benchmark(root: Path, detail: Mapping[str, Any]) -> None:
    """The benchmark's ``resolved.json``."""
    folder = root / "benchmarks" / detail["benchmark"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "resolved.json").write_text(json.dumps(detail))
    write_manifest(folder, {})


def table(entry: Entry, setting: str, metric: str) -> Any:
    """The table of a setting and metric."""
    (found,) = [t for t in entry["tables"] if (t["setting"], t["metric"]) == (setting, metric)]
    return found


def means(entry: Entry, setting: str, metric: str) -> dict[str, float | None]:
    """By method."""
    return {row["method"]: row["mean"] for row in table(entry, setting, metric)["rows"]}


def pair(entry: Entry, setting: str, metric: str, a: str, b: str) -> Any:
    """The comparison of two methods."""
    (found,) = [
        p for p in table(entry, setting, metric)["comparisons"] if (p["a"], p["b"]) == (a, b)
    ]
    return found


def scores(values: Sequence[float]) -> Scores:
    """A method's in a setting, with the two seeds."""
    seeds = np.array([[0.01], [-0.01]])
    return Scores(np.array(values) + seeds, COMPONENT, CLUSTER, trained=True)
