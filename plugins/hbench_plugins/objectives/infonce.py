"""InfoNCE over in-batch and hard negatives, in three forms, with masks for false negatives."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Gt

from hbench.errors import OptionError
from hbench.protocols import Need
from hbench_plugins.objectives.contrast import cosines, duplicates, nce, without

if TYPE_CHECKING:
    import torch

LARGEST_SCALE = 100.0  # of a learned temperature: section 2.5 of CLIP, arXiv 2103.00020


@dataclass(frozen=True)
class InfoNCE:
    """Mean over rows i of -log(exp(s(q_i, d_i) / t) / Z_i); s = cosine, q queries, d passages.

    One-way, the default: Z_i = sum_j exp(s(q_i, d_j) / t). Source: equation 1 of arXiv 2408.10536,
    which states no temperature (van den Oord et al., arXiv 1807.03748).

    What a batch marks as duplicates of row i is left out of all of row i's sums.

    Args:
        temperature: t; smaller is sharper.
        symmetric: average with the same loss from passages to queries, whose Z_i is
            sum_j exp(s(q_j, d_i) / t).
        joint: add to the one-way Z_i those of all other directions, as GTE (arXiv 2308.03281):
            sum_j exp(s(q_j, d_i) / t) + sum_{j != i} exp(s(q_i, q_j) / t)
            + sum_{j != i} exp(s(d_i, d_j) / t). The positive is in Z_i twice, once a direction, so
            that no row costs less than log 2.
        learn_temperature: train log(1 / t) along, starting from ``temperature``; 1 / t is capped
            at 100, as in CLIP (arXiv 2103.00020).
        hard_negatives: k, per row. Every row's are candidates for every query, as in DPR
            (arXiv 2004.04906): Z_i has a term exp(s(q_i, h) / t) for each hard negative h, and,
            if ``joint``, exp(s(d_i, h) / t) for those of other rows. None is the positive of a
            query, so the direction from passages to queries has no terms for them.
        margin: leave out of Z_i each term whose cosine exceeds s(q_i, d_i) + margin, as it is
            likely a false negative: Qwen3 Embedding (arXiv 2506.05176), there 0.1.
    """

    temperature: Annotated[float, Gt(0)] = 0.05
    symmetric: bool = False
    joint: bool = False
    learn_temperature: bool = False
    hard_negatives: Annotated[int, Ge(0)] = 0
    margin: Annotated[float, Ge(0)] | None = None
    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if self.symmetric and self.joint:
            message = "'joint' has both directions already: choose it or 'symmetric'"
            raise OptionError(message, ("joint",))
        if self.learn_temperature and self.temperature * LARGEST_SCALE < 1:
            lowest = 1 / LARGEST_SCALE
            message = f"a learned temperature starts at {lowest} or above, found {self.temperature}"
            raise OptionError(message, ("temperature",))

    @property
    def needs(self) -> tuple[Need, ...]:
        """Queries and passages, and hard negatives if there are any."""
        return ("query", "passage", "negatives") if self.hard_negatives else ("query", "passage")

    @property
    def negatives(self) -> int:
        """Hard negatives a row."""
        return self.hard_negatives

    @property
    def learned(self) -> dict[str, float]:
        """The start value of log(1 / t), if it is learned."""
        return {"log_scale": -math.log(self.temperature)} if self.learn_temperature else {}

    def loss(self, batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        """The scalar loss of a batch of (n, dim) ``query`` and ``passage`` vectors."""
        import torch

        query, passage = batch["query"], batch["passage"]
        # Without hard negatives, their blocks have no columns.
        hard = batch["negatives"] if self.hard_negatives else passage[:0]
        own = torch.eye(len(query), dtype=torch.bool, device=query.device)
        own_hard = own.repeat_interleave(self.hard_negatives, dim=1)
        duplicate = duplicates(batch)
        duplicate_hard = batch.get("duplicate_negative", torch.zeros_like(own_hard))
        scores, scale = cosines(query, passage), self._scale(batch)
        margin = math.inf if self.margin is None else self.margin
        limit = scores.detach().diagonal()[:, None] + margin

        def logits(cosine: torch.Tensor, left_out: torch.Tensor) -> torch.Tensor:
            return without(cosine * scale, left_out | (cosine > limit))

        forward = logits(scores, duplicate), logits(cosines(query, hard), duplicate_hard)
        if not (self.symmetric or self.joint):
            return nce(*forward)
        backward = logits(scores.T, duplicate)
        if self.symmetric:
            return (nce(*forward) + nce(backward)) / 2
        within = (
            logits(cosines(query, query), duplicate | own),
            logits(cosines(passage, passage), duplicate | own),
            logits(cosines(passage, hard), duplicate_hard | own_hard),
        )
        return nce(*forward, backward, *within)

    def _scale(self, batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor | float":
        """1 / t."""
        if "log_scale" not in batch:
            return 1 / self.temperature
        learned = batch["log_scale"]
        # The cap holds the value and not the gradient: a number beyond it finds its way back.
        excess = (learned - math.log(LARGEST_SCALE)).clamp(min=0).detach()
        return (learned - excess).exp()
