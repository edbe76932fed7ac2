"""How often samplers draw what: counts within 3 standard errors of shares worked out by hand."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hbench_plugins.samplers.cross import Cross
from hbench_plugins.samplers.hybrid import Hybrid
from hbench_plugins.samplers.mono import Mono


def own_texts(prefix, count):
    """One line an item, in two languages; no two texts equal."""
    return [f"{prefix}{i}.0 {prefix}{i}.1" for i in range(count)]


def check_shares(counts, expected):
    """Whether counts lie within 3 standard errors of the expected shares.

    One count in 370 lies outside by chance; the tests' seeds are such that none here does.
    """
    total = sum(counts.values())
    assert counts.keys() <= expected.keys()
    for key, share in expected.items():
        error = np.sqrt(share * (1 - share) / total)
        assert abs(counts[key] / total - share) <= 3 * error, (key, counts[key] / total, share)


def has_one_language(row):
    return bool(row[1] == row[2])


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.8])
def test_hybrid_draws_the_share_alpha_of_mono_batches(items_of, alpha):
    items = items_of(own_texts("q", 2), own_texts("p", 2))
    batches = Hybrid(alpha).prepare(items, batch_size=1, seed=0)
    counts = Counter(has_one_language(batches.batch(step)[0]) for step in range(10_000))
    check_shares(counts, {True: alpha, False: 1 - alpha})


def uneven_languages(items_of):
    """Twelve items: 12 have the first language, 6 the second, 3 the third."""
    lines = [
        f"a{i} {f'd{i}' if i < 6 else '-'} {f'e{i}' if 6 <= i < 9 else '-'}" for i in range(12)
    ]
    return items_of(lines, lines)


@pytest.mark.parametrize(
    ("weight", "shares"),
    [(0, {0: 1 / 3, 1: 1 / 3, 2: 1 / 3}), (1, {0: 12 / 21, 1: 6 / 21, 2: 3 / 21})],
)
@pytest.mark.parametrize("sampler", [Mono(), Hybrid(1)], ids=str)
def test_language_weight_leads_from_uniform_to_the_share_of_items(
    items_of, sampler, weight, shares
):
    sampler = replace(sampler, language_weight=weight)
    batches = sampler.prepare(uneven_languages(items_of), batch_size=1, seed=1)
    check_shares(Counter(int(batches.batch(step)[0, 1]) for step in range(2000)), shares)


# First and second language: 6 items; first and third: 3; second and third: none.
PAIRS = [(0, 1), (1, 0), (0, 2), (2, 0)]


@pytest.mark.parametrize("sampler", [Cross(), Cross(pairs="batch"), Hybrid(0)], ids=str)
@pytest.mark.parametrize(
    ("weight", "shares"),
    [(0, [1 / 4, 1 / 4, 1 / 4, 1 / 4]), (1, [6 / 18, 6 / 18, 3 / 18, 3 / 18])],
)
def test_crossings_are_weighed_likewise(items_of, sampler, weight, shares):
    sampler = replace(sampler, language_weight=weight)
    batches = sampler.prepare(uneven_languages(items_of), batch_size=2, seed=1)
    drawn = [batches.batch(step)[:, 1:].tolist() for step in range(2000)]
    rows = [row for batch in drawn for row in (batch if sampler.pairs == "row" else batch[:1])]
    check_shares(Counter(map(tuple, rows)), dict(zip(PAIRS, shares, strict=True)))


# Source 0 has 4 items, source 1 has 16; together the shares of source 0 are worked out by hand.
@pytest.mark.parametrize("kind", [Mono, Cross, Hybrid])
@pytest.mark.parametrize(
    ("exponent", "weights", "share"),
    [
        (0, (1, 1), 1 / 2),
        (0.5, (1, 1), 2 / 6),
        (1, (1, 1), 4 / 20),
        (0, (1, 3), 1 / 4),
        (1, (6, 1), 24 / 40),
    ],
)
def test_a_source_is_drawn_by_weight_times_size_to_the_exponent(
    items_of, kind, exponent, weights, share
):
    items = items_of(own_texts("q", 20), own_texts("p", 20), [0] * 4 + [1] * 16, weights)
    batches = kind(source_weight=exponent).prepare(items, batch_size=2, seed=0)
    counts = Counter(int(items.source[batches.batch(step)[0, 0]]) for step in range(1000))
    check_shares(counts, {0: share, 1: 1 - share})
