"""What an interrupted training goes on from: weights, optimiser, step, and the log so far.

Nothing else is needed, since every random number follows from the seed and the step.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from hbench.manifests import check, is_complete
from hbench.store import Store

if TYPE_CHECKING:
    import torch

KEPT = 2
EVERY = 120.0  # seconds


@dataclass
class Checkpoints:
    """The checkpoints of one job, the two newest of them.

    Args:
        store: where they are written.
        folder: theirs.
        every: seconds between two.
    """

    store: Store
    folder: Path
    every: float = EVERY

    def __post_init__(self) -> None:
        self._last = monotonic()

    @property
    def is_due(self) -> bool:
        """Whether the last one is long enough ago."""
        return monotonic() - self._last >= self.every

    def save(
        self, step: int, tensors: "Mapping[str, torch.Tensor]", facts: Mapping[str, Any]
    ) -> None:
        """Write a checkpoint after ``step`` steps, and remove the oldest."""
        from safetensors.torch import save_file

        target = self.folder / f"step-{step:012d}"
        with self.store.writing(target, {"step": step}) as (folder, _):
            flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
            save_file(flat, folder / "state.safetensors")
            (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
        for old in self._complete()[:-KEPT]:
            shutil.rmtree(old)
        self._last = monotonic()

    def newest(self) -> "tuple[dict[str, torch.Tensor], dict[str, Any]] | None":
        """Tensors and facts of the newest checkpoint, if there is one.

        Raises:
            Damaged: it is not what was saved.
        """
        from safetensors.torch import load_file

        found = self._complete()
        if not found:
            return None
        check(found[-1])
        facts: dict[str, Any] = json.loads((found[-1] / "facts.json").read_text(encoding="utf-8"))
        return load_file(found[-1] / "state.safetensors"), facts

    def clear(self) -> None:
        """Remove them all."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _complete(self) -> list[Path]:
        return sorted(folder for folder in self.folder.glob("step-*") if is_complete(folder))


def state_of(
    parameters: "Mapping[str, torch.Tensor]", optimizer: "torch.optim.Optimizer"
) -> "dict[str, torch.Tensor]":
    """Parameters and the optimiser's tensors under flat names."""
    state = {f"parameter.{name}": tensor for name, tensor in parameters.items()}
    for number, values in optimizer.state_dict()["state"].items():
        state |= {f"optimizer.{number}.{name}": tensor for name, tensor in values.items()}
    return state


def restore(
    state: "Mapping[str, torch.Tensor]",
    parameters: "Mapping[str, torch.Tensor]",
    optimizer: "torch.optim.Optimizer",
) -> None:
    """Put back what ``state_of`` gave."""
    import torch

    with torch.no_grad():
        for name, tensor in parameters.items():
            tensor.copy_(state[f"parameter.{name}"])
    values: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in state.items():
        if name.startswith("optimizer."):
            _, number, part = name.split(".")
            values.setdefault(int(number), {})[part] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": values})
