"""When memory runs out, half as much is tried, down to one text at a time."""

import weakref

import numpy as np
import pytest
import torch

from hbench.errors import MemoryShortage
from hbench.memory import DEFAULT_BUDGET, Budget, is_out_of_memory

NO_MORE = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nAnd so on")


class Work:
    """Fails above ``most`` tokens at a time."""

    def __init__(self, most, error=NO_MORE):
        self.most, self.error = most, error
        self.asked, self.failed, self.cleared = [], 0, 0

    def __call__(self, budget):
        assert self.cleared == self.failed  # what the last try left behind is gone
        self.asked.append(budget)
        if budget > self.most:
            self.failed += 1
            raise self.error
        return f"done with {budget}"

    def clear(self):
        self.cleared += 1

    def within(self, budget, longest):
        return budget.fit(self, longest=longest, clear=self.clear)


def test_work_that_fits_is_done_once():
    work, budget = Work(100), Budget(100, "cpu")
    assert work.within(budget, longest=7) == "done with 100"
    assert (work.asked, work.cleared, budget.notes, budget.tokens) == ([100], 0, [], 100)


def test_the_budget_is_halved_until_the_work_fits_and_stays_so():
    work, budget = Work(30), Budget(101, "cpu")
    assert work.within(budget, longest=7) == "done with 25"
    assert work.within(budget, longest=7) == "done with 25"
    assert work.asked == [101, 50, 25, 25]
    assert budget.notes == [
        "out of memory: the token budget was halved to 50",
        "out of memory: the token budget was halved to 25",
    ]


def test_the_longest_text_is_the_last_try():
    work, budget = Work(0), Budget(100, "cpu")
    with pytest.raises(MemoryShortage, match="out of memory with 40 tokens at a time") as caught:
        work.within(budget, longest=40)
    assert work.asked == [100, 50, 40]
    message = str(caught.value)
    assert "(CUDA out of memory. Tried to allocate 2.00 GiB.)" in message
    assert "use gradient_caching, a smaller token_budget, batch_size" in message


def test_a_budget_below_the_longest_text_means_that_text_alone():
    work = Work(0)
    with pytest.raises(MemoryShortage, match="with 40 tokens"):
        work.within(Budget(10, "cpu"), longest=40)
    assert work.asked == [10]


def test_where_others_wait_the_first_failure_is_the_last():
    work, budget = Work(0), Budget(100, "cuda", may_shrink=False)
    with pytest.raises(MemoryShortage, match="with 100 tokens"):
        work.within(budget, longest=7)
    assert (work.asked, work.cleared, budget.tokens) == ([100], 1, 100)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("no"), KeyError("k")])
def test_another_error_is_passed_on_at_once(error):
    work = Work(0, error)
    with pytest.raises(type(error)) as caught:
        work.within(Budget(100, "cpu"), longest=7)
    assert caught.value is error
    assert (work.asked, work.cleared) == ([100], 0)


def test_nothing_of_a_failed_try_is_alive_when_memory_is_cleared():
    alive = []

    def work(budget):
        tensor = torch.zeros(3)
        alive.append(weakref.ref(tensor))
        if budget > 10:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return float(tensor.sum())

    def clear():
        assert alive[-1]() is None

    assert Budget(20, "cpu").fit(work, longest=1, clear=clear) == 0.0
    assert len(alive) == 2


def allocate_with_torch():
    torch.empty(2**60)


def allocate_with_numpy():
    np.empty(2**60, np.int8)


@pytest.mark.parametrize("allocate", [allocate_with_torch, allocate_with_numpy])
def test_a_real_failure_to_allocate_is_recognised(allocate):
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        allocate()
    assert is_out_of_memory(caught.value)


MPS = (
    "MPS backend out of memory (MPS allocated: 9.00 GiB, other allocations: 464.00 KiB, "
    "max allowed: 9.32 GiB). Tried to allocate 1024.00 MiB on private pool."
)


@pytest.mark.parametrize(
    "error",
    [
        NO_MORE,
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        RuntimeError(MPS),
    ],
    ids=["CUDA", "Python", "CPU", "MPS"],
)
def test_every_device_has_its_way_of_saying_so(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
        RuntimeError(""),
        ValueError("memory"),
    ],
)
def test_nothing_else_is_taken_for_it(error):
    assert not is_out_of_memory(error)


@pytest.mark.parametrize(
    ("device", "tokens"), [("cpu", 3072), ("mps", 16_384), ("cuda", 65_536), ("cuda:1", 65_536)]
)
def test_what_is_not_asked_for_follows_from_the_device(device, tokens):
    assert Budget(None, device).tokens == tokens
    assert Budget(77, device).tokens == 77
    assert set(DEFAULT_BUDGET) == {"cpu", "mps", "cuda"}
