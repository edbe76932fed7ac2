"""Reading a corpus of millions of passages: seconds, and the memory of a process of its own.

A made-up corpus in BEIR's layout goes through the plugin and the data stage, as a run would do it.
Pages of mapped files count, too: what is resident is what a container is charged with.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tests.performance import peers
from tests.performance.ranking_large import peak

from hbench.stages import data
from hbench_plugins.datasets.beir import Beir

ROOT = Path(__file__).resolve().parents[2]
LANGUAGE = "en"
QUERIES = 10_000
SIZES = (500_000, 1_000_000, 2_000_000)
WORDS = 60  # of a passage, about MS MARCO's
MEGABYTE = 1e6
GROWTH = 300.0  # megabytes


def write_corpus(folder: Path, rows: int) -> None:
    """A corpus of random words with ids of ten digits; query n asks for a passage of its own."""
    random = np.random.default_rng(peers.SEED)
    words = np.array([f"w{number:04}" for number in range(10_000)])
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as corpus:
        for row in range(rows):
            text = " ".join(words[random.integers(len(words), size=WORDS)].tolist())
            line = {"_id": f"{row:010}", "title": f"Title {row}", "text": text}
            corpus.write(json.dumps(line) + "\n")
    with (folder / "queries.jsonl").open("w", encoding="utf-8") as queries:
        for query in range(QUERIES):
            queries.write(
                json.dumps({"_id": f"q{query}", "text": f"Where is title {query}?"}) + "\n"
            )
    (folder / "qrels").mkdir()
    judged = [f"q{query}\t{query * (rows // QUERIES):010}\t1\n" for query in range(QUERIES)]
    head = "query-id\tcorpus-id\tscore\n"
    (folder / "qrels" / "test.tsv").write_text(head + "".join(judged), encoding="utf-8")


def read(source: Path, target: Path) -> dict[str, float]:
    """Seconds of the data stage, and by how much the most memory that this process had grew."""
    _load_libraries()
    before, start = peak(), time.perf_counter()
    data.run(Beir(path=source, language=LANGUAGE), target)
    return {"seconds": time.perf_counter() - start, "grown": peak() - before}


def _load_libraries() -> None:
    """Import what the stage imports: a library's code is there however large a corpus is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    pc.sort_indices(pa.array(["b", "a"]))


def read_apart(source: Path, target: Path) -> dict[str, float]:
    """What ``read`` tells of a fresh process."""
    command = [sys.executable, "-m", "tests.performance.reading", "--read", str(source)]
    command += ["--into", str(target)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def measure(largest: int) -> Iterator[list[str]]:
    """The table's lines."""
    for rows in (size for size in SIZES if size <= largest):
        with tempfile.TemporaryDirectory() as name:
            source, target = Path(name) / "source", Path(name) / "target"
            source.mkdir()
            target.mkdir()
            write_corpus(source, rows)
            size = (source / "corpus.jsonl").stat().st_size
            found = read_apart(source, target)
        grown = found["grown"] / MEGABYTE
        yield [
            f"{rows:,}",
            f"{size / MEGABYTE:,.0f}",
            f"{found['seconds']:.1f}",
            f"{grown:.0f}",
            peers.verdict(grown, at_most=GROWTH),
        ]


def main() -> None:
    """Print the table; or, as its child, read and tell how it went in one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=SIZES[-1], help="the largest corpus")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        sys.stdout.write(json.dumps(read(options.read, options.into)) + "\n")
        return
    head = ("passages", "MB of corpus", "seconds", "MB grown", "wanted")
    sys.stdout.write(f"{peers.machine()}\n\n")
    sys.stdout.write(peers.table(head, measure(options.rows)) + "\n")


if __name__ == "__main__":
    main()
