"""The parts that samplers are made of; what all samplers promise is tested with the samplers."""

from collections import Counter
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from hbench.drawing import Drawer, DrawingOptions, Menu, Offer, Series, drawer, shared_texts
from hbench.drawing.conflicts import Marks
from hbench.errors import DataError
from hbench.records import Items


def drawer_of(items, *, batch_size=2, seed=0, **options):
    return Drawer(items, DrawingOptions(**options), batch_size=batch_size, seed=seed)


def own_texts(prefix, count, languages=1):
    """One line an item, no two texts equal."""
    return [" ".join(f"{prefix}{i}.{k}" for k in range(languages)) for i in range(count)]


# Menus


@pytest.fixture
def uneven(items_of):
    """Four items in German, one of them in Arabic too, and one that has only a question there."""
    return items_of(
        ["- who1", "- who2", "- who3", "من wer4", "ما -"],
        ["- she1", "- she2", "- she3", "هي sie4", "- -"],
    )


def test_a_menu_offers_each_language_that_some_item_has_as_query_and_passage(uneven):
    [offer] = drawer_of(uneven).menu(same_language=True).offers
    assert offer.pairs.tolist() == [[0, 0], [1, 1]]
    assert offer.chances.tolist() == [0.5, 0.5]
    assert [offer.items_of(pair).tolist() for pair in (0, 1)] == [[3], [0, 1, 2, 3]]


def test_a_menu_of_crossings_offers_ordered_pairs(uneven):
    [offer] = drawer_of(uneven).menu(same_language=False).offers
    assert offer.pairs.tolist() == [[0, 1], [1, 0]]


def test_a_menu_may_be_of_one_query_language(uneven):
    for same_language, pairs in ((False, [[1, 0]]), (True, [[1, 1]])):
        menu = drawer_of(uneven).menu(same_language=same_language, query_language="de")
        assert menu.offers[0].pairs.tolist() == pairs


def test_a_menu_has_no_language_that_is_left_out(uneven):
    menu = drawer_of(uneven, without=("ar",)).menu(same_language=True)
    assert menu.offers[0].pairs.tolist() == [[1, 1]]


# Arabic has 1 item, German has 4.
@pytest.mark.parametrize(("weight", "german"), [(0, 1 / 2), (0.5, 2 / 3), (1, 4 / 5), (-1, 1 / 5)])
def test_language_weight_is_the_exponent_of_a_languages_items(uneven, weight, german):
    [offer] = drawer_of(uneven, language_weight=weight).menu(same_language=True).offers
    assert offer.chances.tolist() == pytest.approx([1 - german, german])


# Source 0 has 1 item, source 1 has 4.
@pytest.mark.parametrize(
    ("exponent", "weights", "second"),
    [
        (0, (1, 1), 1 / 2),
        (0.5, (1, 1), 2 / 3),
        (1, (1, 1), 4 / 5),
        (0, (3, 1), 1 / 4),
        (0.5, (2, 3), 6 / 8),
        (1, (8, 1), 4 / 12),
        (1, (1, 0), 0),
    ],
)
def test_a_source_is_as_likely_as_weight_times_size_to_the_exponent(
    items_of, exponent, weights, second
):
    items = items_of(own_texts("q", 5), own_texts("p", 5), source=[0, 1, 1, 1, 1], weights=weights)
    menu = drawer_of(items, source_weight=exponent).menu(same_language=True)
    assert menu.sources.tolist() == pytest.approx([1 - second, second])


def test_a_source_without_items_is_never_offered_even_if_sizes_do_not_matter(items_of):
    items = items_of(own_texts("q", 3), own_texts("p", 3), source=[1, 1, 1], weights=(1, 1, 1))
    menu = drawer_of(items, source_weight=0).menu(same_language=True)
    assert menu.sources.tolist() == [0, 1, 0]


def test_a_source_that_has_no_such_pair_is_never_offered(items_of):
    asked = ["q1 f1", "q2 f2", "- f3", "- f4"]
    items = items_of(asked, asked, source=[0, 0, 1, 1], weights=(1, 1))
    assert drawer_of(items).menu(same_language=True).sources.tolist() == [0.5, 0.5]
    assert drawer_of(items).menu(same_language=False).sources.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("same_language", "asked", "told", "kind"),
    [
        (True, ["q1 -", "q2 -"], ["- p1", "- p2"], "one language"),
        (False, ["q1 -", "q2 -"], ["p1 -", "p2 -"], "two languages"),
        (False, ["- -"], ["- -"], "two languages"),
    ],
)
def test_no_pair_at_all_is_an_error(items_of, same_language, asked, told, kind):
    with pytest.raises(DataError, match=f"no training item has a query and a passage in {kind}$"):
        drawer_of(items_of(asked, told)).menu(same_language=same_language)


def test_pairs_with_the_same_items_hold_them_once(items_of):
    items = items_of(own_texts("q", 5, 3), own_texts("p", 5, 3))
    [offer] = drawer_of(items).menu(same_language=False).offers
    assert offer.items.tolist() == [0, 1, 2, 3, 4]
    assert [offer.items_of(pair).tolist() for pair in range(6)] == [[0, 1, 2, 3, 4]] * 6


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True), max_size=6))
def test_an_offer_gives_back_the_items_of_each_pair(parts):
    pairs = np.arange(2 * len(parts)).reshape(-1, 2)
    arrays = [np.array(part, np.int32) for part in parts]
    offer = Offer.of(pairs, np.full(len(parts), 1 / max(1, len(parts))), arrays)
    turned = offer.shuffled(np.random.default_rng(0))
    for seen in (offer, turned):
        found = {pair[0] // 2: seen.items_of(i).tolist() for i, pair in enumerate(seen.pairs)}
        assert found == dict(enumerate(parts))
        assert [single.items.tolist() for single in seen.singles] == [
            seen.items_of(pair).tolist() for pair in range(len(parts))
        ]


# Refusals


def test_a_source_that_cannot_be_drawn_need_not_fill_a_batch(items_of):
    items = items_of(own_texts("q", 3), own_texts("p", 3), source=[0, 0, 1], weights=(1, 0))
    fits = drawer_of(items)
    assert fits.series(fits.menu(same_language=True), "batch")


def test_items_that_may_meet_are_counted_by_pair_or_together(items_of):
    # Arabic-German: items 0 and 1; German-Arabic: items 2, 3 and 4, of which 3 and 4 ask the same.
    items = items_of(
        ["a0 -", "a1 -", "- d2", "- d3", "- d3"],
        ["- D0", "- D1", "A2 -", "A3 -", "A4 -"],
    )
    menu = drawer_of(items).menu(same_language=False)
    drawer_of(items, batch_size=4).series(menu, "row")
    drawer_of(items, batch_size=4).series(menu, "round-robin")
    drawer_of(items, batch_size=2).series(menu, "batch")
    with pytest.raises(DataError, match=r"needs 3 items .* data 0 has 2 for language pair ar-de"):
        drawer_of(items, batch_size=3).series(menu, "batch")
    for pairs in ("row", "round-robin"):
        with pytest.raises(DataError, match=r"needs 5 items .* has 4 for these language pairs"):
            drawer_of(items, batch_size=5).series(menu, pairs)


def test_every_source_is_looked_at_and_the_one_that_is_short_is_named(items_of):
    items = items_of(own_texts("q", 5), own_texts("p", 5), source=[0, 0, 0, 1, 1], weights=(1, 1))
    short = drawer_of(items, batch_size=3)
    with pytest.raises(DataError, match=r"data 1 has 2 .*; lower batch_size or add data"):
        short.series(short.menu(same_language=True), "batch")


# Scarce data


@pytest.fixture
def hub(items_of):
    """Item 0 shares a passage with each other item; the others may meet. Queries in Arabic alone.

    Whoever draws item 0 first has shut out all others.
    """
    return items_of(["q0 - -", "q1 - -", "q2 - -"], ["p0 s1 s2", "p1 s1 -", "p2 - s2"])


@pytest.mark.parametrize(
    ("same_language", "pairs"), [(True, "batch"), (False, "row"), (False, "round-robin")]
)
def test_what_is_not_refused_can_always_be_drawn(hub, same_language, pairs):
    scarce = drawer_of(hub)
    batches = scarce.series(scarce.menu(same_language=same_language), pairs)
    for step in range(20):
        assert sorted(batches.batch(step)[:, 0].tolist()) == [1, 2]


def test_drawing_more_than_there_is_without_a_check_is_an_error(hub):
    unchecked = drawer_of(hub, batch_size=3)
    batches = Series(unchecked, unchecked.menu(same_language=True), "batch")
    with pytest.raises(DataError, match="too few items without a text in common for a batch of 3"):
        batches.batch(0)


def test_a_row_whose_pair_is_used_up_draws_another_pair(items_of):
    # Item 0 alone goes from Arabic to German; the pairs are equally likely.
    items = items_of(["a0 -", "- d1", "- d2"], ["- D0", "A1 -", "A2 -"])
    scarce = drawer_of(items, batch_size=3)
    batches = scarce.series(scarce.menu(same_language=False), "row")
    for step in range(20):
        rows = batches.batch(step).tolist()
        assert sorted(rows) == [[0, 0, 1], [1, 1, 0], [2, 1, 0]]


def test_the_pair_drawn_instead_is_drawn_by_the_pairs_chances(items_of):
    # Item 0 alone goes from Arabic to German. A batch that holds it holds one row of another
    # pair: from German to Arabic (0.15) three times as often as within German (0.05).
    items = items_of(["a0 -", "- d1", "- d2", "- d3"], ["- D0", "A1 D1", "A2 D2", "A3 D3"])
    parts = [np.array(part, np.int32) for part in ([0], [1, 2, 3], [1, 2, 3])]
    offer = Offer.of(np.array([[0, 1], [1, 0], [1, 1]]), np.array([0.8, 0.15, 0.05]), parts)
    batches = drawer_of(items).series(Menu(np.ones(1), (offer,)), "row")
    others: Counter[int] = Counter()
    for step in range(2000):
        rows = batches.batch(step).tolist()
        if [0, 0, 1] in rows:
            others.update(passage for item, _, passage in rows if item)
    total = others.total()
    assert total > 1500
    assert abs(others[0] / total - 3 / 4) < 3 * np.sqrt(3 / 16 / total)


# Randomness


@pytest.mark.parametrize("tries", [0, 1, drawer.TRIES])
def test_items_are_equally_likely_however_they_are_looked_for(items_of, monkeypatch, tries):
    monkeypatch.setattr(drawer, "TRIES", tries)
    uniform = drawer_of(items_of(own_texts("q", 4), own_texts("p", 4)), batch_size=3)
    batches = uniform.series(uniform.menu(same_language=True), "batch")
    steps = 2000
    first: Counter[int] = Counter()
    last: Counter[int] = Counter()
    for step in range(steps):
        rows = batches.batch(step)[:, 0].tolist()
        assert len(set(rows)) == 3
        first[rows[0]] += 1
        last[rows[2]] += 1
    error = np.sqrt(1 / 4 * 3 / 4 / steps)
    for counts in (first, last):
        for item in range(4):
            assert abs(counts[item] / steps - 1 / 4) < 3 * error


def test_what_has_no_chance_is_never_drawn_not_even_by_the_largest_number():
    menu = Menu(np.array([0, 0.1, 0, 0.2, 0.7, 0]), ())
    assert menu.bounds[-1] == 1
    for number, source in ((0.0, 1), (0.1, 3), (np.nextafter(1, 0), 4)):
        assert menu.bounds.searchsorted(number, "right") == source


def test_seeds_and_steps_have_streams_of_their_own(uneven):
    keys = [(seed, step) for seed in (0, 1, 2**63 - 1, 2**63, 2**64 - 1) for step in (0, 1, 2**40)]
    first = [drawer_of(uneven, seed=seed).generator(step).random() for seed, step in keys]
    again = [drawer_of(uneven, seed=seed).generator(step).random() for seed, step in keys]
    assert first == again
    assert len(set(first)) == len(keys)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_the_key_of_a_stream_is_seed_and_step(items_of, seed, step):
    stream = drawer_of(items_of(["q"], ["p"]), seed=seed).generator(step)
    philox = np.random.Generator(np.random.Philox(key=np.array([seed, step], np.uint64)))
    assert stream.random(9).tolist() == philox.random(9).tolist()


# Conflicts


def test_shared_texts_are_numbered_through_queries_and_then_passages(items_of):
    # Queries: q0 0, same 1, q2 2; passages: p0 0, also 1, both 2; so passages begin at 3.
    items = items_of(["q0", "same", "same", "q2"], ["also", "p1", "also", "p3"])
    assert shared_texts(items) == {0: (3,), 1: (1,), 2: (1, 3)}


def test_one_number_as_query_and_as_passage_is_not_one_text(items_of):
    # Items 0 and 1 share query 0, items 2 and 3 share passage 0: one of each may meet.
    items = items_of(["same", "same", "q2", "q3"], ["p0", "p1", "also", "also"])
    items = replace(items, passage=np.array([[1], [2], [0], [0]], np.int32))
    fits = drawer_of(items)
    assert fits.series(fits.menu(same_language=True), "batch")


TABLE = st.lists(st.lists(st.integers(-1, 8), min_size=2, max_size=2), min_size=6, max_size=6)


@given(TABLE, TABLE)
def test_items_have_a_mark_in_common_exactly_if_they_share_a_text(query, passage):
    items = Items(
        languages=("ar", "de"),
        query=np.array(query, np.int32),
        passage=np.array(passage, np.int32),
        source=np.zeros(6, np.int32),
        weights=np.ones(1),
    )
    shared = shared_texts(items)
    marks = Marks.of(shared)
    for one in range(6):
        for other in range(6):
            share = one == other or any(
                set(table[one]) & set(table[other]) - {-1} for table in (query, passage)
            )
            assert share == bool(marks[one] & marks[other])
            numbers = set(shared.get(one, ())) & set(shared.get(other, ()))
            assert one == other or share == bool(numbers)


def test_translations_that_the_same_items_share_leave_one_mark(items_of):
    items = items_of(["q0 f0", "q1 f1", "q2 f2"], ["same gleich", "same gleich", "same own"])
    shared = shared_texts(items)
    assert [len(shared[item]) for item in range(3)] == [2, 2, 1]
    assert [len(Marks.of(shared)[item]) for item in range(3)] == [2, 2, 1]
    alike = items_of(["q0 f0", "q1 f1"], ["same gleich", "same gleich"])
    assert [len(Marks.of(shared_texts(alike))[item]) for item in range(2)] == [1, 1]
