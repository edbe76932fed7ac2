import math
from itertools import product
from typing import Any

import pytest
import torch
from tests.plugins.objectives.slow import (
    cosine,
    gradients,
    gradients_are_right,
    mean,
    numbers,
    random_batch,
)

from hbench import options
from hbench.errors import OptionError
from hbench.protocols import Objective
from hbench_plugins.objectives.infonce import InfoNCE

FORMS = {"one-way": {}, "symmetric": {"symmetric": True}, "joint": {"joint": True}}
EYE = torch.eye(2, dtype=torch.float64)
# Cosines: own pairs 0.8, other pairs 0.6, queries 0, passages 24/25 = 0.96.
TILTED = {"query": 2 * EYE, "passage": torch.tensor([[4, 3], [3, 4]], dtype=torch.float64)}


def slow_loss(batch, form, scale, margin, hard_negatives):
    """Every sum of the class docstring's formulas, term by term."""
    vectors = numbers(batch)
    n = len(vectors["query"])
    size = n * hard_negatives
    duplicate = vectors.get("duplicate", [[False] * n] * n)
    duplicate_hard = vectors.get("duplicate_negative", [[False] * size] * n)
    hard = vectors.get("negatives", [])
    losses = []
    for i, (q, d) in enumerate(zip(vectors["query"], vectors["passage"], strict=True)):
        own = cosine(q, d)

        def total(pairs, own=own):
            cosines = [cosine(*pair) for pair, left_out in pairs if not left_out]
            kept = [c for c in cosines if margin is None or c <= own + margin]
            return sum(math.exp(c * scale) for c in kept)

        others = [j for j in range(n) if j != i]
        q_to_d = [((q, vectors["passage"][j]), duplicate[i][j]) for j in others]
        q_to_hard = [((q, hard[m]), duplicate_hard[i][m]) for m in range(size)]
        d_to_q = [((vectors["query"][j], d), duplicate[i][j]) for j in others]
        q_to_q = [((q, vectors["query"][j]), duplicate[i][j]) for j in others]
        d_to_d = [((d, vectors["passage"][j]), duplicate[i][j]) for j in others]
        d_to_hard = [
            ((d, hard[m]), duplicate_hard[i][m]) for m in range(size) if m // hard_negatives != i
        ]
        positive = math.exp(own * scale)
        forward = positive + total(q_to_d + q_to_hard)
        backward = positive + total(d_to_q)
        within = total(q_to_q + d_to_d + d_to_hard)
        losses.append(
            {
                "one-way": math.log(forward / positive),
                "symmetric": (math.log(forward / positive) + math.log(backward / positive)) / 2,
                "joint": math.log((forward + backward + within) / positive),
            }[form]
        )
    return mean(losses)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        # Scores are 1 with the own passage and 0 with the other: -log(e^2 / (e^2 + 1)) at t = 1/2.
        ("one-way", math.log(1 + math.exp(-2))),
        ("symmetric", math.log(1 + math.exp(-2))),
        # Z = 2 e^2 for the positive, and e^0 each for q-d, d-q, q-q and d-d of the other row.
        ("joint", math.log(2 + 4 * math.exp(-2))),
    ],
)
def test_two_orthogonal_pairs_cost_what_is_worked_out_by_hand(form, expected):
    loss = InfoNCE(temperature=0.5, **FORMS[form]).loss({"query": 3 * EYE, "passage": 7 * EYE})
    assert loss.item() == pytest.approx(expected, abs=1e-12)


def test_a_hard_negative_of_any_row_counts_for_every_query():
    # Cosines of q_1 = (1, 0): own passage 1, the other's 0, own hard negative -1, the other's 0.
    batch = {"query": EYE, "passage": EYE, "negatives": -EYE}
    loss = InfoNCE(temperature=1.0, hard_negatives=1).loss(batch).item()
    assert loss == pytest.approx(math.log(1 + 2 * math.exp(-1) + math.exp(-2)), abs=1e-12)


@pytest.mark.parametrize(
    ("form", "margin", "expected"),
    [
        # At t = 1/5 logits are 4 with the own passage and 3 with the other.
        ("one-way", None, math.log(1 + math.exp(-1))),
        # Joint adds the queries' e^0 and the passages' e^4.8; 0.96 - 0.8 lies within 0.2.
        ("joint", None, math.log(2 + 2 * math.exp(-1) + math.exp(-4) + math.exp(0.8))),
        ("joint", 0.2, math.log(2 + 2 * math.exp(-1) + math.exp(-4) + math.exp(0.8))),
        ("joint", 0.1, math.log(2 + 2 * math.exp(-1) + math.exp(-4))),
    ],
)
def test_a_negative_nearer_than_the_positive_and_a_margin_is_left_out(form, margin, expected):
    loss = InfoNCE(temperature=0.2, margin=margin, **FORMS[form]).loss(TILTED)
    assert loss.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_a_planted_duplicate_is_left_out_of_both_its_rows_and_of_no_other(form):
    batch = random_batch(5, "query", "passage", rows=3)
    batch["passage"][1] = batch["passage"][0]
    plain = InfoNCE(0.3, **FORMS[form]).loss(batch).item()
    batch["duplicate"] = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.bool)
    masked = InfoNCE(0.3, **FORMS[form]).loss(batch).item()

    q, d = batch["query"].tolist(), batch["passage"].tolist()
    e = {
        (a, i, b, j): math.exp(cosine(x[i], y[j]) / 0.3)
        for a, x in (("q", q), ("d", d))
        for b, y in (("q", q), ("d", d))
        for i in range(3)
        for j in range(3)
    }
    rows = {0: [2], 1: [2], 2: [0, 1]}  # the negatives of each row
    losses = []
    for i, negatives in rows.items():
        own = e["q", i, "d", i]
        forward = own + sum(e["q", i, "d", j] for j in negatives)
        backward = own + sum(e["q", j, "d", i] for j in negatives)
        within = sum(e["q", i, "q", j] + e["d", i, "d", j] for j in negatives)
        losses.append(
            {
                "one-way": math.log(forward / own),
                "symmetric": math.log(forward / own) / 2 + math.log(backward / own) / 2,
                "joint": math.log((forward + backward + within) / own),
            }[form]
        )
    assert masked == pytest.approx(mean(losses), rel=1e-12)
    assert masked < plain - 0.01


EVERY_OPTION = list(product(FORMS, [0, 1, 2], [None, 0.0, 0.3], [False, True], [False, True]))


@pytest.mark.parametrize(("form", "hard_negatives", "margin", "learned", "masked"), EVERY_OPTION)
def test_every_form_equals_its_formula_and_its_gradients_central_differences(
    form, hard_negatives, margin, learned, masked
):
    objective = InfoNCE(
        0.2,
        learn_temperature=learned,
        hard_negatives=hard_negatives,
        margin=margin,
        **FORMS[form],
    )
    for seed in range(3):
        batch = random_batch(seed, "query", "passage", negatives=hard_negatives, masked=masked)
        if learned:
            batch["log_scale"] = torch.tensor(1.3 + seed / 5, dtype=torch.float64)
        scale = math.exp(1.3 + seed / 5) if learned else 5
        expected = slow_loss(batch, form, scale, margin, hard_negatives)
        assert objective.loss(batch).item() == pytest.approx(expected, rel=1e-10)
    assert gradients_are_right(objective, batch)


@pytest.mark.parametrize("hard_negatives", [0, 2])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_that_of_sentence_transformers(form, hard_negatives):
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    both = ("query_to_doc", "doc_to_query")
    theirs: dict[str, Any] = {
        "one-way": {},
        "symmetric": {"directions": both, "partition_mode": "per_direction"},
        "joint": {"directions": (*both, "query_to_query", "doc_to_doc")},
    }
    # Vectors are given, so that no model is needed; nor are labels.
    nothing: Any = None
    reference = MultipleNegativesRankingLoss(nothing, scale=10, **theirs[form])
    batch = random_batch(2, "query", "passage", rows=5, negatives=hard_negatives)
    columns = [batch["query"], batch["passage"]]
    if hard_negatives:
        columns += batch["negatives"].reshape(5, hard_negatives, -1).unbind(dim=1)
    expected = reference.compute_loss_from_embeddings(columns, nothing).item()
    objective = InfoNCE(0.1, hard_negatives=hard_negatives, **FORMS[form])
    assert objective.loss(batch).item() == pytest.approx(expected, rel=1e-12)


def all_marked():
    return random_batch(1, "query", "passage", rows=2, negatives=2) | {
        "duplicate": torch.ones(2, 2, dtype=torch.bool),
        "duplicate_negative": torch.ones(2, 4, dtype=torch.bool),
    }


def all_too_near():
    # Own cosines are -1, those of hard negatives and passages -0.7, others 0 or 0.7.
    return {"query": EYE, "passage": -EYE, "negatives": torch.ones(4, 2, dtype=torch.float64)}


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(("batch", "margin"), [(all_marked(), None), (all_too_near(), 0.2)])
@pytest.mark.parametrize(
    # The joint sum holds the positive twice, and nothing else.
    ("form", "expected"),
    [("one-way", 0), ("symmetric", 0), ("joint", math.log(2))],
)
def test_rows_that_keep_no_negative_cost_a_constant(form, expected, batch, margin, learned):
    if learned:
        batch = batch | {"log_scale": torch.tensor(3.0, dtype=torch.float64)}
    objective = InfoNCE(hard_negatives=2, margin=margin, learn_temperature=learned, **FORMS[form])
    loss, slopes = gradients(objective, batch)
    assert loss == pytest.approx(expected, abs=1e-12)
    assert all(slope.abs().max() < 1e-12 for slope in slopes.values())


def test_a_learned_temperature_starts_where_the_fixed_one_stays():
    objective = InfoNCE(0.07, learn_temperature=True)
    assert objective.learned == {"log_scale": pytest.approx(math.log(1 / 0.07))}
    assert InfoNCE(0.07).learned == {}
    batch = random_batch(0, "query", "passage")
    start = torch.tensor(objective.learned["log_scale"], dtype=torch.float64)
    fixed = InfoNCE(0.07).loss(batch).item()
    assert objective.loss({**batch, "log_scale": start}).item() == pytest.approx(fixed, rel=1e-12)
    assert objective.loss(batch).item() == pytest.approx(fixed, rel=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_a_learned_scale_is_capped_at_100_and_can_come_back(form):
    objective = InfoNCE(learn_temperature=True, **FORMS[form])
    batch = random_batch(4, "query", "passage")
    loss, slope = {}, {}
    for scale in (99.0, 100.0, 200.0):
        log_scale = torch.tensor(math.log(scale), dtype=torch.float64)
        loss[scale], slopes = gradients(objective, {**batch, "log_scale": log_scale})
        slope[scale] = slopes["log_scale"].item()
    assert loss[200] == pytest.approx(loss[100], rel=1e-12)
    assert slope[200] == pytest.approx(slope[100], rel=1e-12)
    assert abs(slope[100]) > 1
    assert abs(loss[99] - loss[100]) > 0.01


def test_hard_negatives_are_asked_for_only_if_there_are_any():
    assert InfoNCE().needs == ("query", "passage")
    assert InfoNCE().negatives == 0
    assert InfoNCE(hard_negatives=3).needs == ("query", "passage", "negatives")
    assert InfoNCE(hard_negatives=3).negatives == 3
    assert isinstance(InfoNCE(), Objective)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"symmetric": True, "joint": True}, ("joint",)),
        ({"temperature": 0.005, "learn_temperature": True}, ("temperature",)),
    ],
)
def test_options_that_contradict_each_other_are_refused(given, path):
    with pytest.raises(OptionError) as caught:
        InfoNCE(**given)
    assert caught.value.path == path


@pytest.mark.parametrize(
    "given", [{"temperature": 0}, {"hard_negatives": -1}, {"margin": -0.1}, {"joint": 1}]
)
def test_options_out_of_range_are_refused(given):
    with pytest.raises(OptionError, match=next(iter(given))):
        options.check(InfoNCE, given, "infonce")


@pytest.mark.parametrize("margin", [None, 0.1, 0])
def test_a_margin_is_a_number_or_absent(margin):
    assert options.check(InfoNCE, {"margin": margin}, "infonce") == {"margin": margin}
