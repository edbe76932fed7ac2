"""The parts that samplers are made of; what all samplers promise is tested with the samplers."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hbench import drawing
from hbench.drawing import Drawer, Menu
from hbench.errors import DataError


def drawer_of(items, *, batch_size=2, seed=0, source_weight=1.0, language_weight=0.0):
    return Drawer(
        items,
        batch_size=batch_size,
        seed=seed,
        source_weight=source_weight,
        language_weight=language_weight,
    )


def own_texts(prefix, count, languages=1):
    """One line an item, no two texts equal."""
    return [" ".join(f"{prefix}{i}.{k}" for k in range(languages)) for i in range(count)]


@pytest.fixture
def uneven(items_of):
    """Four items in German, one of them in Arabic too, and one that has only a question there."""
    return items_of(
        ["- who1", "- who2", "- who3", "من wer4", "ما -"],
        ["- she1", "- she2", "- she3", "هي sie4", "- -"],
    )


def test_a_menu_offers_each_language_that_some_item_has_as_query_and_passage(uneven):
    menu = drawer_of(uneven).menu(same_language=True)
    assert menu.pairs[0].tolist() == [[0, 0], [1, 1]]
    assert menu.chances[0].tolist() == [0.5, 0.5]


def test_a_menu_of_crossings_offers_ordered_pairs(uneven):
    menu = drawer_of(uneven).menu(same_language=False)
    assert menu.pairs[0].tolist() == [[0, 1], [1, 0]]


# Arabic has 1 item, German has 4.
@pytest.mark.parametrize(("weight", "german"), [(0, 1 / 2), (0.5, 2 / 3), (1, 4 / 5), (-1, 1 / 5)])
def test_language_weight_is_the_exponent_of_a_languages_items(uneven, weight, german):
    menu = drawer_of(uneven, language_weight=weight).menu(same_language=True)
    assert menu.chances[0].tolist() == pytest.approx([1 - german, german])


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


def test_a_source_that_cannot_be_drawn_need_not_fill_a_batch(items_of):
    items = items_of(own_texts("q", 3), own_texts("p", 3), source=[0, 0, 1], weights=(1, 0))
    drawer = drawer_of(items)
    drawer.check(drawer.menu(same_language=True), one_pair=True)


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


def test_the_check_counts_items_that_may_meet_by_pair_or_together(items_of):
    # Arabic-German: items 0 and 1; German-Arabic: items 2, 3 and 4, of which 3 and 4 ask the same.
    items = items_of(
        ["a0 -", "a1 -", "- d2", "- d3", "- d3"],
        ["- D0", "- D1", "A2 -", "A3 -", "A4 -"],
    )
    fits = drawer_of(items, batch_size=4)
    menu = fits.menu(same_language=False)
    fits.check(menu, one_pair=False)
    drawer_of(items, batch_size=2).check(menu, one_pair=True)
    with pytest.raises(DataError, match=r"needs 3 items .* source 0 has 2 for language pair ar-de"):
        drawer_of(items, batch_size=3).check(menu, one_pair=True)
    with pytest.raises(
        DataError, match=r"needs 5 items .* source 0 has 4 for these language pairs"
    ):
        drawer_of(items, batch_size=5).check(menu, one_pair=False)


def test_the_check_looks_at_every_source_and_names_the_one_that_is_short(items_of):
    items = items_of(own_texts("q", 5), own_texts("p", 5), source=[0, 0, 0, 1, 1], weights=(1, 1))
    drawer = drawer_of(items, batch_size=3)
    with pytest.raises(DataError, match=r"source 1 has 2 .*; lower batch_size or add data"):
        drawer.check(drawer.menu(same_language=True), one_pair=True)


@pytest.fixture
def hub(items_of):
    """Item 0 shares a passage with each other item; the others may meet. Queries in Arabic alone.

    Whoever draws item 0 first has shut out all others.
    """
    return items_of(["q0 - -", "q1 - -", "q2 - -"], ["p0 s1 s2", "p1 s1 -", "p2 - s2"])


@pytest.mark.parametrize(("same_language", "draw"), [(True, "one_pair"), (False, "by_row")])
def test_what_passes_the_check_can_always_be_drawn(hub, same_language, draw):
    drawer = drawer_of(hub)
    menu = drawer.menu(same_language=same_language)
    drawer.check(menu, one_pair=draw == "one_pair")
    for step in range(20):
        batch = getattr(drawer, draw)(drawer.generator(step), menu)
        assert sorted(batch[:, 0].tolist()) == [1, 2]


def test_drawing_more_than_there_is_without_a_check_is_an_error(hub):
    drawer = drawer_of(hub, batch_size=3)
    menu = drawer.menu(same_language=True)
    with pytest.raises(DataError, match="too few items without a text in common for a batch of 3"):
        drawer.one_pair(drawer.generator(0), menu)


def test_a_row_whose_pair_is_used_up_draws_another_pair(items_of):
    # Item 0 alone goes from Arabic to German; the pairs are equally likely.
    items = items_of(["a0 -", "- d1", "- d2"], ["- D0", "A1 -", "A2 -"])
    drawer = drawer_of(items, batch_size=3)
    menu = drawer.menu(same_language=False)
    for step in range(20):
        rows = drawer.by_row(drawer.generator(step), menu).tolist()
        assert sorted(rows) == [[0, 0, 1], [1, 1, 0], [2, 1, 0]]


def test_the_pair_drawn_instead_is_drawn_by_the_pairs_chances(items_of):
    # Item 0 alone goes from Arabic to German. A batch that holds it holds one row of another
    # pair: from German to Arabic (0.15) three times as often as within German (0.05).
    items = items_of(["a0 -", "- d1", "- d2", "- d3"], ["- D0", "A1 D1", "A2 D2", "A3 D3"])
    drawer = drawer_of(items)
    pairs = np.array([[0, 1], [1, 0], [1, 1]])
    menu = Menu(np.ones(1), (pairs,), (np.array([0.8, 0.15, 0.05]),))
    others: Counter[int] = Counter()
    for step in range(2000):
        rows = drawer.by_row(drawer.generator(step), menu).tolist()
        if [0, 0, 1] in rows:
            others.update(passage for item, _, passage in rows if item)
    total = others.total()
    assert total > 1500
    assert abs(others[0] / total - 3 / 4) < 3 * np.sqrt(3 / 16 / total)


@pytest.mark.parametrize("tries", [0, 1, drawing.TRIES])
def test_items_are_equally_likely_however_they_are_looked_for(items_of, monkeypatch, tries):
    monkeypatch.setattr(drawing, "TRIES", tries)
    drawer = drawer_of(items_of(own_texts("q", 4), own_texts("p", 4)), batch_size=3)
    menu = drawer.menu(same_language=True)
    steps = 2000
    first: Counter[int] = Counter()
    last: Counter[int] = Counter()
    for step in range(steps):
        rows = drawer.one_pair(drawer.generator(step), menu)[:, 0].tolist()
        assert len(set(rows)) == 3
        first[rows[0]] += 1
        last[rows[2]] += 1
    error = np.sqrt(1 / 4 * 3 / 4 / steps)
    for counts in (first, last):
        for item in range(4):
            assert abs(counts[item] / steps - 1 / 4) < 3 * error


def test_seeds_and_steps_have_streams_of_their_own(uneven):
    keys = [(seed, step) for seed in (0, 1, 2**63 - 1, 2**63, 2**64 - 1) for step in (0, 1, 2**40)]
    first = [drawer_of(uneven, seed=seed).generator(step).random() for seed, step in keys]
    again = [drawer_of(uneven, seed=seed).generator(step).random() for seed, step in keys]
    assert first == again
    assert len(set(first)) == len(keys)


def test_one_number_as_query_and_as_passage_is_not_one_text(items_of):
    # Items 0 and 1 share query 0, items 2 and 3 share passage 0: one of each may meet.
    items = items_of(["same", "same", "q2", "q3"], ["p0", "p1", "also", "also"])
    items = replace(items, passage=np.array([[1], [2], [0], [0]], np.int32))
    drawer = drawer_of(items)
    drawer.check(drawer.menu(same_language=True), one_pair=True)
