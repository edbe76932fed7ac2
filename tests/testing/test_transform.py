"""Right transforms, and for each rule transforms that break it alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from hbench.errors import DataError
from hbench.testing import ContractError, check_transform
from hbench.testing.transform import RULES


@dataclass(frozen=True)
class Right:
    """Centres each language; the others change what it does."""

    version: ClassVar[int] = 1

    def fit(self, vectors):
        if not all(map(len, vectors.values())):
            raise DataError("no texts to be fitted on")
        return {language: rows.mean(axis=0) for language, rows in vectors.items()}

    def apply(self, vectors, *, side, language, fitted):
        if language not in fitted:
            raise DataError(f"not fitted on {language!r}")
        return vectors - fitted[language]


@dataclass(frozen=True)
class Lenient(Right):
    """Leaves queries, and languages that it does not know, as they are."""

    def apply(self, vectors, *, side, language, fitted):
        if side == "query" or language not in fitted:
            return vectors
        return super().apply(vectors, side=side, language=language, fitted=fitted)


@dataclass(frozen=True)
class AllAlike(Right):
    """Knows no languages: keeps the strongest directions of all texts."""

    kept: int = 3

    def fit(self, vectors):
        rows = np.concatenate(list(vectors.values()))
        if len(rows) < self.kept:
            raise DataError(f"fewer than {self.kept} texts to be fitted on")
        return {"kept": np.linalg.svd(rows, full_matrices=False).Vh[: self.kept]}

    def apply(self, vectors, *, side, language, fitted):
        return vectors @ fitted["kept"].T @ fitted["kept"]


@dataclass(frozen=True)
class Towards(Right):
    """Moves all languages to where one of them lies."""

    target: str = "en"

    def fit(self, vectors):
        if self.target not in vectors:
            raise DataError(f"no texts in {self.target!r}")
        means = super().fit(vectors)
        return {language: mean - means[self.target] for language, mean in means.items()}


@pytest.mark.parametrize("transform", [Right(), Lenient(), AllAlike(), Towards()])
def test_right_transforms_pass(transform):
    check_transform(transform)


def test_an_option_that_names_another_language_is_told_how_to_be_checked():
    with pytest.raises(DataError, match="no texts in 'sw'") as caught:
        check_transform(Towards("sw"))
    assert "languages=... makes them in others" in caught.value.__notes__[0]
    check_transform(Towards("sw"), languages=("sw", "yo"))


def fitting(change: Callable[[Any], Any]) -> type[Right]:
    """A transform that changes what a right one fits, given the vectors."""
    return type("Broken", (Right,), {"fit": lambda self, vectors: change(vectors)})


def applying(change: Callable[[Any, Any], Any]) -> type[Right]:
    """A transform that changes vectors in another way, given its language's array as well."""

    def apply(self, vectors, *, side, language, fitted):
        Right.apply(self, vectors, side=side, language=language, fitted=fitted)
        return change(vectors, fitted[language])

    return type("Broken", (Right,), {"apply": apply})


def means(vectors: Any) -> Any:
    return Right().fit(vectors)


def in_place(vectors: Any, mean: Any) -> Any:
    vectors -= mean
    return vectors


def changed_fitted(vectors: Any, mean: Any) -> Any:
    mean *= 2
    return vectors - mean / 2


def centred_when_fitted(vectors: Any) -> Any:
    fitted = means(vectors)
    for language, rows in vectors.items():
        rows -= fitted[language]
    return fitted


def with_chance(vectors: Any, mean: Any) -> Any:
    return vectors - mean + np.random.default_rng().normal(size=vectors.shape)


class OfDicts(Right):
    """Knows a number from an array by its type, which a file does not keep."""

    def fit(self, vectors):
        return {**super().fit(vectors), "file": np.ones(3)}


class OnItself(Right):
    kept: ClassVar[dict[str, Any]] = {}

    def fit(self, vectors):
        self.kept.update(super().fit(vectors))
        return {}

    def apply(self, vectors, *, side, language, fitted):
        return super().apply(vectors, side=side, language=language, fitted=self.kept)


class SharedWithUnseen(Right):
    def apply(self, vectors, *, side, language, fitted):
        known = language if language in fitted else "en"
        return super().apply(vectors, side=side, language=known, fitted=fitted)


class AskingTheDict(Right):
    def apply(self, vectors, *, side, language, fitted):
        return vectors - fitted[language]


def spread(vectors: Any) -> dict[str, Any]:
    """Where all texts are alike there is none, and to divide by it gives no number."""
    return {language: rows.std(axis=0) for language, rows in vectors.items()}


class Scaling(Right):
    def fit(self, vectors):
        means(vectors)
        return spread(vectors)

    def apply(self, vectors, *, side, language, fitted):
        if language not in fitted:
            raise DataError(f"not fitted on {language!r}")
        return vectors / fitted[language]


class Inverse(Right):
    def fit(self, vectors):
        return {name: np.linalg.inv(rows.T @ rows) for name, rows in vectors.items()}

    def apply(self, vectors, *, side, language, fitted):
        if language not in fitted:
            raise DataError(f"not fitted on {language!r}")
        return vectors @ fitted[language]


BROKEN: list[tuple[str, Any]] = [
    ("fit-gives-arrays-by-name", fitting(lambda vectors: list(means(vectors).values()))),
    ("fit-gives-arrays-by-name", fitting(lambda vectors: None)),
    ("fit-gives-arrays-by-name", fitting(lambda vectors: {**means(vectors), "texts": 40})),
    ("fit-gives-arrays-by-name", fitting(lambda vectors: {**means(vectors), 1: np.ones(3)})),
    ("fit-gives-arrays-by-name",
     fitting(lambda vectors: {k: v.astype(np.float32) for k, v in means(vectors).items()})),
    ("fitted-survives-npz", OfDicts),
    ("same-vectors-same-outcome",
     fitting(lambda vectors: {k: rows[np.random.randint(40)] for k, rows in vectors.items()})),
    ("same-vectors-same-outcome", applying(with_chance)),
    ("arguments-are-left-as-they-are", fitting(centred_when_fitted)),
    ("arguments-are-left-as-they-are", applying(in_place)),
    ("arguments-are-left-as-they-are", applying(changed_fitted)),
    ("one-vector-a-text", applying(lambda vectors, mean: (vectors - mean)[:, :8])),
    ("one-vector-a-text", applying(lambda vectors, mean: (vectors - mean).astype(np.float32))),
    ("one-vector-a-text", applying(lambda vectors, mean: (vectors - mean).tolist())),
    ("vectors-are-finite", applying(lambda vectors, mean: np.log(np.abs(vectors) * (mean > 0)))),
    ("each-text-for-itself", applying(lambda vectors, mean: vectors - vectors.mean(axis=0))),
    ("each-text-for-itself", applying(lambda vectors, mean: vectors - mean + np.argsort(
        np.arange(len(vectors)))[:, None])),
    ("apply-knows-what-was-fitted", OnItself),
    ("unseen-language-is-an-error-or-left-alone", SharedWithUnseen),
    ("unseen-language-is-an-error-or-left-alone", AskingTheDict),
    ("poor-texts-are-a-data-error", Scaling),
    ("poor-texts-are-a-data-error", Inverse),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(("rule", "transform"), BROKEN)
def test_a_broken_transform_is_caught_by_the_rule_that_it_breaks(rule, transform):
    with pytest.raises(ContractError) as caught:
        check_transform(transform())
    assert caught.value.rule.name == rule


def test_every_rule_has_a_transform_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {rule.name for rule in RULES}


def test_a_message_says_which_rule_on_which_input_what_was_found_and_what_is_right():
    with pytest.raises(ContractError) as caught:
        check_transform(applying(lambda vectors, mean: vectors - vectors.mean(axis=0))())
    assert str(caught.value) == (
        "Broken() breaks the rule 'each-text-for-itself': A text's vector does not depend on which "
        "other texts are there, nor on their order.\n"
        "  input: apply(side='query', language='de'), fitted on and applied to "
        "hbench.testing.transform.parallel_vectors(('de', 'en', 'zh'))\n"
        "  found: component 15 of text 3 is -0.427809954, and then 0.102167127, with the texts "
        "[0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39] alone\n"
        "  right: what depends on all texts is computed by `fit`"
    )


def raising(vectors: Any, mean: Any) -> None:
    raise KeyError("Ulm")


def test_an_error_of_the_transform_itself_is_raised_with_a_note_of_what_it_was_given():
    with pytest.raises(KeyError, match="Ulm") as caught:
        check_transform(applying(raising)())
    (note,) = caught.value.__notes__
    assert note == (
        "while the rule 'fitted-survives-npz' was checked with apply(side='query', language='de'), "
        "fitted on and applied to hbench.testing.transform.parallel_vectors(('de', 'en', 'zh'))"
    )
