import pytest
import torch

from hbench.errors import Damaged
from hbench.manifests import forget_checks
from hbench.store import Store
from hbench.training.checkpoint import Checkpoints, restore, state_of


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(Store(tmp_path), tmp_path / "checkpoints")


def test_the_two_newest_are_kept(checkpoints):
    for step in (1, 2, 10):
        checkpoints.save(step, {"x": torch.tensor([step])}, {"step": step})
    tensors, facts = checkpoints.newest()
    assert tensors["x"].tolist() == [10] and facts == {"step": 10}
    assert [path.name[-2:] for path in sorted(checkpoints.folder.iterdir())] == ["02", "10"]


def test_one_that_was_not_written_to_its_end_does_not_count(checkpoints):
    checkpoints.save(1, {"x": torch.tensor([1])}, {})
    checkpoints.save(2, {"x": torch.tensor([2])}, {})
    (checkpoints.folder / "step-000000000002" / "manifest.json").unlink()
    tensors, _ = checkpoints.newest()
    assert tensors["x"].tolist() == [1]


def test_a_damaged_one_is_an_error_that_names_it_and_the_older_one_is_left(checkpoints):
    checkpoints.save(1, {"x": torch.tensor([1])}, {})
    checkpoints.save(2, {"x": torch.tensor([2])}, {})
    newest = checkpoints.folder / "step-000000000002"
    content = bytearray((newest / "state.safetensors").read_bytes())
    content[-1] ^= 1
    (newest / "state.safetensors").write_bytes(content)
    forget_checks()
    with pytest.raises(Damaged) as caught:
        checkpoints.newest()
    assert caught.value.folder == newest
    checkpoints.store.put_aside(newest, "state.safetensors")
    tensors, _ = checkpoints.newest()
    assert tensors["x"].tolist() == [1]


def test_without_any_there_is_nothing_to_go_on_from(checkpoints):
    assert checkpoints.newest() is None


def test_they_come_by_time(checkpoints):
    assert not checkpoints.is_due
    checkpoints.every = 0
    assert checkpoints.is_due


def test_cleared_nothing_of_them_remains(checkpoints):
    checkpoints.save(1, {"x": torch.tensor([1])}, {})
    checkpoints.clear()
    assert checkpoints.newest() is None and not checkpoints.folder.exists()


def test_an_optimiser_is_put_back_to_the_bit():
    def made():
        torch.manual_seed(1)
        weights = {
            "a": torch.nn.Parameter(torch.rand(3, 2)),
            "b": torch.nn.Parameter(torch.rand(())),
        }
        return weights, torch.optim.AdamW(weights.values(), lr=0.1, fused=True)

    def step(weights, optimizer):
        loss = sum((p**3).sum() for p in weights.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    first, other = made(), made()
    for _ in range(3):
        step(*first)
    restore({name: tensor.clone() for name, tensor in state_of(*first).items()}, *other)
    for made_of in (first, other):
        step(*made_of)
    assert all(torch.equal(first[0][name], other[0][name]) for name in "ab")
