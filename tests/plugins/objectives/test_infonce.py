import math

import numpy as np
import pytest
import torch

from hbench_plugins.objectives.infonce import InfoNCE


def slow_loss(queries, passages, temperature):
    """Equation 1 of arXiv 2408.10536, term by term."""
    total = 0.0
    for i, query in enumerate(queries):
        terms = []
        for passage in passages:
            cosine = query @ passage / math.sqrt(query @ query) / math.sqrt(passage @ passage)
            terms.append(math.exp(cosine / temperature))
        total -= math.log(terms[i] / sum(terms))
    return total / len(queries)


@pytest.fixture
def batch():
    rng = np.random.default_rng(3)
    return {name: torch.from_numpy(rng.normal(size=(5, 4))) for name in ("query", "passage")}


def test_two_orthogonal_pairs_cost_what_is_worked_out_by_hand():
    # Scores are 1 with the own passage and 0 with the other: -log(e^2 / (e^2 + 1)) at t = 1/2.
    eye = torch.eye(2, dtype=torch.float64)
    loss = InfoNCE(temperature=0.5).loss({"query": 3 * eye, "passage": 7 * eye})
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-12)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_loss_equals_the_formula_term_by_term(batch, temperature):
    queries, passages = batch["query"].numpy(), batch["passage"].numpy()
    expected = slow_loss(queries, passages, temperature)
    assert InfoNCE(temperature).loss(batch).item() == pytest.approx(expected, rel=1e-12)
    both = (expected + slow_loss(passages, queries, temperature)) / 2
    assert InfoNCE(temperature, symmetric=True).loss(batch).item() == pytest.approx(both, rel=1e-12)


@pytest.mark.parametrize("symmetric", [False, True])
def test_gradients_equal_finite_differences(batch, symmetric):
    def loss(query, passage):
        return InfoNCE(0.2, symmetric).loss({"query": query, "passage": passage})

    inputs = tuple(tensor.requires_grad_() for tensor in batch.values())
    assert torch.autograd.gradcheck(loss, inputs)
