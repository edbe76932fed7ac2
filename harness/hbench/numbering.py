"""Numbers for the texts of a stored table: which are equal, and in what order their ids stand.

Texts are read batch by batch, and 16 bytes of each are kept: a corpus need not fit into memory.
Files are read, not mapped, since the pages of a mapped file would all count as resident.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.records import Int64Array

Digests = npt.NDArray[np.uint64]


def write_numbers(folder: Path, name: str, shard: int) -> list[dict[str, Any]]:
    """Write ``numbers-<name>`` beside a table of texts: a row for each of its rows.

    ``text`` numbers the distinct texts in the order in which they first occur; ``place``, if the
    table has ids, is the id's place among all, ordered as byte strings.

    Args:
        folder: of the tables.
        name: of the table.
        shard: distinct texts of one shard.

    Returns:
        For each shard of distinct texts how many they are, and a sum over them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    path = folder / f"{name}.arrow"
    digests = column_digests(path, "text")
    first = first_rows(digests)
    is_first = first == np.arange(len(first))
    text = (np.cumsum(is_first, dtype=np.int32) - 1)[first]
    columns = {"text": pa.array(text)}
    # Copies: an array that was read holds the memory of its whole batch, the texts too.
    if ids := [pa.concat_arrays([batch]) for batch in column_batches(path, "id")]:
        place = np.empty(len(first), np.int32)
        place[pc.sort_indices(pa.chunked_array(ids)).to_numpy()] = np.arange(len(first))
        columns["place"] = pa.array(place)
    numbers = pa.table(columns)
    with pa.ipc.new_file(str(folder / f"numbers-{name}.arrow"), numbers.schema) as writer:
        writer.write_table(numbers)
    distinct = np.flatnonzero(is_first)
    starts = range(0, len(distinct), shard)
    return [_shard(digests[distinct[start : start + shard]]) for start in starts]


def first_rows(digests: Digests) -> Int64Array:
    """(n,) the first row that is equal to each row of (n, 2) digests.

    >>> first_rows(np.array([[7, 1], [7, 2], [7, 1]], np.uint64)).tolist()
    [0, 1, 0]
    """
    order = np.lexsort(digests.T)  # stable: equal rows stay in their order
    is_new = np.ones(len(order), bool)
    is_new[1:] = False
    for column in digests.T:
        in_order = column[order]
        is_new[1:] |= in_order[1:] != in_order[:-1]
    first = np.empty(len(order), np.int64)
    first[order] = order[is_new][np.cumsum(is_new) - 1]
    return first


def column_digests(path: Path, column: str) -> Digests:
    """(n, 2) a sum of 128 bits over each text in a column of an Arrow file."""
    sums = bytearray()
    for batch in column_batches(path, column):
        parts = [hashlib.blake2b(t.encode(), digest_size=16).digest() for t in batch.to_pylist()]
        sums += b"".join(parts)
    return np.frombuffer(sums, np.uint64).reshape(-1, 2)


def column_batches(path: Path, column: str) -> Iterator[Any]:
    """The Arrow arrays of a column, batch by batch; nothing if the file has no such column."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as source:
        names = pa.ipc.open_file(source).schema.names
        if column in names:
            options = pa.ipc.IpcReadOptions(included_fields=[names.index(column)])
            reader = pa.ipc.open_file(source, options=options)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)[column]


def _shard(digests: Digests) -> dict[str, Any]:
    digest = hashlib.sha256(np.ascontiguousarray(digests, "<u8").tobytes())
    return {"texts": len(digests), "sum": digest.hexdigest()}
