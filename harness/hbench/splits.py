"""The rows of a setting split by what ``--by`` or a claim names, from what the store holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hbench.corpus import Corpus
from hbench.drawn import languages_drawn
from hbench.evaluated import Rows
from hbench.manifests import is_complete
from hbench.records import BoolArray
from hbench.strata import strata


@dataclass(frozen=True)
class Part:
    """Some rows of a setting.

    Args:
        stratum: what they have in common; "" where the rows are not split.
        where: (rows,) which they are; None means all.
    """

    stratum: str = ""
    where: BoolArray | None = None


def split(
    rows: Rows | None,
    by: str | None,
    evaluation: Mapping[str, Any],
    resolved: Mapping[str, Any],
    root: Path,
) -> tuple[Sequence[Part], str]:
    """The parts, and why some rows are in none of them, if it is so.

    Args:
        rows: of the setting; None where nothing was scored.
        by: what to split by; None leaves the rows together.
        evaluation: its part of ``resolved``.
        resolved: the benchmark's ``resolved.json``.
        root: the results folder.

    Raises:
        OptionError: the rows cannot be split so.
        StoreError: that needs the texts, and they are gone.
    """
    if by is None:
        return [Part()], ""
    if rows is None:
        return [], ""
    found = strata(by, rows, corpus_of(evaluation, root), languages_drawn(resolved, root))
    parts = [Part(name, found.of == number) for number, name in enumerate(found.names)]
    return parts, found.left_out


def corpus_of(evaluation: Mapping[str, Any], root: Path) -> Corpus | None:
    """The texts and judgements of an evaluation, if they are still there."""
    folder = root / evaluation["folder"] if "folder" in evaluation else None
    return Corpus(folder) if folder is not None and is_complete(folder) else None
