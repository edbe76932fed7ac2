"""Draws a passage and its translation together, and the passage towards its query."""

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

# A divergence of float32 vectors is rounded by about this much; below it, the slope of its root
# would be large and of random direction.
LEAST_DIVERGENCE = 1e-8


@dataclass(frozen=True)
class SemanticProximity:
    """proximity_weight x L_JSD + nce_weight x L_NCE; rows cross from language a to language b.

    L_JSD is the mean over rows of sqrt(JSD(P(d_b) || P(d_a))), with P(z) the softmax over the
    dimensions of the vector z, not normalised, d_b = ``passage``, d_a = the same passage in the
    query's language, and JSD(P || R) = (KL(P || M) + KL(R || M)) / 2 in nats, M = (P + R) / 2.

    L_NCE is the mean over rows of -log(exp(s(d_i, q_i) / t) / sum_j exp(s(d_i, q_j) / t)), with
    s = cosine, d = ``passage`` and q = ``query``: the passage is the anchor, other rows' queries
    are the negatives. Queries that a batch marks as duplicates are left out.

    Source: arXiv 2604.05684, where a is English and both weights are 1. It adds a small constant
    to the root, which has no gradient; here the root and its gradient are 0 where the divergence
    is 0 up to rounding, as in a row of one language.

    Args:
        temperature: t; smaller is sharper. Ours: the source's is not known.
        proximity_weight: of L_JSD; 0 is the source's ablation "without JSD".
        nce_weight: of L_NCE; 0 is the ablation "without NCE", whose vectors collapse.
    """

    temperature: Annotated[float, Gt(0)] = 0.05
    proximity_weight: Annotated[float, Ge(0)] = 1.0
    nce_weight: Annotated[float, Ge(0)] = 1.0
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[Need, ...]] = ("query", "passage", "passage_in_query_language")

    def __post_init__(self) -> None:
        if self.proximity_weight == self.nce_weight == 0:
            message = "'proximity_weight' and 'nce_weight' are both 0: nothing would be learned"
            raise OptionError(message, ("nce_weight",))

    def loss(self, batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        """The scalar loss of a batch of (n, dim) vectors for each of ``needs``."""
        passage = batch["passage"]
        scores = cosines(passage, batch["query"]) / self.temperature
        proximity = _distances(passage, batch["passage_in_query_language"]).mean()
        contrast = nce(without(scores, duplicates(batch)))
        return self.proximity_weight * proximity + self.nce_weight * contrast


def _distances(left: "torch.Tensor", right: "torch.Tensor") -> "torch.Tensor":
    """(n,) square roots of the Jensen-Shannon divergences of (n, dim) vectors, row by row."""
    import torch

    left, right = left.log_softmax(dim=1), right.log_softmax(dim=1)
    middle = torch.logaddexp(left, right) - math.log(2)
    terms = left.exp() * (left - middle) + right.exp() * (right - middle)
    divergence = terms.sum(dim=1) / 2
    # The root's slope at 0 is infinite, so the zeros must not get there, not even unused.
    apart = divergence > LEAST_DIVERGENCE
    return torch.where(apart, divergence, 1).sqrt() * apart
