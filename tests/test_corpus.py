"""What the data stage wrote, read back: numbers, offsets, and the texts to train on."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbench.corpus import taken
from hbench.training_texts import training_texts


@pytest.fixture(scope="module")
def toy(toy_dataset):
    """Numbers by hand: languages de, en, zh; items q1 q2 q3 are 0 1 2.

    Queries:  de: q2 -> 0; en: q1 -> 1, q2 -> 2, q3 -> 3; zh: none.
    Passages: de: p2 -> 0; en: p3 -> 1, p1 -> 2, p2 -> 3; zh: p1 -> 4.
    """
    return toy_dataset(
        tags=("zh", "en", "de"),
        asked=(
            ("q1", "en", "Who?", "tale"),
            ("q2", "en", "Where?", "atlas"),
            ("q2", "de", "Wo?", "atlas"),
            ("q3", "en", "Who?", "tale"),
        ),
        told=(
            ("p3", "en", "Bob."),
            ("p1", "en", "Ann."),
            ("p1", "zh", "安。"),
            ("p2", "en", "In Rome."),
            ("p2", "de", "In Rom."),
        ),
        judged=(
            ("q3", "en", "p3", 0),
            ("q2", "de", "p2", 1),
            ("q1", "en", "p3", 1),
            ("q1", "en", "p1", 2),
            ("q1", "en", "p2", 2),
            ("q1", "zh", "p1", 1),
            ("q2", "en", "p2", 1),
            ("q2", "en", "p1", 1),
        ),
    )


@pytest.fixture(scope="module")
def corpus(toy, stored):
    return stored(toy)


def test_languages_are_sorted_and_texts_numbered_through_them(corpus):
    assert corpus.languages == ("de", "en", "zh")
    assert corpus.parallel
    assert corpus.query_offsets.tolist() == [0, 1, 4, 4]
    assert corpus.passage_offsets.tolist() == [0, 1, 4, 5]


def test_texts_come_back_as_they_were(corpus):
    assert corpus.texts("query", "en") == ["Who?", "Where?", "Who?"]
    assert corpus.texts("query", "zh") == []
    assert corpus.texts("passage", "en") == ["Bob.", "Ann.", "In Rome."]
    assert corpus.texts("passage", "zh") == ["安。"]


def test_each_query_knows_its_item(corpus):
    assert corpus.query_items.tolist() == [1, 0, 1, 2]


def test_passage_ids_carry_their_language(corpus):
    assert corpus.passage_ids.to_pylist() == ["de:p2", "en:p3", "en:p1", "en:p2", "zh:p1"]


def test_each_passage_knows_its_language(corpus):
    item, passage, grade = corpus.judgements
    assert corpus.passage_languages(passage).tolist() == [1, 0, 1, 1, 1, 2, 1, 1]
    assert passage.tolist() == [1, 0, 1, 2, 3, 4, 3, 2]
    assert item.tolist() == [2, 1, 0, 0, 0, 0, 1, 1]
    assert grade.tolist() == [0, 1, 1, 2, 2, 1, 1, 1]
    assert {column.dtype.name for column in (item, passage, grade)} == {"int32"}


def test_clusters_are_numbered_as_they_come(corpus):
    assert corpus.item_clusters.tolist() == [0, 1, 0]


def test_the_first_relevant_passage_has_the_highest_grade_then_comes_first(corpus):
    # q1 in English: p3 has grade 1, then p1 and p2 have 2. q2: p2 is judged before p1.
    # q3's only judgement has grade 0.
    assert corpus.first_relevant().tolist() == [[-1, 2, 4], [0, 3, -1], [-1, -1, -1]]


def test_nothing_is_relevant_where_all_grades_are_0(toy_dataset, stored):
    dataset = toy_dataset(
        ["en"], [("q", "en", "Who?")], [("p", "en", "Ann.")], [("q", "en", "p", 0)]
    )
    assert stored(dataset).first_relevant().tolist() == [[-1]]


def texts_of(numbers, texts):
    """The table of a side, its numbers replaced by what they stand for."""
    return [[texts[number] if number >= 0 else "-" for number in row] for row in numbers.tolist()]


def test_training_texts_hold_each_item_in_all_its_languages(corpus):
    texts = training_texts([corpus], [2.0])
    assert texts.items.languages == ("de", "en", "zh")
    assert texts_of(texts.items.query, texts.queries) == [
        ["-", "Who?", "-"],
        ["Wo?", "Where?", "-"],
        ["-", "Who?", "-"],
    ]
    assert texts_of(texts.items.passage, texts.passages) == [
        ["-", "Ann.", "安。"],
        ["In Rom.", "In Rome.", "-"],
        ["-", "-", "-"],
    ]
    assert texts.items.source.tolist() == [0, 0, 0]
    assert texts.items.weights.tolist() == [2.0]
    arrays = (texts.items.query, texts.items.passage, texts.items.source, texts.items.weights)
    assert [array.dtype for array in arrays] == ["int32", "int32", "int32", "float64"]


def test_equal_strings_share_a_number_over_items_languages_and_sources(corpus, toy_dataset, stored):
    other = toy_dataset(
        tags=("de", "ar"),
        asked=[("q1", "de", "Who?"), ("q1", "ar", "من؟"), ("q2", "de", "Wann?")],
        told=[("p", "de", "Ann."), ("p", "ar", "آن")],
        judged=[("q1", "de", "p"), ("q1", "ar", "p"), ("q2", "de", "p")],
    )
    texts = training_texts([corpus, stored(other)], [1.0, 3.0])
    assert texts.items.languages == ("ar", "de", "en", "zh")
    assert texts_of(texts.items.query, texts.queries) == [
        ["-", "-", "Who?", "-"],
        ["-", "Wo?", "Where?", "-"],
        ["-", "-", "Who?", "-"],
        ["من؟", "Who?", "-", "-"],
        ["-", "Wann?", "-", "-"],
    ]
    assert texts_of(texts.items.passage, texts.passages) == [
        ["-", "-", "Ann.", "安。"],
        ["-", "In Rom.", "In Rome.", "-"],
        ["-", "-", "-", "-"],
        ["آن", "Ann.", "-", "-"],
        ["-", "Ann.", "-", "-"],
    ]
    assert len(set(texts.queries)) == len(texts.queries) == 5
    assert len(set(texts.passages)) == len(texts.passages) == 5
    assert texts.items.source.tolist() == [0, 0, 0, 1, 1]
    assert texts.items.weights.tolist() == [1.0, 3.0]


def test_a_language_without_a_pair_and_relevant_passages_too_many_are_noted(corpus):
    # Relevant: 3 + 1 for q1, 1 + 2 for q2. Trained on: English and Chinese for q1, both for q2.
    assert training_texts([corpus], [1.0]).notes == [
        (
            "3 relevant passages are not trained on, and may be their questions' negatives: only "
            "the best of an item and language is known"
        ),
        "no training pair has both texts in zh",
    ]


@pytest.fixture(scope="module")
def judged_sources(toy_dataset, stored):
    """Two sources; items: q1 and q2 of the first are 0 and 1, q1 of the second is 2."""
    first = toy_dataset(
        tags=("de", "en"),
        asked=[("q1", "en", "Who?"), ("q1", "de", "Wer?"), ("q2", "en", "Where?")],
        told=[
            ("p1", "en", "Ann."),
            ("p2", "en", "Rome."),
            ("p3", "en", "Bob."),
            ("p1", "de", "Anna."),
            ("p2", "de", "Rom."),
        ],
        judged=[
            ("q1", "en", "p3", 0),
            ("q1", "en", "p1", 1),
            ("q1", "de", "p1", 1),
            ("q2", "en", "p2", 1),
            ("q1", "de", "p2", 0),
            ("q1", "en", "p2", 0),
        ],
    )
    second = toy_dataset(
        tags=("en", "fr"),
        asked=[("q1", "en", "When?")],
        told=[("p1", "en", "Now."), ("p2", "en", "Bob."), ("p1", "fr", "Maintenant.")],
        judged=[("q1", "en", "p1", 1), ("q1", "fr", "p1", 1), ("q1", "en", "p2", 0)],
    )
    return [stored(first), stored(second)]


def negatives_of(texts):
    """(item, language) -> the texts of its hard negatives."""
    names = texts.items.languages
    starts, numbers = texts.items.negatives.starts, texts.items.negatives.numbers
    assert len(starts) == texts.items.query.size + 1
    found = {}
    for cell in range(texts.items.query.size):
        own = numbers[starts[cell] : starts[cell + 1]]
        if len(own):
            item, language = divmod(cell, len(names))
            found[item, names[language]] = [texts.passages[number] for number in own]
    return found


def test_hard_negatives_are_those_judged_so_by_item_and_language(judged_sources):
    texts = training_texts(judged_sources, [1.0, 1.0], hard_negatives=True)
    assert texts.items.languages == ("de", "en", "fr")
    assert texts.items.negatives is not None
    assert texts.items.negatives.starts.tolist() == [0, 1, 3, 3, 3, 3, 3, 3, 4, 4]
    assert negatives_of(texts) == {
        (0, "de"): ["Rom."],
        (0, "en"): ["Bob.", "Rome."],  # in the order of the judgements
        (2, "en"): ["Bob."],
    }
    assert texts.items.negatives.starts.dtype == "int64"
    assert texts.items.negatives.numbers.dtype == "int32"


def test_what_is_left_out_leaves_neither_texts_nor_hard_negatives(judged_sources):
    """The first item of the first source, whose texts no other has."""
    without = [np.zeros(len(corpus.item_clusters), bool) for corpus in judged_sources]
    without[0][0] = True
    texts = training_texts(judged_sources, [1.0, 1.0], hard_negatives=True, without=without)
    assert negatives_of(texts) == {(2, "en"): ["Bob."]}
    assert texts_of(texts.items.query, texts.queries)[0] == ["-", "-", "-"]
    assert texts_of(texts.items.passage, texts.passages)[0] == ["-", "-", "-"]
    assert {"Wer?", "Who?"}.isdisjoint(texts.queries)
    assert {"Anna.", "Ann.", "Rom."}.isdisjoint(texts.passages)
    assert "1 items that an evaluation knows are not trained on" in texts.notes


def test_an_answer_without_hard_negatives_is_not_trained_on(judged_sources):
    texts = training_texts(judged_sources, [1.0, 1.0], hard_negatives=True)
    assert texts_of(texts.items.passage, texts.passages) == [
        ["Anna.", "Ann.", "-"],
        ["-", "-", "-"],
        ["-", "Now.", "-"],
    ]
    assert texts_of(texts.items.query, texts.queries) == [
        ["Wer?", "Who?", "-"],
        ["-", "Where?", "-"],
        ["-", "When?", "-"],
    ]
    assert texts.notes == [
        "passages without hard negatives, not trained on: 2",
        "no training pair has both texts in fr",
    ]


def test_a_hard_negative_has_the_number_of_the_answer_that_it_is_elsewhere(toy_dataset, stored):
    dataset = toy_dataset(
        tags=["en"],
        asked=[("q1", "en", "Who?"), ("q2", "en", "Where?")],
        told=[("p1", "en", "Ann."), ("p2", "en", "Rome."), ("p3", "en", "Ann.")],
        judged=[
            ("q1", "en", "p1"),
            ("q2", "en", "p2"),
            ("q1", "en", "p2", 0),
            ("q2", "en", "p3", 0),
        ],
    )
    items = training_texts([stored(dataset)], [1.0], hard_negatives=True).items
    (one,), (two,) = items.passage
    assert items.negatives is not None
    assert items.negatives.numbers.tolist() == [two, one]


def test_without_hard_negatives_nothing_is_dropped(judged_sources):
    texts = training_texts(judged_sources, [1.0, 1.0])
    assert texts.items.negatives is None
    assert (texts.items.passage >= 0).sum() == 5
    assert "Rom." not in texts.passages
    assert texts.notes == ["no training pair has both texts in fr"]


def test_data_that_has_no_hard_negatives_has_none(toy_dataset, stored):
    dataset = toy_dataset(
        ["en"], [("q", "en", "Who?")], [("p", "en", "Ann.")], [("q", "en", "p", 1)]
    )
    texts = training_texts([stored(dataset)], [1.0], hard_negatives=True)
    assert texts.items.negatives is None
    assert texts_of(texts.items.passage, texts.passages) == [["Ann."]]


@given(st.lists(st.lists(st.text(max_size=3), max_size=5), min_size=1), st.data())
def test_rows_of_a_column_are_taken_from_whatever_pieces_it_is_in(pieces, data):
    column = pa.chunked_array([pa.array(piece, pa.string()) for piece in pieces])
    values = [value for piece in pieces for value in piece]
    places = st.integers(0, len(values) - 1) if values else st.nothing()
    rows = data.draw(st.lists(places))
    found = taken(column, np.array(rows, np.int64))
    assert found.to_pylist() == [values[row] for row in rows]
    assert isinstance(found, pa.ChunkedArray)
