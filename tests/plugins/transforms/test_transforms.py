"""Three texts in two languages, in two dimensions, and what each transform makes of them by hand.

en:  (2, 0)  (4, 0)  (3, 3)      mean (3, 1)
de:  (0, 3)  (0, 4)  (0, 5)      mean (0, 4), all along (0, 1)
"""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from hbench import registry
from hbench.errors import DataError, OptionError
from hbench.protocols import Transform
from hbench_plugins.transforms.centering import Centering
from hbench_plugins.transforms.lir import LIR
from hbench_plugins.transforms.shift import Shift

EN = np.array([[2.0, 0.0], [4.0, 0.0], [3.0, 3.0]])
DE = np.array([[0.0, 3.0], [0.0, 4.0], [0.0, 5.0]])
BOTH = {"de": DE, "en": EN}
QUERY = np.array([[1.0, 7.0]])
ALL = [Centering(), LIR(), Shift()]


def applied(transform: Transform, vectors, side, language, texts=BOTH):
    return transform.apply(vectors, side=side, language=language, fitted=transform.fit(texts))


@pytest.mark.parametrize(
    ("transform", "side", "language", "vectors", "expected"),
    [
        (Centering(), "passage", "en", EN, [[-1, -1], [1, -1], [0, 2]]),
        (Centering(), "passage", "de", DE, [[0, -1], [0, 0], [0, 1]]),
        (Centering(), "query", "en", QUERY, [[1 - 3, 7 - 1]]),
        (Centering(), "query", "de", QUERY, [[1 - 0, 7 - 4]]),
        (LIR(), "passage", "de", DE, [[0, 0], [0, 0], [0, 0]]),  # all of it lies along (0, 1)
        (LIR(), "query", "de", QUERY, [[1, 0]]),
        # V_de = (0, 4) - (3, 1) = (-3, 3)
        (Shift(alpha=1), "passage", "de", DE, [[3, 0], [3, 1], [3, 2]]),
        (Shift(alpha=0.5), "passage", "de", DE, [[1.5, 1.5], [1.5, 2.5], [1.5, 3.5]]),
        (Shift(), "passage", "de", QUERY, [[1 + 0.6 * 3, 7 - 0.6 * 3]]),
        (Shift(alpha=1), "passage", "en", EN, EN),
        (Shift(alpha=1), "query", "de", QUERY, QUERY),
        (Shift(alpha=1, queries=True), "query", "de", QUERY, [[1 + 3, 7 - 3]]),
        (Shift(alpha=1, queries=True), "query", "en", QUERY, QUERY),
        (Shift(alpha=1, source="de"), "passage", "en", EN, [[-1, 3], [1, 3], [0, 6]]),
        (Shift(alpha=1, source="de"), "passage", "de", DE, DE),
    ],
)
def test_vectors_are_those_worked_out_by_hand(transform, side, language, vectors, expected):
    found = applied(transform, vectors, side, language)
    assert found.dtype == np.float64
    assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_lir_removes_the_strongest_direction_of_the_matrix_that_is_not_centred():
    """X^T X of (2, 1), (1, 2) is [[5, 4], [4, 5]]: 9 along (1, 1), 1 along (1, -1)."""
    texts = {"en": np.array([[2.0, 1.0], [1.0, 2.0]])}
    found = applied(LIR(), np.array([[2.0, 1.0], [7.0, 7.0]]), "query", "en", texts)
    assert_allclose(found, [[0.5, -0.5], [0.0, 0.0]], atol=1e-14)


def corpus(seed, count, dim=5):
    """Parallel passages in three languages, each with a place of its own."""
    rng = np.random.default_rng(seed)
    return {
        language: rng.normal(size=dim) + rng.normal(size=(count, dim))
        for language in ("de", "en", "zh")
    }


corpora = st.builds(corpus, st.integers(0, 10**6), st.integers(4, 12))


@given(corpora)
def test_centred_passages_have_the_mean_0_in_every_language(texts):
    for language, vectors in texts.items():
        centred = applied(Centering(), vectors, "passage", language, texts)
        assert_allclose(centred.mean(axis=0), 0, atol=1e-12)


@given(corpora, st.integers(1, 3))
def test_lir_is_a_projection_that_removes_the_first_singular_vectors(texts, rank):
    """And it is the source's formula, over numpy's singular value decomposition."""
    transform = LIR(rank)
    fitted = transform.fit(texts)
    for language, vectors in texts.items():
        once = transform.apply(vectors, side="passage", language=language, fitted=fitted)
        twice = transform.apply(once, side="passage", language=language, fitted=fitted)
        assert_allclose(twice, once, atol=1e-12)
        basis = np.linalg.svd(vectors, full_matrices=False)[2][:rank].T
        assert_allclose(once @ basis, 0, atol=1e-9)
        assert_allclose(once, vectors - vectors @ basis @ basis.T, atol=1e-9)
        assert_allclose(fitted[language] @ fitted[language].T, np.eye(rank), atol=1e-12)


@given(corpora, st.floats(0, 1))
def test_shift_moves_each_mean_towards_the_sources(texts, alpha):
    for language, vectors in texts.items():
        moved = applied(Shift(alpha), vectors, "passage", language, texts).mean(axis=0)
        wanted = (1 - alpha) * vectors.mean(axis=0) + alpha * texts["en"].mean(axis=0)
        assert_allclose(moved, wanted, atol=1e-12)


@given(corpora)
def test_shift_by_nothing_changes_nothing(texts):
    for language, vectors in texts.items():
        for side in ("query", "passage"):
            found = applied(Shift(0, queries=True), vectors, side, language, texts)
            assert_array_equal(found, vectors)


@given(corpora, st.floats(0, 1))
def test_shift_leaves_queries_and_the_source_language_alone_bit_for_bit(texts, alpha):
    for language, vectors in texts.items():
        found = applied(Shift(alpha), vectors, "query", language, texts)
        assert found.tobytes() == vectors.tobytes()
    for transform in (Shift(alpha), Shift(alpha, queries=True)):
        for side in ("query", "passage"):
            found = applied(transform, texts["en"], side, "en", texts)
            assert found.tobytes() == texts["en"].tobytes()


def test_shift_leaves_a_language_that_it_was_not_fitted_on_as_it_is():
    for side in ("query", "passage"):
        assert applied(Shift(queries=True), QUERY, side, "fr") is QUERY


@pytest.mark.parametrize("transform", [*ALL, LIR(rank=3)], ids=repr)
def test_a_text_gets_the_same_bits_alone_and_among_others(transform):
    texts = corpus(seed=1, count=40, dim=300)
    fitted = transform.fit(texts)
    at_once = transform.apply(texts["de"], side="passage", language="de", fitted=fitted)
    alone = [
        transform.apply(texts["de"][row : row + 1], side="passage", language="de", fitted=fitted)
        for row in range(len(texts["de"]))
    ]
    assert np.concatenate(alone).tobytes() == at_once.tobytes()


@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_nothing_is_changed_in_place_and_what_is_stored_is_float64(transform):
    texts = {language: vectors.copy() for language, vectors in BOTH.items()}
    fitted = transform.fit(texts)
    transform.apply(texts["de"], side="passage", language="de", fitted=fitted)
    for language, vectors in BOTH.items():
        assert_array_equal(texts[language], vectors)
    assert {array.dtype for array in fitted.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("name", ["centering", "lir"])
def test_a_language_that_was_not_fitted_is_named_with_those_that_were(name):
    transform = registry.build("transform", name, {}).plugin
    with pytest.raises(DataError) as caught:
        applied(transform, QUERY, "query", "fr")
    assert str(caught.value) == (
        f"transform '{name}': it is fitted on de, en, and not on 'fr'; fit it on data that has "
        "'fr', or leave that language out of the evaluation"
    )


@pytest.mark.parametrize(
    ("transform", "texts", "message"),
    [
        (
            Centering(),
            {"en": np.empty((0, 2))},
            "transform 'centering': it is fitted on 1 or more parallel texts, and there are 0 in",
        ),
        (Shift(), {"en": EN[:0], "de": DE[:0]}, "transform 'shift': it is fitted on 1 or more"),
        (
            LIR(),
            {"en": EN[:1]},
            (
                "transform 'lir': it is fitted on 2 or more parallel texts, and there are 1 in "
                "'en'; give it more data"
            ),
        ),
        (
            LIR(rank=2),
            BOTH,
            "transform 'lir': 'rank: 2' removes all 2 dimensions of the vectors; choose a smaller",
        ),
        (
            Shift(),
            {"de": DE, "fr": DE},
            (
                "transform 'shift': it is fitted on texts in 'en' and at least one other language, "
                "and these are in de, fr; name one of them with 'source:', or give it other data"
            ),
        ),
        (Shift(), {"en": EN}, "transform 'shift': it is fitted on texts in 'en' and at least one"),
        (Shift(), {}, "transform 'shift': it is fitted on texts in 'en' and at least one other"),
    ],
)
def test_data_that_cannot_serve_is_refused(transform, texts, message):
    with pytest.raises(DataError) as caught:
        transform.fit(texts)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "options"),
    [("shift", {"alpha": 1.1}), ("shift", {"alpha": -0.1}), ("lir", {"rank": 0})],
)
def test_options_out_of_range_are_refused(name, options):
    with pytest.raises(OptionError):
        registry.build("transform", name, options)


@pytest.mark.parametrize(
    ("name", "plugin"), [("centering", Centering()), ("lir", LIR()), ("shift", Shift())]
)
def test_each_is_found_under_its_name_and_meets_the_protocol(name, plugin):
    built = registry.build("transform", name, {})
    assert built.plugin == plugin
    assert isinstance(plugin, Transform)
    assert built.identity["version"] == 1
