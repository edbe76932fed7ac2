import math
from itertools import product

import pytest
import torch
from tests.plugins.objectives.slow import (
    divergence,
    gradients,
    gradients_are_right,
    mean,
    numbers,
    one_way,
    random_batch,
    softmax,
)

from hbench import options
from hbench.errors import OptionError
from hbench.protocols import Objective
from hbench_plugins.objectives.semantic_proximity import SemanticProximity

TEXTS = ("query", "passage", "passage_in_query_language")
WITHOUT_NCE = SemanticProximity(nce_weight=0)


def slow_distance(left, right):
    """Square root of the Jensen-Shannon divergence of two vectors' softmax."""
    p, q = softmax(left), softmax(right)
    middle = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
    return math.sqrt((divergence(p, middle) + divergence(q, middle)) / 2)


def slow_loss(batch, temperature, proximity_weight, nce_weight):
    vectors = numbers(batch)
    query, passage, other = (vectors[name] for name in TEXTS)
    n = len(query)
    left_out = vectors.get("duplicate", [[False] * n] * n)
    distance = mean(map(slow_distance, passage, other))
    contrast = one_way(passage, query, temperature, left_out)
    return proximity_weight * distance + nce_weight * contrast


def test_one_row_costs_the_distance_worked_out_by_hand():
    # The softmax of (log 3, 0) is (3/4, 1/4), that of (0, log 3) is (1/4, 3/4), the middle (1/2,
    # 1/2): both divergences from it are 3/4 log(3/2) + 1/4 log(1/2). A row alone has no negative.
    passage = torch.tensor([[math.log(3), 0]], dtype=torch.float64)
    batch = {"query": passage, "passage": passage, "passage_in_query_language": passage.flip(1)}
    expected = math.sqrt(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert SemanticProximity().loss(batch).item() == pytest.approx(expected, abs=1e-12)
    assert SemanticProximity(proximity_weight=3).loss(batch).item() == pytest.approx(3 * expected)


def test_the_passage_is_the_anchor_and_other_queries_are_its_negatives():
    # Cosines of d_1 = (1, 0) with q_1 and q_2 are 1 and 0.6, of d_2 = (1, 0) the same: at t = 0.2
    # row 1 costs log(1 + e^-2), row 2 log(1 + e^2). Queries as anchors would cost log 2 each.
    passage = torch.tensor([[1, 0], [1, 0]], dtype=torch.float64)
    query = torch.tensor([[1, 0], [3, 4]], dtype=torch.float64)
    batch = {"query": query, "passage": passage, "passage_in_query_language": passage}
    expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(2))) / 2
    assert SemanticProximity(0.2).loss(batch).item() == pytest.approx(expected, abs=1e-12)


WEIGHTS = [(1, 1), (0.5, 2), (0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("temperature", "weights", "masked"), list(product([0.1, 1.0], WEIGHTS, [False, True]))
)
def test_loss_equals_its_formula_and_its_gradients_central_differences(
    temperature, weights, masked
):
    objective = SemanticProximity(temperature, *weights)
    for seed in range(3):
        batch = random_batch(seed, *TEXTS, masked=masked)
        expected = slow_loss(batch, temperature, *weights)
        assert objective.loss(batch).item() == pytest.approx(expected, rel=1e-10)
    assert gradients_are_right(objective, batch)


def test_lengths_of_passages_matter_to_the_distance_and_not_to_the_contrast():
    batch = random_batch(0, *TEXTS)
    longer = {**batch, "passage": 2 * batch["passage"]}
    only_contrast = SemanticProximity(proximity_weight=0)
    assert only_contrast.loss(longer).item() == pytest.approx(only_contrast.loss(batch).item())
    assert abs(WITHOUT_NCE.loss(longer).item() - WITHOUT_NCE.loss(batch).item()) > 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_row_of_one_language_is_at_distance_0_with_gradient_0(dtype):
    batch = {name: vectors.to(dtype) for name, vectors in random_batch(7, *TEXTS).items()}
    batch["passage_in_query_language"][:2] = batch["passage"][:2]
    loss, slopes = gradients(WITHOUT_NCE, batch)
    rows = zip(batch["passage"].tolist(), batch["passage_in_query_language"].tolist(), strict=True)
    apart = [slow_distance(*row) for row in list(rows)[2:]]
    assert loss == pytest.approx(sum(apart) / 4, rel=1e-5)
    assert all(slope.isfinite().all() for slope in slopes.values())
    assert slopes["passage"][:2].abs().max() == 0
    assert slopes["passage"][2:].abs().max() > 0.01


@pytest.mark.parametrize("scale", [1e-6, 1e-4, 1e-2])
def test_rounding_does_not_blow_up_the_gradients_of_almost_equal_passages(scale):
    torch.manual_seed(0)
    passage = torch.randn(2048, 16)
    other = passage + scale * torch.randn_like(passage)
    batch = {"query": passage, "passage": passage, "passage_in_query_language": other}
    _, slopes = gradients(WITHOUT_NCE, batch)
    # Near equality JSD is Var(z - z') / 8 under P, so no slope of its root exceeds sqrt(P_i / 8).
    largest = (passage.softmax(dim=1) / 8).sqrt() / len(passage)
    assert (slopes["passage"].abs() / largest).max() < 2


def test_a_batch_of_duplicates_costs_nothing_but_distances():
    batch = random_batch(1, *TEXTS) | {"duplicate": torch.ones(4, 4, dtype=torch.bool)}
    loss, slopes = gradients(SemanticProximity(), batch)
    assert loss == pytest.approx(slow_loss(batch, 0.05, 1, 0), rel=1e-12)
    assert slopes["query"].abs().max() < 1e-12


def test_options_that_leave_nothing_to_learn_are_refused():
    with pytest.raises(OptionError, match="both 0") as caught:
        SemanticProximity(proximity_weight=0, nce_weight=0)
    assert caught.value.path == ("nce_weight",)


@pytest.mark.parametrize(
    "given", [{"temperature": 0}, {"nce_weight": -1}, {"proximity_weight": -1}]
)
def test_options_out_of_range_are_refused(given):
    with pytest.raises(OptionError, match=next(iter(given))):
        options.check(SemanticProximity, given, "semantic-proximity")


def test_it_is_an_objective():
    assert isinstance(SemanticProximity(), Objective)
