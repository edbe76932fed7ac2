"""Whatever a file of judgements holds, its grades are those that it says, or it is refused."""

import shutil
from functools import cache
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given
from tests.fuzz.guard import judge, sized, survive
from tests.fuzz.mutations import SIGNS, VALUES, Content, arbitrary, mutated

from hbench.stages import data
from hbench_plugins.datasets.beir import Beir

HEADER = "query-id\tcorpus-id\tscore\n"
SEEDS = [
    f"{HEADER}1\ta\t1\n1\tb\t0\n2\té\t2\n".encode(),
    f"{HEADER}1\ta\t-1\r\n2\ta\t1\r\n3\ta\t1\r\n".encode(),
    "\ufeff{HEADER}2\tb\t1".replace("{HEADER}", HEADER).encode(),
]
words = st.sampled_from(["1", "2", "a", "b", "é", "0", "-1", "1.0", " 1", "+1", "1_0", "٣"]) | (
    st.sampled_from([*SIGNS, *VALUES]).map(lambda raw: raw.decode("latin-1"))
)
rows = st.lists(st.lists(words, min_size=3, max_size=3).map("\t".join), max_size=4)
contents = st.one_of(
    mutated(SEEDS), mutated(SEEDS), arbitrary,
    rows.map(lambda rows: Content((HEADER + "\n".join(rows)).encode())),
)  # fmt: skip


@cache
def home():
    """A folder as BEIR's, with two queries and three passages."""
    path = Path("beir")
    (path / "qrels").mkdir(parents=True)
    (path / "queries.jsonl").write_text('{"_id": "1", "text": "x"}\n{"_id": 2, "text": "y"}\n')
    (path / "corpus.jsonl").write_text(
        "".join(f'{{"_id": "{key}", "text": "{key}"}}\n' for key in "abé"), encoding="utf-8"
    )
    return path


def by_hand(raw):
    """(query, passage, grade) of each row of a query that is there."""
    lines = raw.decode().removeprefix("\ufeff").split("\n")
    cells = [line.removesuffix("\r").split("\t") for line in lines[1:] if line]
    return [(f"en:{query}", key, int(grade)) for query, key, grade in cells if query in ("1", "2")]


@given(contents)
def judgements(content):
    file = home() / "qrels" / "test.tsv"
    file.write_bytes(content.data)
    dataset = Beir(path=home(), language="en")
    found = judge(lambda: list(dataset.judgements()), "test.tsv")
    if found is None:
        return
    assert [(each.item, each.passage, each.grade) for each in found] == by_hand(content.data)
    target = Path("stored")
    target.mkdir()
    facts = judge(lambda: data.run(dataset, target))
    shutil.rmtree(target)
    if facts is not None:
        known = {(each.item, each.passage) for each in found if each.passage in "abé"}
        assert facts["judgements"] == len(known)


@sized
def test_judgements_are_what_the_file_says_or_refused(examples):
    survive(judgements, examples)
