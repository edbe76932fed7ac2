"""Right objectives of many kinds."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.nn.functional import cross_entropy, mse_loss, normalize

INF = float("inf")


def cosines(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    return normalize(rows, dim=1) @ normalize(columns, dim=1).T


def own(rows: torch.Tensor) -> torch.Tensor:
    """The number of each row: where its positive stands."""
    return torch.arange(len(rows), device=rows.device)


def left_out(scores: torch.Tensor, batch: Any, name: str = "duplicate") -> torch.Tensor:
    """Scores, -inf where the batch says that a pair is no negative."""
    return scores.masked_fill(batch[name], -INF) if name in batch else scores


@dataclass(frozen=True)
class Right:
    """The cross entropy of each query's passage; the others change what it does."""

    version: ClassVar[int] = 1
    needs: ClassVar[Any] = ("query", "passage")

    def scores(self, batch):
        return left_out(cosines(batch["query"], batch["passage"]), batch)

    def loss(self, batch):
        scores = self.scores(batch)
        return cross_entropy(10 * scores, own(scores))


class LearnedScale(Right):
    learned: ClassVar[Any] = {"log_scale": 2.3}

    def loss(self, batch):
        scores = cosines(batch["query"], batch["passage"]) * batch["log_scale"].exp()
        return cross_entropy(left_out(scores, batch), own(scores))


class WithHardNegatives(Right):
    needs = ("query", "passage", "negatives")
    negatives: ClassVar[Any] = 3

    def scores(self, batch):
        hard = cosines(batch["query"], batch["negatives"])
        return torch.cat([super().scores(batch), left_out(hard, batch, "duplicate_negative")], 1)


class Triplet(Right):
    """One hard negative of its own for each row, and no others."""

    needs = ("query", "passage", "negatives")

    def loss(self, batch):
        query, passage, hard = (normalize(batch[name], dim=1) for name in self.needs)
        far, near = (query * hard).sum(1), (query * passage).sum(1)
        if "duplicate_negative" in batch:
            far = far.masked_fill(batch["duplicate_negative"].diagonal(), -INF)
        return (0.2 + far - near).clamp(min=0).mean()


class Hardest(Right):
    """A margin to the hardest negative; a row without negatives costs nothing."""

    def loss(self, batch):
        scores = cosines(batch["query"], batch["passage"])
        others = scores.masked_fill(torch.eye(len(scores), device=scores.device) > 0, -INF)
        hardest = left_out(others, batch).amax(1)
        return (0.2 + hardest - scores.diagonal()).clamp(min=0).mean()


class Translations(Right):
    """Draws a passage to its translation; has no negatives."""

    needs = ("passage", "passage_in_query_language")

    def loss(self, batch):
        return mse_loss(batch["passage"], batch["passage_in_query_language"])


class PassageAlone(Right):
    """Keeps the lengths of passages near 1."""

    needs = ("passage",)

    def loss(self, batch):
        return (batch["passage"].square().sum(1) - 1).square().mean()


class Sigmoid(Right):
    """Each pair is judged for itself."""

    def loss(self, batch):
        scores = cosines(batch["query"], batch["passage"])
        sign = 2 * torch.eye(len(scores), device=scores.device) - 1
        losses = -torch.nn.functional.logsigmoid(sign * (10 * scores - 5))
        if "duplicate" in batch:
            losses = losses.masked_fill(batch["duplicate"], 0)
        return losses.sum() / len(scores)


class Structure(Right):
    """Passages shall be as like each other as their queries are."""

    def loss(self, batch):
        query, passage = batch["query"], batch["passage"]
        return mse_loss(cosines(query, query), cosines(passage, passage))
