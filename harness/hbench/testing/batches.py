"""The batches that objectives are checked with: small, the same each time.

What a check is about is planted in them; a message names the function and its arguments.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from hbench.protocols import Need

if TYPE_CHECKING:
    import torch

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

Batch = dict[str, "torch.Tensor"]
"""What ``hbench.protocols.Objective.loss`` is given."""
Duplicates = Literal["none", "some", "all"]
"""Which texts are no negatives; see ``random_batch``."""
Rows = Literal["apart", "moved", "alike"]
"""How the texts of a batch lie; see ``aligned_batch``."""


def random_batch(objective: Any, *, rows: int, dim: int, duplicates: Duplicates = "none") -> Batch:  # noqa: ANN401
    """Random vectors, the same each time.

    Args:
        objective: says which texts.
        rows: of the batch.
        dim: of the vectors.
        duplicates: ``some``: rows 0 and 1, and the first hard negative for row 0; ``all``: all
            rows, and all hard negatives for all rows, so that there is no negative left.
    """
    import torch

    generator = torch.Generator().manual_seed(rows * dim)
    vectors = {
        need: torch.randn(count, dim, generator=generator)
        for need, count in _counts(objective, rows).items()
    }
    batch = _with_learned(objective, vectors)
    duplicate = torch.zeros(rows, rows, dtype=torch.bool)
    if duplicates == "some":
        duplicate[0, 1] = duplicate[1, 0] = True
    elif duplicates == "all":
        duplicate = ~torch.eye(rows, dtype=torch.bool)
    if duplicate.any():
        batch["duplicate"] = duplicate
        if "negatives" in vectors:
            answers = torch.zeros(rows, len(vectors["negatives"]), dtype=torch.bool)
            answers[:, :] = duplicates == "all"
            answers[0, 0] = True
            batch["duplicate_negative"] = answers
    return batch


def aligned_batch(objective: Any, rows: Rows) -> Batch:  # noqa: ANN401
    """Four rows whose texts are unit vectors.

    Args:
        objective: says which texts.
        rows: ``apart``: all texts of row i are unit vector i, and hard negatives another one;
            ``moved``: the second kind of texts is moved on by one row, the third by two, and so
            on; ``alike``: all texts are one unit vector.
    """
    import torch

    axes, counts = torch.eye(8), _counts(objective, 4)
    vectors = {
        need: axes[:4].roll(place if rows == "moved" else 0, dims=0)
        for place, need in enumerate(counts)
    }
    if "negatives" in counts:
        vectors["negatives"] = axes[6].repeat(counts["negatives"], 1)
    if rows == "alike":
        vectors = {need: axes[0].repeat(count, 1) for need, count in counts.items()}
    return _with_learned(objective, vectors)


def leaning_batch(
    objective: Any,  # noqa: ANN401
    *,
    query: int,
    other: int,
    name: Literal["duplicate", "duplicate_negative"],
    left_out: bool,
) -> Batch:
    """Two rows of which nothing is alike but each query and passage, and one more pair.

    This pair is query 0, and passage 1 or, for ``duplicate_negative``, row 1's first hard negative.
    Their cosine is 0.69 if both lean to the same side, else -0.69; no other cosine changes.

    Args:
        objective: says which texts.
        query: the side, 1 or -1, that query 0 leans to.
        other: the side that the other text leans to.
        name: the mask that speaks of the pair.
        left_out: whether the mask is there, and leaves the pair out.
    """
    import torch

    axes = torch.eye(8)
    queries = torch.stack([0.7 * axes[0] + query * 0.51**0.5 * axes[1], axes[2]])
    leaning = 0.28 * axes[2] + other * 0.96 * axes[1]
    passages = torch.stack([axes[0], leaning if name == "duplicate" else axes[2]])
    counts = _counts(objective, 2)
    vectors = {need: queries if need.startswith("query") else passages for need in counts}
    if "negatives" in counts:
        vectors["negatives"] = axes[4].repeat(counts["negatives"], 1)
        if name == "duplicate_negative":
            leaning = 0.28 * axes[3] + other * 0.96 * axes[1]
            vectors["negatives"][counts["negatives"] // 2] = leaning
    batch = _with_learned(objective, vectors)
    if left_out and name == "duplicate":
        batch[name] = ~torch.eye(2, dtype=torch.bool)
    elif left_out:
        batch[name] = torch.zeros(2, counts["negatives"], dtype=torch.bool)
        batch[name][0, counts["negatives"] // 2] = True
    return batch


def _counts(objective: Any, rows: int) -> dict[Need, int]:  # noqa: ANN401
    """How many texts of each kind a batch has."""
    needs: Iterable[Need] = objective.needs
    each = getattr(objective, "negatives", 1)
    return {need: rows * each if need == "negatives" else rows for need in needs}


def _with_learned(objective: Any, vectors: Mapping[Need, "torch.Tensor"]) -> Batch:  # noqa: ANN401
    import torch

    learned = getattr(objective, "learned", {})
    return {**vectors, **{name: torch.tensor(value) for name, value in learned.items()}}
