"""A scores file as the score stage stored it, read into numpy; see ``hbench.stages.score``.

Only numbers and dictionaries leave pyarrow, so that compare answers at once for large files, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.errors import StoreError
from hbench.records import FloatArray, Int64Array

Cell = tuple[str, str, str]  # setting, query language, pool


@dataclass(frozen=True)
class StoredScores:
    """The rows of one system that somebody asked for, by cell and then query number.

    Args:
        cell: (rows,) the row's cell, as its place among the asked ones.
        query: (rows,) the query's number.
        item: (rows,) the query's item, numbered from 0 as they come.
        cluster: (rows,) the item's cluster, likewise.
        values: by metric (rows,) float64, NaN where the metric is absent.
    """

    cell: Int64Array
    query: Int64Array
    item: Int64Array
    cluster: Int64Array
    values: dict[str, FloatArray]

    def same_rows(self, other: "StoredScores") -> bool:
        """Whether both hold the same queries, items and clusters in the same cells."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("cell", "query", "item", "cluster")
        )


def read_scores(path: Path, cells: Sequence[Cell], metrics: Sequence[str]) -> StoredScores:
    """Read the rows of some cells and the columns of some metrics.

    Raises:
        StoreError: the file is missing or damaged.
    """
    from pyarrow.parquet import ParquetFile

    columns = ("setting", "query_language", "pool", "query", "item", "cluster", *metrics)
    try:
        with ParquetFile(path) as file:
            table = file.read(columns=list(columns))
        (setting, settings), (language, languages), (pool, pools) = (
            _codes(table[name]) for name in columns[:3]
        )
        place = np.full((len(settings), len(languages), len(pools)), -1)
        for number, (a, b, c) in enumerate(cells):
            if a in settings and b in languages and c in pools:
                place[settings.index(a), languages.index(b), pools.index(c)] = number
        cell = place[setting, language, pool]
        query = _numpy(table["query"]).astype(np.int64)
        order = np.lexsort((query, cell))
        order = order[cell[order] >= 0]
        return StoredScores(
            cell[order],
            query[order],
            _renumbered(_codes(table["item"])[0][order]),
            _renumbered(_codes(table["cluster"])[0][order]),
            {name: _numpy(table[name]).astype(np.float64)[order] for name in metrics},
        )
    except (OSError, ValueError, KeyError) as error:
        message = f"{path}: damaged ({error}); delete {path.parent} and run again"
        raise StoreError(message) from error


def _codes(column: Any) -> tuple[Int64Array, list[str]]:  # noqa: ANN401 - pyarrow has no types
    """The distinct strings of a column, and each row's place among them."""
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(column).combine_chunks()
    return np.from_dlpack(encoded.indices).astype(np.int64), encoded.dictionary.to_pylist()


def _numpy(column: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - pyarrow has no types
    """A column of numbers, NaN where it is null."""
    import pyarrow.compute as pc

    # By way of dlpack: pyarrow's own conversions and `fill_null` import pandas, a quarter second.
    present = np.from_dlpack(pc.drop_null(column).combine_chunks())
    if not column.null_count:
        return present
    values = np.full(len(column), np.nan)
    values[np.from_dlpack(pc.is_valid(column).combine_chunks().cast("uint8")) > 0] = present
    return values


def _renumbered(codes: Int64Array) -> Int64Array:
    """Numbers from 0 in the order of first occurrence, whatever the file's order was."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
