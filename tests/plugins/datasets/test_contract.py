"""What holds for every dataset plugin that is registered, with files made on the fly.

A new plugin needs a line in ``MAKERS``: a function that fills a folder, and returns the options to
build the plugin with, and a file that it reads.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hbench import registry
from hbench.errors import DataError
from hbench.languages import language_tag

QUERIES = '{"_id": "1", "text": "Who?"}\n{"_id": "2", "text": "Where?"}\n'
CORPUS = '{"_id": "a", "text": "Ann."}\n{"_id": "b", "text": "In Rome."}\n'
QRELS = "query-id\tcorpus-id\tscore\n1\ta\t1\n2\tb\t1\n2\ta\t0\n"


@dataclass(frozen=True)
class Made:
    """How to build a dataset.

    Args:
        options: of the plugin.
        file: one of its files, None if it has none of the user's.
        toys: what stands for datasets of ir_datasets, by their ids, while its streams are read.
    """

    options: dict[str, object]
    file: Path | None = None
    toys: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def reading(self):
        import ir_datasets

        with pytest.MonkeyPatch.context() as patch:
            for name, toy in self.toys.items():
                patch.setitem(ir_datasets.registry._registered, name, toy)
            yield


def make_babel(folder, shared):
    return Made({"split": "test"})


def make_beir(folder, shared):
    for code in ("eng", "zho-CN"):
        (folder / code / "qrels").mkdir(parents=True)
        (folder / code / "queries.jsonl").write_text(QUERIES)
        (folder / code / "corpus.jsonl").write_text(CORPUS)
        (folder / code / "qrels" / "test.tsv").write_text(QRELS)
    return Made({"path": str(folder / "{lang}")}, folder / "eng" / "corpus.jsonl")


def make_parallel(folder, shared):
    for code, text in (("eng", "Yes.\nNo.\n"), ("zho-CN", "是。\n不。\n")):
        (folder / f"toy.{code}").write_text(text)
    return Made({"files": str(folder / "toy.{lang}")}, folder / "toy.eng")


def make_squad(folder, shared):
    asked = {"id": "q", "question": "Who?", "answers": [{"text": "A", "answer_start": 0}]}
    told = {"data": [{"title": "A", "paragraphs": [{"context": "Ann.", "qas": [asked]}]}]}
    for code in ("eng", "zho-CN"):
        (folder / f"{code}.json").write_text(json.dumps(told))
    return Made({"path": str(folder / "{lang}.json")}, folder / "eng.json")


def make_xquad_r(folder, shared):
    """The real files, by links: their sums are pinned."""
    if shared is None:
        pytest.skip("no shared data")
    for path in (shared / "xquad-r").glob("*.json"):
        (folder / path.name).symlink_to(path)
    (folder / "en.json").unlink()
    (folder / "en.json").write_bytes((shared / "xquad-r" / "en.json").read_bytes())
    options = {"path": str(folder), "context": False, "articles": "0-1"}
    return Made(options, folder / "en.json")


def make_mlqa_r(folder, shared):
    """The real files, likewise; few machines have them."""
    if shared is None or not (shared / "mlqa-r").is_dir():
        pytest.skip("no shared data")
    for path in (shared / "mlqa-r").glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    return Made({"path": str(folder)}, folder / "en.json")


def maker_of_toys(options, *ids):
    """For what reads ir_datasets: its sums are pinned, and toys stand for its files."""

    def make(folder, shared):
        from ir_datasets import Dataset
        from ir_datasets.formats import JsonlDocs, TrecQrels, TsvQueries
        from ir_datasets.util import LocalDownload

        (folder / "queries").write_text("1\tWho?\n2\tWhere?\n")
        (folder / "qrels").write_text("1 0 a#0 1\n2 0 b#1 2\n2 0 a#0 0\n")
        told = [{"doc_id": "a#0", "text": "Ann."}, {"doc_id": "b#1", "text": "In Rome."}]
        (folder / "docs").write_text("\n".join(map(json.dumps, told)) + "\n")
        toy = Dataset(
            JsonlDocs(LocalDownload(folder / "docs")),
            TsvQueries(LocalDownload(folder / "queries")),
            TrecQrels(LocalDownload(folder / "qrels"), {}),
        )
        return Made(options, toys=dict.fromkeys(ids, toy))

    return make


MAKERS = {
    "babel": make_babel,
    "beir": make_beir,
    "ir-datasets": maker_of_toys(
        {"id": "miracl/{lang}/dev", "languages": ["sw", "yo"]}, "miracl/sw/dev", "miracl/yo/dev"
    ),
    "miracl": maker_of_toys({"languages": ["yo"]}, "miracl/yo/dev"),
    "mlqa-r": make_mlqa_r,
    "mmarco": maker_of_toys(
        {"languages": ["en", "nl"]}, "mmarco/v2/dt/dev/small", "msmarco-passage/dev/small"
    ),
    "mr-tydi": maker_of_toys({"languages": ["sw"]}, "mr-tydi/sw/test"),
    "parallel": make_parallel,
    "squad": make_squad,
    "xquad-r": make_xquad_r,
}
NAMES = sorted(registry.entries("dataset"))


def test_every_registered_dataset_has_files_to_be_tested_with():
    absent = set(NAMES) - MAKERS.keys()
    assert not absent, f"write a function for {sorted(absent)} and add it to MAKERS of {__file__}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A function that makes the files of a plugin, once."""
    from tests.conftest import SHARED

    done = {}

    def make(name):
        if name not in done:
            shared = SHARED if SHARED.is_dir() else None
            done[name] = MAKERS[name](tmp_path_factory.mktemp(name), shared)
        return done[name]

    return make


@pytest.fixture
def dataset(made):
    """A function that builds a plugin as a spec would."""
    return lambda name: registry.build("dataset", name, made(name).options).plugin


@pytest.mark.parametrize("name", NAMES)
def test_languages_are_in_one_spelling_and_distinct(name, dataset):
    tags = list(dataset(name).languages())
    assert tags == list(dict.fromkeys(map(language_tag, tags)))
    assert tags


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_distinct_and_judgements_speak_of_what_is_there(name, dataset, made):
    plugin = dataset(name)
    tags = set(plugin.languages())
    with made(name).reading():
        queries = Counter((query.item, query.language) for query in plugin.queries())
        passages = Counter((passage.language, passage.id) for passage in plugin.passages())
        judged = list(plugin.judgements())
    assert set(queries.values()) == set(passages.values()) == {1}
    items = {item for item, _ in queries}
    assert plugin.parallel or len(items) == len(queries)
    assert {language for _, language in queries} == {language for language, _ in passages} == tags
    assert {judgement.item for judgement in judged if judgement.grade > 0} == items
    assert {(judgement.language, judgement.passage) for judgement in judged} <= passages.keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_stream_is_the_same_each_time(name, dataset, made):
    plugin = dataset(name)
    with made(name).reading():
        assert list(plugin.queries()) == list(plugin.queries())
        assert list(plugin.judgements()) == list(dataset(name).judgements())


ELSEWHERE = """
import json, sys
from hbench import registry
told = json.load(sys.stdin)
built = {name: registry.build("dataset", name, options) for name, options in told.items()}
print(json.dumps({name: each.plugin.fingerprint() for name, each in built.items()}))
"""


def test_fingerprints_are_the_same_in_another_process(made, dataset):
    from tests.conftest import SHARED

    names = [n for n in NAMES if not n.endswith("-r") or (SHARED / n).is_dir()]
    told = json.dumps({name: made(name).options for name in names})
    elsewhere = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=told,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )
    here = {name: dataset(name).fingerprint() for name in names}
    assert json.loads(elsewhere.stdout) == here
    assert len(set(here.values())) == len(names)


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_file_has_another_fingerprint_or_is_refused(name, made, dataset):
    file = made(name).file
    if file is None:
        pytest.skip("its content is pinned, or comes with the plugin")
    before, content = dataset(name).fingerprint(), file.read_bytes()
    try:
        file.write_bytes(content.replace(b"A", b"E", 1).replace(b"Yes", b"Yea", 1))
        assert file.read_bytes() != content
        try:
            plugin = dataset(name)
            list(plugin.queries())
            assert plugin.fingerprint() != before
        except DataError as error:
            assert file.name in str(error)
    finally:
        file.write_bytes(content)
    assert dataset(name).fingerprint() == before
