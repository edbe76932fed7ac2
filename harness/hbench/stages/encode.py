"""Encode stage: a system turns every distinct text of a dataset into a vector, once.

Vectors are stored shard by shard, as they are made, under keys that know the system and the texts
but not the dataset: whoever asks for the same texts again finds them, and an interrupted run goes
on after its last shard. What a stored vector is, says ``hbench.vectors``.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.ahead import ahead, behind
from hbench.corpus import Corpus, Shard
from hbench.memory import Budget
from hbench.protocols import Encoder, Model
from hbench.records import Side
from hbench.store import Store
from hbench.tokens import Tokenize, Tokens
from hbench.training.recipe import Precision
from hbench.vectors import Stored, Vectors, on_grid, write_shard

VERSION = 3
CHUNK = 2048  # texts between two reports of progress
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Place:
    """Where a shard's vectors go.

    Args:
        shard: the texts.
        folder: is written when they are done.
        manifest: what the folder's manifest says besides.
    """

    shard: Shard
    folder: Path
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Arithmetic:
    """How vectors are computed and stored.

    Args:
        device: torch's name of it.
        precision: of the model's arithmetic; its weights stay as they are.
        stored: the precision of the stored vectors.
    """

    device: str
    precision: Precision = "float32"
    stored: Stored = "float32"


def run(
    encoder: Encoder,
    model: Path,
    corpus: Corpus,
    places: Sequence[Place],
    arithmetic: Arithmetic,
    *,
    store: Store,
    tokenize: Tokenize,
    progress: Progress,
) -> dict[str, Any]:
    """Write the vectors of some shards.

    Args:
        encoder: loads the model.
        model: its folder.
        corpus: the texts.
        places: the shards to encode, and where to.
        arithmetic: how.
        store: writes the folders.
        tokenize: gives the tokens of texts, from a cache perhaps.
        progress: told the share done and what is at work.

    Returns:
        What the job tells: how many texts were encoded, and notes.

    Raises:
        DataError: a vector is zero or not finite; says which text has it.
        MemoryShortage: not even one text at a time fits into memory.
    """
    import torch

    loaded = encoder.load(model)
    loaded.to(torch.device(arithmetic.device))
    loaded.train(False)
    budget = Budget(None, arithmetic.device)
    total, done = sum(place.shard.texts for place in places), 0
    cut: Counter[Side] = Counter()
    read = _read(corpus, places, loaded, tokenize)
    with behind() as later:
        for place, texts, tokens in ahead(read, arithmetic.device):
            share = partial(_report, progress, place.shard, done, total)
            found = encode(loaded, tokens, budget, arithmetic, share)
            vectors, lengths = on_grid(found, texts, arithmetic.stored)
            detail = {"texts": len(texts), "cut": tokens.cut, "notes": list(budget.notes)}
            later(_write, store, place, detail, vectors, lengths)
            done += len(texts)
            cut[place.shard.side] += tokens.cut
    notes = [f"{count:,} {side} texts are too long and were cut" for side, count in cut.items()]
    notes = [note for note, count in zip(notes, cut.values(), strict=True) if count]
    return {"encoded": done, "notes": [*notes, *getattr(loaded, "notes", []), *budget.notes]}


def _read(
    corpus: Corpus, places: Sequence[Place], model: Model, tokenize: Tokenize
) -> Iterator[tuple[Place, list[str], Tokens]]:
    """The texts of each shard, and their tokens."""
    for place in places:
        texts = corpus.shard_texts(place.shard)
        yield place, texts, tokenize(model, texts, place.shard.side)


def _report(progress: Progress, shard: Shard, before: int, total: int, texts: int) -> None:
    progress((before + texts) / total, f"{shard.side} {shard.language}")


def _write(
    store: Store,
    place: Place,
    detail: Mapping[str, Any],
    vectors: npt.NDArray[Any],
    lengths: Vectors,
) -> None:
    with store.writing(place.folder, {**place.manifest, "detail": detail}) as (folder, _):
        write_shard(folder, vectors, lengths)


def encode(
    model: Model,
    tokens: Tokens,
    budget: Budget,
    arithmetic: Arithmetic,
    report: Callable[[int], None],
) -> Vectors:
    """Vectors of texts, not scaled.

    Args:
        model: on the device, not in training.
        tokens: of the texts.
        budget: tokens that are worked on at once.
        arithmetic: how.
        report: told how many texts are done.

    Returns:
        (n, dim) as the model gives them, in the order of the texts.

    Raises:
        MemoryShortage: not even one text at a time fits into memory.
    """
    import torch

    kind, is_half = arithmetic.device.partition(":")[0], arithmetic.precision == "bfloat16"
    order = np.argsort(tokens.lengths, kind="stable")
    parts: list[Vectors] = []
    with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=is_half):
        for start in range(0, len(order), CHUNK):
            chosen = order[start : start + CHUNK]
            ids = [tokens[i] for i in chosen]
            parts.append(
                budget.fit(
                    lambda most: model.embed(ids, budget=most).float().cpu().numpy(),  # noqa: B023
                    longest=int(tokens.lengths[chosen].max()),
                    clear=lambda: None,
                )
            )
            report(min(start + CHUNK, len(order)))
    vectors = np.concatenate(parts)
    return vectors[np.argsort(order)]
