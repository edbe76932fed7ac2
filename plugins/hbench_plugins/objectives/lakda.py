"""InfoNCE, and the same ranking of passages for a query's translation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from hbench.protocols import Need
from hbench_plugins.objectives.contrast import cosines, duplicates, nce, without

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LaKDA:
    """(1 - share) x InfoNCE(q_a, d) + share x KL(P_b || P_a), both means over rows.

    With d = ``passage``, q_a = ``query`` and q_b the same query in the passage's language,
    InfoNCE is -log(exp(s(q_a_i, d_i) / t) / sum_j exp(s(q_a_i, d_j) / t)), s = cosine. P_x is the
    softmax of s(q_x_i, d_j) over the batch's passages j, without temperature, and
    KL(P_b || P_a) = sum_j P_b_j log(P_b_j / P_a_j). Gradients reach both languages' queries.

    Passages that a batch marks as duplicates are left out of InfoNCE's sum and of both P.

    Source: Yang, Jiang and Baldwin, arXiv 2509.06195.

    Args:
        share: of the divergence; the source's is 0.5.
        temperature: t; smaller is sharper.
    """

    share: Annotated[float, Ge(0), Le(1)] = 0.5
    temperature: Annotated[float, Gt(0)] = 0.05
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[Need, ...]] = ("query", "passage", "query_in_passage_language")

    def loss(self, batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        """The scalar loss of a batch of (n, dim) vectors for each of ``needs``."""
        passage, left_out = batch["passage"], duplicates(batch)
        scores = cosines(batch["query"], passage)
        translated = cosines(batch["query_in_passage_language"], passage)
        contrast = nce(without(scores / self.temperature, left_out))
        divergence = _divergences(translated, scores, left_out).mean()
        return (1 - self.share) * contrast + self.share * divergence


def _divergences(
    of: "torch.Tensor", to: "torch.Tensor", left_out: "torch.Tensor"
) -> "torch.Tensor":
    """(n,) KL(softmax(of) || softmax(to)) of (n, n) logits, row by row."""
    of, to = (without(logits, left_out).log_softmax(dim=1) for logits in (of, to))
    # What is left out weighs nothing, but -inf - -inf is no number.
    return (of.exp() * (of - to).masked_fill(left_out, 0)).sum(dim=1)
