"""A TREC run of any system, read as passages of a dataset.

A line holds six columns: topic, ``Q0``, document, rank, score, tag. As in trec_eval the order is by
score, rounded to float32, then by the later document id; the column of ranks is ignored. A topic is
``<language>:<item>`` and a document ``<language>:<id>``, blanks and ``%`` percent-encoded, as
``hbench export`` writes them.
"""

import codecs
import io
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from hbench.corpus import Corpus
from hbench.errors import DataError, OptionError, shown
from hbench.records import Int32Array, Int64Array
from hbench.unpacking import opened

COLUMNS = ("topic", "Q0", "document", "rank", "score", "tag")
EXAMPLES = 5
LONGEST = 2**16  # bytes of a line


@dataclass(frozen=True)
class Run:
    """What a file lists, best first within each query.

    Args:
        path: the file.
        query: (rows,) query numbers, ascending.
        passage: (rows,) passage numbers.
    """

    path: Path
    query: Int64Array
    passage: Int32Array


def read_run(path: Path, corpus: Corpus) -> Run:
    """Read a file, packed by gzip if its name ends in ``.gz``.

    Raises:
        DataError: the file cannot be read, a line is malformed, a topic lists a document twice, or
            a packed file holds more than 100 times its size.
        OptionError: the file holds ids that the dataset does not.
    """
    table = _table(path)
    topic, topics = _codes(table["topic"])
    document, documents = _codes(table["document"])
    queries = _numbers(topics, _query_ids(corpus))
    passages = _numbers(documents, corpus.passage_ids)
    _check_known(path, corpus, topics, queries, documents, passages)
    query, passage = queries[topic], passages[document]
    _check_distinct(path, query * corpus.passage_offsets[-1] + passage, table)
    with np.errstate(over="ignore"):
        score = table["score"].to_numpy().astype(np.float32)
    if np.isnan(score).any():
        row = int(np.argmax(np.isnan(score)))
        raise DataError(f"{path}: topic {topics[topic[row]]} holds a score that is no number")
    place = np.concatenate([corpus.tie_order(name) for name in corpus.languages])
    order = np.lexsort((-place[passage], -score, query))
    return Run(path, query[order], passage[order].astype(np.int32))


def _table(path: Path) -> Any:  # noqa: ANN401 - pyarrow publishes no types
    """Topics and documents, as dictionaries, and scores as float64."""
    import pyarrow as pa

    with opened(path) as file, suppress(pa.ArrowInvalid):
        return _parsed(file)
    # A line ends as Arrow has it; latin-1 gives each byte back.
    with opened(path) as again, io.TextIOWrapper(again, "latin-1", newline=None) as text:
        lines = iter(lambda: text.readline(LONGEST + 1).encode("latin-1"), b"")
        mended = b"".join(_mended(path, lines))
    return _parsed(pa.BufferReader(mended))


def _parsed(source: Any) -> Any:  # noqa: ANN401 - pyarrow publishes no types
    """A table from lines whose columns are one blank apart."""
    import pyarrow as pa
    from pyarrow import csv

    name = pa.dictionary(pa.int32(), pa.string())
    table = csv.read_csv(
        source,
        csv.ReadOptions(column_names=COLUMNS),
        csv.ParseOptions(delimiter=" ", quote_char=False),
        csv.ConvertOptions(
            include_columns=["topic", "document", "score"],
            column_types={"topic": name, "document": name, "score": pa.float64()},
            null_values=[],
        ),
    )
    return table.unify_dictionaries()


def _mended(path: Path, lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines with one blank between columns; the first that cannot be read is told."""
    count = 0
    for number, line in enumerate(lines, start=1):
        columns = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).split()
        if not columns:
            continue
        count += 1
        if problem := _problem(columns, line):
            text = shown(line.decode("utf-8", errors="replace").rstrip("\n"))
            raise DataError(f"{path}:{number}: {problem} in {text}; expected {_expected()}")
        columns[4] = columns[4].lstrip(b"+")
        yield b" ".join(columns) + b"\n"
    if not count:
        raise DataError(f"{path}: holds no line; a run has lines of {_expected()}")


def _problem(columns: list[bytes], line: bytes) -> str:
    """What is wrong with a line; "" if nothing is."""
    if len(line) > LONGEST:
        return f"more than {LONGEST:,} bytes"
    if len(columns) != len(COLUMNS):
        return f"{len(columns)} columns"
    if not re.fullmatch(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf", columns[4]):
        return "a score that is no number"
    if math.isinf(float(columns[4])) and b"inf" not in columns[4]:
        return "a score that is too large"
    if "\ufffd" in line.decode("utf-8", errors="replace"):
        return "bytes that are not UTF-8"
    return ""


def _expected() -> str:
    return f"six columns, {' '.join(COLUMNS)}, as 'de:q1 Q0 en:p7 1 0.83 bm25'"


def _codes(column: Any) -> tuple[Int64Array, Any]:  # noqa: ANN401 - pyarrow publishes no types
    """Each row's place among the distinct strings of a column, and these."""
    array = column.combine_chunks()
    return array.indices.to_numpy(), array.dictionary


def _numbers(names: Any, known: Any) -> Int64Array:  # noqa: ANN401 - pyarrow publishes no types
    """The place of each name, percent-decoded, among the known ones; -1 where it is not there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.any(pc.match_substring(names, "%")).as_py():
        names = pa.array([unquote(name) for name in names.to_pylist()], pa.string())
    found = pc.index_in(names, value_set=known)
    numbers: Int64Array = pc.fill_null(found, -1).to_numpy().astype(np.int64)
    return numbers


def _query_ids(corpus: Corpus) -> Any:  # noqa: ANN401 - pyarrow publishes no types
    """(queries,) ``<language>:<item>``."""
    import pyarrow as pa

    items = corpus.table("items")["item"].take(corpus.query_items).to_pylist()
    languages = np.repeat(corpus.languages, np.diff(corpus.query_offsets)).tolist()
    return pa.array([f"{name}:{item}" for name, item in zip(languages, items, strict=True)])


def _check_known(
    path: Path,
    corpus: Corpus,
    topics: Any,  # noqa: ANN401 - pyarrow publishes no types
    queries: Int64Array,
    documents: Any,  # noqa: ANN401 - pyarrow publishes no types
    passages: Int64Array,
) -> None:
    told = []
    for what, names, numbers in (("topics", topics, queries), ("documents", documents, passages)):
        foreign = np.flatnonzero(numbers < 0)
        if len(foreign):
            first = ", ".join(map(shown, names.take(foreign[:EXAMPLES]).to_pylist()))
            more = ", ..." if len(foreign) > EXAMPLES else ""
            told.append(f"{len(foreign)} of {len(names)} {what} ({first}{more})")
    if told:
        topic, document = _query_ids(corpus)[0].as_py(), corpus.passage_ids[0].as_py()
        raise OptionError(
            f"--run {path}: the dataset holds no {' and no '.join(told)}; "
            f"topics are <language>:<item>, as {topic!r}, and documents <language>:<id>, as "
            f"{document!r}, with blanks and % percent-encoded; `hbench export` writes them so"
        )


def _check_distinct(path: Path, pair: Int64Array, table: Any) -> None:  # noqa: ANN401
    """No topic may list a document twice; ``pair`` is a number for each topic and document."""
    ordered = np.sort(pair)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(again):
        first, second = np.flatnonzero(pair == again[0])[:2].tolist()
        topic, document = (table[name][second].as_py() for name in ("topic", "document"))
        count = len(np.unique(again))
        raise DataError(
            f"{path}: topic {topic} lists document {document} twice, in its rows {first + 1} and "
            f"{second + 1}, and {count} pairs in all; a document is ranked once for a topic"
        )
