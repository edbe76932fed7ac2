"""Claims that are no comparison: what the data is, what was evaluated, what batches were drawn."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hbench.drawn import monolingual_batches
from hbench.evaluated import scores_file
from hbench.manifests import read_manifest
from hbench.matrix import fitting
from hbench.overlap import leaks, told

Known = tuple[bool | None, list[str]]  # whether a fact holds, None if unknown; and what there is
ERRORS = 3  # standard errors that a share of drawn batches may be off


def judge_fact(claim: Mapping[str, Any], resolved: Mapping[str, Any], root: Path) -> Known:
    """Whether a claim about data, scores or batches holds.

    Args:
        claim: as the spec has it.
        resolved: the benchmark's ``resolved.json``.
        root: the results folder.
    """
    if "monolingual_batches" in claim:
        return _monolingual(claim, resolved, root)
    evaluations = resolved["evaluations"]
    if "evaluated" in claim:
        names = claim["evaluated"]
    else:
        names = [claim["dataset"]] if "dataset" in claim else list(evaluations)
    found = [_of_evaluation(claim, name, resolved, root) for name in names]
    notes = [note for _, texts in found for note in texts]
    if any(holds is None for holds, _ in found):
        return None, notes
    return all(holds for holds, _ in found), notes


def _of_evaluation(
    claim: Mapping[str, Any], name: str, resolved: Mapping[str, Any], root: Path
) -> Known:
    evaluation = resolved["evaluations"][name]
    if "evaluated" in claim:
        return _evaluated(name, resolved, root)
    if "metrics" in claim:
        absent = [metric for metric in claim["metrics"] if metric not in evaluation["metrics"]]
        if absent:
            return False, [f"{name}: {', '.join(absent)} is not computed"]
        return _evaluated(name, resolved, root)
    if "languages" in claim:
        cells = [cell for parts in evaluation["settings"].values() for cell in parts]
        languages = {tag for query, pool in cells for tag in (query, *pool.split("+"))}
        return len(languages) == claim["languages"], [f"{name}: {len(languages)} languages"]
    if "settings" in claim:
        counts = {setting: len(parts) for setting, parts in evaluation["settings"].items()}
        texts = [f"{name}, {key}: {counts.get(key, 0)}" for key in claim["settings"]]
        return all(counts.get(key) == wanted for key, wanted in claim["settings"].items()), texts
    return _leaking(claim["leakage"], name, evaluation.get("leakage"), root)


def _evaluated(name: str, resolved: Mapping[str, Any], root: Path) -> Known:
    evaluation = resolved["evaluations"][name]
    systems = [
        (method["name"], seed) for method in resolved["methods"] for seed in method["systems"]
    ]
    done = [s for s in systems if scores_file(evaluation, *s, root) is not None]
    return len(done) == len(systems), [f"{name}: {len(done)} of {len(systems)} systems have scores"]


def _leaking(wanted: int, name: str, known: Mapping[str, Any] | None, root: Path) -> Known:
    if known is None:
        return wanted == 0, [f"{name}: nothing is trained"]
    detail = read_manifest(root / known["folder"]).get("detail")
    if detail is None:
        return None, [f"{name}: it is not known what occurs in training; run the benchmark"]
    if known["action"] == "drop":
        return wanted == 0, [f"{name}: {told(detail)}; none of that is trained on"]
    exact = detail["queries"]["exact"] + detail["passages"]["exact"]
    near = leaks(detail) - exact
    return exact == wanted, [
        f"{name}: {told(detail)}" + ("; near ones are not counted" if near else "")
    ]


def _monolingual(claim: Mapping[str, Any], resolved: Mapping[str, Any], root: Path) -> Known:
    """Whether every trained model drew such a share of batches, as far as chance lets it be."""
    wanted = claim["monolingual_batches"]
    axes = {method["name"]: method["axes"] for method in resolved["methods"]}
    chosen = fitting(claim["method"], axes)
    shares: list[tuple[float, int]] = []
    for method in resolved["methods"]:
        if method["name"] in chosen:
            found = monolingual_batches(method, root)
            if len(found) < len(method["systems"]):
                return None, [f"{method['name']}: not trained; run the benchmark"]
            shares += [(own / every, every) for own, every in found.values()]
    if not shares:
        return None, ["no method of the benchmark is meant"]
    near = all(
        abs(share - wanted) <= ERRORS * math.sqrt(wanted * (1 - wanted) / every)
        for share, every in shares
    )
    low, high = min(shares)[0], max(shares)[0]
    return near, [f"{low:.3f} to {high:.3f} of the batches, in {len(shares)} models"]
