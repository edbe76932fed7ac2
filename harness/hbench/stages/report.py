"""Report stage: what there is to tell of a finished benchmark, read from the store.

Knows nothing of pages or figures. Means, tests and verdicts are the compare and verify stages';
whoever calls this brings them along. What is not there (a deleted folder, say) is told, not missed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hbench.corpus import Corpus
from hbench.errors import Damaged, HBenchError
from hbench.footnotes import footnotes
from hbench.manifests import check, key_of, read_manifest
from hbench.provenance import versions
from hbench.registry import build
from hbench.uses import PluginUse, SourceUse

LONGEST = 240  # characters of a question that is shown
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class System:
    """One training: a method with a seed.

    Args:
        method: its name in the tables.
        seed: in words; a fixed checkpoint's is 0.
        detail: what its manifest tells of the training; empty if the folder is gone.
        log: the points of its loss curve, in order; none if nothing was trained.
        device: where it was trained, by torch's name; empty if it is not known.
    """

    method: str
    seed: str
    detail: Facts
    log: Sequence[Facts]
    device: str


@dataclass(frozen=True)
class Language:
    """What a dataset has in one language: how many texts, and a question as an example."""

    tag: str
    queries: int
    passages: int
    example: str


@dataclass(frozen=True)
class Data:
    """A dataset that the benchmark uses.

    Args:
        role: what for.
        name: the spec's name.
        use: the plugin's name.
        licence: in a line; None if it is not known.
        counts: items, clusters, judgements; empty if the data is gone.
        parallel: whether items are the same in all languages; None if the data is gone.
        languages: each with its counts.
        notes: leakage, and what the data stage noticed.
    """

    role: Literal["evaluation", "training"]
    name: str
    use: str
    licence: str | None
    counts: Mapping[str, int]
    parallel: bool | None
    languages: Sequence[Language]
    notes: Sequence[str]


@dataclass(frozen=True)
class Told:
    """All that a report tells.

    Args:
        benchmark: its name.
        says: what it asks.
        version: of hbench, which tells it.
        fingerprint: 64 hex digits, over the keys of all systems, scores and metrics.
        comparison: the benchmark's entry of ``hbench compare --format json``.
        claims: its part of ``hbench verify --format json``.
        missing: systems without complete scores, in words.
        notes: by evaluation what stands under its tables.
        cells: by evaluation and setting the (query language, pool) that it averages over.
        systems: all trainings.
        data: all datasets.
        surroundings: by fact (a library's version, the device) its values, and where each held.
        gaps: what could not be read, in words.
        spec: with every default written out.
    """

    benchmark: str
    says: str
    version: str
    fingerprint: str
    comparison: Facts
    claims: Sequence[Facts]
    missing: Sequence[str]
    notes: Mapping[str, Sequence[str]]
    cells: Mapping[str, Mapping[str, Sequence[tuple[str, str]]]]
    systems: Sequence[System]
    data: Sequence[Data]
    surroundings: Mapping[str, Mapping[str, Sequence[str]]]
    gaps: Sequence[str]
    spec: Facts


def run(
    resolved: Facts, comparison: Facts, claims: Sequence[Facts], missing: Sequence[str], root: Path
) -> Told:
    """Collect what is told of one benchmark.

    Args:
        resolved: its ``resolved.json``.
        comparison: what the compare stage gives for it.
        claims: what the verify stage gives for it.
        missing: its systems without complete scores, in words.
        root: the results folder.

    Raises:
        StoreError: a manifest is damaged.
    """
    gaps: list[str] = []
    notes = footnotes(resolved, root)
    evaluations = resolved["evaluations"]
    return Told(
        benchmark=resolved["benchmark"],
        says=resolved["spec"].get("says", ""),
        version=versions()["hbench"] or "",
        fingerprint=_fingerprint(resolved),
        comparison=comparison,
        claims=claims,
        missing=missing,
        notes=notes,
        cells={
            name: {s: [(q, p) for q, p in cells] for s, cells in evaluation["settings"].items()}
            for name, evaluation in evaluations.items()
        },
        systems=list(_systems(resolved, root, gaps)),
        data=list(_data(resolved, notes, root, gaps)),
        surroundings=_surroundings(resolved, root),
        gaps=gaps,
        spec=resolved["spec"],
    )


def _fingerprint(resolved: Facts) -> str:
    """What differs exactly when other work was done: no name, no place, no time is part of it."""
    methods = [[s["key"] for s in m["systems"].values()] for m in resolved["methods"]]
    evaluations = [
        [
            evaluation["settings"],
            [metric["key"] for metric in evaluation["metrics"].values()],
            [s["key"] for by_seed in evaluation["scores"].values() for s in by_seed.values()],
        ]
        for evaluation in resolved["evaluations"].values()
    ]
    return key_of({"methods": methods, "evaluations": evaluations})


def _systems(resolved: Facts, root: Path, gaps: list[str]) -> Iterator[System]:
    for method in resolved["methods"]:
        for seed, place in method["systems"].items():
            folder, what = root / place["folder"], f"{method['name']} (seed {seed})"
            manifest = read_manifest(folder)
            if not manifest:
                gaps.append(f"{what}: its folder is not there, nor what its training cost")
            is_trained = "steps" in manifest.get("detail", {})
            log = _log(folder / "train.jsonl", what, gaps) if is_trained else []
            device = manifest.get("provenance", {}).get("device", "")
            yield System(method["name"], seed, manifest.get("detail", {}), log, device)


def _log(path: Path, what: str, gaps: list[str]) -> list[Facts]:
    try:
        check(path.parent, [path.name])
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, Damaged):
        gaps.append(f"{what}: its loss curve (train.jsonl) cannot be read")
        return []


def _data(
    resolved: Facts, notes: Mapping[str, Sequence[str]], root: Path, gaps: list[str]
) -> Iterator[Data]:
    """The data of each evaluation, then that of the training."""
    spec = resolved["spec"]
    for name, evaluation in resolved["evaluations"].items():
        given = spec.get("evaluate", {}).get(name, {}).get("data", {})
        folder = evaluation.get("folder")
        yield _described("evaluation", name, given, folder, notes[name], root, gaps)
    for name, given in (spec.get("train") or {}).get("data", {}).items():
        folder = resolved.get("training", {}).get(name)
        yield _described("training", name, given, folder, (), root, gaps)


def _described(
    role: Literal["evaluation", "training"],
    name: str,
    given: Facts,
    folder: str | None,
    notes: Sequence[str],
    root: Path,
    gaps: list[str],
) -> Data:
    detail = read_manifest(root / folder).get("detail") if folder else None
    if detail is None:
        gaps.append(f"{name} ({role} data): its folder is not there, nor its counts and examples")
        detail = {}
    tags = detail.get("languages", ())
    examples = _examples(root / folder, f"{name} ({role} data)", gaps) if folder and tags else {}
    return Data(
        role,
        name,
        given.get("use", ""),
        _licence(role, given, f"{name} ({role} data)", gaps),
        {what: detail[what] for what in ("items", "clusters", "judgements") if what in detail},
        detail.get("parallel"),
        [
            Language(t, detail["queries"][t], detail["passages"][t], examples.get(t, ""))
            for t in tags
        ],
        [*notes, *detail.get("notes", ())],
    )


def _licence(role: str, given: Facts, what: str, gaps: list[str]) -> str | None:
    """What the plugin says of it, if it is installed."""
    if not given:
        return None
    use = (SourceUse if role == "training" else PluginUse).model_validate(given)
    try:
        licence: str | None = getattr(build("dataset", use.use, use.options).plugin, "licence", "")
    except HBenchError as error:
        gaps.append(f"{what}: its licence is not known, since its plugin cannot be used: {error}")
        return None
    return licence or None


def _examples(folder: Path, what: str, gaps: list[str]) -> dict[str, str]:
    """A question in each language: one that all of them have, else the first of each."""
    try:
        corpus = Corpus(folder)
        tables = {tag: corpus.table(f"queries-{tag}") for tag in corpus.languages}
        items = {tag: table["item"].to_numpy() for tag, table in tables.items() if len(table)}
        shared = reduce(np.intersect1d, items.values()) if items else []
        rows = {
            tag: int(np.flatnonzero(own == shared[0])[0]) if len(shared) else 0
            for tag, own in items.items()
        }
        return {tag: _cut(tables[tag]["text"][row].as_py()) for tag, row in rows.items()}
    except (OSError, ValueError, KeyError, Damaged):
        gaps.append(f"{what}: its texts cannot be read, so no examples are shown")
        return {}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()}…"


def _surroundings(resolved: Facts, root: Path) -> dict[str, dict[str, list[str]]]:
    """By fact its values, each with the jobs that it held for."""
    found: dict[str, dict[str, list[str]]] = {}
    for what, folder in _jobs(resolved):
        record = read_manifest(root / folder).get("provenance", {})
        git = {f"git commit ({of})": commit for of, commit in record.get("git", {}).items()}
        facts = {**record, **record.get("versions", {}), **record.get("environment", {}), **git}
        for name, value in facts.items():
            if not isinstance(value, dict) and value is not None:
                found.setdefault(name, {}).setdefault(str(value), []).append(what)
    return found


def _jobs(resolved: Facts) -> Iterator[tuple[str, str]]:
    """What each training and evaluation is called, and its folder."""
    for method in resolved["methods"]:
        for seed, place in method["systems"].items():
            yield f"training {method['name']} (seed {seed})", place["folder"]
    for dataset, evaluation in resolved["evaluations"].items():
        for method, by_seed in evaluation["scores"].items():
            for seed, place in by_seed.items():
                yield f"evaluating {method} (seed {seed}) on {dataset}", place["folder"]
