"""Centering: each language's vectors get the mean 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from hbench.records import FloatArray, Side
from hbench_plugins.transforms.fitting import fitted_on, need_texts


@dataclass(frozen=True)
class Centering:
    """x - mu_l: a vector of language l without the mean of the passages in l.

    Queries and passages alike, each with the mean of its own language; a language that it was not
    fitted on is an error. Source: Libovicky et al. 2020 (arXiv 2004.05160), for retrieval as in
    Appendix C.1 of SHIFT (arXiv 2606.18801).
    """

    version: ClassVar[int] = 1

    def fit(self, vectors: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        """mu_l, (dim,) by language."""
        need_texts("centering", 1, vectors)
        return {language: rows.mean(axis=0) for language, rows in vectors.items()}

    def apply(
        self, vectors: FloatArray, *, side: Side, language: str, fitted: Mapping[str, FloatArray]
    ) -> FloatArray:
        """(n, dim) centred vectors."""
        return vectors - fitted_on("centering", language, fitted)
