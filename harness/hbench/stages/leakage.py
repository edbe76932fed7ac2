"""Leakage stage: which texts of an evaluation also occur in what is trained on.

Every query, and every passage that is judged for one, of the training data is held against every
query and passage of the evaluation, whatever their languages; see ``hbench.overlap``. Of an
evaluation with more than ``MOST`` passages only the judged ones are looked for, and this is told.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.corpus import Corpus, taken
from hbench.manifests import check
from hbench.overlap import FEWEST, SHARE, Known, Overlap
from hbench.records import Int64Array

VERSION = 1
AT_ONCE = 65_536  # training texts
MOST = 100_000  # passages of an evaluation that are all looked for: gigabytes of grams
SHOWN = 3  # examples of each kind
FILE = "items.npz"
Texts = tuple[Int64Array, Any]  # items, and an Arrow column of a text of each


@dataclass(frozen=True)
class Found:
    """How many of an evaluation's queries or passages occur in training.

    Args:
        all: of them.
        exact: word for word.
        near: nearly so, and not word for word.
        examples: a few of those that were found.
        of: "judged" if only such were looked for, "" if all were.
    """

    all: int
    exact: int
    near: int
    examples: Sequence[str]
    of: str = ""


def run(
    sources: Sequence[tuple[str, Corpus]],
    evaluation: Corpus,
    folder: Path,
    progress: Callable[[float, str], None],
) -> dict[str, Any]:
    """Write ``items.npz``: for each source, by its place, whether each of its items leaks.

    Args:
        sources: the training data, with the spec's names.
        evaluation: the stored data of one evaluation.
        folder: where to write.
        progress: told the share done.

    Returns:
        What the manifest tells: ``Found`` of ``queries`` (counted as items) and ``passages``, the
        items of each source that leak, and the measure.
    """
    queries = list(_texts(evaluation, "query"))
    is_large = int(evaluation.passage_offsets[-1]) > MOST
    passages = list(_judged(evaluation) if is_large else _texts(evaluation, "passage"))
    asked, answers = (
        [text for _, column in texts for text in column.to_pylist()]
        for texts in (queries, passages)
    )
    known = Known([*asked, *answers])
    leaking: list[npt.NDArray[np.bool_]] = []
    for number, (name, corpus) in enumerate(sources):
        leaking.append(np.zeros(len(corpus.item_clusters), bool))
        for items, texts in _training_texts(corpus):
            for start in range(0, len(items), AT_ONCE):
                part = slice(start, start + AT_ONCE)
                found = known.find(texts[part].to_pylist())
                leaking[-1][items[part][found.exact | found.near]] = True
        progress((number + 1) / len(sources), f"comparing {name}")
    np.savez(folder / FILE, *leaking)
    items = np.concatenate([items for items, _ in queries])
    seen = known.seen
    told = _found(seen, slice(len(asked), None), answers, np.arange(len(answers)))
    return {
        "queries": asdict(_found(seen, slice(0, len(asked)), asked, items)),
        "passages": asdict(replace(told, of="judged" if is_large else "")),
        "leaking_items": [
            [name, int(flags.sum())] for (name, _), flags in zip(sources, leaking, strict=True)
        ],
        "measure": f"near: {SHARE:.0%} of a text's 8-byte grams, of {FEWEST} or more",
    }


def read(folder: Path) -> list[npt.NDArray[np.bool_]]:
    """(items,) whether each item of each source leaks.

    Raises:
        Damaged: it is not what was stored.
    """
    check(folder)
    with np.load(folder / FILE, allow_pickle=False) as file:
        return [file[f"arr_{i}"] for i in range(len(file.files))]


def _found(seen: Overlap, part: slice, texts: Sequence[str], unit: Int64Array) -> Found:
    """Counts of what the texts are texts of; the exact ones are no near ones."""
    count = int(unit.max()) + 1 if len(unit) else 0
    exact, near = np.zeros(count, bool), np.zeros(count, bool)
    exact[unit[seen.exact[part]]] = True
    near[unit[seen.near[part]]] = True
    examples = [
        texts[i] for flags in (seen.exact, seen.near) for i in np.flatnonzero(flags[part])[:SHOWN]
    ]
    return Found(len(np.unique(unit)), int(exact.sum()), int((near & ~exact).sum()), examples)


def _texts(corpus: Corpus, side: str) -> Iterator[Texts]:
    """All queries with their items, or all passages with their numbers, language by language."""
    for index, name in enumerate(corpus.languages):
        if side == "query":
            table = corpus.table(f"queries-{name}")
            yield table["item"].to_numpy().astype(np.int64), table["text"]
        else:
            first, end = corpus.passage_offsets[index : index + 2]
            yield np.arange(first, end), corpus.table(f"passages-{name}")["text"]


def _judged(corpus: Corpus) -> Iterator[Texts]:
    """The judged passages with their numbers, each once, language by language."""
    numbers = np.unique(corpus.judgements[1]).astype(np.int64)
    bounds = np.searchsorted(numbers, corpus.passage_offsets)
    for index, name in enumerate(corpus.languages):
        own = numbers[bounds[index] : bounds[index + 1]]
        rows = own - corpus.passage_offsets[index]
        yield own, taken(corpus.table(f"passages-{name}")["text"], rows)


def _training_texts(corpus: Corpus) -> Iterator[Texts]:
    """All queries with their items, and all judged passages with those that they are judged for."""
    yield from _texts(corpus, "query")
    item, passage, _ = corpus.judgements
    language = corpus.passage_languages(passage)
    for index, name in enumerate(corpus.languages):
        chosen = language == index
        rows = passage[chosen] - corpus.passage_offsets[index]
        yield (
            item[chosen].astype(np.int64),
            taken(corpus.table(f"passages-{name}")["text"], rows),
        )
