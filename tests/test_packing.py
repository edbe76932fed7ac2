from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from hbench.packing import micro_batches

LENGTHS = st.lists(st.integers(1, 40), max_size=30)
BUDGETS = st.integers(1, 120)


def groups_of(lengths, budget):
    return [group.tolist() for group in micro_batches(lengths, budget=budget)]


def test_a_group_is_padded_to_its_longest_text():
    # Sorted: 2 3 3 4. Three texts cost 3 x 3 = 9; the fourth would make it 4 x 4 = 16.
    assert groups_of([3, 4, 2, 3], budget=15) == [[2, 0, 3], [1]]
    assert groups_of([3, 4, 2, 3], budget=16) == [[2, 0, 3, 1]]


def test_a_text_longer_than_the_budget_gets_a_group_of_its_own():
    assert groups_of([9, 1, 8, 1], budget=4) == [[1, 3], [2], [0]]


def test_no_text_no_group():
    assert micro_batches([], budget=8) == []


@given(LENGTHS, BUDGETS)
def test_every_text_once_in_ascending_length(lengths, budget):
    order = [text for group in groups_of(lengths, budget) for text in group]
    assert order == sorted(range(len(lengths)), key=lambda text: (lengths[text], text))


@given(LENGTHS, BUDGETS)
def test_no_group_of_several_texts_is_above_the_budget_once_padded(lengths, budget):
    for group in groups_of(lengths, budget):
        assert len(group) == 1 or len(group) * max(lengths[text] for text in group) <= budget


@given(LENGTHS, BUDGETS)
def test_no_group_could_take_the_next_text(lengths, budget):
    groups = groups_of(lengths, budget)
    for group, following in pairwise(groups):
        assert (len(group) + 1) * lengths[following[0]] > budget


def test_lengths_may_be_an_array():
    assert groups_of(np.array([2, 1], np.int32), budget=9) == [[1, 0]]
