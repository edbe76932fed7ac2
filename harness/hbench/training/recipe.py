"""How to train: the numbers of the spec, the learning rate of each step, and the optimiser."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Recipe:
    """How to train; see ``hbench.spec.Training``.

    Args:
        every: steps between two looks at the validation loss.
        patience: looks without a lower loss before training stops; None goes on to the end.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup: float = 0.0
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = 0.01
    clip: float = 1.0
    precision: Precision = "float32"
    token_budget: int | None = None
    gradient_caching: bool = False
    deterministic: bool = True
    every: int = 100
    patience: int | None = None


def share_of_rate(step: int, recipe: Recipe) -> float:
    """The learning rate of a step as a share of its peak: up in the warm-up, then down.

    >>> recipe = Recipe(steps=10, batch_size=2, learning_rate=1e-3, warmup=0.2)
    >>> [round(share_of_rate(step, recipe), 3) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.125]
    """
    warm = round(recipe.warmup * recipe.steps)
    if step < warm:
        return (step + 1) / warm
    if recipe.schedule == "constant":
        return 1.0
    done = (step - warm) / max(1, recipe.steps - warm)
    return 1 - done if recipe.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2


def optimizer(parameters: "Sequence[torch.nn.Parameter]", recipe: Recipe) -> "torch.optim.AdamW":
    """Fused AdamW; biases, normalisation weights and single numbers do not decay."""
    import torch

    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
