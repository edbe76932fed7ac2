"""Language information removal: each language without its strongest directions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from hbench.errors import DataError
from hbench.records import FloatArray, Side
from hbench_plugins.transforms.fitting import fitted_on, need_texts


@dataclass(frozen=True)
class LIR:
    """x - V_l V_l^T x: a vector of language l without its share of l's strongest directions.

    V_l holds the first r right-singular vectors of the matrix of the passages in l, which is not
    centred. Queries and passages alike, each with its own language's; a language that it was not
    fitted on is an error. Source: Yang et al. 2021 (arXiv 2109.04727).

    Args:
        rank: r, how many directions are removed; 1 as in Appendix C.1 of SHIFT (arXiv 2606.18801).
    """

    rank: Annotated[int, Ge(1)] = 1
    version: ClassVar[int] = 1

    def fit(self, vectors: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        """The transposed V_l, (r, dim) by language: orthonormal rows, each of either sign."""
        need_texts("lir", self.rank + 1, vectors)
        return {language: self._directions(rows) for language, rows in vectors.items()}

    def _directions(self, rows: FloatArray) -> FloatArray:
        dim = rows.shape[1]
        if self.rank >= dim:
            raise DataError(
                f"transform 'lir': 'rank: {self.rank}' removes all {dim} dimensions of the "
                "vectors; choose a smaller one"
            )
        # X^T X has the right-singular vectors of X, and stays small however many texts there are.
        ascending = np.linalg.eigh(rows.T @ rows).eigenvectors
        directions: FloatArray = np.ascontiguousarray(ascending[:, : -self.rank - 1 : -1].T)
        return directions

    def apply(
        self, vectors: FloatArray, *, side: Side, language: str, fitted: Mapping[str, FloatArray]
    ) -> FloatArray:
        """(n, dim) vectors, orthogonal to their language's directions."""
        for direction in fitted_on("lir", language, fitted):
            # The last bits of a matrix product depend on how many rows it has; those of a sum
            # over a row do not, and equal texts must get equal vectors.
            share = np.sum(vectors * direction, axis=1, keepdims=True)
            vectors = vectors - share * direction
        return vectors
