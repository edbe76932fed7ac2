"""Ranking and scoring against the bare matrix product, pytrec_eval and ranx; prints ratios.

``python -m tests.performance.ranking``; see the README beside this file for how it is measured.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.performance import peers, ranking_large, ranking_peers, rankings

from hbench.corpus import Corpus
from hbench.pools import ReadVectors

SLOWER = 3.5  # times the bare product
SECONDS = 10.0
KEPT = 10
LANGUAGES = (2, 4, 8)
PARTS = ("product", "peers", "growth", "large")


def against_product(
    corpus: Corpus, read: ReadVectors, repeats: int
) -> tuple[list[list[str]], str, list[rankings.Ranked]]:
    """The table's lines, what the product is, and our runs without a list of the best."""
    queries, passages = (rankings.stacked(corpus, read, side) for side in ("query", "passage"))
    block, seconds = rankings.best_bare(queries, passages)
    variants: dict[str, Callable[[], object]] = {
        "bare": partial(rankings.bare, queries, passages, block),
        "0": partial(rankings.ours, corpus, read),
        str(KEPT): partial(rankings.ours, corpus, read, top_k=KEPT),
    }
    runs = peers.alternate(variants, repeats)
    product = min(seconds, *runs["bare"])
    told = (
        f"{len(queries):,} queries x {len(passages):,} passages, {rankings.DIM} dimensions; the "
        f"bare product takes {product:.2f} s at best, in blocks of {block[0]} x {block[1]}"
    )
    rows = [_line(name, runs[name], product) for name in ("0", str(KEPT))]
    return rows, told, runs["0"]


def _line(top_k: str, runs: Sequence[rankings.Ranked], product: float) -> list[str]:
    seconds = [run.seconds for run in runs]
    ratio = min(seconds) / product
    is_bound = top_k == "0"
    return [
        top_k,
        peers.spread([run.counting for run in runs]),
        peers.spread([run.scoring for run in runs]),
        peers.spread(seconds),
        peers.verdict(median(seconds), at_most=SECONDS) if is_bound else "",
        f"{ratio:.2f}",
        peers.verdict(ratio, at_most=SLOWER) if is_bound else "",
    ]


def growth(corpus: Corpus, read: ReadVectors, repeats: int) -> Iterator[list[str]]:
    """The table's lines: more languages, and fewer settings."""
    sizes = [count for count in LANGUAGES if count < len(corpus.languages)]
    parts: dict[str, Corpus] = {str(count): rankings.part_of(corpus, count) for count in sizes}
    for name, part in (parts | {str(len(corpus.languages)): corpus}).items():
        variants: dict[str, Callable[[], rankings.Ranked]] = {
            "all": partial(rankings.ours, part, read),
            "multi": partial(rankings.ours, part, read, settings=["multi"]),
        }
        runs: dict[str, list[rankings.Ranked]] = peers.alternate(variants, repeats)
        seconds = {key: median(run.seconds for run in found) for key, found in runs.items()}
        pairs = int(part.query_offsets[-1] * part.passage_offsets[-1])
        yield [
            name,
            f"{pairs / 1e6:.1f}",
            f"{len(runs['all'][0].values)}",
            f"{seconds['all']:.2f}",
            f"{seconds['all'] / pairs * 1e9:.1f}",
            f"{seconds['multi']:.2f}",
            f"{seconds['all'] / seconds['multi']:.2f}",
        ]


def versions() -> str:
    """Of what ranking is compared with."""
    names = ("numpy", "pytrec-eval-terrier", "ranx", "numba")
    return ", ".join(f"{name} {version(name)}" for name in names)


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    sys.stdout.write(f"{title}\n\n{peers.table(head, rows)}\n\n")
    sys.stdout.flush()


def show_all(corpus: Corpus, options: argparse.Namespace, chosen: Sequence[str]) -> None:
    """Print the tables that are about XQuAD-R."""
    read = rankings.vectors_of(corpus)
    if "product" in chosen or "peers" in chosen:
        rows, told, runs = against_product(corpus, read, options.repeats)
        head = ["best kept", "counting, s", "scoring, s", "all, s", "wanted"]
        show(f"{told}.", [*head, "times the product", "wanted"], rows)
    if "peers" in chosen:
        seconds = median(run.seconds for run in runs)
        lines = ranking_peers.measure(corpus, read, runs[0].values, seconds, options.threads)
        head = ["library", "sample, (query, pool)", "dictionaries and values, s", "values, s"]
        head += ["hbench, s", "faster, times", "wanted", "values only, times"]
        head += ["largest difference", "wanted"]
        show("Theirs is a sample, scaled to all.", head, list(lines))
    if "growth" in chosen:
        head = ["languages", "(query, passage), millions", "components", "all settings, s"]
        head += ["ns a (query, passage)", "multi only, s", "all by multi"]
        show("Growth.", head, list(growth(corpus, read, options.repeats)))


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="default: all")
    parser.add_argument("--passages", type=int, default=ranking_large.SIZES[-1],
                        help="of the largest corpus on disk, at most")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=peers.default_data(), help="XQuAD-R's folder")
    return parser.parse_args()


def main() -> None:
    """Print the tables."""
    options = arguments()
    peers.use_threads(options.threads)
    sys.stdout.write(f"{peers.machine()}, {versions()}\n\n")
    chosen = options.parts.split(",")
    if set(chosen) - {"large"}:
        with peers.xquad_r(options.data) as corpus:
            show_all(corpus, options, chosen)
    if "large" in chosen:
        head = ["passages", "bare product, s", "hbench, s", "times the product", "wanted"]
        head += ["s a million", "growth", "wanted", "memory, GB", "wanted"]
        lines = ranking_large.measure(options.passages, options.threads, options.repeats)
        show(f"float16 on disk, {ranking_large.QUERIES:,} queries.", head, list(lines))


if __name__ == "__main__":
    main()
