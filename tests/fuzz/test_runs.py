"""Whatever a TREC run holds, it is ranked as it says, or refused."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from tests.fuzz.guard import judge, sized, survive
from tests.fuzz.mutations import SIGNS, VALUES, Content, arbitrary, mutated, packed
from tests.toy_corpora import queries_of, stored, toy

from hbench.listed import Listed
from hbench.ranks import relevant_pairs
from hbench.trecrun import read_run

TEXTS = {f"{language}:{key}": "1" for language in ("de", "en") for key in ("a", "b c", "é")}
DATA = toy({"de:q": "1", "en:q": "1", "en:r": "1"}, TEXTS, {"q": {"de:a": 1, "en:a": 1}})
LINES = (
    "de:q Q0 de:a 1 0.5 bm25\nde:q Q0 en:b%20c 2 0.5 bm25\nde:q Q0 en:a 3 -1e-3 bm25\n",
    "en:q\tQ0\tde:é\t1\t2\tx\r\nen:q\tQ0\tde:a\t2\t+1.5\tx\r\nen:r\tQ0\tde:a\t1\t.5\tx\r\n",
    "en:r  Q0  en:a  1  7.25  x\n\nen:r  Q0  en:%C3%A9  1  7.25  x\nen:q Q0 en:a 1 inf x\n",
)
SEEDS = [lines.encode() for lines in LINES]
words = st.sampled_from(
    [*LINES[0].split(), "en:q", "en:r", "1.", "-inf", "nan", "infinity", "1e39", "-0.0"]
) | st.sampled_from([*SIGNS, *VALUES]).map(lambda raw: raw.decode("latin-1"))  # fmt: skip
rows = st.lists(st.lists(words, min_size=6, max_size=6).map(" ".join), max_size=4)
contents = st.one_of(
    mutated(SEEDS), mutated(SEEDS), arbitrary,
    rows.map(lambda rows: Content("\n".join(rows).encode("latin-1"))),
)  # fmt: skip


@cache
def known():
    corpus = stored(DATA, Path("data"))
    ids = corpus.passage_ids.to_pylist()
    return corpus, relevant_pairs(corpus), queries_of(corpus), ids


def by_hand(raw):
    """The documents of each topic, best first: by score in float32, then by the later id."""
    found: dict[str, list[tuple[float, bytes]]] = {}
    for line in re.split("\r\n|\r|\n", raw.decode("utf-8", "replace").removeprefix("\ufeff")):
        columns = line.split(" ")
        if len(columns) != 6 or "" in columns[::2]:
            columns = re.split("[ \t\x0b\x0c]+", line.strip(" \t\x0b\x0c"))
        if columns != [""]:
            topic, _, document, _, score, _ = columns
            with np.errstate(over="ignore"):
                value = float(np.float32(float(score)))
            found.setdefault(unquote(topic), []).append((value, unquote(document).encode()))
    return {
        topic: [document.decode() for _, document in sorted(own, reverse=True)]
        for topic, own in found.items()
    }


def check(name, content):
    corpus, pairs, queries, ids = known()
    path = Path(name)
    path.write_bytes(content.data)
    run = judge(lambda: read_run(path, corpus), name)
    if run is None:
        return None
    found: dict[str, list[str]] = {}
    for query, passage in zip(run.query.tolist(), run.passage.tolist(), strict=True):
        found.setdefault(":".join(queries[query]), []).append(ids[passage])
    listed = Listed.of(run, corpus, pairs, 2)
    assert listed.asked.sum() == len(found)
    return found


@given(contents)
def plain_runs(content):
    found = check("run.trec", content)
    assert found is None or found == by_hand(content.data)


@given(packed(contents))
def packed_runs(content):
    check("run.trec.gz", content)


@sized
def test_a_run_is_ranked_as_it_says_or_refused(examples):
    survive(plain_runs, examples)


@sized
def test_a_packed_run_is_read_or_refused(examples):
    survive(packed_runs, examples)
