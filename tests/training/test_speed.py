"""Rates of a model whose arithmetic is known, by a clock that is told how long everything took."""

from typing import Any

import psutil
import pytest
import torch

from hbench.training import speed
from hbench.training.recipe import Precision
from hbench.training.speed import FEW, Speedometer

TEXTS = [[5, 6, 7], [8, 9]]


class Clock:
    """A second passes between looks; the first and the last of 4 products take longer."""

    def __init__(self):
        self.now, self.looks = 100.0, 0

    def __call__(self):
        self.looks += 1
        self.now += 7.0 if self.looks in (2, 8) else 1.0
        return self.now


class Linear:
    """One linear layer of 8 x 8: 2 x 8 x 8 = 128 operations a token, and 384 for a step."""

    def __init__(self):
        self.layer = torch.nn.Linear(8, 8, bias=False)
        self.budgets = []

    def embed(self, tokens, *, budget, recompute=False):
        self.budgets.append((budget, torch.is_grad_enabled()))
        total = sum(map(len, tokens))
        rows = torch.nn.functional.dropout(torch.rand(total, 8), 0.5)
        return self.layer(rows)


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(speed, "perf_counter", made)
    monkeypatch.setitem(speed.SIDE, "cpu", 8)  # a product of 2 x 8^3 = 1024 operations
    return made


def speedometer(model: Any = None, count: int = 1, precision: Precision = "float32"):
    model = Linear() if model is None else model
    return Speedometer(model, TEXTS, precision, torch.device("cpu"), count)


@pytest.mark.usefixtures("clock")
def test_the_peak_is_the_best_of_some_matrix_products():
    assert speedometer().peak == 1024


@pytest.mark.usefixtures("clock")
def test_a_step_is_three_times_the_work_of_embedding():
    model = Linear()
    assert speedometer(model).per_token == 384
    assert model.budgets == [(FEW, False)]


def test_rates_are_of_the_tokens_since_the_last_restart(clock):
    meter = speedometer()
    meter.tokens += 5
    meter.tokens += 3
    clock.now += 3  # with the second of looking, 4
    assert meter.rates() == {"tokens_per_second": 2.0, "share_of_peak": 0.75}  # 2 x 384 / 1024
    meter.restart()
    assert meter.tokens == 0
    meter.tokens += 3
    assert meter.rates() == {"tokens_per_second": 3.0, "share_of_peak": 1.125}


def test_several_devices_have_several_times_the_peak(clock):
    meter = speedometer(count=4)
    meter.tokens += 2
    assert meter.rates() == {"tokens_per_second": 2.0, "share_of_peak": 0.1875}


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_the_peak_is_that_of_the_precision(precision, dtype, monkeypatch):
    asked = []

    def rate(device, dtype):
        asked.append(dtype)
        return 1.0

    monkeypatch.setattr(speed, "_matmul_rate", rate)
    speedometer(precision=precision)
    assert asked == [dtype]


def test_no_time_at_all_gives_no_error(monkeypatch):
    monkeypatch.setattr(speed, "_matmul_rate", lambda *_: 1e9)
    monkeypatch.setattr(speed, "perf_counter", lambda: 5.0)
    meter = speedometer()
    meter.tokens += 1
    assert meter.rates()["tokens_per_second"] > 0


@pytest.mark.usefixtures("clock")
def test_counting_the_work_draws_no_random_number():
    model = Linear()
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    speedometer(model)
    assert torch.equal(torch.rand(2), wanted)


@pytest.mark.usefixtures("clock")
def test_memory_on_a_cpu_is_that_of_the_process():
    used = speedometer().memory()
    assert used == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)
    assert used > 2**20
