"""SHIFT: the passages of all languages move towards those of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from hbench.errors import DataError
from hbench.records import FloatArray, Side
from hbench_plugins.transforms.fitting import need_texts


@dataclass(frozen=True)
class Shift:
    """z - alpha V_l: a passage of language l, moved by l's mean distance from the source language.

    V_l = mean_i (f(D_i^l) - f(D_i^src)) over parallel passages, as the encoder gives them, not
    scaled to length 1. Passages of the source language, all queries, and, as in the authors' code,
    passages of a language that it was not fitted on stay as they are. Source: equation 1 and
    Algorithm 1 of arXiv 2606.18801.

    Args:
        alpha: how far; 0 changes nothing, with 1 the fitted passages of all languages have one
            mean. The paper reports each encoder's best of 0.1, 0.2, ..., 1 on the test data, about
            0.6 for multilingual-e5-large; choose it on other data than you report.
        source: the language that the others move towards.
        queries: move queries of other languages as well, by the V_l of the passages, as in the
            paper's Appendix J, where queries are in many languages.
    """

    alpha: Annotated[float, Ge(0), Le(1)] = 0.6
    source: str = "en"
    queries: bool = False
    version: ClassVar[int] = 1

    def fit(self, vectors: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        """V_l, (dim,) by language; none for the source language."""
        others = sorted(vectors.keys() - {self.source})
        if self.source not in vectors or not others:
            raise DataError(
                f"transform 'shift': it is fitted on texts in {self.source!r} and at least one "
                f"other language, and these are in {', '.join(sorted(vectors)) or 'none'}; name "
                "one of them with 'source:', or give it other data"
            )
        need_texts("shift", 1, vectors)
        source = vectors[self.source]
        return {language: (vectors[language] - source).mean(axis=0) for language in others}

    def apply(
        self, vectors: FloatArray, *, side: Side, language: str, fitted: Mapping[str, FloatArray]
    ) -> FloatArray:
        """(n, dim) moved vectors; ``vectors`` itself where they stay as they are."""
        if language not in fitted or (side == "query" and not self.queries):
            return vectors
        return vectors - self.alpha * fitted[language]
