"""Numbers for the texts of a stored table: which are equal, and in what order their ids stand.

Texts are read batch by batch, and 16 bytes of each are kept: a corpus need not fit into memory.
"""

import hashlib
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

    with pa.memory_map(str(folder / f"{name}.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
        digests = _digests(table["text"])
        first = first_rows(digests)
        distinct, text = np.unique(first, return_inverse=True)
        columns = {"text": pa.array(text.astype(np.int32))}
        if "id" in table.column_names:
            place = np.empty(len(table), np.int32)
            place[pc.sort_indices(table["id"]).to_numpy()] = np.arange(len(table), dtype=np.int32)
            columns["place"] = pa.array(place)
    numbers = pa.table(columns)
    with pa.ipc.new_file(str(folder / f"numbers-{name}.arrow"), numbers.schema) as writer:
        writer.write_table(numbers)
    starts = range(0, len(distinct), shard)
    return [_shard(digests[distinct[start : start + shard]]) for start in starts]


def first_rows(digests: Digests) -> Int64Array:
    """(n,) the first row that is equal to each row of (n, 2) digests.

    >>> first_rows(np.array([[7, 1], [7, 2], [7, 1]], np.uint64)).tolist()
    [0, 1, 0]
    """
    order = np.lexsort(digests.T)  # stable: equal rows stay in their order
    is_new = np.ones(len(order), bool)
    is_new[1:] = (digests[order[1:]] != digests[order[:-1]]).any(axis=1)
    first = np.empty(len(order), np.int64)
    first[order] = order[is_new][np.cumsum(is_new) - 1]
    return first


def _digests(texts: Any) -> Digests:  # noqa: ANN401 - pyarrow publishes no types
    """(n, 2) a sum of 128 bits over each text of an Arrow column."""
    parts = [
        hashlib.blake2b(text.encode(), digest_size=16).digest()
        for chunk in texts.chunks
        for text in chunk.to_pylist()
    ]
    return np.frombuffer(b"".join(parts), np.uint64).reshape(-1, 2)


def _shard(digests: Digests) -> dict[str, Any]:
    digest = hashlib.sha256(np.ascontiguousarray(digests, "<u8").tobytes())
    return {"texts": len(digests), "sum": digest.hexdigest()}
