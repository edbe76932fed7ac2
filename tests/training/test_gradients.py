"""However a batch is computed, its gradients are those of one plain padded batch."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.training.toy_training import (
    OBJECTIVES,
    ROWS,
    computed,
    gradients,
    named,
    plain,
    toy_batch,
    toy_model,
)

from hbench.errors import MemoryShortage
from hbench_plugins.encoders.packed import TokenTable

ROOT = Path(__file__).parents[2]
plain_once = cache(plain)


def assert_equal(found, wanted, bound):
    """Every tensor to ``bound``, relative to its largest number; key biases absolutely.

    A key's bias adds one number to all scores of a query, so its true gradient is 0.
    """
    (loss, tensors), (wanted_loss, wanted_tensors) = found, wanted
    assert loss.item() == pytest.approx(wanted_loss.item(), rel=bound)
    assert tensors.keys() == wanted_tensors.keys()
    for name, tensor in wanted_tensors.items():
        if tensor is None:
            assert tensors[name] is None, name
            continue
        size = 1.0 if name.endswith("key.bias") else tensor.abs().max().item()
        assert size > 0, name
        assert (tensors[name] - tensor).abs().max().item() <= bound * size, name


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("caching", [False, True])
@pytest.mark.parametrize("budget", [1, 40, 10_000])
def test_packed_and_cached_gradients_are_those_of_the_padded_batch(name, caching, budget):
    found = computed(OBJECTIVES[name], caching=caching, budget=budget)
    assert_equal(found, plain_once(OBJECTIVES[name]), 1e-10)


@pytest.mark.parametrize("caching", [False, True])
def test_so_are_those_of_a_first_token_with_a_dense_layer(caching):
    objective = OBJECTIVES["one way"]
    found = computed(objective, kind="labse", caching=caching)
    assert_equal(found, plain(objective, kind="labse"), 1e-10)


@pytest.mark.parametrize("caching", [False, True])
def test_in_single_precision_the_gradients_differ_by_rounding_alone(caching):
    objective = OBJECTIVES["one way"]
    _, found = computed(objective, dtype=torch.float32, caching=caching)
    _, wanted = plain(objective, dtype=torch.float32)
    difference = sum((found[name] - wanted[name]).square().sum() for name in wanted)
    size = sum(tensor.square().sum() for tensor in wanted.values())
    assert (difference / size).sqrt().item() <= 1e-5


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """A function that gives what each of ``count`` processes found."""
    folder = tmp_path_factory.mktemp("processes")
    path = os.pathsep.join(map(str, (ROOT, ROOT / "harness", ROOT / "plugins")))
    here = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}

    @cache
    def run(count):
        place, output = folder / f"meeting-{count}", folder / f"found-{count}"
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.training.worker",
                 *map(str, (rank, count, place, output))],
                env=here, cwd=ROOT, stderr=subprocess.PIPE,
            )
            for rank in range(count)
        ]  # fmt: skip
        for process in started:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors.decode()
        return [load_file(f"{output}-{rank}.safetensors") for rank in range(count)]

    return run


def of(found, name, caching):
    """One objective's loss and gradients out of what a process wrote."""
    prefix = f"{name}|{caching}|"
    tensors = {n.removeprefix(prefix): t for n, t in found.items() if n.startswith(prefix)}
    return tensors.pop("loss"), tensors


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_processes_have_the_gradients_of_the_whole_padded_batch(count, together):
    for found in together(count):
        for name, objective in OBJECTIVES.items():
            for caching in (False, True):
                assert_equal(of(found, name, caching), plain_once(objective), 1e-10)


def test_gradients_that_are_averaged_over_processes_are_found_out(together):
    wanted = plain_once(OBJECTIVES["one way"])
    for found in together(2):
        assert_equal(of(found, "one way", False), wanted, 1e-10)
        with pytest.raises(AssertionError):
            assert_equal(of(found, "averaged", False), wanted, 1e-10)


def test_dropout_is_the_same_when_a_micro_batch_is_computed_again():
    """Gradients with dropout: cached and uncached agree, since both draw the same numbers."""
    found = []
    for caching in (False, True):
        model = toy_model()
        for part in model.body.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.3
        model.train(True)
        engine = gradients(model, OBJECTIVES["one way"], caching=caching)
        torch.manual_seed(7)
        loss = engine.add(toy_batch(model, OBJECTIVES["one way"]))
        found.append((loss, {n: p.grad for n, p in model.body.named_parameters()}))
    assert_equal(found[1], found[0], 1e-12)
    assert found[0][0].item() != pytest.approx(
        plain_once(OBJECTIVES["one way"])[0].item(), rel=1e-3
    )


def test_one_look_up_a_step_serves_all_micro_batches(monkeypatch):
    calls, look_up = [], TokenTable.look_up

    def counted(table, tokens):
        calls.append(tokens)
        return look_up(table, tokens)

    monkeypatch.setattr(TokenTable, "look_up", counted)
    model = toy_model()
    batch = toy_batch(model, OBJECTIVES["one way"])
    gradients(model, OBJECTIVES["one way"], budget=1).add(batch)
    assert len(calls) == 1


@pytest.mark.parametrize("caching", [False, True])
def test_a_step_leaves_nothing_of_itself_in_the_next_ones_gradients(caching):
    """The table's gradient is one buffer; a second step of two rows touches few of its rows."""
    objective, found = OBJECTIVES["one way"], []
    for before in (False, True):
        model = toy_model()
        engine = gradients(model, objective, caching=caching)
        if before:
            engine.add(toy_batch(model, objective))
            engine.clear()
        loss = engine.add(toy_batch(model, objective, rows=ROWS[:2]))
        found.append((loss, named(model)))
    assert_equal(found[1], found[0], 0)
    table = found[0][1]["embeddings.word_embeddings.weight"]
    assert 0 < (table != 0).any(dim=1).sum() < len(table) / 2


def test_gradients_of_two_batches_add_up():
    objective, model = OBJECTIVES["one way"], toy_model()
    engine = gradients(model, objective)
    batch = toy_batch(model, objective)
    loss = engine.add(batch)
    once = {name: gradient.clone() for name, gradient in named(model).items()}
    engine.add(batch)
    assert_equal((loss, named(model)), (loss, {n: 2 * g for n, g in once.items()}), 1e-12)


class Hungry:
    """A model that runs out of memory above a budget."""

    def __init__(self, most):
        self.model, self.most, self.asked = toy_model(), most, []

    def parameters(self):
        return self.model.parameters()

    def embed(self, tokens, *, budget, recompute=False):
        self.asked.append(budget)
        if budget > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.model.embed(tokens, budget=budget, recompute=recompute)


def test_out_of_memory_halves_the_budget_and_the_gradients_are_the_same():
    objective = OBJECTIVES["one way"]
    hungry = Hungry(150)
    engine = gradients(hungry, objective, budget=1000)
    loss = engine.add(toy_batch(hungry.model, objective))
    assert hungry.asked == [1000, 500, 250, 125]
    assert [note[-3:] for note in engine.budget.notes] == ["500", "250", "125"]
    assert_equal((loss, {n: p.grad for n, p in hungry.model.body.named_parameters()}),
                 plain_once(objective), 1e-10)  # fmt: skip


def test_where_not_even_one_text_fits_the_job_fails_and_says_what_to_change():
    hungry, objective = Hungry(0), OBJECTIVES["one way"]
    batch = toy_batch(hungry.model, objective)
    with pytest.raises(MemoryShortage, match="use gradient_caching, a smaller token_budget"):
        gradients(hungry, objective, budget=1000).add(batch)
    assert hungry.asked[-1] == batch.lengths.max()


def test_another_error_is_no_lack_of_memory():
    class Broken(Hungry):
        def embed(self, tokens, *, budget, recompute=False):
            raise RuntimeError("shapes differ")

    model = Broken(0)
    with pytest.raises(RuntimeError, match="shapes differ"):
        gradients(model, OBJECTIVES["one way"]).add(toy_batch(model.model, OBJECTIVES["one way"]))
