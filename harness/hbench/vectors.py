"""The vectors of texts in the cache: a file for each shard of distinct texts, mapped when read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hbench.corpus import SHARD, Corpus
from hbench.records import Int32Array, Side

FILE = "vectors.safetensors"
Stored = Literal["float32", "float16"]
Vectors = npt.NDArray[np.float32]
KINDS = {"F32": np.float32, "F16": np.float16}


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

    def lengths(self, chosen: Any) -> Vectors:  # noqa: ANN401
        """(n,) float32, of the vectors before they were scaled to 1."""
        return self._read("lengths", chosen)

    def _read(self, name: str, chosen: Any) -> Vectors:  # noqa: ANN401
        shard, row = np.divmod(self.numbers[chosen], SHARD)
        found: Vectors | None = None
        for number in np.unique(shard).tolist():
            own = shard == number
            part = _mapped(self.folders[number] / FILE, name)[row[own]]
            if found is None:
                found = np.empty((len(row), *part.shape[1:]), np.float32)
            found[own] = part
        return np.empty((0, 0), np.float32) if found is None else found


def _mapped(path: Path, name: str) -> npt.NDArray[Any]:
    """A tensor of a safetensors file, of which only what is used is read.

    The file is the length of a header in 8 bytes, the header in JSON, and the tensors.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        facts = json.loads(file.read(size))[name]
    start, shape = 8 + size + facts["data_offsets"][0], tuple(facts["shape"])
    return np.memmap(path, KINDS[facts["dtype"]], "r", start, shape)
