"""Where jobs run, and what is there."""

from collections.abc import Sequence
from dataclasses import dataclass

from hbench.errors import DeviceError
from hbench.provenance import Hardware
from hbench.store import Store
from hbench.training.processes import ALONE, Processes


@dataclass(frozen=True)
class Site:
    """Where jobs run and what is there.

    Args:
        store: the results folder.
        hardware: what they run on.
        processes: who shares the work of training; the first does all else alone.
        trackers: names of the experiment trackers that training reports to.
    """

    store: Store
    hardware: Hardware
    processes: Processes = ALONE
    trackers: Sequence[str] = ()


def prepare_torch(hardware: Hardware) -> None:
    """Fix torch's threads, and forbid TF32 and bfloat16 in float32 products.

    On a CPU this makes its operations repeatable. To be called after foreign code has run, too.

    Raises:
        DeviceError: torch does not see the device.
    """
    import torch

    kind, _, index = hardware.device.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 0
    if kind == "cuda" and int(index or 0) >= count:
        better = f"give cuda:0 to cuda:{count - 1}" if count else "install torch for CUDA"
        raise DeviceError(
            f"device {hardware.device!r} was chosen, and torch {torch.__version__} sees "
            f"{count} CUDA devices; {better}, or use --device cpu"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("device 'mps' was chosen, and torch sees none; use --device cpu")
    torch.set_num_threads(hardware.threads)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
