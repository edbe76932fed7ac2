"""One of several processes that compute the gradients of the toy batch together.

``worker.py RANK COUNT MEETING_PLACE OUTPUT``; once more, gradients are averaged instead of added
up, as in a known mistake of other trainers.
"""

import sys
from datetime import timedelta

import torch
from safetensors.torch import save_file
from tests.training.toy_training import OBJECTIVES, computed

from hbench.training.processes import Processes


class Averaging(Processes):
    """A deliberately wrong way of joining gradients."""

    def add_up(self, parameters):
        parameters = list(parameters)
        super().add_up(parameters)
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad /= self.count


if __name__ == "__main__":
    rank, count = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", f"file://{sys.argv[3]}", timedelta(seconds=120), count, rank
    )
    joined, found = Processes(rank, count), dict[str, torch.Tensor]()

    def keep(name, objective, caching, processes):
        loss, gradients = computed(objective, caching=caching, processes=processes)
        found[f"{name}|{caching}|loss"] = loss
        found.update({f"{name}|{caching}|{n}": g.contiguous() for n, g in gradients.items()})

    for name, objective in OBJECTIVES.items():
        for caching in (False, True):
            keep(name, objective, caching, joined)
    keep("averaged", OBJECTIVES["one way"], False, Averaging(rank, count))
    save_file(found, f"{sys.argv[4]}-{rank}.safetensors")
    torch.distributed.destroy_process_group()
