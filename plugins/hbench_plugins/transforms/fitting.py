"""What a transform asks of the languages that it is fitted on and applied to."""

from collections.abc import Mapping

from hbench.errors import DataError
from hbench.records import FloatArray


def need_texts(transform: str, least: int, vectors: Mapping[str, FloatArray]) -> None:
    """Refuse to fit on too little.

    Raises:
        DataError: a language has fewer than ``least`` texts.
    """
    for language, rows in vectors.items():
        if len(rows) < least:
            raise DataError(
                f"transform {transform!r}: it is fitted on {least} or more parallel texts, and "
                f"there are {len(rows)} in {language!r}; give it more data"
            )


def fitted_on(transform: str, language: str, fitted: Mapping[str, FloatArray]) -> FloatArray:
    """The array of a language.

    Raises:
        DataError: there is none.
    """
    if language not in fitted:
        raise DataError(
            f"transform {transform!r}: it is fitted on {', '.join(sorted(fitted)) or 'nothing'}, "
            f"and not on {language!r}; fit it on data that has {language!r}, or leave that "
            "language out of the evaluation"
        )
    return fitted[language]
