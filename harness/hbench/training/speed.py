"""How fast training is: tokens per second, the share of what the machine can do, and memory."""

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from hbench.protocols import Model
from hbench.records import TokenIds
from hbench.training.recipe import Precision

if TYPE_CHECKING:
    import torch

FEW = 512  # tokens at once while the arithmetic is counted: no memory is needed for that
SIDE = {"cpu": 1024, "cuda": 8192, "mps": 4096}  # of the matrices that show a device's rate


class Speedometer:
    """Turns counts of tokens into rates.

    The share of peak is the arithmetic of the steps (that of embedding, counted by torch, three
    times: backward is two forwards) against a large matrix product on the same device, measured at
    the start. What gradient caching computes again does not count.

    Args:
        model: what is trained.
        tokens: some texts, to count the arithmetic of a token.
        precision: of the arithmetic.
        device: where it is done.
        count: how many such devices work together.
    """

    def __init__(
        self,
        model: Model,
        tokens: Sequence[TokenIds],
        precision: Precision,
        device: "torch.device",
        count: int,
    ) -> None:
        import torch

        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self.device = device
        self.peak = _matmul_rate(device, dtype) * count
        self.per_token = 3 * _forward_work(model, tokens, device) / sum(map(len, tokens))
        self.restart()

    def restart(self) -> None:
        """Measure from now on."""
        self.tokens = 0
        self.since = perf_counter()

    def rates(self) -> dict[str, float]:
        """Since the last restart; call it where the device has finished."""
        rate = self.tokens / max(perf_counter() - self.since, 1e-9)
        share = rate * self.per_token / self.peak
        return {"tokens_per_second": round(rate, 1), "share_of_peak": round(share, 4)}

    def memory(self) -> int:
        """Bytes: of this process on a CPU, the most that was allocated on a GPU."""
        import torch

        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        import psutil

        used: int = psutil.Process().memory_info().rss
        return used


def _forward_work(model: Model, tokens: Sequence[TokenIds], device: "torch.device") -> int:
    """Floating-point operations of embedding the texts."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    forked = [device] if device.type == "cuda" else []
    # Of attention, torch counts what it computes as plain matrix products.
    counter = FlopCounterMode(display=False)
    with torch.random.fork_rng(forked), sdpa_kernel(SDPBackend.MATH), torch.no_grad(), counter:
        model.embed(tokens, budget=FEW)
    total: int = counter.get_total_flops()
    return total


def _matmul_rate(device: "torch.device", dtype: "torch.dtype") -> float:
    """Operations per second of a large matrix product: the best of a few."""
    import torch

    side = SIDE[device.type]
    matrix = torch.ones(side, side, dtype=dtype, device=device)
    best = float("inf")
    for _ in range(4):
        started = perf_counter()
        float((matrix @ matrix)[0, 0])  # reading a number waits for the device
        best = min(best, perf_counter() - started)
    return 2 * side**3 / best
