"""How often samplers draw what: counts within 4 standard errors of shares worked out by hand."""

from collections import Counter
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from hbench_plugins.samplers.cross import Cross
from hbench_plugins.samplers.hybrid import Hybrid
from hbench_plugins.samplers.mixed import Mixed
from hbench_plugins.samplers.mono import Mono
from hbench_plugins.samplers.source import Source

STEPS = 10_000


def own_texts(prefix, count, languages=2):
    """One line an item; no two texts equal."""
    return [" ".join(f"{prefix}{i}.{k}" for k in range(languages)) for i in range(count)]


def check_shares(counts, expected, trials):
    """Whether counts lie within 4 standard errors of the expected shares.

    One count in 16,000 lies outside by chance. Rows of one batch have a source in common, so the
    trials are the batches; for rows that are drawn one by one the bound is wider than it need be.
    """
    total = sum(counts.values())
    assert counts.keys() <= expected.keys()
    for key, share in expected.items():
        error = np.sqrt(share * (1 - share) / trials)
        assert abs(counts[key] / total - share) <= 4 * error, (key, counts[key] / total, share)


@pytest.fixture(scope="module")
def uneven(items_of):
    """Source 0: 12 items in Arabic, 6 of them in German too, 3 others in English; weight 1.

    Source 1: 5 items in Arabic and German; weight 2.
    """
    lines = [f"a{i} {f'd{i}' if i < 6 else '-'} {f'e{i}' if 5 < i < 9 else '-'}" for i in range(12)]
    lines += [f"A{i} D{i} -" for i in range(5)]
    return items_of(lines, lines, [0] * 12 + [1] * 5, (1.0, 2.0))


SIZES = {0: 12, 1: 5}
WEIGHTS = {0: 1, 1: 2}
MONO = {0: {(0, 0): 12, (1, 1): 6, (2, 2): 3}, 1: {(0, 0): 5, (1, 1): 5}}
CROSS = {0: {(0, 1): 6, (1, 0): 6, (0, 2): 3, (2, 0): 3}, 1: {(0, 1): 5, (1, 0): 5}}
GERMAN = {0: {(1, 1): 6}, 1: {(1, 1): 5}}
FROM_ARABIC = {0: {(0, 1): 6, (0, 2): 3}, 1: {(0, 1): 5}}


def shares_of(table, sampler, factor=1.0):
    """p(source) x p(pair) of each (source, query language, passage language)."""
    of_source = {s: WEIGHTS[s] * SIZES[s] ** sampler.source_weight for s in table}
    shares = {}
    for source, pairs in table.items():
        of_pair = {pair: items**sampler.language_weight for pair, items in pairs.items()}
        for pair, weight in of_pair.items():
            share = of_source[source] / sum(of_source.values()) * weight / sum(of_pair.values())
            shares[source, *pair] = factor * share
    return shares


TABLES = [
    (Mono(), [(MONO, 1.0)]),
    (Mixed(), [(MONO, 1.0)]),
    (Source("de"), [(GERMAN, 1.0)]),
    (Cross(), [(CROSS, 1.0)]),
    (Cross(pairs="batch"), [(CROSS, 1.0)]),
    (Cross(pairs="round-robin"), [(CROSS, 1.0)]),
    (Cross("ar"), [(FROM_ARABIC, 1.0)]),
    (Hybrid(0.3), [(MONO, 0.3), (CROSS, 0.7)]),
    (Hybrid(0.3, pairs="batch"), [(MONO, 0.3), (CROSS, 0.7)]),
    (Hybrid(0.3, pairs="round-robin"), [(MONO, 0.3), (CROSS, 0.7)]),
]
IDS = [f"{type(sampler).__name__}-{getattr(sampler, 'pairs', '')}" for sampler, _ in TABLES]


# Source weight and language weight differ, so that one cannot pass for the other.
@pytest.mark.parametrize("weights", [(0, 0.5), (0.5, 1), (1, 0)], ids=str)
@pytest.mark.parametrize(("sampler", "tables"), TABLES, ids=IDS)
def test_sources_and_pairs_are_drawn_as_the_exponents_say(uneven, sampler, tables, weights):
    of_sources, of_languages = weights
    if getattr(sampler, "pairs", "") == "round-robin":
        of_languages = 0
    sampler = replace(sampler, source_weight=of_sources, language_weight=of_languages)
    expected: dict[tuple[int, ...], float] = {}
    for table, factor in tables:
        expected |= shares_of(table, sampler, factor)
    batches = sampler.prepare(uneven, batch_size=2, seed=5)
    counts: Counter[tuple[int, ...]] = Counter()
    for step in range(STEPS):
        batch = batches.batch(step)
        source = int(uneven.source[batch[0, 0]])
        counts.update((source, *pair) for pair in batch[:, 1:].tolist())
    check_shares(counts, expected, STEPS)


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.8])
def test_hybrid_draws_the_share_alpha_of_mono_batches(items_of, alpha):
    items = items_of(own_texts("q", 2), own_texts("p", 2))
    batches = Hybrid(alpha).prepare(items, batch_size=1, seed=0)
    rows = (batches.batch(step)[0] for step in range(STEPS))
    counts = Counter(bool(row[1] == row[2]) for row in rows)
    check_shares(counts, {True: alpha, False: 1 - alpha}, STEPS)


@pytest.mark.parametrize("sampler", [sampler for sampler, _ in TABLES], ids=IDS)
def test_items_are_drawn_one_like_another(items_of, sampler):
    # Items 0 and 1 ask the same in one language, so they never meet; the others may meet all.
    asked = ["q0 same", "q1 same", *own_texts("q", 4)]
    items = items_of(asked, own_texts("p", 6))
    batches = sampler.prepare(items, batch_size=2, seed=3)
    counts = Counter(tuple(batches.batch(step)[:, 0].tolist()) for step in range(STEPS))
    expected: dict[tuple[int, ...], float] = {}
    for first in range(6):
        meets = [item for item in range(6) if item != first and {item, first} != {0, 1}]
        expected |= {(first, second): 1 / 6 / len(meets) for second in meets}
    check_shares(counts, expected, STEPS)


# Round-robin


def pair_rows(batches, first, steps):
    """The language pairs of some steps, row after row."""
    return [tuple(row) for step in range(steps) for row in batches.batch(first + step)[:, 1:]]


@settings(max_examples=60)
@given(st.integers(2, 4), st.integers(1, 9), st.integers(0, 2**40), st.integers(0, 2**64 - 1))
def test_round_robin_is_exact_over_any_rows_on_end(items_of, languages, batch_size, first, seed):
    items = items_of(own_texts("q", 9, languages), own_texts("p", 9, languages))
    batches = Cross(pairs="round-robin").prepare(items, batch_size=batch_size, seed=seed)
    count = languages * (languages - 1)
    rows = pair_rows(batches, first, 8)
    assert len(set(rows[:count])) == min(count, len(rows))
    # A cycle of all pairs: so all rows on end hold each floor(N / P) or ceil(N / P) times.
    assert rows[count:] == rows[:-count]
    for end in range(1, len(rows) + 1):
        counts = Counter(rows[:end])
        assert set(counts.values()) <= {end // count, -(-end // count)}


def test_round_robin_begins_at_row_0_and_takes_no_notice_of_the_order_of_steps(items_of):
    items = items_of(own_texts("q", 9, 3), own_texts("p", 9, 3))
    batches = Cross(pairs="round-robin").prepare(items, batch_size=4, seed=0)
    late = pair_rows(batches, 7, 1)
    cycle = pair_rows(batches, 0, 2)[:6]
    assert late == [cycle[(7 * 4 + row) % 6] for row in range(4)]


def test_the_order_of_a_round_robin_depends_on_seed_and_source(items_of):
    lines = own_texts("q", 18, 3)
    items = items_of(lines, lines, [0] * 9 + [1] * 9, (1.0, 1.0))
    orders = set()
    for seed in range(5):
        batches = Cross(pairs="round-robin").prepare(items, batch_size=6, seed=seed)
        of_source: dict[int, set[str]] = {}
        for step in range(20):
            batch = batches.batch(step)
            of_source.setdefault(int(batch[0, 0]) // 9, set()).add(str(batch[:, 1:].tolist()))
        assert set(of_source) == {0, 1}
        assert all(len(order) == 1 for order in of_source.values())
        orders |= {order for found in of_source.values() for order in found}
    assert len(orders) == 10


def test_a_turn_whose_pair_has_no_item_left_goes_to_another_pair(items_of):
    # Item 0 alone goes from Arabic to German, and is used up by the first of two turns.
    items = items_of(["a0 -", "- d1", "- d2", "- d3"], ["- D0", "A1 -", "A2 -", "A3 -"])
    batches = Cross(pairs="round-robin").prepare(items, batch_size=4, seed=0)
    for step in range(20):
        assert sorted(pair_rows(batches, step, 1)) == [(0, 1), (1, 0), (1, 0), (1, 0)]


def test_mono_batches_leave_gaps_in_a_hybrid_round_robin(items_of):
    items = items_of(own_texts("q", 9, 3), own_texts("p", 9, 3))
    hybrid = Hybrid(0.5, pairs="round-robin").prepare(items, batch_size=4, seed=0)
    cross = Cross(pairs="round-robin").prepare(items, batch_size=4, seed=0)
    for step in range(30):
        rows = pair_rows(hybrid, step, 1)
        assert rows == pair_rows(cross, step, 1) or {len(set(row)) for row in rows} == {1}


def test_the_size_of_a_source_does_not_count_what_is_left_out(items_of):
    # Without German 2 of source 0's 8 items are left, and all 4 of source 1's.
    lines = ["a0 d0", "a1 d1", *(f"- d{i}" for i in range(2, 8)), *own_texts("s", 4)]
    items = items_of(lines, lines, [0] * 8 + [1] * 4, (1.0, 1.0))
    for without, share in (((), 8 / 12), (("de",), 2 / 6)):
        batches = Mono(without=without).prepare(items, batch_size=2, seed=0)
        drawn = (int(items.source[batches.batch(step)[0, 0]]) for step in range(2000))
        check_shares(Counter(drawn), {0: share, 1: 1 - share}, 2000)
