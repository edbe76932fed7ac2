"""The vectors of texts in the cache: a file for each shard of distinct texts, mapped when read.

Vectors have length 1 and are rounded to multiples of 2^-26, or to float16. Products of such
components are multiples of 2^-52, so that float64 holds every partial sum of a dot product of two
of them without rounding: the score of two vectors does not depend on the order of the sum.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hbench.corpus import SHARD, Corpus, Shard
from hbench.errors import DataError
from hbench.protocols import Transform
from hbench.records import FloatArray, Int32Array, Side

FILE = "vectors.safetensors"
Stored = Literal["float32", "float16"]
Vectors = npt.NDArray[np.float32]
GRID = np.float32(2**26)
KINDS = {"F32": np.float32, "F16": np.float16}


def on_grid(
    vectors: npt.NDArray[Any], texts: Sequence[str], stored: Stored = "float32"
) -> tuple[npt.NDArray[Any], Vectors]:
    """Scale each row to length 1 and round it to multiples of 2^-26, or to float16.

    Args:
        vectors: (n, dim), any length.
        texts: the n texts, to name one whose vector is unusable.
        stored: the precision of the result.

    Returns:
        (n, dim) and the (n,) lengths that the rows had.

    Raises:
        DataError: a row is zero or not finite.
    """
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1)
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(bad):
        raise DataError(
            f"{len(bad)} vectors are zero or not finite, the first is of the text {texts[bad[0]]!r}"
        )
    scaled = (exact / lengths[:, None]).astype(np.float32)
    if stored == "float16":
        return scaled.astype(np.float16), lengths.astype(np.float32)
    # A float32 of 2^-3 or more is a multiple of 2^-26 already; below, the product is exact.
    return np.rint(scaled * GRID) / GRID, lengths.astype(np.float32)


def shard_inputs(encoding: Mapping[str, Any], shard: Shard) -> dict[str, Any]:
    """What the vectors of a shard are known by: how they are computed, and of which texts."""
    return {**encoding, "side": shard.side, "texts": shard.sum}


def write_shard(folder: Path, vectors: npt.NDArray[Any], lengths: Vectors) -> None:
    """Write the vectors of a shard.

    Args:
        folder: gets the file.
        vectors: (n, dim) of length 1, in the precision in which they are stored.
        lengths: (n,) theirs before they were scaled to 1.
    """
    from safetensors.numpy import save_file

    save_file({"vectors": vectors, "lengths": lengths}, folder / FILE)


@dataclass(frozen=True)
class StoredRows:
    """The vectors of the texts of one side and language, in the corpus's order.

    Args:
        folders: of their shards.
        numbers: (n,) which of the distinct texts each text is.
    """

    folders: Sequence[Path]
    numbers: Int32Array

    @classmethod
    def of(cls, corpus: Corpus, folders: Sequence[Path], side: Side, language: str) -> "StoredRows":
        """Those of a corpus, of which ``folders`` has every shard."""
        own = [
            folder
            for shard, folder in zip(corpus.shards, folders, strict=True)
            if (shard.side, shard.language) == (side, language)
        ]
        return cls(own, corpus.text_numbers(side, language))

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, chosen: Any) -> Vectors:  # noqa: ANN401 - a slice or an array, as numpy's
        """(n, dim) float32 vectors."""
        return self._read("vectors", chosen)

    def unscaled(self, chosen: Any) -> FloatArray:  # noqa: ANN401
        """(n, dim) float64 vectors as the encoder gave them."""
        lengths = self._read("lengths", chosen).astype(np.float64)
        scaled: FloatArray = self[chosen] * lengths[:, None]
        return scaled

    def _read(self, name: str, chosen: Any) -> Vectors:  # noqa: ANN401
        shard, row = np.divmod(self.numbers[chosen], SHARD)
        found: Vectors | None = None
        for number in np.unique(shard).tolist():
            own = shard == number
            part = _float32(_mapped(self.folders[number] / FILE, name)[row[own]])
            if len(part) == len(row):
                return part
            if found is None:
                found = np.empty((len(row), *part.shape[1:]), np.float32)
            found[own] = part
        return np.empty((0, 0), np.float32) if found is None else found


@dataclass(frozen=True)
class TransformedRows:
    """The same, each vector changed by a transform and scaled to length 1 again.

    Args:
        rows: the vectors.
        transform: what changes them.
        fitted: what it learned.
        side: of the texts.
        language: of the texts.
    """

    rows: StoredRows
    transform: Transform
    fitted: Mapping[str, FloatArray]
    side: Side
    language: str

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: Any) -> Vectors:  # noqa: ANN401 - a slice or an array, as numpy's
        """(n, dim) float32 vectors."""
        vectors = self.rows.unscaled(chosen)
        if not len(vectors):
            return self.rows[chosen]
        changed = self.transform.apply(
            vectors, side=self.side, language=self.language, fitted=self.fitted
        )
        numbers = range(len(self.rows))[chosen] if isinstance(chosen, slice) else chosen
        names = [f"{self.side} number {number} in {self.language!r}" for number in numbers]
        scaled: Vectors = on_grid(changed, names)[0]
        return scaled


def transformed(
    read: Callable[[Side, str], StoredRows],
    transform: Transform,
    fitted: Mapping[str, FloatArray],
) -> Callable[[Side, str], TransformedRows]:
    """Reads what ``read`` gives, with a transform applied."""
    return lambda side, language: TransformedRows(
        read(side, language), transform, fitted, side, language
    )


def _float32(array: npt.NDArray[Any]) -> Vectors:
    """The same numbers; torch is faster than numpy at it."""
    import torch

    converted: Vectors = torch.from_numpy(array).float().numpy()
    return converted


def _mapped(path: Path, name: str) -> npt.NDArray[Any]:
    """A tensor of a safetensors file, of which only what is used is read.

    The file is the length of a header in 8 bytes, the header in JSON, and the tensors.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        facts = json.loads(file.read(size))[name]
    start, shape = 8 + size + facts["data_offsets"][0], tuple(facts["shape"])
    return np.memmap(path, KINDS[facts["dtype"]], "r", start, shape)
