"""Texts among others: word for word, and nearly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hbench.overlap import FEWEST, SHARE, Known, normalised

QUESTION = "In which year was the iron tower of the old town finished?"
OTHER = "Wer hat im Jahr 1822 die Brücke über den Fluss gebaut?"


def flags(overlap):
    return overlap.exact.tolist(), overlap.near.tolist()


@pytest.mark.parametrize(
    "copy",
    [
        QUESTION,
        "IN WHICH YEAR WAS THE IRON TOWER OF THE OLD TOWN FINISHED?",
        "  In which\tyear was the iron\n tower of the old town finished? ",
        "In which year was the iron tower of the old town ﬁnished？",  # a ligature, a wide mark
    ],
)
def test_a_copy_is_exact_whatever_its_case_white_space_and_width(copy):
    known = Known([OTHER, QUESTION])
    assert flags(known.find(["something else", copy])) == ([False, True], [False, False])
    assert flags(known.seen) == ([False, True], [False, False])


@pytest.mark.parametrize(
    "copy",
    [
        "in which  YEAR was the iron tower of the old city finished?",
        "Note: in which year was the iron tower of the old town finished? Nobody knows any more.",
    ],
)
def test_one_word_changed_or_more_text_around_it_is_near_and_not_exact(copy):
    known = Known([OTHER, QUESTION])
    assert flags(known.find([copy, "something else"])) == ([False, False], [True, False])
    assert flags(known.seen) == ([False, False], [False, True])


@pytest.mark.parametrize(
    ("text", "word", "other"),
    [
        ("वह कौन सा शहर है जिसमें यह पुराना मंदिर बना है?", "शहर", "गाँव"),
        ("这座古老的铁塔是在哪一年由谁在城里建造完成的？", "铁塔", "石桥"),
        ("ในปีใดที่หอคอยเหล็กของเมืองเก่าสร้างเสร็จ", "เหล็ก", "ไม้"),
        ("В каком году была построена железная башня?", "железная", "каменная"),
    ],
)
def test_one_word_changed_is_near_in_other_scripts(text, word, other):
    assert flags(Known([text]).find([text.replace(word, other)])) == ([False], [True])


def test_what_shares_only_its_form_is_not_near():
    known = Known([QUESTION])
    others = ["In which year did the king of the southern islands die?", OTHER, "", "year"]
    assert not known.find(others).near.any()


def test_short_texts_are_exact_or_nothing():
    known = Known(["Iron Tower, 1822"])
    assert len("Iron Tower, 1822") - 7 < FEWEST
    found = known.find(["iron tower, 1822", "Iron Tower, 1823", "The Iron Tower, 1822"])
    assert flags(found) == ([True, False, False], [False, False, False])


def test_known_texts_that_are_equal_are_seen_together():
    known = Known([QUESTION, OTHER, QUESTION.upper()])
    known.find([QUESTION])
    assert flags(known.seen) == ([True, False, True], [False] * 3)


def test_nothing_is_known_of_no_texts():
    known = Known([])
    assert flags(known.find([QUESTION, ""])) == ([False, False], [False, False])
    assert flags(known.seen) == ([], [])


def grams(text):
    data = normalised(text).encode()
    return {data[i : i + 8] for i in range(len(data) - 7)}


words = st.lists(st.sampled_from(["ab", "abab", "ba", "ü", "塔", "塔桥", "aab"]), max_size=40)


@settings(max_examples=200)
@given(st.lists(words, max_size=6), st.lists(words, max_size=6), st.data())
def test_near_is_what_sets_of_grams_say(known, asked, data):
    known, asked = ([" ".join(each) for each in texts] for texts in (known, asked))
    if known:  # copies with a word changed, among others
        copies = data.draw(st.lists(st.sampled_from(known), max_size=3))
        asked += [copy.replace("塔", "ab", 1) for copy in copies]
    expected = np.array(
        [
            [
                normalised(a) != normalised(k)
                and len(grams(k)) >= FEWEST
                and len(grams(k) & grams(a)) >= SHARE * len(grams(k)) - 1e-9
                for k in known
            ]
            for a in asked
        ]
    ).reshape(len(asked), len(known))
    exact = np.array([[normalised(a) == normalised(k) for k in known] for a in asked], bool)
    exact = exact.reshape(expected.shape)
    index = Known(known)
    found = index.find(asked)
    assert found.exact.tolist() == exact.any(axis=1).tolist()
    assert found.near.tolist() == (expected.any(axis=1) & ~exact.any(axis=1)).tolist()
    assert index.seen.exact.tolist() == exact.any(axis=0).tolist()
    assert index.seen.near.tolist() == (expected.any(axis=0) & ~exact.any(axis=0)).tolist()
