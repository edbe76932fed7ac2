"""Texts encoded per second against sentence-transformers', on the CPU; prints ratios.

``python -m tests.performance.encoding``; see the README beside this file for how it is measured.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from tests.performance import peers, trainings

from hbench.corpus import Corpus
from hbench.memory import Budget
from hbench.records import Judgement, Passage, Query, Side
from hbench.stages import encode as encode_stage
from hbench.stages.encode import Arithmetic, Place, encode
from hbench.store import Store
from hbench.tokens import tokenize
from hbench.vectors import StoredRows, Vectors, on_grid
from hbench_plugins.encoders.transformer import Transformer

BATCHES = (8, 16, 32, 64)
# Texts of each of the 11 languages.
SIZES: dict[str, dict[Side, int]] = {
    "m128": {"passage": 73, "query": 146},
    "m384": {"passage": 30, "query": 30},
}
WANTED = {"one call": 1.5, "by language": 1.2}
WANTED_OF_STAGE = {"m128": 1.5, "m384": 1.3}
AGREEMENT = 1e-6
SIDES: tuple[Side, Side] = ("query", "passage")
Calls = Sequence[list[str]]  # the texts of each call


@dataclass(frozen=True)
class Outcome:
    """Vectors of all texts, the seconds they took, and the tokens computed, padding included."""

    vectors: Vectors
    seconds: float
    seen: int


def ours(model: Transformer, side: Side, calls: Calls) -> Outcome:
    """Tokenise and encode as the encode stage does."""

    def work(texts: list[str]) -> Vectors:
        tokens = tokenize(model, texts, side)
        found = encode(model, tokens, Budget(None, "cpu"), Arithmetic("cpu"), lambda done: None)
        return on_grid(found, texts)[0]

    return _timed(model.body, work, calls)


def theirs(model: Any, batch_size: int, calls: Calls) -> Outcome:
    """sentence-transformers' ``encode``; the model ends in a normalisation."""

    def work(texts: list[str]) -> Vectors:
        found: Vectors = model.encode(texts, batch_size=batch_size, show_progress_bar=False)
        return found

    return _timed(model, work, calls)


def stage(model: Transformer, corpus: Corpus) -> Outcome:
    """The encode stage of a run: tokenising, rounding and writing are part of it."""
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name))
        places = [
            Place(shard, Path(name) / str(number), {}) for number, shard in enumerate(corpus.shards)
        ]

        def work(_: list[str]) -> Vectors:
            encode_stage.run(
                trainings.Loaded(model), Path(name), corpus, places, Arithmetic("cpu"),
                store=store, tokenize=tokenize, progress=lambda share, what: None,
            )  # fmt: skip
            folders = [place.folder for place in places]
            parts = [
                StoredRows.of(corpus, folders, side, language)[:]
                for side in SIDES
                for language in corpus.languages
            ]
            return np.concatenate(parts)

        return _timed(model.body, work, [[]])


def measure_stage(
    name: str, model: Transformer, peer: Any, corpus: Corpus, repeats: int
) -> list[str]:
    """The table's line of the encode stage, against a call for each side and language."""
    calls = [corpus.texts(side, language) for side in SIDES for language in corpus.languages]
    size = best_batch_size(peer, calls)
    outcomes = peers.alternate(
        {"ours": partial(stage, model, corpus), "theirs": partial(theirs, peer, size, calls)},
        repeats,
    )
    real = sum(len(tokenize(model, texts, "query").ids) for texts in calls)
    count = str(sum(map(len, calls)))
    figures = _figures(WANTED_OF_STAGE[name], real, **outcomes)
    return [name, "both", count, "encode stage", str(size), *figures]


def _timed(module: Any, work: Callable[[list[str]], Vectors], calls: Calls) -> Outcome:
    with peers.tokens_seen(module) as seen:
        start = time.perf_counter()
        vectors = [work(texts) for texts in calls]
        seconds = time.perf_counter() - start
    return Outcome(np.concatenate(vectors), seconds, sum(seen))


def best_batch_size(model: Any, calls: Calls) -> int:
    """The fastest of a few, each tried twice."""
    tried = {str(size): partial(theirs, model, size, calls) for size in BATCHES}
    outcomes = peers.alternate(tried, 2)
    return int(min(outcomes, key=lambda size: min(each.seconds for each in outcomes[size])))


def measure(
    name: str, folder: Path, samples: dict[Side, list[list[str]]], repeats: int
) -> Iterator[list[str]]:
    """The table's lines of one model."""
    model, peer = peers.load_ours(folder), peers.load_theirs(folder)
    model.train(False)
    for side, languages in samples.items():
        texts = [text for language in languages for text in language]
        real = len(tokenize(model, texts, side).ids)
        ours(model, side, [texts[:50]]), theirs(peer, 8, [texts[:50]])  # warm up
        for case, calls in (("one call", [texts]), ("by language", languages)):
            size = best_batch_size(peer, calls)
            outcomes = peers.alternate(
                {
                    "ours": partial(ours, model, side, calls),
                    "theirs": partial(theirs, peer, size, calls),
                },
                repeats,
            )
            figures = _figures(WANTED[case], real, **outcomes)
            yield [name, side, str(len(texts)), case, str(size), *figures]
    with stored(samples) as corpus:
        yield measure_stage(name, model, peer, corpus, repeats)


@contextmanager
def stored(samples: dict[Side, list[list[str]]]) -> Iterator[Corpus]:
    """The sampled texts as a dataset that the data stage has stored."""
    from tests.toy_corpora import Toy, stored

    languages = [f"{chr(97 + number)}a" for number in range(len(samples["query"]))]
    asked, told = (
        [(language, text) for language, texts in zip(languages, samples[side], strict=True)
         for text in texts]
        for side in SIDES
    )  # fmt: skip
    queries = [Query(str(n), language, text) for n, (language, text) in enumerate(asked)]
    passages = [Passage(str(n), language, text) for n, (language, text) in enumerate(told)]
    judged = [Judgement(query.item, passages[0].language, "0") for query in queries]
    with tempfile.TemporaryDirectory() as folder:
        yield stored(Toy(queries, passages, judged, parallel=False), Path(folder))


def _figures(wanted: float, real: int, ours: list[Outcome], theirs: list[Outcome]) -> list[str]:
    """The figures of one line."""
    count = len(ours[0].vectors)
    ratios = [b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True)]
    difference = float(np.abs(ours[0].vectors - theirs[0].vectors).max())
    return [
        peers.spread([count / each.seconds for each in theirs], 1),
        peers.spread([count / each.seconds for each in ours], 1),
        peers.spread(ratios),
        peers.verdict(median(ratios), at_least=wanted),
        f"{theirs[0].seen / real - 1:.1%}",
        f"{ours[0].seen / real - 1:.1%}",
        f"{difference:.1e}",
        peers.verdict(difference, at_most=AGREEMENT),
    ]


def sample(corpus: Corpus, sizes: dict[Side, int]) -> dict[Side, list[list[str]]]:
    """Distinct texts of each side and language, drawn at random."""
    rng = np.random.default_rng(peers.SEED)
    drawn: dict[Side, list[list[str]]] = {side: [] for side in sizes}
    for side, size in sizes.items():
        for language in corpus.languages:
            texts = sorted(set(corpus.texts(side, language)))
            chosen = rng.choice(len(texts), min(size, len(texts)), replace=False)
            drawn[side].append([texts[i] for i in chosen])
    return drawn


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(SIZES), help="default: all")
    parser.add_argument("--texts", type=int, help=f"of each language and side, default: {SIZES}")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=peers.default_data(), help="XQuAD-R's folder")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = arguments()
    peers.use_threads(options.threads)
    sys.stdout.write(f"{peers.machine()}\n\n")
    rows: list[list[str]] = []
    with peers.xquad_r(options.data) as corpus:
        sides: tuple[Side, Side] = ("query", "passage")
        every = [t for s in sides for name in corpus.languages for t in corpus.texts(s, name)]
        for name in options.models.split(","):
            sizes = SIZES[name] if options.texts is None else dict.fromkeys(sides, options.texts)
            with tempfile.TemporaryDirectory() as folder:
                peers.write_model(Path(folder), peers.SHAPES[name], every)
                rows += measure(name, Path(folder), sample(corpus, sizes), options.repeats)
    head = ["model", "side", "texts", "case", "batch size", "sentence-transformers, texts/s"]
    head += ["hbench, texts/s", "faster, times", "wanted", "padding there", "padding here"]
    head += ["largest difference", "wanted"]
    sys.stdout.write(f"Medians, with the lowest and highest.\n\n{peers.table(head, rows)}\n")


if __name__ == "__main__":
    main()
