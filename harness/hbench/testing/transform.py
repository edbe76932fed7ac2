"""The contract of transforms, as checks."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np

from hbench.errors import DataError, shown
from hbench.protocols import Transform
from hbench.records import FloatArray, Side
from hbench.testing.chance import global_random_state
from hbench.testing.common import check_common
from hbench.testing.comparing import are_alike, difference, differing_names
from hbench.testing.rules import Checked, ContractError, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

LANGUAGES = ("de", "en", "zh")
PLACE = "hbench.testing.transform"
UNSEEN = "und"  # the tag of an undetermined language, which no data has
TEXTS, DIM = 40, 16
ROUNDING = 1e-9  # relative: the last bits of a matrix product depend on how many rows it has

FITTED = Rule(
    "fit-gives-arrays-by-name",
    "`fit` returns float64 arrays by name.",
    '{"de": vectors["de"].mean(axis=0), ...}; a number is an array of no dimension',
)
STORED = Rule(
    "fitted-survives-npz",
    "What `fit` returned is stored as npz without pickling, and `apply` works with what is read.",
    "plain float64 arrays in a plain dict; no array is named 'file' or 'allow_pickle'",
)
AGAIN = Rule(
    "same-vectors-same-outcome",
    "The same vectors give the same arrays of `fit` and the same vectors of `apply`, whatever the "
    "global random numbers of random, numpy and torch are.",
    "what follows from the arguments and the options alone",
)
LEFT = Rule(
    "arguments-are-left-as-they-are",
    "Vectors and fitted arrays are read and never changed; others read them too.",
    "vectors - mean, and not vectors -= mean",
)
VECTORS = Rule(
    "one-vector-a-text",
    "`apply` gives a float64 vector of the same size for each text.",
    "(n, dim) float64 for (n, dim); where only some directions are kept, as by a PCA, vectors in "
    "all dimensions that have nothing in the others: vectors @ kept @ kept.T",
)
FINITE = Rule(
    "vectors-are-finite",
    "The vectors of `apply` are finite where those that it was given are.",
    "no division by what may be 0",
)
ALONE = Rule(
    "each-text-for-itself",
    "A text's vector does not depend on which other texts are there, nor on their order.",
    "what depends on all texts is computed by `fit`",
)
FROM_FITTED = Rule(
    "apply-knows-what-was-fitted",
    "`apply` follows from its arguments alone: it may run in another process than `fit`, and after "
    "a fit on other texts.",
    "all that `apply` needs is in what `fit` returned; the plugin keeps nothing",
)
OTHER = Rule(
    "unseen-language-is-an-error-or-left-alone",
    "For a language that `fit` did not see, `apply` raises a DataError or leaves the vectors as "
    "they are; a transform that treats all languages alike may treat it like them.",
    "raise DataError(\"transform 'mine': it is not fitted on 'und'; fit it on data that has it\")",
)
POOR = Rule(
    "poor-texts-are-a-data-error",
    "Where the texts cannot serve, `fit` or `apply` raises a DataError; else vectors are finite.",
    "raise DataError(\"transform 'mine': it needs texts in 'en', and there are none\")",
)
RULES = (FITTED, STORED, AGAIN, LEFT, VECTORS, FINITE, ALONE, FROM_FITTED, OTHER, POOR)

Arrays = Mapping[str, FloatArray]


def parallel_vectors(
    languages: Sequence[str], texts: int = TEXTS, dim: int = DIM, seed: int = 0
) -> dict[str, FloatArray]:
    """Vectors of parallel texts: what a text says, where its language lies, and some noise.

    Args:
        languages: their tags.
        texts: how many there are in each language.
        dim: of the vectors, whose lengths are about its square root.
        seed: of another set of texts.
    """
    rng = np.random.default_rng(seed)
    said = rng.normal(size=(texts, dim))
    return {
        language: said + rng.normal(size=dim) + 0.1 * rng.normal(size=(texts, dim))
        for language in languages
    }


def poor_vectors(languages: Sequence[str]) -> dict[str, dict[str, FloatArray]]:
    """Vectors that some transforms cannot be fitted on, by what is the matter with them."""
    rich = parallel_vectors(languages)
    return {
        "no texts": {language: rows[:0] for language, rows in rich.items()},
        "one text": {language: rows[:1] for language, rows in rich.items()},
        "texts that are all alike": {language: 0 * rows + 1 for language, rows in rich.items()},
        **{f"texts in {language!r} alone": {language: rows} for language, rows in rich.items()},
    }


def check_transform(plugin: object, *, languages: Sequence[str] = LANGUAGES) -> None:
    """Check all rules of transforms, with the vectors of `parallel_vectors`.

    Args:
        plugin: the transform.
        languages: at least two, in which it is fitted; to be given where an option of the transform
            names a language that is not among the default ones.

    Raises:
        ContractError: a rule is broken.
    """
    checked, vectors = Checked(plugin), parallel_vectors(languages)
    check_common(checked, Transform)
    given = f"{PLACE}.parallel_vectors({tuple(languages)})"
    fitted = _check_fit(checked, vectors, given)
    stored = _check_storing(checked, fitted, given)
    sides: tuple[Side, ...] = get_args(Side)
    pairs = [(side, language) for side in sides for language in languages]
    changed = {}
    for side, language in pairs:
        asked = _Asked(checked, side, language, given)
        changed[side, language] = _check_apply(asked, vectors[language], fitted, stored)
    _fitted(checked, parallel_vectors(languages, seed=1), given, chance=1)
    for side, language in pairs:
        asked = _Asked(checked, side, language, given)
        later = asked.apply(vectors[language], stored, FROM_FITTED)
        found = f"{difference(changed[side, language], later)}, after a fit on other texts"
        asked.require(are_alike(changed[side, language], later, ROUNDING), FROM_FITTED, found)
    for side in sides:
        _check_unseen(checked, side, given, vectors, stored)
    for case, poor in poor_vectors(languages).items():
        given = f"fit({PLACE}.poor_vectors({tuple(languages)})[{case!r}])"
        _check_poor(checked, vectors, poor, given)


class _Asked:
    """One side and language that vectors are transformed of."""

    def __init__(self, checked: Checked, side: Side, language: str, fitted_on: str) -> None:
        self.checked, self.side, self.language = checked, side, language
        words = f"side={side!r}, language={language!r}"
        self.given = f"apply({words}), fitted on and applied to {fitted_on}"

    def apply(self, vectors: FloatArray, fitted: Arrays, rule: Rule) -> FloatArray:
        """The transformed vectors, float64 and as many as there were."""
        transform: Any = self.checked.plugin
        with self.checked.asked(rule, self.given):
            changed = transform.apply(
                vectors, side=self.side, language=self.language, fitted=fitted
            )
        is_array = isinstance(changed, np.ndarray)
        found = f"{changed.dtype} of shape {changed.shape}" if is_array else shown(changed)
        holds = is_array and changed.dtype == np.float64 and changed.shape == vectors.shape
        given = f"{self.given}, here of shape {vectors.shape}"
        self.checked.require(holds, VECTORS, given=given, found=found)
        transformed: FloatArray = changed.copy()
        return transformed

    def require(self, holds: bool, rule: Rule, found: str, cause: Exception | None = None) -> None:
        """Demand that a rule holds."""
        self.checked.require(holds, rule, given=self.given, found=found, cause=cause)


def _check_fit(checked: Checked, vectors: Arrays, given: str) -> Arrays:
    """What is fitted, and that it depends on the vectors alone."""
    before = {language: rows.copy() for language, rows in vectors.items()}
    fitted = {
        name: array.copy() for name, array in _fitted(checked, vectors, given, chance=1).items()
    }
    changed = differing_names(before, vectors, 0.0)
    found = f"changed: the vectors of {', '.join(changed)}"
    checked.require(not changed, LEFT, given=f"fit({given})", found=found)
    again = _fitted(checked, vectors, given, chance=2)
    differing = differing_names(fitted, again, ROUNDING)
    told = f"other arrays the second time: {', '.join(differing)}"
    checked.require(not differing, AGAIN, given=given, found=told)
    return again


def _fitted(checked: Checked, vectors: Arrays, given: str, *, chance: int) -> Arrays:
    """What ``fit`` returns, float64 arrays by name."""
    transform: Any = checked.plugin
    given = f"fit({given})"
    note = f"{given}; languages=... makes them in others"
    with checked.asked(FITTED, note), global_random_state(chance):
        fitted = transform.fit(dict(vectors))
    holds = isinstance(fitted, Mapping)
    checked.require(holds, FITTED, given=given, found=shown(fitted))
    for name, array in fitted.items():
        is_array = isinstance(array, np.ndarray)
        what = f"{array.dtype}" if is_array else shown(array)
        holds = isinstance(name, str) and is_array and array.dtype == np.float64
        checked.require(holds, FITTED, given=given, found=f"{name!r}: {what}")
    arrays: Arrays = fitted
    return arrays


def _check_storing(checked: Checked, fitted: Arrays, given: str) -> Arrays:
    """What is read after the arrays were stored as `hbench run` stores them."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "fitted.npz")
        try:
            np.savez(path, **fitted)  # type: ignore[arg-type]
        except TypeError as error:
            checked.require(False, STORED, given=given, found=str(error), cause=error)
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
    differing = differing_names(fitted, stored, 0.0)
    found = f"not read as they were stored: {', '.join(differing)}"
    checked.require(not differing, STORED, given=given, found=found)
    return stored


def _check_apply(asked: _Asked, vectors: FloatArray, fitted: Arrays, stored: Arrays) -> FloatArray:
    """What holds for a language that was fitted; returns its vectors."""
    before, kept = vectors.copy(), {name: array.copy() for name, array in stored.items()}
    with global_random_state(1):
        changed = asked.apply(vectors, stored, STORED)
    differing = differing_names(kept, stored, 0.0)
    if not np.array_equal(before, vectors):
        differing.append("the vectors")
    asked.require(not differing, LEFT, f"changed: {', '.join(differing)}")
    asked.require(bool(np.isfinite(changed).all()), FINITE, "vectors with inf or NaN")
    with global_random_state(2):
        again = asked.apply(vectors, stored, AGAIN)
    asked.require(
        are_alike(changed, again, ROUNDING), AGAIN, f"{difference(changed, again)}, asked again"
    )
    at_once = asked.apply(vectors, fitted, STORED)
    found = f"{difference(changed, at_once)}, when the arrays were not stored in between"
    asked.require(are_alike(changed, at_once, ROUNDING), STORED, found)
    numbers = np.arange(len(vectors))
    for rows in (numbers[::-1], numbers[::3], numbers[5:6]):
        part = asked.apply(vectors[rows], stored, ALONE)
        where = difference(changed[rows], part, rows.tolist())
        found = f"{where}, with the texts {rows.tolist()} alone"
        asked.require(are_alike(changed[rows], part, ROUNDING), ALONE, found)
    return changed


def _check_unseen(
    checked: Checked, side: Side, given: str, vectors: Arrays, stored: Arrays
) -> None:
    asked, rows = _Asked(checked, side, UNSEEN, given), next(iter(vectors.values()))
    try:
        changed = asked.apply(rows, stored, OTHER)
    except DataError:
        return
    except ContractError:
        raise
    except Exception as error:
        asked.require(False, OTHER, f"{type(error).__name__}: {error}", error)
    like_seen = [
        _Asked(checked, side, language, given).apply(rows, stored, OTHER) for language in vectors
    ]
    holds = np.array_equal(rows, changed) or all(
        are_alike(changed, each, ROUNDING) for each in like_seen
    )
    asked.require(holds, OTHER, f"other vectors: {difference(rows, changed)}")


def _check_poor(checked: Checked, vectors: Arrays, poor: Arrays, given: str) -> None:
    """Fit on what may not serve, and apply it to vectors as they should be."""
    transform: Any = checked.plugin
    sides: tuple[Side, ...] = get_args(Side)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they warn of shows in the vectors
            fitted = transform.fit(dict(poor))
            changed = {
                f"{side} vectors in {language!r}": transform.apply(
                    vectors[language], side=side, language=language, fitted=fitted
                )
                for side in sides
                for language in poor
            }
    except DataError:
        return
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        checked.require(False, POOR, given=given, found=found, cause=error)
    bad = [what for what, rows in changed.items() if not np.isfinite(rows).all()]
    found = f"inf or NaN in {', '.join(bad)}"
    checked.require(not bad, POOR, given=given, found=found)
