"""39,600 tests: 6 methods of 3 seeds, 20 metrics, 132 settings of 1,190 questions in 48 articles.

Prints the seconds of the tests alone and of the whole comparison, with reading what was stored, and
the peak of memory. Run: ``python -m tests.performance.comparing``.
"""

import json
import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from unittest import mock

import numpy as np
import typer

from hbench.alternatives import compared
from hbench.stages import compare

METHODS, SEEDS, METRICS, QUESTIONS, ARTICLES = 6, 3, 20, 1190, 48
LANGUAGES = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]
POOLS = [*([language] for language in LANGUAGES), LANGUAGES]


def write(root: Path) -> dict[str, Any]:
    """The scores of 18 systems, with what a run would have written of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = [(language, "+".join(pool)) for language in LANGUAGES for pool in POOLS]
    names = [f"{query}>{pool}" for query, pool in cells]
    metrics = [f"m{number}" for number in range(METRICS)]
    article = np.sort(np.random.default_rng(0).integers(0, ARTICLES, QUESTIONS))
    rows = len(cells) * QUESTIONS
    language = np.repeat([LANGUAGES.index(query) for query, _ in cells], QUESTIONS)
    question = np.tile(np.arange(QUESTIONS), len(cells))
    keys = {
        "item": pa.array([f"q{number}" for number in question]),
        "cluster": pa.array([f"a{article[number]}" for number in question]),
        "query": pa.array((language * QUESTIONS + question).astype(np.int32)),
        "query_language": pa.array([query for query, _ in cells for _ in range(QUESTIONS)]),
        "pool": pa.array([pool for _, pool in cells for _ in range(QUESTIONS)]),
        "setting": pa.array([name for name in names for _ in range(QUESTIONS)]),
    }
    stored = {name: [name] for name in names}
    methods: list[dict[str, Any]] = []
    scores: dict[str, Any] = {}
    for method in (f"method{number}" for number in range(METHODS)):
        systems = {}
        for seed in range(SEEDS):
            rng = np.random.default_rng([METHODS, seed, len(methods)])
            folder = root / f"{method}-{seed}"
            folder.mkdir()
            values = {name: pa.array(rng.random(rows)) for name in metrics}
            pq.write_table(pa.table({**keys, **values}), folder / "scores.parquet")
            manifest = {"key": "k", "scores": {m: {"key": m, "cells": stored} for m in metrics}}
            (folder / "manifest.json").write_text(json.dumps(manifest))
            systems[str(seed)] = {"key": "k", "folder": folder.name}
        methods.append({"name": method, "axes": {}, "seeded": True, "systems": systems})
        scores[method] = systems
    facts = {name: {"direction": "higher", "key": name} for name in metrics}
    settings = {name: [list(cell)] for name, cell in zip(names, cells, strict=True)}
    evaluation = {"settings": settings, "metrics": facts, "notes": [], "scores": scores}
    return {"benchmark": "b", "spec": {}, "methods": methods, "evaluations": {"xquad": evaluation}}


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory() as folder:
        resolved = write(Path(folder))
        import scipy.special  # noqa: F401 - loaded once, whatever is compared

        spent = 0.0

        def timed(*given: Any) -> Any:
            nonlocal spent
            started = perf_counter()
            found = compared(*given)
            spent += perf_counter() - started
            return found

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = perf_counter()
        with mock.patch("hbench.stages.compare.compared", timed):
            entry = compare.run(resolved, Path(folder))
        whole = perf_counter() - started
    tests = sum(len(table["comparisons"]) for table in entry["tables"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    levels = sum(len(table["rows"]) for table in entry["tables"])
    typer.echo(f"{tests:,} tests and {levels:,} intervals of levels: {spent:.2f} s")
    typer.echo(f"with reading {METHODS * SEEDS} files and making tables: {whole:.2f} s")
    typer.echo(f"peak {peak / 1e6:.2f} GB ({before / 1e6:.2f} GB before)")


if __name__ == "__main__":
    main()
