"""The processes that train one system together, each embedding its share of a batch's texts.

Started by torchrun or ``accelerate launch``, which set the environment that accelerate reads. Every
process sees the vectors of the whole batch, so that negatives are gathered; its own ones carry the
gradients. Added up at the end of a step, they are those of one process with the whole batch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from hbench.packing import to_device
from hbench.provenance import Hardware
from hbench.records import Int64Array

if TYPE_CHECKING:
    import torch

PATIENCE = timedelta(days=7)  # the others wait while the first process does what is not shared
Value = TypeVar("Value")


@dataclass(frozen=True)
class Processes:
    """This process among all.

    Args:
        rank: its number, from 0.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    def share(self, lengths: Int64Array) -> Int64Array:
        """The texts of this process: about equal tokens for each, and at least one text.

        Args:
            lengths: tokens of each text of the batch.

        Raises:
            ValueError: there are fewer texts than processes.
        """
        if self.count == 1:
            return np.arange(len(lengths))
        if len(lengths) < self.count:
            raise ValueError(f"{len(lengths)} texts cannot be shared by {self.count} processes")
        loads = [(0, rank) for rank in range(self.count)]
        heapify(loads)
        own: list[int] = []
        for text in np.argsort(-lengths, kind="stable").tolist():  # the longest first
            load, rank = heappop(loads)
            heappush(loads, (load + int(lengths[text]), rank))
            if rank == self.rank:
                own.append(text)
        return np.sort(np.array(own, np.int64))

    def gather(self, vectors: "torch.Tensor", own: Int64Array, total: int) -> "torch.Tensor":
        """(total, dim) vectors of all processes; those in rows ``own`` keep their graph."""
        import torch

        if self.count == 1:
            return vectors
        rows = to_device(own, vectors.device)
        others = vectors.new_zeros(total, vectors.shape[1]).index_copy(0, rows, vectors.detach())
        torch.distributed.all_reduce(others)
        return others.index_copy(0, rows, vectors)

    def add_up(self, parameters: "Iterable[torch.nn.Parameter]") -> None:
        """Replace each gradient by its sum over all processes."""
        import torch

        if self.count > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    torch.distributed.all_reduce(parameter.grad)

    def wait(self) -> None:
        """Go on when all processes are here."""
        import torch

        if self.count > 1:
            torch.distributed.barrier()

    def agree(self, value: Value) -> Value:
        """The first process's value, in every process; waits for all."""
        if self.count == 1:
            return value
        from accelerate.utils import broadcast_object_list

        (agreed,) = broadcast_object_list([value])
        shared: Value = agreed
        return shared


ALONE = Processes()


def join_processes(hardware: Hardware) -> Processes:
    """Join the processes that were started together; alone, where there is one."""
    if hardware.processes == 1:
        return ALONE
    from accelerate import PartialState
    from accelerate.utils import InitProcessGroupKwargs

    kwargs = InitProcessGroupKwargs(timeout=PATIENCE).to_kwargs()
    state = PartialState(cpu=hardware.device == "cpu", **kwargs)
    return Processes(state.process_index, state.num_processes)
