"""Counting in millions of float16 vectors on disk: seconds, and the memory of a process of its own.

Vectors are random, of length 1; each query has one relevant passage, anywhere in the ranking.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tests.performance import peers
from tests.performance.rankings import DIM, Numbered, bare

from hbench.corpus import SHARD
from hbench.ranks import relevant_pairs
from hbench.stages import rank
from hbench.vectors import StoredRows, Vectors, write_shard

ROOT = Path(__file__).resolve().parents[2]
LANGUAGE = "en"
QUERIES = 1000
SIZES = (500_000, 1_000_000, 2_000_000)
SLOWER = 2.0  # times the bare product
GROWTH = 1.2  # of the seconds for a passage, from the smallest size to the largest
GIGABYTE = 1e9


def unit_vectors(seed: int, rows: int) -> Vectors:
    """(rows, DIM) float32."""
    vectors = np.random.default_rng(seed).standard_normal((rows, DIM), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def write_vectors(folder: Path, rows: int) -> None:
    """The shards of ``rows`` vectors, in folders that are named by number."""
    for number, first in enumerate(range(0, rows, SHARD)):
        vectors = unit_vectors(number, min(SHARD, rows - first)).astype(np.float16)
        (folder / str(number)).mkdir()
        write_shard(folder / str(number), vectors, np.ones(len(vectors), np.float32))


def corpus_of(rows: int) -> Numbered:
    """One language of ``rows`` passages, and queries with one relevant passage each."""
    random = np.random.default_rng(peers.SEED)
    items = np.arange(QUERIES, dtype=np.int32)
    relevant = np.sort(random.choice(rows, QUERIES, replace=False)).astype(np.int32)
    judged = (items, relevant, np.ones(QUERIES, np.int32))
    return Numbered([LANGUAGE], {LANGUAGE: np.arange(rows)}, {LANGUAGE: items}, judged)


def count(folder: Path, rows: int) -> dict[str, float]:
    """Seconds of counting in the first ``rows`` vectors, and the most memory this process had."""
    corpus = corpus_of(rows)
    queries = unit_vectors(-1 % 2**32, QUERIES).astype(np.float16).astype(np.float32)
    folders = [folder / str(number) for number in range(-(-rows // SHARD))]
    passages = StoredRows(folders, np.arange(rows, dtype=np.int32))
    pairs = relevant_pairs(corpus)
    start = time.perf_counter()
    rank.count(
        corpus,
        pairs,
        lambda side, language: queries if side == "query" else passages,
        top_k=0,
        progress=lambda share, what: None,
    )
    return {"seconds": time.perf_counter() - start, "peak": peak()}


def peak() -> int:
    """Bytes that this process had resident at most, pages of mapped files included."""
    status = Path("/proc/self/status")
    if status.is_file():  # what getrusage tells on Linux may be of the process that started this
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def counted(folder: Path, rows: int, threads: int) -> dict[str, float]:
    """What ``count`` tells of a fresh process."""
    command = [sys.executable, "-m", "tests.performance.ranking_large", str(folder)]
    command += ["--rows", str(rows), "--threads", str(threads)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def bare_seconds(rows: int) -> float:
    """Of the float32 product in memory, in the blocks of the rank stage.

    One shard's vectors serve again and again, which is no slower than that many different ones.
    """
    queries = torch.from_numpy(unit_vectors(0, QUERIES))
    shard = torch.from_numpy(unit_vectors(1, SHARD))
    sizes = [SHARD] * (rows // SHARD) + [rows % SHARD]
    return sum(bare(queries, shard[:size], (rank.QUERIES, rank.PASSAGES)) for size in sizes)


def measure(largest: int, threads: int, repeats: int) -> Iterator[list[str]]:
    """The table's lines."""
    sizes = [size for size in SIZES if size <= largest]
    smallest = 0.0
    with tempfile.TemporaryDirectory() as name:
        write_vectors(Path(name), sizes[-1])
        for rows in sizes:
            products, runs = [], []
            for _ in range(repeats):
                products.append(bare_seconds(rows))
                runs.append(counted(Path(name), rows, threads))
            seconds = min(run["seconds"] for run in runs)
            most = max(run["peak"] for run in runs)
            smallest = smallest or seconds / rows
            growth, ratio = seconds / rows / smallest, seconds / min(products)
            yield [
                f"{rows:,}",
                f"{min(products):.2f}",
                f"{seconds:.2f}",
                f"{ratio:.2f}",
                peers.verdict(ratio, at_most=SLOWER),
                f"{seconds / rows * 1e6:.2f}",
                f"{growth:.2f}",
                peers.verdict(growth, at_most=GROWTH),
                f"{most / GIGABYTE:.2f}",
                peers.verdict(most / GIGABYTE, at_most=1.0),
            ]


def main() -> None:
    """Count, and tell how it went in one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="that holds the shards")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    peers.use_threads(options.threads)
    sys.stdout.write(json.dumps(count(options.folder, options.rows)) + "\n")


if __name__ == "__main__":
    main()
