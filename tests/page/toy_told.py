"""What a report tells, by hand: methods on two languages, one metric each way."""

from typing import Any

from hbench.stages.report import Data, Language, System, Told

EVIL = "<script>alert(1)</script>"
POOL = "de+en"
CELLS = {
    "mono": [("de", "de"), ("en", "en")],
    "cross": [("de", "en"), ("en", "de")],
    "multi": [("de", POOL), ("en", POOL)],
}
METRICS = {"map": "higher", "rank_distance": "lower"}


def row(method, mean, **more):
    none = mean is None
    return {
        "method": method, "mean": mean, "low": None if none else mean - 0.01,
        "high": None if none else mean + 0.01, "queries": 0 if none else 7, "items": 4,
        "clusters": 3, "seeds": 2, "seed_sd": None if none else 0.004, **more,
    }  # fmt: skip


def pair(a, b, difference, **more):
    return {
        "a": a, "b": b, "difference": difference, "low": difference - 0.1, "high": difference + 0.1,
        "p": 0.01, "p_adjusted": 0.02, "significant": True, "primary": True, "item_error": 0.003,
        "seed_error": 0.004, "seed_sd_limit": None, **more,
    }  # fmt: skip


def value(index, metric, setting):
    """0.5, 0.6, ... by method; rank distances, which mono and cross lack, are 1,000 times that."""
    if metric == "map":
        return 0.5 + index / 10
    return 1000 * (0.5 + index / 10) if setting == "multi" else None


def entry(methods=("mono", "hybrid"), *, dataset="test", name="toy", cells=CELLS, published=()):
    """What compare gives: the later method is better in map, and worse in rank_distance."""
    tables = [
        {
            "dataset": dataset, "setting": setting, "metric": metric, "direction": direction,
            "rows": [row(m, value(i, metric, setting)) for i, m in enumerate(methods)],
            "comparisons": [
                pair(a, b, (i - j) / 10, primary=metric == "map")
                for i, a in enumerate(methods)
                for j, b in list(enumerate(methods))[i + 1 :]
                if value(i, metric, setting) is not None
            ],
        }
        for setting in cells
        for metric, direction in METRICS.items()
    ]  # fmt: skip
    matrix = [
        {"dataset": dataset, "metric": metric, "method": method, "query_language": query,
         "pool": pool, "mean": value(index, metric, setting), "queries": 7}
        for setting, places in cells.items()
        for metric in METRICS
        for index, method in enumerate(methods)
        for query, pool in places
    ]  # fmt: skip
    family = {"size": 3, "correction": "holm", "alpha": 0.05, "test": "clusters+seeds"}
    return {
        "benchmark": name, "family": family, "tables": tables, "matrix": matrix,
        "published": list(published), "notes": {dataset: []},
    }  # fmt: skip


def claim(says, verdict, effect=None, **more):
    low, high = (None, None) if effect is None else (effect - 0.1, effect + 0.1)
    p = None if effect is None else 0.0004
    return {"benchmark": "toy", "claim": says, "verdict": verdict, "effect": effect, "low": low,
            "high": high, "p": p, "notes": [f"why {verdict}"], **more}  # fmt: skip


VERDICTS = [
    claim("hybrid is better", "supported", 0.1),
    claim("mono is better", "refuted", -0.1),
    claim("nobody knows", "inconclusive", 0.05),
    claim("it is nice", "description"),
]
SAID = [
    {"says": "hybrid is better", "metric": "map", "setting": "mono", "margin": 0.02},
    {"says": "mono is better", "metric": "map", "setting": "cross", "by": "language"},
    {"says": "nobody knows", "metric": "map", "setting": "multi"},
    {"says": "it is nice", "description": True},
]
DETAIL = {
    "parameters": 632_736, "steps": 20, "seconds": 90.0, "first_step": 0, "precision": "float32",
    "processes": 1, "notes": ["26 texts were cut"],
}  # fmt: skip


def system(method, seed, **detail):
    log = [
        {"step": step, "loss": 4 / step, "tokens_per_second": 1000.0 + step, "share_of_peak": 0.2}
        for step in range(1, 21)
    ]
    return System(method, seed, {**DETAIL, **detail}, log, "cpu")


def data(role="evaluation", name="test", **more):
    fields = {
        "role": role, "name": name, "use": "babel", "licence": "Apache-2.0",
        "counts": {"items": 4, "clusters": 3, "judgements": 8}, "parallel": True,
        "languages": [Language("ar", 4, 5, "من؟"), Language("de", 4, 5, "Wer?")],
        "notes": ["0 of 4 questions also occur in training"],
    }  # fmt: skip
    return Data(**{**fields, **more})


def told(methods=("mono", "hybrid"), **more):
    """A finished benchmark with everything that a page can show."""
    published = [
        {"dataset": "test", "setting": "mono", "metric": "map", "method": methods[0],
         "query_language": None, "value": 0.55, "source": "Somebody 2024", "measured": 0.5,
         "difference": -0.05}
    ]  # fmt: skip
    fields = {
        "benchmark": "toy",
        "says": "is it better?",
        "version": "0.1.0",
        "fingerprint": "0123456789abcdef" * 4,
        "comparison": entry(methods, published=published),
        "claims": VERDICTS,
        "missing": ["mono (seed 3) on test"],
        "notes": {"test": ["0 of 4 questions also occur in training"]},
        "cells": {"test": CELLS},
        "systems": [system(method, seed) for method in methods for seed in "12"],
        "data": [data(), data("training", "train")],
        "surroundings": {
            "torch": {"2.1": ["training mono (seed 1)"], "2.2": ["training hybrid (seed 1)"]},
            "device": {"cpu": ["training mono (seed 1)"]},
            "threads": {"2": ["training mono (seed 1)"]},
            "processes": {"1": ["training mono (seed 1)"]},
        },
        "gaps": ["hybrid (seed 2): its loss curve (train.jsonl) cannot be read"],
        "spec": {"says": "is it better?", "seeds": [1, 2], "claims": SAID},
    }
    return Told(**{**fields, **more})


def bare(**more):
    """A benchmark of which there is nothing but its name."""
    nothing: dict[str, Any] = {"tables": [], "matrix": [], "published": [], "notes": {}}
    fields = {
        "says": "", "comparison": entry() | nothing, "claims": [], "missing": [], "notes": {},
        "cells": {}, "systems": [], "data": [], "surroundings": {}, "gaps": [], "spec": {},
    }  # fmt: skip
    return told(**{**fields, **more})
