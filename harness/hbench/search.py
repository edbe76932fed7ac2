"""The best passages of a pool for each query: exact, or by one of faiss's approximate indexes.

float32 products, by torch on CUDA and by faiss elsewhere, or an index only propose candidates.
These get exact scores and the order of ``hbench.counting``. So the exact search returns the head of
the full ranking, bit for bit and ties included, whatever library proposed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hbench.ahead import ahead
from hbench.counting import LEAST, error_bound, exact_of, keys, scores_of
from hbench.errors import OptionError
from hbench.packing import to_device
from hbench.pools import Block, Pool
from hbench.records import Int32Array, Int64Array
from hbench.vectors import Vectors

if TYPE_CHECKING:
    import torch

QUERIES, PASSAGES = 1024, 32_768  # multiplied at once: 128 MB of products
SPARE = 16  # products beyond the depth that are looked at first
LEARNED = 262_144  # passages that an index is trained on, at most
Library = Literal["torch", "faiss"]


@dataclass(frozen=True)
class Found:
    """The best passages of each query, best first.

    Args:
        passage: (queries, depth) int32 passage numbers, -1 where fewer were found.
        score: (queries, depth) float32 exact scores; of no meaning where there is no passage.
    """

    passage: Int32Array
    score: Vectors


def best(
    queries: Vectors,
    pool: Pool,
    depth: int,
    *,
    device: str = "cpu",
    threads: int = 1,
    library: Library | None = None,
    block: tuple[int, int] = (QUERIES, PASSAGES),
) -> Found:
    """The head of the exact ranking of a pool, in one pass over it.

    Args:
        queries: (n, dim) float32 of length 1.
        pool: the candidates.
        depth: how many to find for each query.
        device: torch's name of it; on CUDA without TF32, see ``hbench.site.prepare_torch``.
        threads: of faiss.
        library: which proposes; None: torch on CUDA, faiss elsewhere. Changes no result.
        block: queries and passages that are multiplied at once. Changes no result.
    """
    # float64, which exact scores need, is not to be had on other devices.
    on = device if device.startswith("cuda") else "cpu"
    by_torch = (library or ("faiss" if on == "cpu" else "torch")) == "torch"
    heads = _heads(queries, depth, block[0], on)
    for some in ahead(pool.blocks(block[1], on), on):
        proposer = _Products(some) if by_torch else _Flat(some, threads)
        for head in heads:
            head.add(*proposer.propose(head), some)
    return _joined(heads, depth)


def best_by_index(
    queries: Vectors,
    pool: Pool,
    depth: int,
    index: str,
    *,
    threads: int = 1,
    block: tuple[int, int] = (QUERIES, PASSAGES),
) -> Found:
    """What an approximate index finds, with exact scores and in exact order.

    faiss takes its random numbers from fixed seeds. With several threads some indexes (HNSW) still
    differ from build to build, since passages are linked in the order in which threads come by.

    Args:
        queries: (n, dim) float32 of length 1.
        pool: the candidates, one at least.
        depth: how many to find for each query.
        index: a string for ``faiss.index_factory``, as ``HNSW32`` or ``IVF256,Flat``.
        threads: of faiss.
        block: queries and passages that are worked on at once.

    Raises:
        OptionError: faiss cannot build the index, or not from these passages.
    """
    import torch

    built = _built(pool, queries.shape[1], index, threads, block[1])
    heads = _heads(queries, depth, block[0], "cpu")
    for head in heads:
        found = built.search(head.vectors.numpy(), depth)[1]
        query, column = np.nonzero(found >= 0)
        if len(query):
            numbers, candidate = np.unique(found[query, column], return_inverse=True)
            head.add(torch.from_numpy(query), torch.from_numpy(candidate), pool.take(numbers))
    return _joined(heads, depth)


def recall(found: Found, truth: Found) -> float:
    """The share of the truly best passages that were found, over all queries together."""
    row = np.arange(len(truth.passage))[:, None] << 32
    mine, best = ((row + each.passage)[each.passage >= 0] for each in (found, truth))
    return float(np.isin(best, mine).sum()) / max(1, len(best))


@dataclass
class _Head:
    """The best passages so far of a block of queries, on the device.

    Args:
        vectors: (Q, dim) float32 of the queries.
        depth: how many to keep.
    """

    vectors: "torch.Tensor"
    depth: int
    key: "torch.Tensor" = field(init=False)  # (Q, depth) int64, descending
    passage: "torch.Tensor" = field(init=False)  # (Q, depth) int32

    def __post_init__(self) -> None:
        import torch

        shape, device = (len(self.vectors), self.depth), self.vectors.device
        self.key = torch.full(shape, LEAST, device=device)
        self.passage = torch.full(shape, -1, dtype=torch.int32, device=device)
        self.bound = error_bound(self.vectors.shape[1])

    def floor(self, products: "torch.Tensor") -> "torch.Tensor":
        """(Q, 1) products below which nothing can be among the best.

        A product and the exact score are apart by the bound at most. So what is to oust the last
        one kept has a product no farther below its score. And ``depth`` of the new passages have
        exact scores no farther below the last of their products: what is to be among the best of
        them has a product no farther below it than twice the bound.

        Args:
            products: (Q, k) the highest of the new passages, descending.
        """
        import torch

        last = self.key[:, -1:]
        floor = torch.where(last == LEAST, float("-inf"), scores_of(last) - self.bound)
        if products.shape[1] < self.depth:
            return floor
        return torch.maximum(floor, products[:, self.depth - 1 : self.depth] - 2 * self.bound)

    def add(self, query: "torch.Tensor", candidate: "torch.Tensor", block: Block) -> None:
        """Keep the best of what there is and of some candidates.

        Args:
            query: (n,) rows of this head, in any order.
            candidate: (n,) rows of the block.
            block: the passages.
        """
        import torch

        if not len(query):
            return
        query, order = query.sort()
        candidate = candidate[order]
        found = exact_of(self.vectors, block.vectors, query, candidate)
        better = keys(found, block.place[candidate])
        counts = torch.bincount(query, minlength=len(self.vectors))
        slot = torch.arange(len(query), device=query.device) - (counts.cumsum(0) - counts)[query]
        shape = (len(self.vectors), int(counts.max()))
        key, passage = self.key.new_full(shape, LEAST), self.passage.new_full(shape, -1)
        key[query, slot], passage[query, slot] = better, block.numbers[candidate].int()
        self.key, chosen = torch.cat([self.key, key], dim=1).topk(self.depth, dim=1)
        self.passage = torch.cat([self.passage, passage], dim=1).gather(1, chosen)


class _Products:
    """Proposes by torch, from all products of a block."""

    def __init__(self, block: Block) -> None:
        self.vectors = block.vectors

    def propose(self, head: _Head) -> "tuple[torch.Tensor, torch.Tensor]":
        """The (query, candidate) that may be among the best."""
        products = head.vectors @ self.vectors.T
        highest = products.topk(min(head.depth, products.shape[1]), dim=1).values
        query, candidate = (products >= head.floor(highest)).nonzero(as_tuple=True)
        return query, candidate


class _Flat:
    """Proposes by faiss, from the highest products of a block: more, until they are low enough."""

    def __init__(self, block: Block, threads: int) -> None:
        self.index = _faiss(threads).IndexFlatIP(block.vectors.shape[1])
        self.index.add(block.vectors.numpy())

    def propose(self, head: _Head) -> "tuple[torch.Tensor, torch.Tensor]":
        """The (query, candidate) that may be among the best."""
        import torch

        asked, total = head.vectors.numpy(), self.index.ntotal
        k = min(head.depth + SPARE, total)
        products, candidate = self.index.search(asked, k)
        floor = head.floor(torch.from_numpy(products)).numpy()
        waiting = np.arange(len(asked))
        found: list[tuple[Int64Array, Int64Array]] = []
        while True:
            good = products >= floor[waiting]
            is_last = ~good[:, -1] | (k == total)
            row, column = np.nonzero(good & is_last[:, None])
            found.append((waiting[row], candidate[row, column]))
            waiting, k = waiting[~is_last], min(2 * k, total)
            if not len(waiting):
                break
            products, candidate = self.index.search(asked[waiting], k)
        queries, candidates = (np.concatenate(column) for column in zip(*found, strict=True))
        return torch.from_numpy(queries), torch.from_numpy(candidates)


def _heads(queries: Vectors, depth: int, size: int, device: str) -> list[_Head]:
    import torch

    on, starts = torch.device(device), range(0, len(queries), size)
    return [_Head(to_device(queries[start : start + size], on), depth) for start in starts]


def _joined(heads: Sequence[_Head], depth: int) -> Found:
    passages, scores = [np.empty((0, depth), np.int32)], [np.empty((0, depth), np.float32)]
    for head in heads:
        passages.append(head.passage.cpu().numpy())
        scores.append(scores_of(head.key).cpu().numpy())
    return Found(np.concatenate(passages), np.concatenate(scores))


def _built(pool: Pool, dim: int, factory: str, threads: int, size: int) -> Any:  # noqa: ANN401
    """A faiss index of a pool."""
    faiss = _faiss(threads)
    try:
        index = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            chosen = np.linspace(0, len(pool) - 1, min(len(pool), LEARNED)).astype(np.int64)
            index.train(pool.take(chosen).vectors.numpy())
        for block in pool.blocks(size):
            index.add(block.vectors.numpy())
    except RuntimeError as error:
        raise OptionError(
            f"index {factory!r} cannot be built from {len(pool):,} vectors of {dim} numbers "
            f"(faiss: {str(error).rpartition(': ')[2]}); give another one, as HNSW32"
        ) from error
    return index


def _faiss(threads: int) -> Any:  # noqa: ANN401 - faiss publishes no types
    import faiss

    faiss.omp_set_num_threads(threads)
    return faiss
