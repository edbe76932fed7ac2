"""A weighted sum of objectives gives each part what it would be given alone."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import torch

from hbench.protocols import Objective
from hbench.training.objective import WeightedSum
from hbench_plugins.objectives.infonce import InfoNCE


@dataclass(frozen=True)
class Total:
    """The sum of one kind of vectors; remembers what it saw."""

    needs: tuple[Any, ...]
    seen: dict[str, Any] = field(default_factory=dict)
    version: ClassVar[int] = 1

    def loss(self, batch):
        self.seen.update(batch)
        return batch[self.needs[0]].sum()


@dataclass(frozen=True)
class Hard(Total):
    needs: tuple[Any, ...] = ("negatives",)
    negatives: int = 1


QUERY = torch.tensor([[1.0, 2.0], [4.0, -2.0]])  # together 5
PASSAGE = torch.tensor([[3.0, 0.0], [0.0, 0.0]])  # together 3
# 2 rows with 3 hard negatives each.
HARD = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]])
MASK = torch.tensor([[1, 0, 0, 0, 1, 1], [0, 1, 0, 1, 0, 0]]).bool()
BATCH = {"query": QUERY, "passage": PASSAGE, "negatives": HARD, "duplicate_negative": MASK}


def test_the_loss_is_the_weighted_sum_of_losses():
    whole = WeightedSum([(0.7, Total(("query",))), (0.3, Total(("passage",)))])
    assert whole.loss(BATCH).item() == pytest.approx(0.7 * 5 + 0.3 * 3)


def test_so_are_the_gradients():
    query = QUERY.clone().requires_grad_()
    whole = WeightedSum([(0.7, Total(("query",))), (0.3, Total(("query",)))])
    whole.loss({"query": query}).backward()
    assert query.grad is not None
    torch.testing.assert_close(query.grad, torch.ones(2, 2))


def test_a_single_part_of_weight_1_is_that_objective():
    torch.manual_seed(1)
    batch = {"query": torch.randn(4, 3), "passage": torch.randn(4, 3)}
    part = InfoNCE(symmetric=True)
    assert torch.equal(WeightedSum([(1.0, part)]).loss(batch), part.loss(batch))


def test_needs_are_united_in_the_order_of_the_parts():
    parts = [Total(("query", "passage")), Total(("passage_in_query_language", "query")), Hard()]
    whole = WeightedSum([(1.0, part) for part in parts])
    assert whole.needs == ["query", "passage", "passage_in_query_language", "negatives"]


def test_a_part_sees_the_texts_it_needs_and_their_masks():
    first, second = Total(("query",)), Total(("passage", "query"))
    duplicate = torch.eye(2).bool()
    WeightedSum([(1.0, first), (1.0, second)]).loss({**BATCH, "duplicate": duplicate})
    assert first.seen.keys() == {"query", "duplicate"}
    assert second.seen.keys() == {"query", "passage", "duplicate"}
    assert torch.equal(first.seen["duplicate"], duplicate)


@dataclass(frozen=True)
class Modest(Total):
    """Needs hard negatives and does not say how many."""

    needs: tuple[Any, ...] = ("negatives",)


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        ([Total(("query",))], 0),
        ([Modest()], 1),
        ([Hard(negatives=3), Modest()], 3),
        ([Hard(negatives=1), Hard(negatives=2)], 2),
        ([InfoNCE(), InfoNCE(hard_negatives=4)], 4),
    ],
)
def test_a_row_gets_as_many_hard_negatives_as_the_part_that_wants_most(parts, count):
    assert WeightedSum([(1.0, part) for part in parts]).negatives == count


@pytest.mark.parametrize(
    ("count", "vectors", "mask"),
    [
        (1, [0, 3], [[1, 0], [0, 1]]),
        (2, [0, 1, 3, 4], [[1, 0, 0, 1], [0, 1, 1, 0]]),
        (3, [0, 1, 2, 3, 4, 5], MASK.tolist()),
    ],
)
def test_each_part_gets_the_first_hard_negatives_of_each_row(count, vectors, mask):
    part, most = Hard(negatives=count), Hard(negatives=3)
    loss = WeightedSum([(1.0, part), (0.0, most)]).loss(BATCH)
    assert part.seen["negatives"].flatten().tolist() == vectors
    assert part.seen["duplicate_negative"].tolist() == mask
    assert most.seen["negatives"].flatten().tolist() == [0, 1, 2, 3, 4, 5]
    assert loss.item() == sum(vectors)


def test_without_a_mask_there_is_none_for_fewer_hard_negatives_either():
    part = Hard(negatives=1)
    WeightedSum([(1.0, part), (1.0, Hard(negatives=3))]).loss({"negatives": HARD})
    assert part.seen.keys() == {"negatives"}


def test_learned_numbers_of_two_parts_are_kept_apart():
    parts: list[tuple[float, Objective]] = [
        (0.5, InfoNCE(temperature=0.1, learn_temperature=True)),
        (1.0, InfoNCE()),
        (0.5, InfoNCE(temperature=0.5, learn_temperature=True)),
    ]
    whole = WeightedSum(parts)
    start = whole.learned
    assert start.keys() == {"0.log_scale", "2.log_scale"}
    assert [round(2.718281828 ** start[name], 3) for name in sorted(start)] == [10, 2]
    torch.manual_seed(1)
    batch = {"query": torch.randn(4, 3), "passage": torch.randn(4, 3)}
    numbers = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    loss = whole.loss({**batch, **numbers})
    fixed = [InfoNCE(temperature=t).loss(batch) for t in (0.1, 0.05, 0.5)]
    torch.testing.assert_close(loss, 0.5 * fixed[0] + fixed[1] + 0.5 * fixed[2])
    loss.backward()
    slopes = []
    for name, temperature in (("0.log_scale", 0.1), ("2.log_scale", 0.5)):
        alone = torch.tensor(start[name], requires_grad=True)
        part = InfoNCE(temperature=temperature, learn_temperature=True)
        (0.5 * part.loss({**batch, "log_scale": alone})).backward()
        torch.testing.assert_close(numbers[name].grad, alone.grad)
        slopes.append(float(alone.grad or 0))
    assert slopes[0] != slopes[1] and 0 not in slopes


def test_a_part_without_hard_negatives_does_not_see_their_mask():
    """InfoNCE alone, beside one with two hard negatives a row, of which one is a duplicate."""
    torch.manual_seed(1)
    batch = {"query": torch.randn(2, 3), "passage": torch.randn(2, 3)}
    more = {"negatives": torch.randn(4, 3), "duplicate_negative": MASK[:, :4]}
    plain, hard = InfoNCE(), InfoNCE(hard_negatives=2)
    whole = WeightedSum([(1.0, plain), (1.0, hard)]).loss(batch | more)
    torch.testing.assert_close(whole, plain.loss(batch) + hard.loss(batch | more))
