"""`hbench init`: files whose names have no language's code are named one by one."""

from pathlib import Path

import pytest
from tests.cli.starting import call, refused, rows, table, write_lines

from hbench.validate import load_spec

NAMES = {"de": "german_v2", "en": "english_v2", "sw": "swahili_v2"}
NAMED = ",".join(f"{tag}=data/{name}.tsv" for tag, name in NAMES.items())
HOLDS = "holds english_v2.tsv, german_v2.tsv, swahili_v2.tsv"
ONE_BY_ONE = (
    "or name each with its code: --data CODE=data/english_v2.tsv,CODE=data/german_v2.tsv,..."
)


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for tag, name in NAMES.items():
        lines = [(number, *texts[tag]) for number, texts in rows(60)]
        table(Path(f"data/{name}.tsv"), ("id", "question", "passage"), lines)


def test_the_spec_has_a_mapping_of_languages_to_files():
    assert call("--data", NAMED).exit_code == 0
    benchmark = load_spec(Path("my-benchmark.yaml")).benchmarks["my-benchmark"]
    assert benchmark.train
    assert benchmark.train.data["mine"].options == {
        "files": {tag: f"data/{name}.tsv" for tag, name in NAMES.items()},
        "query": "question",
        "passage": "passage",
        "id": "id",
        "items": "0-39",
    }


def test_data_to_evaluate_on_are_named_likewise():
    assert call("--data", NAMED, "--test", NAMED.replace("data/", "./data/")).exit_code == 0
    benchmark = load_spec(Path("my-benchmark.yaml")).benchmarks["my-benchmark"]
    assert benchmark.evaluate["mine"].data.options["files"]["de"] == "./data/german_v2.tsv"


@pytest.mark.parametrize("pattern", ["data/{lang}_v2.tsv", "data/german_v2.tsv"])
def test_names_without_codes_are_answered_with_how_to_name_each(pattern):
    message = refused("--data", pattern)
    assert message.endswith(ONE_BY_ONE)
    assert (HOLDS in message) == ("{lang}" in pattern)


def test_a_file_that_is_not_there_is_told_with_those_that_are():
    assert refused("--data", "de=data/german.tsv,en=data/english_v2.tsv") == (
        f"--data: data/german.tsv: there is no such file; {Path().resolve()}/data {HOLDS}; give "
        "the path of one"
    )


def test_two_files_of_one_language_are_both_named():
    assert refused("--data", "de=data/german_v2.tsv,de=data/english_v2.tsv").endswith(
        ": two files are of de, data/german_v2.tsv and data/english_v2.tsv; keep one of them"
    )


def test_articles_are_not_named_so():
    write_lines("a.json", ["{}"])
    assert refused("--data", "de=a.json,en=a.json") == (
        "--data: files of SQuAD's JSON are named by one pattern, as data/{lang}.json; give them "
        "names that have their languages' codes"
    )


def test_a_language_that_is_not_there_is_told_with_all_that_are():
    assert refused("--data", NAMED, "--language", "de,fr") == (
        "files: no fr is there; found de, en, sw"
    )
