"""From rows to texts: every row gets its own, and nobody's answer counts as its negative."""

from collections import Counter
from itertools import combinations
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from hbench.errors import DataError
from hbench.records import Items, Negatives
from hbench.tokens import Tokens
from hbench.training.batches import BatchMaker, monolingual_rows
from hbench.training_texts import TrainingTexts, training_texts

DE, EN = 0, 1
# Items 0 and 1 share their English answer; item 4's German answer is item 2's English one.
QUERY = [[0, 1], [2, 3], [4, 5], [-1, 6], [7, 8]]
PASSAGE = [[0, 1], [2, 1], [3, 4], [5, 6], [4, 7]]
NEGATIVES = {
    (0, EN): [10, 11, 12, 13, 14],
    (0, DE): [20],
    (1, EN): [15, 16],
    (2, EN): [1, 4, 17],  # the answer of items 0 and 1, and its own, judged by mistake
}


def texts_of(query, passage, negatives=None):
    """Training texts of which only the numbers matter."""
    query, passage = np.array(query, np.int32), np.array(passage, np.int32)
    items = len(query)
    found = None
    if negatives is not None:
        cells = [negatives.get(divmod(cell, 2), []) for cell in range(2 * items)]
        starts = np.cumsum([0, *map(len, cells)])
        found = Negatives(starts, np.array([n for cell in cells for n in cell], np.int32))
    source = np.zeros(items, np.int32)
    return TrainingTexts(Items(("de", "en"), query, passage, source, np.ones(1), found), [], [])


def maker(*needs, negatives=2, seed=1, hard=NEGATIVES, query=QUERY, passage=PASSAGE):
    """Text n has one token: 100 + n as a query, 200 + n as a passage."""
    tokens: Any = {
        side: Tokens(np.arange(first, first + 50, dtype=np.int32), np.arange(51))
        for side, first in (("query", 100), ("passage", 200))
    }
    return BatchMaker(texts_of(query, passage, hard), tokens, needs, negatives, seed)


def rows_of(*rows):
    return np.array(rows, np.int32)


def texts_in(batch):
    """The texts of a batch by kind."""
    seen = [int(token) for (token,) in batch.tokens]
    found = {}
    for need, count in batch.kinds:
        found[need], seen = seen[:count], seen[count:]
    assert not seen
    return found


def test_each_need_finds_its_text_row_by_row():
    needs = ("passage", "query_in_passage_language", "query", "passage_in_query_language")
    batch = maker(*needs).make(rows_of((0, DE, EN), (2, EN, DE), (4, EN, EN)), 0)
    assert texts_in(batch) == {
        "query": [100, 105, 108],
        "passage": [201, 203, 207],
        "passage_in_query_language": [200, 204, 207],
        "query_in_passage_language": [101, 104, 108],
    }
    assert [need for need, _ in batch.kinds] == list(needs)
    assert batch.lengths.tolist() == [1] * 12


def test_an_item_that_lacks_a_needed_text_is_an_error():
    rows = rows_of((3, EN, DE))
    assert texts_in(maker("query").make(rows, 0)) == {"query": [106]}
    with pytest.raises(DataError, match="the objective needs 'query_in_passage_language'"):
        maker("query_in_passage_language").make(rows, 0)


def test_rows_of_one_item_or_with_a_common_text_in_any_language_are_duplicates():
    rows = rows_of((0, DE, DE), (1, DE, DE), (2, EN, EN), (0, EN, DE), (3, EN, EN), (4, DE, EN))
    wanted = np.zeros((6, 6), bool)
    for one, other in [(0, 1), (0, 3), (1, 3), (2, 5)]:
        wanted[one, other] = wanted[other, one] = True
    masks = maker("query").make(rows, 0).masks
    assert list(masks) == ["duplicate"]
    assert masks["duplicate"].tolist() == wanted.tolist()


NUMBERS = st.lists(st.tuples(*[st.integers(-1, 7)] * 4), min_size=1, max_size=6)


@given(NUMBERS, st.data())
def test_duplicates_are_those_of_the_definition(numbers, data):
    drawn = data.draw(st.lists(st.integers(0, len(numbers) - 1), min_size=1, max_size=6))
    query, passage = np.array(numbers)[:, :2], np.array(numbers)[:, 2:]
    made = maker(query=query, passage=passage).make(rows_of(*((i, DE, DE) for i in drawn)), 0)
    mask = made.masks.get("duplicate", np.zeros((len(drawn), len(drawn)), bool))
    assert not mask.diagonal().any()
    for one, other in combinations(range(len(drawn)), 2):
        pair = [numbers[drawn[one]], numbers[drawn[other]]]
        shared = [
            ({*a} & {*b}) - {-1} for a, b in (zip(*[(n[:2], n[2:]) for n in pair], strict=True))
        ]
        wanted = drawn[one] == drawn[other] or any(shared)
        assert mask[one, other] == mask[other, one] == wanted


def test_a_hard_negative_that_answers_a_rows_question_is_no_negative_of_that_row():
    rows = rows_of((0, DE, EN), (2, EN, EN), (4, EN, EN))
    hard = {**NEGATIVES, (4, EN): [30]}
    batch = maker("query", "negatives", negatives=3, hard=hard).make(rows, 0)
    drawn = texts_in(batch)["negatives"]
    assert len(drawn) == 9
    mask = batch.masks["duplicate_negative"]
    assert mask.shape == (3, 9)
    # Text 1 answers item 0, text 4 items 2 and 4; all three of item 2's are drawn.
    assert sorted(drawn[3:6]) == [201, 204, 217]
    wanted = [[text == 201 for text in drawn], *[[text == 204 for text in drawn]] * 2]
    assert mask.tolist() == wanted
    assert mask.sum() == 3


def test_an_answer_that_is_not_trained_on_is_no_negative_of_its_question_either(
    toy_dataset, stored
):
    """ "Rome." answers q2, which has no hard negatives in English, and is one of q1's there."""
    dataset = toy_dataset(
        tags=("de", "en"),
        asked=[("q1", "en", "Who?"), ("q2", "de", "Wo?"), ("q2", "en", "Where?")],
        told=[
            *[("p1", "en", "Ann."), ("p2", "en", "Rome.")],
            *[("p2", "de", "Rom."), ("p3", "de", "Paris.")],
        ],
        judged=[
            *[("q1", "en", "p1", 1), ("q1", "en", "p2", 0)],
            *[("q2", "en", "p2", 1), ("q2", "de", "p2", 1), ("q2", "de", "p3", 0)],
        ],
    )
    texts = training_texts([stored(dataset)], [1.0], hard_negatives=True)
    tokens: Any = {"passage": Tokens(np.arange(9, dtype=np.int32), np.arange(10))}
    rows = rows_of((0, EN, EN), (1, DE, DE))
    batch = BatchMaker(texts, tokens, ["negatives"], 1, seed=1).make(rows, 0)
    assert [texts.passages[int(token)] for (token,) in batch.tokens] == ["Rome.", "Paris."]
    assert batch.masks["duplicate_negative"].tolist() == [[False, False], [True, False]]


def test_masks_without_a_duplicate_are_left_out():
    batch = maker("query", "negatives").make(rows_of((0, DE, EN), (2, EN, EN)), 0)
    assert "duplicate" not in batch.masks
    batch = maker("negatives").make(rows_of((0, DE, EN), (0, DE, DE)), 0)
    assert list(batch.masks) == ["duplicate"]


def drawn_at(step, rows, **how):
    return texts_in(maker("negatives", **how).make(rows, step))["negatives"]


def test_hard_negatives_are_the_items_in_the_passages_language():
    rows = rows_of((0, DE, EN), (0, EN, DE), (1, DE, EN))
    for step in range(30):
        drawn = drawn_at(step, rows)
        assert {*drawn[:2]} <= {210, 211, 212, 213, 214}
        assert drawn[2:4] == [220, 220]
        assert sorted(drawn[4:]) == [215, 216]


def test_hard_negatives_follow_from_seed_and_step_alone():
    rows = rows_of((0, DE, EN), (1, DE, EN))
    first = [drawn_at(step, rows) for step in range(20)]
    one = maker("query", "negatives")
    backwards = [texts_in(one.make(rows, step))["negatives"] for step in reversed(range(20))]
    assert backwards[::-1] == first
    assert len({tuple(drawn) for drawn in first}) > 10
    assert first != [drawn_at(step, rows, seed=2) for step in range(20)]


@pytest.mark.parametrize("count", [1, 3, 5])
def test_hard_negatives_are_drawn_uniformly_and_once_where_there_are_enough(count):
    made, steps = maker("negatives", negatives=count), 2000
    seen, firsts = Counter[int](), Counter[int]()
    for step in range(steps):
        drawn = texts_in(made.make(rows_of((0, DE, EN)), step))["negatives"]
        assert len(set(drawn)) == count
        seen.update(drawn)
        firsts[drawn[0]] += 1
    assert sorted(seen) == sorted(firsts) == [210, 211, 212, 213, 214]
    expected = steps / 5
    # 18.5 is exceeded by chance once in 1000 (chi-square, 4 degrees of freedom).
    assert sum((n - expected) ** 2 / expected for n in firsts.values()) < 18.5
    assert all(abs(n - steps * count / 5) <= 100 for n in seen.values())


def test_where_there_are_too_few_hard_negatives_some_come_again():
    for step in range(20):
        drawn = drawn_at(step, rows_of((1, DE, EN)), negatives=3)
        assert len(drawn) == 3
        assert {*drawn} <= {215, 216}


def test_a_lack_of_hard_negatives_is_an_error():
    with pytest.raises(DataError, match="the training data has none: no judgement of grade 0"):
        maker("negatives", hard=None).make(rows_of((0, DE, EN)), 0)
    with pytest.raises(DataError, match="drew an item without hard negatives"):
        maker("negatives").make(rows_of((0, DE, EN), (1, DE, DE)), 0)


def test_validation_sees_every_item_once_in_each_language_that_has_both_texts():
    texts = texts_of([[0, 1], [2, 3], [4, -1], [-1, 6]], [[0, 1], [-1, 2], [3, 4], [5, 6]])
    # German: items 0 and 2; English: items 0, 1 and 3.
    batches = [[tuple(row) for row in batch.tolist()] for batch in monolingual_rows(texts, 9)]
    assert batches == [[(0, DE, DE), (2, DE, DE)], [(0, EN, EN), (1, EN, EN), (3, EN, EN)]]


def test_a_validation_batch_of_one_row_has_no_negative_and_is_left_out():
    texts = texts_of([[0, 1], [2, 3], [4, -1], [-1, 6]], [[0, 1], [-1, 2], [3, 4], [5, 6]])
    batches = [batch[:, 0].tolist() for batch in monolingual_rows(texts, 2)]
    assert batches == [[0, 2], [0, 1]]


@given(st.lists(st.tuples(*[st.integers(-1, 3)] * 4), min_size=1, max_size=9), st.integers(2, 5))
def test_validation_batches_are_of_one_language_and_as_large_as_can_be(numbers, size):
    table = np.array(numbers)
    wanted = [
        (item, language)
        for language in (DE, EN)
        for item, row in enumerate(numbers)
        if row[language] >= 0 and row[2 + language] >= 0
    ]
    sizes = []
    for language in (DE, EN):
        count = sum(language == other for _, other in wanted)
        sizes += [n for n in [size] * (count // size) + [count % size] if n > 1]
    if not sizes:
        with pytest.raises(DataError, match="no language with two questions and their passages"):
            monolingual_rows(texts_of(table[:, :2], table[:, 2:]), size)
        return
    batches = monolingual_rows(texts_of(table[:, :2], table[:, 2:]), size)
    assert [len(batch) for batch in batches] == sizes
    rows = [tuple(row) for batch in batches for row in batch.tolist()]
    assert all(row[1] == row[2] for row in rows)
    assert len(set(rows)) == len(rows)
    assert {(item, language) for item, language, _ in rows} <= set(wanted)
    assert all(len({*batch[:, 1]}) == 1 for batch in batches)
    assert all(batch.dtype == np.int32 for batch in batches)
