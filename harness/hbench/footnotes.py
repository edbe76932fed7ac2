"""What stands under an evaluation's tables: how vectors were compared, ties, and leakage."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hbench.manifests import read_manifest
from hbench.overlap import told
from hbench.ranks import told_ties


def footnotes(resolved: Mapping[str, Any], root: Path) -> dict[str, list[str]]:
    """By evaluation, what a reader of its tables must know.

    Args:
        resolved: a benchmark's ``resolved.json``.
        root: the results folder.
    """
    return {
        name: [*evaluation["notes"], *_ranked(evaluation, root), *_leakage(evaluation, root)]
        for name, evaluation in resolved["evaluations"].items()
    }


def _ranked(evaluation: Mapping[str, Any], root: Path) -> Iterator[str]:
    """What ranking has told, over all systems."""
    folders = {e["folder"] for by_seed in evaluation["scores"].values() for e in by_seed.values()}
    details = [read_manifest(root / folder).get("detail", {}) for folder in sorted(folders)]
    yield from _approximate(details)
    yield from _ties(details)


def _ties(details: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The largest share of relevant passages that tie with an irrelevant one, if it is large."""
    shares = {detail["tied_share"] for detail in details if "tied_share" in detail}
    if shares:
        why = next((each["tied_why"] for each in details if each.get("tied_why")), "")
        told = told_ties(max(shares), why)
        if told:
            yield told if len(shares) == 1 else f"up to {told}"


def _approximate(details: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What an approximate search has found of what an exact one finds."""
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
