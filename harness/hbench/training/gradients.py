"""The loss of a batch and its gradients: those of one plain padded batch, however it is computed.

Packed micro-batches, gradient caching and several processes change the order of sums, not what is
summed. Texts are embedded in shares and micro-batches, the loss sees all vectors at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hbench.memory import Budget
from hbench.packing import to_device
from hbench.protocols import Model
from hbench.training.batches import Batch
from hbench.training.objective import WeightedSum
from hbench.training.processes import ALONE, Processes
from hbench.training.recipe import Precision

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Gradients:
    """Computes losses and gradients.

    Args:
        model: what is trained.
        objective: what is minimised.
        learned: the objective's numbers that are trained along, as 0-d parameters.
        processes: who shares the work.
        budget: tokens that are worked on at once.
        precision: of the model's arithmetic; its weights stay as they are.
        caching: whether to embed each micro-batch again when its gradients are due.
        device: torch's name of it.
    """

    model: Model
    objective: WeightedSum
    learned: "Mapping[str, torch.nn.Parameter]"
    processes: Processes
    budget: Budget
    precision: Precision
    caching: bool
    device: str

    def add(self, batch: Batch) -> "torch.Tensor":
        """Compute the gradients of a batch, and give its loss, without a graph.

        Raises:
            MemoryShortage: not even one text at a time fits into memory.
        """

        def work(budget: int) -> "torch.Tensor":
            loss = self._loss(batch, budget, self.processes)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach()

        loss = self.budget.fit(work, longest=int(batch.lengths.max()), clear=self._clear)
        self.processes.add_up(self.model.parameters())
        return loss

    def _loss(self, batch: Batch, budget: int, processes: Processes) -> "torch.Tensor":
        """The loss of a batch, the same in every process; own texts carry the graph."""
        import torch

        own = processes.share(batch.lengths)
        kind = self.device.partition(":")[0]
        with torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bfloat16"):
            vectors = self.model.embed(
                [batch.tokens[i] for i in own], budget=budget, recompute=self.caching
            )
        if vectors.element_size() < 4:  # the objective's sums want all the digits there are
            vectors = vectors.float()
        vectors = processes.gather(vectors, own, len(batch.tokens))
        parts = torch.split(vectors, [count for _, count in batch.kinds])
        named: dict[str, torch.Tensor] = {
            name: part for (name, _), part in zip(batch.kinds, parts, strict=True)
        }
        masks = {name: to_device(mask, vectors.device) for name, mask in batch.masks.items()}
        loss: torch.Tensor = self.objective.loss({**named, **masks, **self.learned})
        return loss

    def evaluate(self, batch: Batch) -> "torch.Tensor":
        """The loss of a batch without gradients, the same in every process."""
        shared = self.processes if len(batch.tokens) >= self.processes.count else ALONE

        def work(budget: int) -> "torch.Tensor":
            return self._loss(batch, budget, shared)

        return self.budget.fit(work, longest=int(batch.lengths.max()), clear=self._clear)

    def clear(self) -> None:
        """Forget all gradients."""
        for parameter in [*self.model.parameters(), *self.learned.values()]:
            parameter.grad = None

    def _clear(self) -> None:
        import torch

        self.clear()
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
