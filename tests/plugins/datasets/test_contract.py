"""Every dataset plugin that ships with hbench keeps the contract, with files made on the fly.

A new plugin needs a line in ``MAKERS``: a function that fills a folder, and returns the options to
build the plugin with, and a file that it reads.
"""

import json
import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import SHARED
from tests.plugins.test_contracts import shipped

from hbench.errors import DataError
from hbench.testing import built, check_dataset
from hbench.testing.elsewhere import answers

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


def real(name):
    """The folder of real data of this name, in ``$HBENCH_DATA`` or beside the checkout."""
    given = os.environ.get("HBENCH_DATA")
    for folder in (*([Path(given)] if given else []), SHARED):
        if (folder / name).is_dir():
            return folder / name
    pytest.skip("no shared data")


def make_babel(folder):
    return Made({"split": "test"})


def make_beir(folder):
    for code in ("eng", "zho-CN"):
        (folder / code / "qrels").mkdir(parents=True)
        (folder / code / "queries.jsonl").write_text(QUERIES)
        (folder / code / "corpus.jsonl").write_text(CORPUS)
        (folder / code / "qrels" / "test.tsv").write_text(QRELS)
    return Made({"path": str(folder / "{lang}")}, folder / "eng" / "corpus.jsonl")


def make_parallel(folder):
    for code, text in (("eng", "Yes.\nNo.\n"), ("zho-CN", "是。\n不。\n")):
        (folder / f"toy.{code}").write_text(text)
    return Made({"files": str(folder / "toy.{lang}")}, folder / "toy.eng")


def make_squad(folder):
    asked = {"id": "q", "question": "Who?", "answers": [{"text": "A", "answer_start": 0}]}
    told = {"data": [{"title": "A", "paragraphs": [{"context": "Ann.", "qas": [asked]}]}]}
    for code in ("eng", "zho-CN"):
        (folder / f"{code}.json").write_text(json.dumps(told))
    return Made({"path": str(folder / "{lang}.json")}, folder / "eng.json")


def make_xquad_r(folder):
    """The real files, by links, with one to be changed: their sums are pinned."""
    for path in real("xquad-r").glob("*.json"):
        (folder / path.name).symlink_to(path.resolve())
    content = (folder / "en.json").read_bytes()
    (folder / "en.json").unlink()
    (folder / "en.json").write_bytes(content)
    options = {"path": str(folder), "context": False, "articles": "0-1"}
    return Made(options, folder / "en.json")


def make_mlqa_r(folder):
    """The real files, likewise; few machines have them."""
    for path in real("mlqa-r").glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    return Made({"path": str(folder)}, folder / "en.json")


def maker_of_toys(options, *ids):
    """For what reads ir_datasets: its sums are pinned, and toys stand for its files."""

    def make(folder):
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
NAMES = shipped("dataset")


def test_every_shipped_dataset_has_files_to_be_tested_with():
    absent = set(NAMES) - MAKERS.keys()
    assert not absent, f"write a function for {sorted(absent)} and add it to MAKERS of {__file__}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A function that makes the files of a plugin, once."""
    done = {}

    def make(name):
        if name not in done:
            done[name] = MAKERS[name](tmp_path_factory.mktemp(name))
        return done[name]

    return make


@pytest.mark.parametrize("name", NAMES)
def test_datasets_keep_their_contract(name, made):
    """Toys stand for files in this process alone, and have not the counts of those."""
    dataset = built("dataset", name, **made(name).options)
    toys = made(name).toys
    with made(name).reading():
        check_dataset(replace(dataset, known={}) if toys else dataset, other_processes=not toys)


def fingerprint(dataset):
    """What other processes are asked for."""
    return dataset.fingerprint()


@pytest.mark.parametrize("name", ["ir-datasets", "mmarco"])
def test_fingerprints_of_what_has_toys_are_the_same_in_another_process(name, made):
    """The contract asks for that of all others."""
    dataset = built("dataset", name, **made(name).options)
    assert answers(dataset, fingerprint) == [dataset.fingerprint()] * 2


def test_no_two_datasets_have_one_fingerprint(made):
    made_here = [name for name in NAMES if not name.endswith("-r")]  # those need shared data
    prints = {fingerprint(built("dataset", name, **made(name).options)) for name in made_here}
    assert len(prints) == len(made_here)


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_file_has_another_fingerprint_or_is_refused(name, made):
    file = made(name).file
    if file is None:
        pytest.skip("its content is pinned, or comes with the plugin")

    def dataset():
        return built("dataset", name, **made(name).options)

    before, content = dataset().fingerprint(), file.read_bytes()
    try:
        file.write_bytes(content.replace(b"A", b"E", 1).replace(b"Yes", b"Yea", 1))
        assert file.read_bytes() != content
        try:
            plugin = dataset()
            list(plugin.queries())
            assert plugin.fingerprint() != before
        except DataError as error:
            assert file.name in str(error)
    finally:
        file.write_bytes(content)
    assert dataset().fingerprint() == before
