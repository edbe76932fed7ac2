"""What the batches of trained systems were made of, from their manifests."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hbench.manifests import read_manifest


def languages_drawn(resolved: Mapping[str, Any], root: Path) -> frozenset[str]:
    """The languages in which some system of a benchmark saw a query or a passage."""
    known = {
        language
        for folder in resolved.get("training", {}).values()
        for language in read_manifest(root / folder).get("detail", {}).get("languages", ())
    }
    # A tag may hold a '-' itself, so that a pair's name alone does not tell its two languages.
    pairs = {f"{a}-{b}": (a, b) for a in known for b in known}
    drawn = {
        name
        for method in resolved["methods"]
        for _, counts in _drawn(method, root)
        for name in counts["rows"]
    }
    return frozenset(language for name in drawn & pairs.keys() for language in pairs[name])


def monolingual_batches(method: Mapping[str, Any], root: Path) -> dict[str, tuple[int, int]]:
    """By seed, how many of a method's batches had one language, and how many there were."""
    found = {}
    for seed, counts in _drawn(method, root):
        own = sum(n for name, n in counts["batches"].items() if _is_of_one_language(name))
        found[seed] = (own, sum(counts["batches"].values()))
    return found


def _drawn(method: Mapping[str, Any], root: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for seed, system in method["systems"].items():
        counts = read_manifest(root / system["folder"]).get("detail", {}).get("drawn")
        if counts:
            yield seed, counts


def _is_of_one_language(name: str) -> bool:
    """Whether a batch's name is a language, a ``-`` and the same language: ``zh-Hant-zh-Hant``."""
    half = len(name) // 2
    return name[half : half + 1] == "-" and name[:half] == name[half + 1 :]
