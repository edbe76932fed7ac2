"""Token ids of many texts in one flat array, tokenised once and kept in the cache.

The cache's name is a sum over the tokenizer and the texts, so that systems with one tokenizer share
it, and another tokenizer, prefix or length never finds it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hbench.manifests import check, is_complete, read_manifest
from hbench.protocols import Model
from hbench.records import Int32Array, Int64Array, Side
from hbench.store import Store

CHUNK = 20_000  # texts handed to a tokenizer at once
Tokenize = Callable[[Model, Sequence[str], Side], "Tokens"]


@dataclass(frozen=True)
class Tokens(Sequence[Int32Array]):
    """The ids of n texts.

    Args:
        ids: (total,) int32, text after text; mapped into memory where it was read from a file.
        starts: (n + 1,) where each text begins, and the total.
        cut: how many texts were longer than allowed.
    """

    ids: Int32Array
    starts: Int64Array
    cut: int = 0

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
        """The ids of one text."""
        index = range(len(self))[index]
        return self.ids[self.starts[index] : self.starts[index + 1]]

    @property
    def lengths(self) -> Int64Array:
        """(n,) tokens of each text."""
        return np.diff(self.starts)


def tokenize(model: Model, texts: Sequence[str], side: Side) -> Tokens:
    """Tokenise texts, a chunk at a time."""
    parts: list[Int32Array] = []
    lengths: list[int] = []
    cut = 0
    for start in range(0, len(texts), CHUNK):
        found = model.tokenize(texts[start : start + CHUNK], side)
        parts += [np.asarray(ids, np.int32) for ids in found.ids]
        lengths += map(len, found.ids)
        cut += found.cut
    starts = np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)
    return Tokens(np.concatenate(parts) if parts else np.empty(0, np.int32), starts, cut)


def cached_tokens(store: Store, model: Model, texts: Sequence[str], side: Side) -> Tokens:
    """As ``tokenize``, from the store's cache if these texts were tokenised this way before.

    Raises:
        Damaged: what the cache holds is not what was stored.
    """
    import pyarrow as pa

    inputs = {"tokenizer": model.tokenizer_key(side), "side": side, "texts": _sum(texts)}
    folder = store.tokens(inputs)
    path = folder / "tokens.arrow"
    if not is_complete(folder):
        made = tokenize(model, texts, side)
        column = pa.LargeListArray.from_arrays(pa.array(made.starts), pa.array(made.ids))
        with store.writing(folder, {"inputs": inputs, "detail": {"cut": made.cut}}) as (new, _):
            table = pa.table({"ids": column})
            with pa.ipc.new_file(new / path.name, table.schema) as writer:
                writer.write_table(table)
    check(folder)
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    if not len(table):
        return Tokens(np.empty(0, np.int32), np.zeros(1, np.int64))
    column = table["ids"].chunk(0)
    ids, starts = column.values.to_numpy(), column.offsets.to_numpy()
    return Tokens(ids, starts, read_manifest(folder)["detail"]["cut"])


def _sum(texts: Sequence[str]) -> str:
    """A sum over the texts and where each ends."""
    digest = hashlib.sha256()
    for text in texts:
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()
