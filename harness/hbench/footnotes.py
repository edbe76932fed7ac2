"""What stands under an evaluation's tables: how vectors were compared, and leakage."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hbench.manifests import read_manifest
from hbench.overlap import told


def footnotes(resolved: Mapping[str, Any], root: Path) -> dict[str, list[str]]:
    """By evaluation, what a reader of its tables must know.

    Args:
        resolved: a benchmark's ``resolved.json``.
        root: the results folder.
    """
    return {
        name: [*evaluation["notes"], *_approximate(evaluation, root), *_leakage(evaluation, root)]
        for name, evaluation in resolved["evaluations"].items()
    }


def _approximate(evaluation: Mapping[str, Any], root: Path) -> Iterator[str]:
    """What an approximate search has found of what an exact one finds, over all systems."""
    folders = {e["folder"] for by_seed in evaluation["scores"].values() for e in by_seed.values()}
    details = [read_manifest(root / folder).get("detail", {}) for folder in sorted(folders)]
    found = [detail["recall"] for detail in details if "recall" in detail]
    if found:
        span = f"{min(found):.3f}" + (f" to {max(found):.3f}" if len(found) > 1 else "")
        yield f"recall of the approximate search against the exact one {span}"


def _leakage(evaluation: Mapping[str, Any], root: Path) -> Iterator[str]:
    """How many of the evaluation's texts the training data holds."""
    found = evaluation.get("leakage")
    if found is None:
        return
    detail = read_manifest(root / found["folder"]).get("detail")
    if detail:
        dropped = (
            sum(count for _, count in detail["leaking_items"]) if found["action"] == "drop" else 0
        )
        yield told(detail) + (f"; {dropped:,} items are not trained on for it" if dropped else "")
