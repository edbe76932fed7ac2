"""Fit stage: a transform learns from a system's vectors of parallel passages.

Knows nothing of what the transform is used for.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hbench.corpus import Corpus
from hbench.errors import DataError
from hbench.manifests import check
from hbench.protocols import Transform
from hbench.records import FloatArray, Int32Array
from hbench.vectors import StoredRows

VERSION = 1
FILE = "fitted.npz"


def run(
    transform: Transform, corpus: Corpus, read: Callable[[str], StoredRows], folder: Path
) -> dict[str, Any]:
    """Write ``fitted.npz``: the arrays that the transform returns, by name.

    Args:
        transform: what is fitted.
        corpus: parallel texts.
        read: gives the vectors of the passages in a language.
        folder: where to write.

    Returns:
        What the manifest tells: how many texts there were in each language.

    Raises:
        DataError: the texts are not parallel, or cannot serve.
    """
    rows = parallel_passages(corpus)
    vectors = {
        name: read(name).unscaled(rows[:, number]) for number, name in enumerate(corpus.languages)
    }
    np.savez(folder / FILE, **transform.fit(vectors))  # type: ignore[arg-type]
    return {"texts": len(rows), "notes": []}


def parallel_passages(corpus: Corpus) -> Int32Array:
    """(n, L) numbers of passages, inside their language, that say the same in every language.

    Raises:
        DataError: there are none.
    """
    relevant = corpus.first_relevant()
    whole = relevant[(relevant >= 0).all(axis=1)]
    if not corpus.parallel or not len(whole):
        raise DataError(
            "a transform is fitted on parallel texts, and this data has no passage in all of "
            f"{', '.join(corpus.languages)}; name parallel data in the transform's 'data'"
        )
    rows: Int32Array = np.unique(whole, axis=0) - corpus.passage_offsets[:-1].astype(np.int32)
    return rows


def read_fitted(folder: Path) -> dict[str, FloatArray]:
    """What ``run`` wrote.

    Raises:
        Damaged: it is not what was written.
    """
    check(folder)
    with np.load(folder / FILE, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
