"""Strata of queries: their names and order, who is in which, and who is in none."""

import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbench.errors import OptionError, StoreError
from hbench.evaluated import Rows
from hbench.records import RESERVED
from hbench.strata import BY, WITHOUT_TEXTS, Strata, plain, shared, strata, thirds


def rows_of(*cells):
    """Rows from (query language, pool, query numbers) of each component."""
    queries = [(c, query) for c, (_, _, numbers) in enumerate(cells) for query in numbers]
    component, query = np.array(queries, np.int64).reshape(-1, 2).T
    names = [(language, pool) for language, pool, _ in cells]
    return Rows(np.arange(len(query)), component, query, query, query, names)


def named(found: Strata) -> list[str]:
    """The stratum of each row, - where it is in none."""
    return ["-" if number < 0 else found.names[number] for number in found.of.tolist()]


# Four queries: 0 and 1 are German, 2 is Chinese in Taiwan's script, 3 English.
TAGGED = rows_of(
    ("de", "de", [0]), ("de", "en", [0, 1]), ("zh-Hant", "en", [2]), ("en", "de+en", [3])
)  # fmt: skip


def of_tags(by, rows=TAGGED, trained_on=frozenset()):
    return strata(by, rows, None, trained_on)


def test_languages_and_pairs_are_in_the_order_of_the_components():
    assert of_tags("language").names == ["de", "zh-Hant", "en"]
    assert named(of_tags("language")) == ["de", "de", "de", "zh-Hant", "en"]
    pairs = ["de > de", "de > en", "zh-Hant > en", "en > de+en"]
    assert of_tags("pair").names == pairs
    assert of_tags("pair").of.tolist() == [0, 1, 1, 2, 3]


def test_families_and_scripts_are_those_of_the_query_and_sorted_by_name():
    germanic = "Indo-European: Germanic"
    assert of_tags("family").names == [germanic, "Sino-Tibetan"]
    assert named(of_tags("family")) == [germanic] * 3 + ["Sino-Tibetan", germanic]
    assert of_tags("script").names == ["Hant", "Latn"]
    assert named(of_tags("script")) == ["Latn", "Latn", "Latn", "Hant", "Latn"]


def test_a_language_that_nobody_knows_is_shown_as_such():
    rows = rows_of(("de", "de", [0]), ("tlh", "de", [1]))
    assert named(of_tags("family", rows)) == ["Indo-European: Germanic", "unknown family"]
    assert named(of_tags("script", rows)) == ["Latn", "unknown script"]


def test_seen_comes_before_unseen_and_goes_by_the_query_language():
    found = of_tags("seen", trained_on={"en", "ar", "zh"})
    assert found.names == ["seen in training", "unseen in training"]
    assert found.of.tolist() == [1, 1, 1, 1, 0]  # zh-Hant is not zh
    assert of_tags("seen", trained_on={"ar"}).names == ["unseen in training"]


def test_nothing_was_seen_where_nothing_was_trained():
    message = r"--by seen: no language was trained on.*: language, pair, family, script, length"
    with pytest.raises(OptionError, match=message):
        of_tags("seen")


def test_what_no_row_has_is_no_stratum():
    rows = TAGGED.only(TAGGED.component == 1)
    assert of_tags("pair", rows).names == ["de > en"]
    assert of_tags("pair", rows).of.tolist() == [0, 0]


@pytest.mark.parametrize("by", WITHOUT_TEXTS)
def test_no_row_is_left_out_by_what_its_languages_tell(by):
    found = of_tags(by, trained_on={"en"})
    assert found.left_out == ""
    assert min(found.of) == 0


@pytest.mark.parametrize("by", ["length", "overlap", "kind"])
def test_what_needs_texts_says_so_where_they_are_gone(by):
    message = f"--by {by}: the texts .* `hbench data .* language, pair, family, script, seen"
    with pytest.raises(StoreError, match=message):
        of_tags(by)


@pytest.fixture(scope="module")
def corpus(toy_dataset, stored):
    """Queries: 0 to 2 are German, 3 to 8 English."""
    asked = [
        ("q1", "de", "Wer?", "", {"kind": "who", "year": "9"}),
        ("q2", "de", "Wer da?", "", {"kind": "who", "year": "10"}),
        ("q3", "de", "Wer da und dort?", "", {"kind": "where"}),
        ("q1", "en", "abcdef", "", {"kind": "who", "year": "9"}),
        ("q2", "en", "ab", "", {"year": "10"}),
        ("q3", "en", "abcd", "", {"kind": "what", "year": "2"}),
        ("q4", "en", "ABC  de", "", {"year": "9"}),
        ("q5", "en", "abcde fghij", "", {"kind": "who"}),
        ("q6", "en", "abcdefghi", "", {"kind": "who", "year": "9"}),
    ]
    told = [
        ("p1", "de", "Wer da?"),
        ("p1", "en", "xyz"),
        ("p2", "en", "x abc bcd"),
        ("p3", "en", "cab"),
        ("p4", "en", "Abc\n De"),
        ("p5", "en", "cde fgh"),
    ]
    judged = [
        ("q1", "de", "p1"), ("q2", "de", "p1"), ("q3", "de", "p1", 0),
        ("q1", "en", "p1"), ("q1", "en", "p2"), ("q1", "en", "p5", 0),
        ("q2", "en", "p3"), ("q3", "en", "p2"), ("q4", "en", "p4"), ("q5", "en", "p5"),
        ("q6", "de", "p1"),
    ]  # fmt: skip
    return stored(toy_dataset(("en", "de"), asked, told, judged))


ALL = rows_of(("de", "de", [0, 1, 2]), ("en", "en", [3, 4, 5, 6, 7, 8]))


def of_texts(by, corpus, rows=ALL):
    return strata(by, rows, corpus, frozenset())


def test_lengths_are_thirds_within_the_language(corpus):
    # German: 4, 7, 16 characters; English: 6, 2, 4, 7, 11, 9.
    found = of_texts("length", corpus)
    assert found.names == ["short third", "middle third", "long third"]
    assert found.of.tolist() == [0, 1, 2, 1, 0, 0, 1, 2, 2]
    assert found.left_out == ""


def test_thirds_are_those_of_the_language_whatever_the_rows(corpus):
    found = of_texts("length", corpus, rows_of(("en", "de", [8, 7]), ("en", "en", [7])))
    assert (found.names, found.of.tolist()) == (["long third"], [0, 0, 0])


def test_overlap_is_with_the_relevant_passages_of_the_own_language(corpus):
    """By hand, what each shares.

    German: q1 "wer", "er?" in "wer da?": 1 of 2; q2 is its answer; q3 has none of grade 1.
    English: q1 abc and bcd of abc bcd cde def in p2, nothing in p1, p5 is none: 2 of 4; q2 "ab" in
    "cab"; q3 abc bcd in p2: all; q4 but for case and blanks its answer; q5 "cde", "de ", "e f",
    " fg", "fgh" of 9; q6 has an answer in German alone.
    """
    found = of_texts("overlap", corpus)
    # German: 1/2, 1. English: 1/2, 5/9, 1, 1, 1, with the middle places 0.5, 1.5 and 3.5 of 5.
    assert found.names == ["low overlap", "high overlap"]
    assert found.of.tolist() == [0, 1, -1, 0, 1, 1, 1, 0, -1]
    assert found.left_out == "2 queries have no relevant passage in their own language"


def test_queries_that_are_left_out_count_once(corpus):
    found = of_texts("overlap", corpus, rows_of(("en", "de", [7, 8]), ("en", "en", [8])))
    assert found.of.tolist() == [0, -1, -1]
    assert found.left_out == "1 queries have no relevant passage in their own language"


def test_a_column_s_strata_are_sorted_by_name_and_what_lacks_it_is_left_out(corpus):
    found = of_texts("kind", corpus)
    assert found.names == ["what", "where", "who"]
    assert named(found) == ["who", "who", "where", "who", "-", "what", "-", "who", "who"]
    assert found.left_out == "2 queries have no value of 'kind'"


def test_numbers_are_sorted_by_size(corpus):
    assert of_texts("year", corpus).names == ["2", "9", "10"]
    assert of_texts("year", corpus, rows_of(("en", "en", [4, 6]))).names == ["9", "10"]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["10", "9", "-1.5", "1e1"], ["-1.5", "9", "10", "1e1"]),
        (["10", "9", "nine"], ["10", "9", "nine"]),
        (["10", "9", "nan"], ["10", "9", "nan"]),
    ],
)
def test_values_are_numbers_only_if_all_are(toy_dataset, stored, values, names):
    asked = [(f"q{i}", "en", "Who?", "", {"c": value}) for i, value in enumerate(values)]
    judged = [(query[0], "en", "p") for query in asked]
    corpus = stored(toy_dataset(["en"], asked, [("p", "en", "Ann.")], judged))
    assert of_texts("c", corpus, rows_of(("en", "en", range(len(values))))).names == names


@pytest.mark.parametrize("different", [50, 51])
def test_more_than_50_values_are_no_strata(toy_dataset, stored, different):
    asked = [(f"q{i}", "en", "Who?", "", {"url": f"u{i:02}"}) for i in range(different)]
    judged = [(query[0], "en", "p") for query in asked]
    corpus = stored(toy_dataset(["en"], asked, [("p", "en", "Ann.")], judged))
    rows = rows_of(("en", "en", range(different)))
    if different == 50:
        assert len(of_texts("url", corpus, rows).names) == 50
        return
    message = "--by url: the queries have 51 different values, as 'u00' and 'u01'; at most 50"
    with pytest.raises(OptionError, match=message):
        of_texts("url", corpus, rows)


def test_an_unknown_name_is_told_with_those_that_are_known(corpus):
    known = "family, kind, language, length, overlap, pair, script, seen, year"
    message = re.escape(f"--by kin: did you mean 'kind'? Allowed: {known}")
    with pytest.raises(OptionError, match=message):
        of_texts("kin", corpus)


def test_no_column_can_hide_a_stratum_that_is_built_in():
    assert set(BY) < RESERVED


@given(st.data())
def test_permuting_the_rows_permutes_their_strata(corpus, data):
    by = data.draw(st.sampled_from([*BY, "kind", "year"]))
    order = np.array(data.draw(st.permutations(range(len(ALL.query)))))
    shuffled = Rows(
        ALL.index, ALL.component[order], ALL.cluster, ALL.query[order], ALL.item, ALL.names
    )
    before, after = (strata(by, rows, corpus, {"de"}) for rows in (ALL, shuffled))
    assert after.names == before.names
    assert after.left_out == before.left_out
    assert after.of.tolist() == before.of[order].tolist()


values = st.lists(st.one_of(st.integers(0, 4).map(float), st.just(math.nan)), max_size=12)


@given(values)
def test_thirds_split_at_values_and_nan_is_in_none(found):
    third = thirds(np.array(found, np.float64)).tolist()
    for value, number in zip(found, third, strict=True):
        assert number in ((-1,) if math.isnan(value) else (0, 1, 2))
    known = sorted((v, t) for v, t in zip(found, third, strict=True) if not math.isnan(v))
    assert [t for _, t in known] == sorted(t for _, t in known)
    assert len({v for v, _ in known}) == len(set(known))


@given(values)
def test_the_thirds_of_the_opposite_are_the_opposite(found):
    third = thirds(np.array(found, np.float64))
    turned = thirds(-np.array(found, np.float64))
    assert turned.tolist() == [-1 if number < 0 else 2 - number for number in third.tolist()]


@given(st.lists(st.floats(allow_nan=False), min_size=1, unique=True))
def test_thirds_of_distinct_values_are_as_equal_as_can_be(found):
    sizes = Counter(thirds(np.array(found)).tolist())
    counts = [sizes[number] for number in range(3)]
    assert sum(counts) == len(found)
    assert max(counts) - min(counts) <= 1


@given(st.text(min_size=1), st.text())
def test_what_holds_the_query_shares_all_of_it(query, around):
    assert shared(query, [plain(around) + plain(query) + plain(around)]) == 1


@given(st.text(min_size=1), st.lists(st.text(), min_size=1))
def test_of_several_passages_the_best_counts(query, passages):
    alone = [shared(query, [passage]) for passage in passages]
    assert shared(query, passages) == max(alone)
    assert min(alone) >= 0
    assert max(alone) <= 1


def test_a_query_without_a_passage_shares_nothing_that_could_be_said():
    assert math.isnan(shared("Who?", []))


def test_grams_of_a_query_count_once():
    # "aaab": aaa twice, then aab.
    assert shared("aaaab", ["aaa"]) == 1 / 2
