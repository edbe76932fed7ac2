from collections import Counter
from itertools import chain, pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from hbench.packing import in_micro_batches, micro_batches, pack

LENGTHS = st.lists(st.integers(1, 40), max_size=30)
BUDGETS = st.integers(1, 120)
TEXTS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), min_size=1, max_size=12)
SIX = [[3, 1, 4], [1], [5, 9, 2, 6], [5, 3], [5, 8], [9, 7, 9]]


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


def test_packed_texts_lie_end_to_end_and_each_begins_at_position_0():
    packed = pack([[7], [4], [5, 6, 8]])
    assert packed.ids.tolist() == [7, 4, 5, 6, 8]
    assert packed.positions.tolist() == [0, 0, 0, 1, 2]
    assert packed.bounds.tolist() == [0, 1, 2, 5]
    assert packed.runs == ((2, 1), (1, 3))


@given(TEXTS)
def test_a_packed_row_holds_every_token_and_where_its_text_begins(texts):
    texts = sorted(texts, key=len)
    packed = pack(texts)
    assert packed.ids.tolist() == list(chain.from_iterable(texts))
    assert packed.positions.tolist() == [place for text in texts for place in range(len(text))]
    cuts = pairwise(packed.bounds.tolist())
    assert [packed.ids[start:end].tolist() for start, end in cuts] == texts


@given(TEXTS)
def test_a_run_holds_all_texts_of_its_length(texts):
    counts = Counter(map(len, texts))
    runs = pack(sorted(texts, key=len)).runs
    assert runs == tuple((counts[length], length) for length in sorted(counts))


class Sums(torch.nn.Module):
    """A text's vector is the sum of its tokens' rows, some of them dropped in training."""

    def __init__(self, share=0.0):
        super().__init__()
        self.table = torch.nn.Parameter(torch.arange(20.0, dtype=torch.float64).view(10, 2) ** 2)
        self.share = share
        self.calls = []

    def forward(self, tokens, _=None):
        self.calls.append([list(text) for text in tokens])
        rows = torch.nn.functional.dropout(self.table, self.share)
        return torch.stack([rows[torch.tensor(text)].sum(0) for text in tokens]).tanh()

    def embedded(self, texts, *, budget, recompute):
        return in_micro_batches(self, texts, self.table, budget=budget, recompute=recompute)

    def gradient(self, texts, *, budget, recompute):
        vectors = self.embedded(texts, budget=budget, recompute=recompute)
        (vectors * torch.arange(1.0, len(texts) + 1)[:, None]).sum().backward()
        return vectors.detach(), self.table.grad


def constant_sums(share=0.0):
    """``Sums`` whose tanh is not flat, after dropout's random numbers were set back."""
    sums = Sums(share)
    sums.table.data /= 1000
    torch.manual_seed(4)
    return sums


@given(TEXTS, BUDGETS, st.booleans())
def test_row_i_belongs_to_text_i_whatever_the_budget(texts, budget, recompute):
    sums = constant_sums()
    vectors = sums.embedded(texts, budget=budget, recompute=recompute)
    alone = torch.stack([sums.table[torch.tensor(text)].sum(0).tanh() for text in texts])
    assert torch.equal(vectors, alone)


def test_each_group_is_embedded_in_ascending_length():
    sums = constant_sums()
    sums.embedded(SIX, budget=6, recompute=False)
    assert sums.calls == [[[1], [5, 3], [5, 8]], [[3, 1, 4], [9, 7, 9]], [[5, 9, 2, 6]]]


@pytest.mark.parametrize("share", [0.0, 0.4])
@pytest.mark.parametrize("budget", [1, 6, 100])
def test_recomputing_changes_neither_vectors_nor_gradients(budget, share):
    kept = constant_sums(share).gradient(SIX, budget=budget, recompute=False)
    again = constant_sums(share).gradient(SIX, budget=budget, recompute=True)
    assert torch.equal(again[0], kept[0])
    assert torch.equal(again[1], kept[1])
    assert kept[1].abs().max() > 0


def test_recomputing_embeds_each_group_a_second_time_when_its_gradients_are_due():
    sums = constant_sums()
    vectors = sums.embedded(SIX, budget=6, recompute=True)
    first = list(sums.calls)
    assert len(first) == 3
    vectors.sum().backward()
    assert sums.calls[3:] == first[::-1]


@pytest.mark.parametrize(("recompute", "kept"), [(False, 6), (True, 0)])
def test_what_is_kept_for_the_gradients_is_that_of_all_groups_or_of_none(recompute, kept):
    """Counted are the tanh, each of which keeps its result."""
    sums, shapes = constant_sums(), list[torch.Size]()

    def keep(tensor):
        shapes.append(tensor.shape)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        vectors = sums.embedded(SIX, budget=1, recompute=recompute)
    assert vectors.requires_grad
    assert shapes.count(torch.Size([1, 2])) == kept


def test_without_gradients_nothing_is_computed_twice():
    sums = constant_sums()
    with torch.no_grad():
        vectors = sums.embedded(SIX, budget=6, recompute=True)
    assert not vectors.requires_grad
    assert len(sums.calls) == 3
