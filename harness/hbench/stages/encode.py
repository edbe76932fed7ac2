"""Encode stage: a system turns every text of a dataset into a vector, once.

Vectors have length 1 and are rounded to multiples of 2^-26. Products of such components are
multiples of 2^-52, so that float64 holds every partial sum of a dot product of two of them without
rounding: the score of two vectors does not depend on the order in which it is summed.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.corpus import Corpus
from hbench.errors import DataError
from hbench.memory import Budget
from hbench.protocols import Encoder, Model
from hbench.records import Side
from hbench.tokens import Tokenize, Tokens

VERSION = 2
GRID = np.float32(2**26)
CHUNK = 2048  # texts between two reports of progress
SIDES: tuple[Side, Side] = ("query", "passage")
Progress = Callable[[float, str], None]
Vectors = npt.NDArray[np.float32]


def run(
    encoder: Encoder,
    model: Path,
    corpus: Corpus,
    *,
    device: str,
    tokenize: Tokenize,
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Write ``<side>-<language>.safetensors`` for both sides of every language.

    Args:
        encoder: loads the model.
        model: its folder.
        corpus: the texts.
        device: torch's name of it.
        tokenize: gives the tokens of texts, from a cache perhaps.
        folder: gets the files.
        progress: told the share done and what is at work.

    Returns:
        What the manifest tells: how many texts were encoded, how many of them distinct, and notes.

    Raises:
        DataError: a vector is zero or not finite; says which text has it.
        MemoryShortage: not even one text at a time fits into memory.
    """
    import torch
    from safetensors.numpy import save_file

    loaded = encoder.load(model)
    loaded.to(torch.device(device))
    loaded.train(False)
    parts = [(side, language) for side in SIDES for language in corpus.languages]
    budget = Budget(None, device)
    texts_total = distinct_total = 0
    cut: Counter[Side] = Counter()
    for number, (side, language) in enumerate(parts):
        texts = corpus.texts(side, language)
        distinct = sorted(set(texts))  # equal texts get one vector, bit for bit
        tokens = tokenize(loaded, distinct, side)
        vectors = _encode(loaded, distinct, tokens, budget, lambda share: progress(
            (number + share) / len(parts), f"{side} {language}"))  # fmt: skip  # noqa: B023
        place = {text: row for row, text in enumerate(distinct)}
        rows = vectors[[place[text] for text in texts]]
        save_file(
            {"vectors": np.ascontiguousarray(rows)}, folder / f"{side}-{language}.safetensors"
        )
        texts_total, distinct_total = texts_total + len(texts), distinct_total + len(distinct)
        cut[side] += tokens.cut
    notes = [f"{count:,} {side} texts are too long and were cut" for side, count in cut.items()]
    notes = [note for note, count in zip(notes, cut.values(), strict=True) if count]
    return {
        "texts": texts_total,
        "encoded": distinct_total,
        "notes": [*notes, *getattr(loaded, "notes", []), *budget.notes],
    }


def read_vectors(folder: Path, side: Side, language: str) -> Vectors:
    """(n, dim) float32 vectors that ``run`` wrote, in the order of the corpus."""
    from safetensors.numpy import load_file

    vectors: Vectors = load_file(folder / f"{side}-{language}.safetensors")["vectors"]
    return vectors


def on_grid(vectors: npt.NDArray[Any], texts: Sequence[str]) -> Vectors:
    """Scale each row to length 1 and round it to multiples of 2^-26.

    Args:
        vectors: (n, dim), any length.
        texts: the n texts, to name one whose vector is unusable.

    Raises:
        DataError: a row is zero or not finite.
    """
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(lengths[:, 0]) & (lengths[:, 0] > 0)))
    if len(bad):
        raise DataError(
            f"{len(bad)} vectors are zero or not finite, the first is of the text {texts[bad[0]]!r}"
        )
    # A float32 of 2^-3 or more is a multiple of 2^-26 already; below, the product is exact.
    scaled: Vectors = (exact / lengths).astype(np.float32)
    rounded: Vectors = np.rint(scaled * GRID) / GRID
    return rounded


def _encode(
    model: Model,
    texts: list[str],
    tokens: Tokens,
    budget: Budget,
    progress: Callable[[float], None],
) -> Vectors:
    import torch

    if not texts:  # a language that is only searched in
        return np.empty((0, 0), np.float32)
    lengths = tokens.lengths
    order = np.argsort(lengths, kind="stable")
    parts: list[Vectors] = []
    with torch.inference_mode():
        for start in range(0, len(order), CHUNK):
            chosen = order[start : start + CHUNK]
            ids = [tokens[i] for i in chosen]
            vectors = budget.fit(
                lambda most: model.embed(ids, budget=most).float().cpu().numpy(),  # noqa: B023
                longest=int(lengths[chosen].max()),
                clear=lambda: None,
            )
            parts.append(on_grid(vectors, [texts[i] for i in chosen]))
            progress(min(1.0, (start + CHUNK) / len(order)))
    vectors = np.concatenate(parts)
    return vectors[np.argsort(order)]
