"""Looking for XQuAD-R's texts among a million others: seconds and memory; prints a table.

``python -m tests.performance.overlap``; see the README beside this file for how it is measured.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tests.performance import peers
from tests.performance.ranking_large import GIGABYTE, peak

from hbench.corpus import Corpus
from hbench.overlap import Known
from hbench.records import Side

SECONDS, MEMORY = 120.0, 2.0  # GB
AT_ONCE = 65_536
LENGTHS = (6, 60)  # words of a text


def training_texts(corpus: Corpus, count: int) -> Iterator[list[str]]:
    """Texts of 6 to 60 words, each in one language, of the words of its passages in random order.

    So they share all words with what is looked for, and hardly a phrase.
    """
    random = np.random.default_rng(peers.SEED)
    words = [
        np.array(" ".join(corpus.texts("passage", name)).split(), dtype=object)
        for name in corpus.languages
        if name not in ("th", "zh")  # where a word is not what stands between blanks
    ]
    for start in range(0, count, AT_ONCE):
        part = []
        for _ in range(min(AT_ONCE, count - start)):
            own = words[random.integers(len(words))]
            part.append(" ".join(own[random.integers(len(own), size=random.integers(*LENGTHS))]))
        yield part


def measure(corpus: Corpus, count: int) -> list[str]:
    """The table's line."""
    sides: tuple[Side, Side] = ("query", "passage")
    texts = {side: [t for name in corpus.languages for t in corpus.texts(side, name)]
             for side in sides}  # fmt: skip
    start = time.perf_counter()
    known = Known([*texts["query"], *texts["passage"]])
    learned = time.perf_counter() - start
    seconds, size, found = 0.0, 0, 0
    for part in training_texts(corpus, count):
        size += sum(len(text.encode()) for text in part)
        start = time.perf_counter()
        overlap = known.find(part)
        seconds += time.perf_counter() - start
        found += int(overlap.exact.sum() + overlap.near.sum())
    memory = peak() / GIGABYTE
    return [
        f"{count:,}",
        f"{size / 1e6:,.0f}",
        f"{learned:.1f}",
        f"{seconds:.1f}",
        peers.verdict(learned + seconds, at_most=SECONDS),
        f"{memory:.2f}",
        peers.verdict(memory, at_most=MEMORY),
        f"{found:,}",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000_000, help="to look in")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=peers.default_data(), help="XQuAD-R's folder")
    options = parser.parse_args()
    peers.use_threads(options.threads)
    sys.stdout.write(f"{peers.machine()}\n\n")
    head = ["training texts", "MB", "learning, s", "finding, s", "wanted", "memory, GB", "wanted"]
    with peers.xquad_r(options.data) as corpus:
        line = measure(corpus, options.texts)
    sys.stdout.write(peers.table([*head, "found"], [line]) + "\n")


if __name__ == "__main__":
    main()
