"""Several objectives as one: a weighted sum, with the texts that any of them needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from hbench.errors import PluginError
from hbench.protocols import Need, Objective

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class WeightedSum:
    """The sum over objectives of weight x loss; used as one objective.

    Args:
        parts: weights and objectives; a single one of weight 1 is that objective.
    """

    parts: Sequence[tuple[float, Objective]]

    @property
    def needs(self) -> Sequence[Need]:
        """The texts of each row that any part wants, each once."""
        needs = list(dict.fromkeys(need for _, part in self.parts for need in part.needs))
        for need in needs:
            if need not in get_args(Need):
                raise PluginError(
                    f"an objective needs {need!r}, and there are only {', '.join(get_args(Need))}"
                )
        return needs

    @property
    def negatives(self) -> int:
        """Hard negatives of a row: as many as the part that wants most."""
        return max((_negatives(part) for _, part in self.parts), default=0)

    @property
    def learned(self) -> Mapping[str, float]:
        """Start values of the numbers to learn; a part's name is led by its number."""
        return {
            f"{number}.{name}": value
            for number, (_, part) in enumerate(self.parts)
            for name, value in getattr(part, "learned", {}).items()
        }

    def loss(self, batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        """The scalar to minimise; see ``hbench.protocols.Objective``."""
        losses = [
            weight * part.loss(self._seen_by(number, part, batch))
            for number, (weight, part) in enumerate(self.parts)
        ]
        return sum(losses[1:], start=losses[0])

    def _seen_by(
        self, number: int, part: Objective, batch: "Mapping[str, torch.Tensor]"
    ) -> "dict[str, torch.Tensor]":
        wanted = {*part.needs, "duplicate"}
        if "negatives" in part.needs:
            wanted.add("duplicate_negative")
        seen = {name: tensor for name, tensor in batch.items() if name in wanted}
        for name in getattr(part, "learned", {}):
            seen[name] = batch[f"{number}.{name}"]
        fewer, most = _negatives(part), self.negatives
        if "negatives" in seen and fewer < most:
            vectors = seen["negatives"]
            kept = vectors.view(-1, most, vectors.shape[1])[:, :fewer]
            seen["negatives"] = kept.flatten(0, 1)
            if "duplicate_negative" in seen:
                mask = seen["duplicate_negative"]
                kept = mask.view(len(mask), -1, most)[:, :, :fewer]
                seen["duplicate_negative"] = kept.flatten(1, 2)
        return seen


def _negatives(objective: Objective) -> int:
    """How many hard negatives of a row an objective wants."""
    return int(getattr(objective, "negatives", 1)) if "negatives" in objective.needs else 0
