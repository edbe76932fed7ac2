import pytest
from tests.training.toy_training import toy_model

from hbench.training.recipe import Recipe, optimizer, share_of_rate


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("constant", 0.0, [1, 1, 1, 1]),
        ("linear", 0.0, [1, 0.75, 0.5, 0.25]),
        ("linear", 0.5, [0.5, 1, 1, 0.5]),
        ("cosine", 0.0, [1, 0.8535533905932737, 0.5, 0.1464466094067262]),
        ("linear", 1.0, [0.25, 0.5, 0.75, 1]),
    ],
)
def test_the_learning_rate_warms_up_and_decays(schedule, warmup, expected):
    recipe = Recipe(steps=4, batch_size=2, learning_rate=1.0, warmup=warmup, schedule=schedule)
    assert [share_of_rate(step, recipe) for step in range(4)] == pytest.approx(expected)


def test_biases_and_normalisation_do_not_decay():
    model = toy_model()
    recipe = Recipe(steps=4, batch_size=2, learning_rate=1.0, weight_decay=0.01)
    made = optimizer(list(model.parameters()), recipe)
    decays, stays = made.param_groups
    names = {id(p): name for name, p in model.body.named_parameters()}
    assert decays["weight_decay"] == 0.01 and stays["weight_decay"] == 0 and decays["fused"]
    assert all("bias" in names[id(p)] or "LayerNorm" in names[id(p)] for p in stays["params"])
    assert not any("bias" in names[id(p)] or "LayerNorm" in names[id(p)] for p in decays["params"])
