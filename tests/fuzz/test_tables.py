"""Whatever a table or a file of JSON lines holds, it is read as it says, or refused."""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import given
from tests.fuzz.guard import judge, sized, survive
from tests.fuzz.mutations import arbitrary, misshapen, mutated, packed

from hbench.stages import data
from hbench.starter import peeking
from hbench_plugins.datasets import files
from hbench_plugins.datasets.beir import Beir
from hbench_plugins.datasets.parallel import Parallel

ROWS: list[Any] = [
    {"id": 1, "de": "Haus", "en": "house, home"},
    {"id": "x2", "de": "", "en": 'a "dog"'},
    {"id": 3, "de": "Ä 😀", "en": ["cat", 0.5], "metadata": {"topic": "animal", "n": 1, "id": "-"}},
]
HEADER = "id\tde\ten\n"
TABLES = [
    f"{HEADER}1\tHaus\thouse\n2\tHund\ta dog\n".encode(),
    f"\ufeff{HEADER}1\tHaus\t\r\n2\t\tdog\r\n3\tÄ 😀\t'x' \"y\"\r\n".encode(),
    b"de\ten\nMond\tmoon\nStern\tstar",
    b'"de"\t"en"\n"Mond"\t"moon"\n',
    b"de;en\nMond;moon\n",
]
JSON_LINES = ["".join(json.dumps(row) + "\n" for row in rows).encode() for rows in (ROWS, ROWS[:1])]
PASSAGES: list[Any] = [
    {"_id": "a", "title": "Rome", "text": "A city."},
    {"_id": 2, "title": "", "text": "A tale."},
]
tables = st.one_of(mutated(TABLES), mutated(TABLES), mutated(TABLES), arbitrary)
json_lines = st.one_of(
    mutated(JSON_LINES), misshapen(ROWS, lines=True), misshapen(ROWS, lines=True), arbitrary
)  # fmt: skip
passages = st.one_of(
    mutated([json.dumps(PASSAGES[0]).encode()]), misshapen(PASSAGES, lines=True), arbitrary
)  # fmt: skip
keys = st.sampled_from(["id", None])


def lines_of(raw):
    """The lines of a file, which only line feeds divide."""
    lines = raw.decode().removeprefix("\ufeff").split("\n")
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def fields_in(path, content):
    path.write_bytes(content.data)
    return judge(lambda: [record.fields for record in files.read(path)], path.name)


def check_stored(dataset, name=""):
    """What the data stage counts, if both the plugin and the stage take it."""
    found = judge(lambda: (list(dataset.queries()), list(dataset.passages())), name)
    folder = Path("stored")
    folder.mkdir()
    facts = judge(lambda: data.run(dataset, folder))
    shutil.rmtree(folder)
    if facts is not None:
        assert found is not None
        counts = [sum(facts[side].values()) for side in ("queries", "passages")]
        assert counts == [len(texts) for texts in found]


def check_parallel(path, key):
    """What the plugin makes of a file of all languages, and what `hbench init` does."""
    check_stored(Parallel(files=path, id=key), path.name)
    judge(lambda: peeking.columns(path), path.name)
    judge(lambda: peeking.count_rows(path), path.name)


@given(tables, keys)
def tables_of_texts(content, key):
    path = Path("x.tsv")
    found = fields_in(path, content)
    if found is not None:
        header, *rows = lines_of(content.data) or [""]
        assert ["\t".join(fields.values()) for fields in found] == rows
        assert not found or list(found[0]) == header.split("\t")
    check_parallel(path, key)


@given(json_lines, keys)
def lines_of_json(content, key):
    path = Path("x.jsonl")
    found = fields_in(path, content)
    if found is not None:
        rows = [json.loads(line) for line in lines_of(content.data)]
        assert repr(found) == repr(rows)  # NaN equals nothing
    check_parallel(path, key)


@given(st.booleans(), st.data(), keys)
def packed_texts(is_table, drawn, key):
    content = drawn.draw(packed(tables if is_table else json_lines))
    path = Path("x.tsv.gz" if is_table else "x.jsonl.gz")
    path.write_bytes(content.data)
    check_parallel(path, key)


@cache
def home():
    """A folder as BEIR's, but for its texts."""
    path = Path("beir")
    (path / "qrels").mkdir(parents=True)
    (path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n")
    return path


@given(passages, st.sampled_from(["corpus.jsonl", "queries.jsonl"]))
def folders_of_texts(content, name):
    path = home() / name
    right = {
        "corpus.jsonl": '{"_id": "a", "text": "y"}\n',
        "queries.jsonl": '{"_id": 1, "text": "x"}\n',
    }
    for each in right:
        (home() / each).write_text(right[each])
    path.write_bytes(content.data)
    dataset = Beir(path=home(), language="en")
    judge(dataset.notes, name)
    check_stored(dataset, name)


@sized
def test_a_table_is_read_as_it_says_or_refused(examples):
    survive(tables_of_texts, examples)


@sized
def test_json_lines_are_read_as_they_say_or_refused(examples):
    survive(lines_of_json, examples)


@sized
def test_packed_texts_are_read_or_refused(examples):
    survive(packed_texts, examples)


@sized
def test_a_folder_as_beirs_is_read_or_refused(examples):
    survive(folders_of_texts, examples)
