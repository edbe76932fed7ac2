"""How many tokens are worked on at once: asked for, and halved when memory runs out."""

from collections.abc import Callable
from typing import TypeVar

from hbench.errors import MemoryShortage

# A core's cache holds the activations of 2,000 to 4,000 tokens; a GPU has no such limit, and wants
# matrices large enough to fill it.
DEFAULT_BUDGET = {"cpu": 3072, "mps": 16_384, "cuda": 65_536}
# What the errors of CPU allocators, MPS and cuBLAS say, which have no class of their own.
SIGNS = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
Result = TypeVar("Result")


def token_budget(asked: int | None, device: str) -> int:
    """What is asked for, or else the default of the device (torch's name of it)."""
    return asked or DEFAULT_BUDGET[device.partition(":")[0]]


class Budget:
    """The token budget of a job.

    Args:
        asked: what the spec says; None takes the device's default.
        device: torch's name of it.
        may_shrink: False where other processes would wait for this one's first try.
    """

    def __init__(self, asked: int | None, device: str, *, may_shrink: bool = True) -> None:
        self.may_shrink = may_shrink
        self.tokens = token_budget(asked, device)
        self.notes: list[str] = []

    def fit(
        self, work: Callable[[int], Result], *, longest: int, clear: Callable[[], None]
    ) -> Result:
        """Do work within the budget, again within half of it for as long as memory does not do.

        Args:
            work: is given the budget; does the same whenever it is called.
            longest: tokens of the longest text; a smaller budget changes nothing any more.
            clear: frees what a failed try has left behind.

        Raises:
            MemoryShortage: not even one text at a time fits.
        """
        while True:
            try:
                return work(self.tokens)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                cause = str(error).partition("\n")[0][:200]
            clear()  # out here, where the error holds no frames and so no tensors any more
            if self.tokens <= longest or not self.may_shrink:
                raise MemoryShortage(
                    f"out of memory with {max(self.tokens, longest)} tokens at a time ({cause}); "
                    "use gradient_caching, a smaller token_budget, batch_size, maximum length or "
                    "model, or another device"
                )
            self.tokens = max(longest, self.tokens // 2)
            self.notes.append(f"out of memory: the token budget was halved to {self.tokens}")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whichever device."""
    import torch

    known, text = (MemoryError, torch.OutOfMemoryError), str(error)
    return isinstance(error, known) or any(sign in text for sign in SIGNS)
