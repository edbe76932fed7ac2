"""A TREC run of any system, read into the numbers of a dataset's queries and passages.

A line is ``topic Q0 doc rank score tag``, divided by blanks or tabs, as ``hbench export`` writes it:
a topic is ``<language>:<item>``, a doc ``<language>:<id>``, blanks and ``%`` percent-encoded. As in
trec_eval the order of a topic's list is that of its scores, rounded to float32, whatever its ranks
say or its lines' order is, and the later doc comes first among equal ones. Ids are compared as the
dataset has them, not as they are encoded.
"""

import gzip
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

import numpy as np

from hbench.corpus import Corpus
from hbench.errors import OptionError, shown
from hbench.records import Int64Array

LINE = "topic Q0 doc rank score tag"
BLOCK = 2**24  # bytes that are parsed at once
SPACED = (b"\t", b"\r", b"  ", b" \n", b"\n ")  # what more than single blanks may divide words
FIRST = 5  # foreign ids that a message lists


@dataclass(frozen=True)
class Listed:
    """The lists of a run, end to end.

    Args:
        query: (rows,) query numbers, ascending.
        passage: (rows,) passage numbers, the best first within each query, none twice.
    """

    query: Int64Array
    passage: Int64Array


def read_run(path: Path, corpus: Corpus) -> Listed:
    """Read a run; a name that ends in ``.gz`` is that of a packed one.

    Raises:
        OptionError: the file cannot be read, holds a line that is none of a run, a topic or doc
            that the dataset has not, or a doc twice for a topic; says where.
    """
    table = _read(path)
    topics, query = _numbers(table["topic"], _topics(corpus))
    docs, passage = _numbers(table["doc"], corpus.passage_ids)
    _check_known(path, corpus, topics, docs)
    score = table["score"].to_numpy().astype(np.float32)
    query, passage = topics.number[query], docs.number[passage]
    order = _order(corpus, query, passage, score)
    listed = Listed(query[order], passage[order])
    _check_distinct(path, corpus, listed)
    return listed


@dataclass(frozen=True)
class _Names:
    """Distinct ids as the file has them, and (n,) their numbers in the dataset, -1 if foreign."""

    name: Any
    number: Int64Array

    def foreign(self) -> list[str]:
        """Those that the dataset has not, in the order of the file."""
        names: list[str] = self.name.filter(self.number < 0).to_pylist()
        return names


def _read(path: Path) -> Any:  # noqa: ANN401 - pyarrow publishes no types
    """The Arrow columns ``topic`` and ``doc``, dictionaries, and ``score``."""
    import pyarrow as pa

    tables, lines = [], 0
    for block in _blocks(path):
        try:
            tables.append(_parsed(block))
        except pa.ArrowInvalid:
            raise _malformed(path, block, lines) from None
        lines += block.count(b"\n")
    table = pa.concat_tables(tables) if tables else ()
    if not len(table):
        raise OptionError(f"{path}: is empty; a run's lines are `{LINE}`")
    return table.unify_dictionaries()


def _blocks(path: Path) -> Iterator[bytes]:
    """A file's bytes, some whole lines at a time."""
    rest = b""
    with _opened(path) as file:
        while block := file.read(BLOCK):
            cut = block.rfind(b"\n") + 1
            if cut:
                yield rest + block[:cut]
                rest = block[cut:]
            else:
                rest += block
    if rest:
        yield rest


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except FileNotFoundError:
        raise OptionError(f"{path}: there is no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise OptionError(f"{path}: cannot be read ({error}); get or write it again") from error


def _parsed(block: bytes) -> Any:  # noqa: ANN401 - pyarrow publishes no types
    """Some lines as a table.

    Raises:
        ArrowInvalid: one is none of a run.
    """
    import pyarrow as pa
    from pyarrow import csv

    text = block.strip()
    if any(sign in text for sign in SPACED):
        text = b"\n".join(b" ".join(line.split()) for line in text.splitlines())
    name = pa.dictionary(pa.int32(), pa.string())
    kinds = {"topic": name, "doc": name, "score": pa.float64()}
    if not text:
        return pa.schema(kinds.items()).empty_table()
    table = csv.read_csv(
        pa.BufferReader(text),
        read_options=csv.ReadOptions(column_names=LINE.split(), use_threads=False),
        parse_options=csv.ParseOptions(delimiter=" ", quote_char=False),
        convert_options=csv.ConvertOptions(
            column_types=kinds, include_columns=list(kinds), null_values=[]
        ),
    )
    if np.isnan(table["score"].to_numpy()).any():
        raise pa.ArrowInvalid("a score is no number")
    return table


def _malformed(path: Path, block: bytes, before: int) -> OptionError:
    """What to say of the first line that cannot be parsed; ``before`` lines came before these."""
    import pyarrow as pa

    lines = block.splitlines()

    def is_refused(count: int) -> bool:
        try:
            _parsed(b"\n".join(lines[:count]))
        except pa.ArrowInvalid:
            return True
        return False

    count = bisect_left(range(len(lines)), True, key=is_refused)
    text = lines[count - 1].decode(errors="replace")
    return OptionError(
        f"{path}:{before + count}: {shown(text)}, where `{LINE}` is expected: six words divided by "
        "blanks, and the score a number; blanks inside a word are written %20"
    )


def _topics(corpus: Corpus) -> Any:  # noqa: ANN401 - pyarrow publishes no types
    """(queries,) Arrow strings ``<language>:<item>``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    languages = pa.array(np.repeat(corpus.languages, np.diff(corpus.query_offsets)).tolist())
    items = corpus.table("items")["item"].combine_chunks().take(pa.array(corpus.query_items))
    return pc.binary_join_element_wise(languages, items, ":")


def _numbers(column: Any, known: Any) -> tuple[_Names, Int64Array]:  # noqa: ANN401
    """The distinct ids in a column, and which of them each row is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = column.combine_chunks()
    names = plain = encoded.dictionary
    if pc.any(pc.match_substring(names, "%")).as_py():
        plain = pa.array([unquote(name) for name in names.to_pylist()])
    number = pc.fill_null(pc.index_in(plain, value_set=known), -1).to_numpy()
    return _Names(names, number.astype(np.int64)), encoded.indices.to_numpy()


def _check_known(path: Path, corpus: Corpus, topics: _Names, docs: _Names) -> None:
    parts = []
    for what, names, known in (
        ("topics", topics, _topics(corpus)),
        ("docs", docs, corpus.passage_ids),
    ):
        if foreign := names.foreign():
            first = ", ".join(shown(name)[1:-1] for name in foreign[:FIRST])
            parts.append(
                f"{len(foreign):,} of {len(names.number):,} {what} are not in the dataset, the "
                f"first: {first}; its own look like {known[0].as_py()}"
            )
    if parts:
        raise OptionError(
            f"{path}: {'. And '.join(parts)}. Write the run with the dataset's ids, each behind "
            "its language and a colon, blanks and % percent-encoded"
        )


def _order(corpus: Corpus, query: Int64Array, passage: Int64Array, score: Any) -> Int64Array:  # noqa: ANN401 - float32
    """(rows,) the rows by query, and the best first in each; one query at a time for speed."""
    place = np.concatenate([corpus.tie_order(name) for name in corpus.languages])[passage]
    order = np.argsort(query, kind="stable")
    bounds = np.flatnonzero(np.diff(query[order], prepend=-1))
    for start, end in pairwise([*bounds.tolist(), len(order)]):
        rows = order[start:end]
        order[start:end] = rows[np.lexsort((-place[rows], -score[rows]))]
    return order


def _check_distinct(path: Path, corpus: Corpus, listed: Listed) -> None:
    passages = int(corpus.passage_offsets[-1])
    rows = np.sort(listed.query * passages + listed.passage)
    again = rows[1:][np.diff(rows) == 0]
    if len(again):
        query, passage = divmod(int(again[0]), passages)
        raise OptionError(
            f"{path}: lists docs of a topic twice, {len(again):,} in all, the first is "
            f"{corpus.passage_ids[passage].as_py()} of topic {_topics(corpus)[query].as_py()}; "
            "keep one line of each"
        )
