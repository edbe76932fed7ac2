"""What all samplers promise, checked from the texts themselves; then what each one is for."""

import random
from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from hbench.errors import DataError, OptionError
from hbench.protocols import Sampler
from hbench.training_texts import training_texts
from hbench_plugins.samplers.cross import Cross
from hbench_plugins.samplers.hybrid import Hybrid
from hbench_plugins.samplers.mixed import Mixed
from hbench_plugins.samplers.mono import Mono
from hbench_plugins.samplers.source import Source

ALL: list[Any] = [
    Mono(),
    Mixed(),
    Source("ar"),
    Cross(),
    Cross(pairs="batch"),
    Cross(pairs="round-robin"),
    Cross("ar"),
    Hybrid(),
    Hybrid(pairs="batch"),
    Hybrid(pairs="round-robin"),
]
CROSSING = [sampler for sampler in ALL if sampler.needs_parallel]
each_sampler = pytest.mark.parametrize("sampler", ALL, ids=str)


def prepared(sampler, items, *, batch_size=2, seed=0):
    return sampler.prepare(items, batch_size=batch_size, seed=seed)


def own_texts(prefix, count, languages=2):
    """One line an item, no two texts equal."""
    return [" ".join(f"{prefix}{i}.{k}" for k in range(languages)) for i in range(count)]


def is_mono(batch):
    return len(set(batch[:, 1:].flatten().tolist())) == 1


def is_by_row(sampler):
    """Whether a batch may hold several pairs of languages."""
    return isinstance(sampler, Mixed) or getattr(sampler, "pairs", "batch") != "batch"


def has_kind(sampler, batch):
    """Whether the languages of a batch are as the sampler says."""
    _, query, passage = batch.T
    if isinstance(sampler, Mono):
        return is_mono(batch)
    if isinstance(sampler, Mixed):
        return bool((query == passage).all())
    if isinstance(sampler, Source):
        return bool((batch[:, 1:] == 0).all())
    crosses = bool((query != passage).all())
    if not is_by_row(sampler):
        crosses = crosses and len(np.unique(batch[:, 1:], axis=0)) == 1
    if isinstance(sampler, Cross) and sampler.query_language == "ar":
        crosses = crosses and bool((query == 0).all())
    return crosses or (isinstance(sampler, Hybrid) and is_mono(batch))


def share_texts(items, one, other):
    """Whether two items have a query or a passage in common, in whichever languages."""
    return any(
        set(table[one].tolist()) & set(table[other].tolist()) - {-1}
        for table in (items.query, items.passage)
    )


def check_batch(sampler, items, batch, batch_size):
    assert batch.dtype == np.int32
    assert batch.shape == (batch_size, 3)
    drawn, query, passage = batch.T
    assert (items.query[drawn, query] >= 0).all()
    assert (items.passage[drawn, passage] >= 0).all()
    assert len(set(items.source[drawn].tolist())) == 1
    assert len(set(drawn.tolist())) == batch_size
    for one, other in combinations(drawn.tolist(), 2):
        assert not share_texts(items, one, other)
    assert has_kind(sampler, batch)


@st.composite
def worlds(draw):
    """Lines of ``items_of``: up to 14 items, 3 languages, 2 sources, with gaps and shared texts."""
    languages = draw(st.integers(2, 3))
    count = draw(st.integers(2, 14))
    cells = st.sampled_from(["own"] * 5 + ["-", "x", "y", "z"])
    lines = []
    for _ in range(2):
        drawn = draw(st.lists(cells, min_size=count * languages, max_size=count * languages))
        texts = [f"own{i}" if text == "own" else text for i, text in enumerate(drawn)]
        lines.append([" ".join(texts[i::count]) for i in range(count)])
    source = draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    return *lines, source, (1.0, 2.0)


SEEDS = st.integers(0, 2**64 - 1)


@settings(max_examples=200)
@given(worlds(), st.sampled_from(ALL), st.integers(1, 5), SEEDS, st.integers(0, 2**40))
def test_a_sampler_either_refuses_or_every_batch_keeps_its_promises(
    items_of, world, sampler, batch_size, seed, step
):
    items = items_of(*world)
    try:
        batches = prepared(sampler, items, batch_size=batch_size, seed=seed)
    except DataError:
        return
    for later in range(5):
        check_batch(sampler, items, batches.batch(step + later), batch_size)


@each_sampler
@given(seed=SEEDS, step=st.integers(0, 2**40))
@settings(max_examples=10)
def test_where_nothing_is_shared_all_items_fit_into_one_batch(items_of, sampler, seed, step):
    items = items_of(own_texts("q", 6), own_texts("p", 6))
    batch = prepared(sampler, items, batch_size=6, seed=seed).batch(step)
    check_batch(sampler, items, batch, 6)
    assert sorted(batch[:, 0].tolist()) == [0, 1, 2, 3, 4, 5]


@each_sampler
def test_a_batch_does_not_depend_on_what_was_asked_before(items_of, sampler):
    items = items_of(own_texts("q", 9), own_texts("p", 9))
    steps = list(range(20))
    fresh = {step: prepared(sampler, items).batch(step).tolist() for step in steps}
    random.Random(0).shuffle(steps)
    used = prepared(sampler, items)
    assert {step: used.batch(step).tolist() for step in steps} == fresh


@each_sampler
def test_batches_differ_between_steps_and_between_seeds(items_of, sampler):
    items = items_of(own_texts("q", 60), own_texts("p", 60))
    drawn = [
        prepared(sampler, items, batch_size=20, seed=seed).batch(step).tobytes()
        for seed in range(5)
        for step in range(5)
    ]
    assert len(set(drawn)) == len(drawn)


@each_sampler
def test_a_batch_never_shares_its_memory_with_the_next(items_of, sampler):
    batches = prepared(sampler, items_of(own_texts("q", 9), own_texts("p", 9)))
    before = batches.batch(0).tolist()
    batches.batch(0)[:] = -1
    assert batches.batch(0).tolist() == before


TWINS = {
    "query": ["q0 f0", "q1 same", "q2 same"],
    "passage": ["p0 s0", "p1 same", "p2 same"],
}


@each_sampler
@pytest.mark.parametrize("side", TWINS)
def test_items_that_are_one_text_in_a_language_that_is_not_drawn_never_meet(
    items_of, sampler, side
):
    # Items 1 and 2 share their second language; so item 0 is in every batch of two.
    texts = {"query": own_texts("q", 3), "passage": own_texts("p", 3)} | {side: TWINS[side]}
    batches = prepared(sampler, items_of(texts["query"], texts["passage"]))
    for step in range(30):
        assert 0 in batches.batch(step)[:, 0]


@each_sampler
def test_items_that_are_one_text_in_different_languages_never_meet(items_of, sampler):
    items = items_of(["q0 f0", "Ja f1", "q2 Ja"], own_texts("p", 3))
    batches = prepared(sampler, items)
    for step in range(30):
        assert 0 in batches.batch(step)[:, 0]


@each_sampler
def test_too_few_items_are_refused_with_what_is_needed_and_what_there_is(items_of, sampler):
    items = items_of(own_texts("q", 3), own_texts("p", 3))
    assert prepared(sampler, items, batch_size=3)
    with pytest.raises(DataError, match=r"a batch needs 4 items .* data 0 has 3 for"):
        prepared(sampler, items, batch_size=4)


@each_sampler
def test_twins_count_once_when_items_are_counted(items_of, sampler):
    items = items_of(TWINS["query"], TWINS["passage"])
    assert prepared(sampler, items, batch_size=2)
    with pytest.raises(DataError, match=r"a batch needs 3 items .* data 0 has 2 for"):
        prepared(sampler, items, batch_size=3)


@pytest.mark.parametrize(
    ("asked", "told", "short"),
    [
        (["a0 d0", "a1 -", "a2 -"], ["A0 D0", "- D1", "- D2"], "ar-ar"),
        (["a0 d0", "a1 -", "- d2"], ["A0 D0", "A1 -", "- D2"], "these language pairs"),
    ],
)
def test_hybrid_needs_enough_items_for_both_kinds_of_batches(items_of, asked, told, short):
    # Item 0 has all texts; the others can only be crossed, or only be mono.
    with pytest.raises(DataError, match=f"needs 2 items .* has 1 for .*{short}"):
        prepared(Hybrid(), items_of(asked, told))


@pytest.mark.parametrize("sampler", CROSSING, ids=str)
def test_items_of_one_language_cannot_be_crossed(items_of, sampler):
    items = items_of(["q0 -", "q1 -", "- f2", "- f3"], ["p0 -", "p1 -", "- s2", "- s3"])
    with pytest.raises(DataError, match="no training item has a query and a passage in two lang"):
        prepared(sampler, items)


def test_mono_does_not_need_parallel_items(items_of):
    lines = ["q0 -", "q1 -", "- f2", "- f3"]
    assert is_mono(prepared(Mono(), items_of(lines, lines)).batch(0))


@each_sampler
def test_a_sampler_keeps_the_contract(sampler):
    assert (sampler.source_weight, sampler.language_weight) == (1, 0)
    assert sampler.without == ()
    assert sampler.needs_parallel == isinstance(sampler, Cross | Hybrid)
    assert sampler.version == (1 if isinstance(sampler, Mixed | Source) else 2)
    assert isinstance(sampler, Sampler)


@pytest.mark.parametrize("alpha", [0, 1])
def test_hybrid_at_the_ends_is_cross_or_mono(items_of, alpha):
    batches = prepared(Hybrid(alpha), items_of(own_texts("q", 4), own_texts("p", 4)))
    assert {is_mono(batches.batch(step)) for step in range(50)} == {bool(alpha)}


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_hybrid_refuses_an_alpha_that_is_no_probability(alpha):
    with pytest.raises(OptionError, match=f"from 0 to 1; found {alpha}") as caught:
        Hybrid(alpha)
    assert caught.value.path == ("alpha",)


@pytest.mark.parametrize("kind", [Cross, Hybrid])
def test_round_robin_leaves_no_room_for_language_weight(kind):
    with pytest.raises(OptionError, match=r"language_weight must be 0; found 0\.5") as caught:
        kind(pairs="round-robin", language_weight=0.5)
    assert caught.value.path == ("language_weight",)
    assert kind(pairs="row", language_weight=0.5).language_weight == 0.5


@each_sampler
def test_a_batch_holds_one_pair_or_many_as_the_sampler_says(items_of, sampler):
    items = items_of(own_texts("q", 8, 3), own_texts("p", 8, 3))
    batches = prepared(sampler, items, batch_size=8)
    pairs = [len(np.unique(batches.batch(step)[:, 1:], axis=0)) for step in range(30)]
    assert (max(pairs) > 1) == is_by_row(sampler)


def test_source_is_english_unless_it_is_told_otherwise(items_of):
    items = items_of(own_texts("q", 4, 3), own_texts("p", 4, 3))
    for sampler, language in ((Source(), 2), (Source("de"), 1)):
        assert (prepared(sampler, items).batch(0)[:, 1:] == language).all()


@pytest.mark.parametrize(
    "sampler",
    [Source("dee"), Cross("dee"), Mono(without=("dee",)), Hybrid(without=("ar", "dee"))],
    ids=str,
)
def test_a_language_that_the_data_lacks_is_refused_with_those_that_there_are(items_of, sampler):
    items = items_of(own_texts("q", 4, 3), own_texts("p", 4, 3))
    message = "has no language 'dee': did you mean 'de'\\? Allowed: ar, de, en$"
    with pytest.raises(DataError, match=message):
        prepared(sampler, items)


@each_sampler
def test_languages_that_are_left_out_are_never_drawn(items_of, sampler):
    items = items_of(own_texts("q", 8, 4), own_texts("p", 8, 4))
    batches = prepared(replace(sampler, without=("de", "zh")), items, batch_size=4)
    drawn = {int(x) for step in range(50) for x in batches.batch(step)[:, 1:].flatten()}
    assert drawn == ({0} if isinstance(sampler, Source) else {0, 2})


@each_sampler
def test_a_text_in_a_language_that_is_left_out_still_keeps_items_apart(items_of, sampler):
    asked = ["q0 f0 x0", "q1 f1 same", "q2 f2 same"]
    batches = prepared(replace(sampler, without=("en",)), items_of(asked, own_texts("p", 3, 3)))
    for step in range(30):
        assert 0 in batches.batch(step)[:, 0]


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (Mono(without=("ar", "de")), "in one language; left out: ar, de$"),
        (Mixed(without=("ar", "de")), "in one language; left out: ar, de$"),
        (Source("de", without=("de",)), "in one language, the query in de; left out: de$"),
        (Cross(without=("de",)), "in two languages; left out: de$"),
        (Cross("de", without=("de",)), "in two languages, the query in de; left out: de$"),
        (Hybrid(without=("de",)), "in two languages; left out: de$"),
    ],
    ids=str,
)
def test_leaving_out_too_much_is_refused(items_of, sampler, message):
    items = items_of(own_texts("q", 4), own_texts("p", 4))
    with pytest.raises(DataError, match=f"no training item has a query and a passage {message}"):
        prepared(sampler, items)


@pytest.fixture(scope="module")
def xquad(xquad_r):
    """XQuAD-R as items, its candidates the sentences alone."""
    return training_texts([xquad_r], [1.0])


@pytest.fixture(scope="module")
def text_sets(xquad):
    """Of each item the strings of its queries and of its answer sentences, in all 11 languages."""
    return [
        (
            {xquad.queries[number] for number in query},
            {xquad.passages[number] for number in passage},
        )
        for query, passage in zip(
            xquad.items.query.tolist(), xquad.items.passage.tolist(), strict=True
        )
    ]


def common_answers(text_sets, drawn):
    """How many pairs of the drawn items have an answer sentence in common, in any language."""
    return sum(bool(text_sets[a][1] & text_sets[b][1]) for a, b in combinations(drawn, 2))


def test_plain_random_batches_of_xquad_r_hold_about_ten_false_negatives(text_sets):
    rng = np.random.default_rng(0)
    draws = [rng.choice(1190, size=100, replace=False).tolist() for _ in range(50)]
    mean = np.mean([common_answers(text_sets, drawn) for drawn in draws])
    assert 5 < mean < 15


@each_sampler
def test_batches_of_xquad_r_hold_no_false_negative(xquad, text_sets, sampler):
    batches = prepared(sampler, xquad.items, batch_size=100, seed=7)
    for step in range(10):
        batch = batches.batch(step)
        drawn = batch[:, 0].tolist()
        assert batch.shape == (100, 3)
        assert len(set(drawn)) == 100
        assert has_kind(sampler, batch)
        assert common_answers(text_sets, drawn) == 0
        askers = Counter(text for item in drawn for text in text_sets[item][0])
        assert set(askers.values()) == {1}


def test_xquad_r_fills_batches_until_its_distinct_answers_are_used_up(xquad):
    with pytest.raises(DataError, match=r"a batch needs 800 items .* data 0 has 5\d\d "):
        prepared(Mono(), xquad.items, batch_size=800)
