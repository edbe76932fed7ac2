import math
from itertools import product

import pytest
import torch
from tests.plugins.objectives.slow import (
    cosine,
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
from hbench_plugins.objectives.lakda import LaKDA

TEXTS = ("query", "passage", "query_in_passage_language")


def slow_loss(batch, share, temperature):
    vectors = numbers(batch)
    query, passage, translated = (vectors[name] for name in TEXTS)
    n = len(query)
    left_out = vectors.get("duplicate", [[False] * n] * n)
    divergences = []
    for i in range(n):
        kept = [passage[j] for j in range(n) if i == j or not left_out[i][j]]
        p_a = softmax([cosine(query[i], d) for d in kept])
        p_b = softmax([cosine(translated[i], d) for d in kept])
        divergences.append(divergence(p_b, p_a))
    contrast = one_way(query, passage, temperature, left_out)
    return (1 - share) * contrast + share * mean(divergences)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_two_rows_cost_the_divergence_worked_out_by_hand_at_any_temperature(temperature):
    # P_a is (e, 1) / (e + 1); q_b = (1, 1) is as near to both passages, so P_b = (1/2, 1/2):
    # 1/2 log((e + 1) / 2e) + 1/2 log((e + 1) / 2) = log((e + 1) / 2) - 1/2.
    # KL(P_a || P_b) would be e / (e + 1) - log((e + 1) / 2).
    eye = torch.eye(2, dtype=torch.float64)
    batch = {"query": 2 * eye, "passage": eye, "query_in_passage_language": torch.ones_like(eye)}
    expected = math.log((math.e + 1) / 2) - 0.5
    loss = LaKDA(share=1.0, temperature=temperature).loss(batch).item()
    assert loss == pytest.approx(expected, abs=1e-12)


def test_the_weight_splits_infonce_and_divergence():
    # As above, and InfoNCE at t = 1/2 costs log(1 + e^-2).
    eye = torch.eye(2, dtype=torch.float64)
    batch = {"query": eye, "passage": eye, "query_in_passage_language": torch.ones_like(eye)}
    contrast, apart = math.log(1 + math.exp(-2)), math.log((math.e + 1) / 2) - 0.5
    for share in (0, 0.25, 0.5):
        expected = (1 - share) * contrast + share * apart
        assert LaKDA(share, 0.5).loss(batch).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("share", "temperature", "masked"), list(product([0, 0.3, 1], [0.1, 1.0], [False, True]))
)
def test_loss_equals_its_formula_and_its_gradients_central_differences(share, temperature, masked):
    objective = LaKDA(share, temperature)
    for seed in range(3):
        batch = random_batch(seed, *TEXTS, masked=masked)
        expected = slow_loss(batch, share, temperature)
        assert objective.loss(batch).item() == pytest.approx(expected, rel=1e-10)
    assert gradients_are_right(objective, batch)


def test_gradients_reach_the_queries_of_both_languages():
    _, slopes = gradients(LaKDA(share=1.0), random_batch(3, *TEXTS))
    assert all(slopes[name].abs().max() > 0.01 for name in TEXTS)


def test_a_duplicate_is_left_out_of_both_distributions():
    # Without passage 2, row 1 has its own alone; row 2 likewise: nothing is left to differ.
    batch = random_batch(2, *TEXTS, rows=2) | {"duplicate": torch.tensor([[0, 1], [1, 0]]).bool()}
    loss, slopes = gradients(LaKDA(), batch)
    assert loss == pytest.approx(0, abs=1e-12)
    assert all(slope.abs().max() < 1e-12 for slope in slopes.values())


@pytest.mark.parametrize("given", [{"temperature": 0}, {"share": -0.1}, {"share": 1.1}])
def test_options_out_of_range_are_refused(given):
    with pytest.raises(OptionError, match=next(iter(given))):
        options.check(LaKDA, given, "lakda")


def test_it_is_an_objective():
    assert isinstance(LaKDA(), Objective)
