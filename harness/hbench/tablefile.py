"""Arrow files that are written row by row, so that a corpus need not fit into memory.

Knows nothing of queries or passages.
"""

from collections.abc import Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from hbench.errors import DataError
from hbench.numbering import column_batches, column_digests, first_rows
from hbench.records import NO_COLUMNS

ROWS = 10_000  # of one Arrow batch


class Table:
    """A table that is being written; it gets further columns of texts when a row has such.

    Args:
        folder: that the file is written to.
        name: of the file.
        columns: the Arrow type of each column that all rows have.
    """

    def __init__(self, folder: Path, name: str, columns: Mapping[str, str]) -> None:
        self.path = folder / f"{name}.arrow"
        self.rows = 0
        self.further: list[str] = []
        self._columns = dict(columns)
        self._waiting: list[tuple[object, ...]] = []
        self._besides: dict[int, Mapping[str, str]] = {}  # by the row's place in what waits

    def __enter__(self) -> "Table":
        self._open()
        return self

    def add(self, *values: object, further: Mapping[str, str] = NO_COLUMNS) -> None:
        """Add one row: a value for each of the columns, and what it has besides."""
        if further:
            self._besides[len(self._waiting)] = further
        self._waiting.append(values)
        self.rows += 1
        if len(self._waiting) == ROWS:
            self._flush()

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def check_distinct(self, column: str) -> None:
        """Whether a column of the written file holds no value twice.

        Raises:
            DataError: it does; names one such value.
        """
        first = first_rows(column_digests(self.path, column))
        again = first[first != np.arange(len(first))]
        if len(again):
            batches = (batch.to_pylist() for batch in column_batches(self.path, column))
            twice = next(islice(chain.from_iterable(batches), int(again.min()), None))
            raise DataError(f"{self.path.stem}: {column} {twice!r} is given twice")

    def _open(self) -> None:
        import pyarrow as pa

        self._schema = pa.schema([*self._columns.items(), *((n, "string") for n in self.further)])
        self._writer: Any = pa.ipc.new_file(str(self.path), self._schema)

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            named = {name for besides in self._besides.values() for name in besides}
            if new := sorted(named.difference(self.further)):
                self._widen(new)
            columns: list[Any] = list(zip(*self._waiting, strict=True))
            places = range(len(self._waiting))
            for name in self.further:
                columns.append([self._besides.get(i, NO_COLUMNS).get(name) for i in places])
            arrays = [pa.array(c, f.type) for c, f in zip(columns, self._schema, strict=True)]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
            self._waiting.clear()
            self._besides.clear()

    def _widen(self, names: list[str]) -> None:
        """Write the file anew with further columns, null in the rows that are there already.

        All columns stand at the beginning of a file. Mostly the first rows bring all that come.
        """
        import pyarrow as pa

        self._writer.close()
        narrow = self.path.rename(self.path.with_suffix(".narrow"))
        self.further += names
        self._open()
        with pa.OSFile(str(narrow)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                arrays = [*batch.columns, *(pa.nulls(len(batch), pa.string()) for _ in names)]
                self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        narrow.unlink()
