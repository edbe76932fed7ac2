"""InfoNCE over in-batch negatives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Gt

from hbench.protocols import Need

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class InfoNCE:
    """Mean over rows of -log(exp(s(q_i, p_i) / t) / sum_j exp(s(q_i, p_j) / t)), s = cosine.

    Every other row's passage is a negative. Source: equation 1 of arXiv 2408.10536, which states
    no temperature (van den Oord et al., arXiv 1807.03748).

    Args:
        temperature: t; smaller is sharper.
        symmetric: average with the same loss from passages to queries.
    """

    temperature: Annotated[float, Gt(0)] = 0.05
    symmetric: bool = False
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[Need, ...]] = ("query", "passage")

    def loss(self, batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        """The scalar loss of a batch of (n, dim) ``query`` and ``passage`` vectors."""
        import torch
        from torch.nn.functional import cross_entropy, normalize

        queries, passages = normalize(batch["query"], dim=1), normalize(batch["passage"], dim=1)
        scores = queries @ passages.T / self.temperature
        own = torch.arange(len(scores), device=scores.device)
        loss = cross_entropy(scores, own)
        return (loss + cross_entropy(scores.T, own)) / 2 if self.symmetric else loss
