"""Right objectives pass, and for each rule there are objectives that break it alone."""

import random
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tests.testing.toy_objectives import (
    INF,
    Hardest,
    LearnedScale,
    PassageAlone,
    Right,
    Sigmoid,
    Structure,
    Translations,
    Triplet,
    WithHardNegatives,
    cosines,
    left_out,
    own,
)
from torch.nn.functional import cross_entropy, normalize

from hbench.testing import ContractError, check_objective
from hbench.testing.objective import RULES


@pytest.mark.parametrize(
    "kind", [Right, LearnedScale, WithHardNegatives, Triplet, Hardest, Translations, PassageAlone,
             Sigmoid, Structure],
)  # fmt: skip
def test_right_objectives_pass(kind):
    check_objective(kind())


def having(base: type[Right] = Right, **parts: Any) -> type[Right]:
    """An objective that differs from a right one in these parts."""
    return type("Broken", (base,), parts)


def changing(change: Callable[[torch.Tensor], Any]) -> type[Right]:
    """An objective that changes the loss of a right one."""
    return having(loss=lambda self, batch: change(Right.loss(self, batch)))


def of_batch(loss: Callable[[Any], Any], base: type[Right] = Right) -> type[Right]:
    """An objective with this loss."""
    return having(base, loss=lambda self, batch: loss(batch))


def without_masks(batch: Any) -> dict[str, Any]:
    return {name: tensor for name, tensor in batch.items() if not name.startswith("duplicate")}


def masked_to_the_end(batch: Any) -> torch.Tensor:
    """Leaves out the positive too, where nothing else is left."""
    scores = cosines(batch["query"], batch["passage"])
    negatives = left_out(scores, batch).masked_fill(own(scores) == own(scores)[:, None], -INF)
    return (negatives.logsumexp(1) - scores.diagonal()).mean()


def normalized_in_place(batch: Any) -> Any:
    batch["query"].data /= batch["query"].norm(dim=1, keepdim=True)
    return Right().loss(batch)


def noting_in_the_batch(batch: Any) -> Any:
    batch["scores"] = cosines(batch["query"], batch["passage"])
    return Right().loss(batch)


class Counting(Right):
    calls = count()

    def loss(self, batch):
        return super().loss(batch) * (1 + next(self.calls))


def detached(batch: Any) -> Any:
    with torch.no_grad():
        return Right().loss(batch)


def distances(batch: Any) -> torch.Tensor:
    """Euclidean ones, whose slope is infinite between equal vectors."""
    query, passage = (normalize(batch[name], dim=1) for name in ("query", "passage"))
    apart = (query[:, None] - passage).square().sum(2).sqrt()
    return cross_entropy(left_out(-apart, batch), own(apart))


class IgnoresWhatItLearns(LearnedScale):
    def loss(self, batch):
        return Right.loss(self, batch)


class LearnedToInfinity(LearnedScale):
    learned: ClassVar[Any] = {"log_scale": 0.0}

    def loss(self, batch):
        return Right.loss(self, batch) + batch["log_scale"].abs().sqrt()


class MasksOneOfTwo(WithHardNegatives):
    def loss(self, batch):
        return super().loss({n: t for n, t in batch.items() if n != "duplicate_negative"})


def on_the_cpu(batch: Any) -> torch.Tensor:
    scores = cosines(batch["query"], batch["passage"])
    return cross_entropy(10 * left_out(scores, batch), torch.arange(len(scores)))


TAKEN = {"duplicate": 1.0}
BROKEN: list[tuple[str, type[Right]]] = [
    ("needs-are-known", having(needs=("query", "document"))),
    ("needs-are-known", having(needs=("query", "query"))),
    ("needs-are-known", having(needs="query")),
    ("needs-are-known", having(needs=())),
    ("negatives-is-a-count", having(WithHardNegatives, negatives=0)),
    ("negatives-is-a-count", having(WithHardNegatives, negatives="3")),
    ("learned-is-floats-by-name", having(LearnedScale, learned=["log_scale"])),
    ("learned-is-floats-by-name", having(LearnedScale, learned={"log_scale": 3})),
    ("learned-is-floats-by-name", having(LearnedScale, learned={"log_scale": INF})),
    ("learned-is-floats-by-name", having(LearnedScale, learned=TAKEN)),
    ("loss-is-a-scalar", changing(lambda loss: loss[None])),
    ("loss-is-a-scalar", changing(lambda loss: loss.item())),
    ("loss-is-a-scalar", changing(lambda loss: loss.detach().numpy())),
    ("loss-is-a-scalar", of_batch(lambda batch: (batch["query"] * batch["passage"]).sum(1))),
    ("loss-is-finite", of_batch(masked_to_the_end)),
    ("batch-is-left-as-it-is", of_batch(normalized_in_place)),
    ("batch-is-left-as-it-is", of_batch(noting_in_the_batch)),
    ("batch-is-left-as-it-is", of_batch(lambda batch: batch.pop("query").square().mean())),
    ("same-batch-same-loss", Counting),
    ("no-chance", changing(lambda loss: loss * torch.rand(()))),
    ("no-chance", changing(lambda loss: loss * random.random())),
    ("no-chance", changing(lambda loss: loss * np.random.rand())),
    ("gradients-are-finite", of_batch(detached)),
    ("gradients-are-finite", of_batch(distances)),
    ("learned-numbers-get-gradients", IgnoresWhatItLearns),
    ("learned-numbers-get-gradients", LearnedToInfinity),
    ("duplicates-are-no-negatives", of_batch(lambda batch: Right().loss(without_masks(batch)))),
    ("duplicates-are-no-negatives", MasksOneOfTwo),
    ("perfect-batch-costs-less", changing(lambda loss: -loss)),
    ("perfect-batch-costs-less", of_batch(lambda batch: Right().loss(
        {**batch, "passage": batch["passage"].roll(1, dims=0)}))),
    ("tensors-are-made-where-the-batch-is", of_batch(on_the_cpu)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "objective"), BROKEN)
def test_a_broken_objective_is_caught_by_the_rule_that_it_breaks(rule, objective):
    with pytest.raises(ContractError) as caught:
        check_objective(objective())
    assert caught.value.rule.name == rule


def test_every_rule_has_an_objective_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {rule.name for rule in RULES}


def test_a_message_says_which_rule_on_which_input_what_was_found_and_what_is_right():
    with pytest.raises(ContractError) as caught:
        check_objective(changing(lambda loss: -loss)())
    assert str(caught.value) == (
        "Broken() breaks the rule 'perfect-batch-costs-less': A batch whose texts agree in each "
        "row and differ between rows costs less than the same texts moved to other rows, or than "
        "texts that are all alike; or all three cost the same.\n"
        "  input: hbench.testing.batches.aligned_batch(objective, rows)\n"
        "  found: apart -0.000136247, moved -10.0001, alike -1.38629\n"
        "  right: a loss to be minimised, not a score to be maximised"
    )


def raising(loss: torch.Tensor) -> None:
    raise KeyError("Ulm")


def test_an_error_of_the_objective_itself_is_raised_with_a_note_of_what_it_was_given():
    with pytest.raises(KeyError, match="Ulm") as caught:
        check_objective(changing(raising)())
    (note,) = caught.value.__notes__
    assert note == (
        "while the rule 'loss-is-a-scalar' was checked with "
        "hbench.testing.batches.random_batch(objective, rows=2, dim=4, duplicates='none'), "
        "which has no masks"
    )


def test_a_loss_that_looks_at_numbers_is_warned_of_and_passes():
    def loss(batch):
        return Right().loss(batch) / float(batch["query"].detach().norm())

    with pytest.warns(UserWarning, match="looks at numbers of the batch"):
        check_objective(of_batch(loss)())


def test_the_global_random_state_is_as_it_was_afterwards():
    def states():
        numbers = np.random.get_state(legacy=False)["state"]["key"].tolist()
        return random.getstate(), numbers, torch.get_rng_state().tolist()

    before = states()
    check_objective(Right())
    assert states() == before
