"""Counting how many candidates beat each relevant passage: exact, one block of scores at a time.

A candidate beats a passage if its score is higher, or equal and its id later (trec_eval's order).
A score is the dot product of two vectors in exact arithmetic, rounded to float32, so that it
depends on neither BLAS, block, thread nor device. It is not computed for every pair: float32
products decide wherever they are farther from a relevant passage's score than they can err. Knows
blocks of vectors, not where they come from.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hbench.records import Int64Array

if TYPE_CHECKING:
    import torch

LONGEST = 1 + 2.0**-10  # of a vector: length 1, with components rounded to float16 at worst
# Bytes of what is computed at once: what a core's cache holds; a GPU needs more to be busy.
AT_ONCE = {"cpu": 2**20, "cuda": 2**28}
# Exact scores of a whole block take as long as those of about this share of its pairs, one by one.
MANY = 1 / 128
LEAST = -(2**63)  # below every key


def error_bound(dim: int) -> float:
    """How far a float32 product may be from the exact score rounded to float32, at most.

    Let u = 2^-24, x and y vectors of ``dim`` components n, e their exact dot product, and s what
    float32 arithmetic gives, summed in any order, with or without fused multiply-adds. Then
    |s - e| <= g |x|.|y| with g = n u / (1 - n u) (Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd ed., section 3.1), and |x|.|y| <= ``LONGEST``^2 by Cauchy and Schwarz.

    A relevant passage's score t is e' rounded. As rounding is monotone, a candidate has a higher
    score than t if e > t + u, and a lower one if e < t - u, since neighbours of a t below 2 are
    2 u apart at most. So s > t + g LONGEST^2 + u decides, and so does its opposite. To add the
    bound to t and compare in float32 rounds once more, by u at most; a further 2 u is spare.

    None of it holds for products in TF32 or bfloat16; see ``hbench.site.prepare_torch``.

    >>> error_bound(384) < 2.4e-5
    True
    """
    unit = 2.0**-24
    growth = dim * unit / (1 - dim * unit)
    return growth * LONGEST**2 + 4 * unit


def keys(scores: "torch.Tensor", place: "torch.Tensor") -> "torch.Tensor":
    """Scores and tie order as one integer, so that a higher key is a better place.

    Args:
        scores: (..., n) float32, finite.
        place: (n,) int64, the tie order of each passage, from 0 to 2^32 - 1.

    Returns:
        (..., n) int64: the score's bits in ascending order above the tie order's 32 bits; -0.0
        and 0.0 are one score.
    """
    import torch

    bits = scores.view(torch.int32).to(torch.int64)
    ascending = torch.where(bits >= 0, bits, -(bits + 2**31))
    return ascending * 2**32 + place


def scores_of(keys: "torch.Tensor") -> "torch.Tensor":
    """The float32 scores in keys."""
    import torch

    high = keys >> 32
    return torch.where(high >= 0, high, -high - 2**31).to(torch.int32).view(torch.float32)


def exact_of(
    left: "torch.Tensor", right: "torch.Tensor", i: "torch.Tensor", j: "torch.Tensor"
) -> "torch.Tensor":
    """(n,) exact scores of the rows ``i`` of ``left`` with the rows ``j`` of ``right``.

    float64 sums do not round here; few are worked on at a time.
    """
    import torch

    rows = at_once(left.device, 2 * 8 * left.shape[1])
    parts = zip(torch.split(i, rows), torch.split(j, rows), strict=True)
    some = (left.index_select(0, a).double().mul_(right.index_select(0, b)) for a, b in parts)
    return torch.cat([each.sum(dim=1).float() for each in some])


def at_once(device: "torch.device", size: int) -> int:
    """How many rows of ``size`` bytes to work on at once."""
    return max(1, AT_ONCE[device.type] // max(1, size))


@dataclass(frozen=True)
class Candidates:
    """A block of passages of one language, on the device.

    Args:
        language: its index.
        first: the number of the first passage.
        vectors: (P, dim) float32.
        place: (P,) int64, tie order.
    """

    language: int
    first: int
    vectors: "torch.Tensor"
    place: "torch.Tensor"


@dataclass
class Asked:
    """A block of queries on the device, and what was counted for them so far.

    Args:
        numbers: (Q,) of the queries.
        vectors: (Q, dim) float32.
        score: (Q, R) float32, exact scores of the relevant passages, inf where there are fewer.
        key: (Q, R) int64, likewise.
        passage: (Q, R) int64, their numbers, -1 where there are fewer.
        languages: L.
        top_k: how many of the best candidates to keep for each language.
    """

    numbers: Int64Array
    vectors: "torch.Tensor"
    score: "torch.Tensor"
    key: "torch.Tensor"
    passage: "torch.Tensor"
    languages: int
    top_k: int
    beats: "torch.Tensor" = field(init=False)
    ties: "torch.Tensor" = field(init=False)
    top: "torch.Tensor" = field(init=False)
    top_passage: "torch.Tensor" = field(init=False)

    def __post_init__(self) -> None:
        import torch

        (queries, dim), device = self.vectors.shape, self.vectors.device
        self.beats = self.score.new_zeros((*self.score.shape, self.languages), dtype=torch.int32)
        self.ties = torch.zeros_like(self.score, dtype=torch.int32)
        self.top = torch.full((queries, self.languages, self.top_k), LEAST, device=device)
        self.top_passage = torch.full_like(self.top, -1, dtype=torch.int32)
        self._bound = error_bound(dim)
        self._ends = torch.cat([self.score - self._bound, self.score + self._bound], dim=1)

    def count(self, block: Candidates) -> None:
        """Count the candidates of a block, and keep the best of them."""
        import torch

        with torch.inference_mode():  # there each call costs less
            scores = self.vectors @ block.vectors.T
            if scores.device.type == "cpu":
                self.count_compiled(scores, block)
            else:
                self.count_by_torch(scores, block)

    def count_compiled(self, scores: "torch.Tensor", block: Candidates) -> None:
        """On a CPU, where torch would read all scores from memory again in each of its steps."""
        import numba
        import torch

        from hbench.counting_cpu import count

        threads = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
        numba.set_num_threads(threads)
        count(
            scores.numpy(),
            self.vectors.numpy(),
            block.vectors.numpy(),
            block.place.numpy(),
            block.first,
            self.score.numpy(),
            self.key.numpy(),
            self.passage.numpy(),
            np.float32(self._bound),
            block.language,
            self.beats.numpy(),
            self.ties.numpy(),
            self.top.numpy(),
            self.top_passage.numpy(),
        )

    def count_by_torch(self, scores: "torch.Tensor", block: Candidates) -> None:
        """On any device; the same to the bit."""
        maybe, above = self._sure(scores).chunk(2, dim=1)
        here = (self.passage >= block.first) & (self.passage < block.first + len(block.place))
        undecided = maybe - above - here.int()
        count, found = int(undecided.sum()), None
        if count > scores.numel() * MANY:
            found = keys((self.vectors.double() @ block.vectors.double().T).float(), block.place)
            above = self._all(found, here)
        elif count:
            above += self._near(scores, undecided, block)
        self.beats[:, :, block.language] += above
        if self.top_k:
            self._keep(scores >= self._floor(scores, block.language), found, block)

    def _sure(self, scores: "torch.Tensor") -> "torch.Tensor":
        """(Q, 2 R) int32 counts of candidates that may be above, and then that are for sure."""
        import torch

        rows = at_once(scores.device, self._ends.shape[1] * scores.shape[1])
        parts = zip(torch.split(scores, rows), torch.split(self._ends, rows), strict=True)
        counts = [(some[:, None] > ends[:, :, None]).sum(dim=2) for some, ends in parts]
        return torch.cat(counts).int()

    def _near(
        self, scores: "torch.Tensor", undecided: "torch.Tensor", block: Candidates
    ) -> "torch.Tensor":
        """(Q, R) int32 candidates inside the band of a relevant passage that beat it."""
        import torch

        query, relevant = undecided.nonzero(as_tuple=True)
        picked = scores[query]
        low, high = (ends[query, relevant, None] for ends in self._ends.chunk(2, dim=1))
        row, candidate = ((picked > low) & (picked <= high)).nonzero(as_tuple=True)
        query, relevant = query[row], relevant[row]
        found = exact_of(self.vectors, block.vectors, query, candidate)
        is_tie = found == self.score[query, relevant]
        is_tie &= (block.first + candidate[:, None] != self.passage[query]).all(dim=1)
        is_better = keys(found, block.place[candidate]) > self.key[query, relevant]
        cell = query * self.score.shape[1] + relevant
        tied, better = (
            torch.bincount(cell[chosen], minlength=self.score.numel()).view(self.score.shape).int()
            for chosen in (is_tie, is_better)
        )
        self.ties += tied
        return better

    def _all(self, found: "torch.Tensor", here: "torch.Tensor") -> "torch.Tensor":
        """(Q, R) int32 candidates that beat each relevant passage, from the keys of all."""
        import torch

        above = torch.empty_like(self.ties)
        for relevant in range(self.score.shape[1]):
            own = self.key[:, relevant, None]
            above[:, relevant] = (found > own).sum(dim=1)
            equal = (found >> 32 == own >> 32).sum(dim=1)
            answers = ((self.score == self.score[:, relevant, None]) & here).sum(dim=1)
            self.ties[:, relevant] += (equal - answers).int()
        return above

    def _floor(self, scores: "torch.Tensor", language: int) -> "torch.Tensor":
        """(Q, 1) float32 products below which nothing can be among the best."""
        last = self.top[:, language, -1:]
        if bool((last > LEAST).all()):
            return scores_of(last) - self._bound
        if scores.shape[1] < self.top_k:
            return scores[:, :1].new_full((len(scores), 1), float("-inf"))
        # That many have exact scores no farther below than the bound, and a product that is twice
        # as far below belongs to a lower one.
        return scores.topk(self.top_k, dim=1).values[:, -1:] - 2 * self._bound

    def _keep(self, good: "torch.Tensor", found: "torch.Tensor | None", block: Candidates) -> None:
        """Merge the candidates that are ``good`` enough into the best of their language."""
        import torch

        query, candidate = good.nonzero(as_tuple=True)
        if not len(query):
            return
        if found is None:
            score = exact_of(self.vectors, block.vectors, query, candidate)
            better = keys(score, block.place[candidate])
        else:
            better = found[query, candidate]
        counts = torch.bincount(query, minlength=len(good))
        slot = torch.arange(len(query), device=query.device) - (counts.cumsum(0) - counts)[query]
        shape = (len(good), int(counts.max()))
        key = torch.full(shape, LEAST, device=query.device)
        passage = torch.full(shape, -1, dtype=torch.int32, device=query.device)
        key[query, slot], passage[query, slot] = better, (block.first + candidate).int()
        language = block.language
        key = torch.cat([self.top[:, language], key], dim=1)
        passage = torch.cat([self.top_passage[:, language], passage], dim=1)
        self.top[:, language], chosen = key.topk(self.top_k, dim=1)
        self.top_passage[:, language] = passage.gather(1, chosen)
