"""Work beside the device's keeps its order, and its errors come to light."""

import threading

import pytest

from hbench.ahead import ahead, behind


def counted(upto, made):
    for number in range(upto):
        made.append(number)
        yield number


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_values_come_in_order(device):
    assert list(ahead(iter(range(20)), device)) == list(range(20))
    assert list(ahead(iter(()), device)) == []


def test_the_next_value_is_made_while_one_is_worked_on_and_no_more_than_that():
    made: list[int] = []
    values = ahead(counted(9, made), "cuda")
    assert next(values) == 0
    assert next(values) == 1
    threading.Event().wait(0.05)
    assert made == [0, 1, 2]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_an_error_comes_where_its_value_would(device):
    def failing():
        yield 1
        raise ValueError("no second")

    values = ahead(failing(), device)
    assert next(values) == 1
    with pytest.raises(ValueError, match="no second"):
        next(values)


def test_work_is_done_in_order_and_all_of_it_on_leaving():
    done: list[int] = []
    with behind() as later:
        for number in range(20):
            later(done.append, number)
    assert done == list(range(20))


@pytest.mark.parametrize("last", [True, False])
def test_work_that_fails_is_never_lost(last):
    def fail():
        raise ValueError("disk full")

    with pytest.raises(ValueError, match="disk full"), behind() as later:
        later(fail)
        if not last:
            later(print)
