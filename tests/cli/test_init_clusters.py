"""`hbench init --cluster`: a column names what items share, and no cluster is on both sides."""

from pathlib import Path

import pytest
from tests.cli.starting import LANGUAGES, call, plain_lines, refused, rows, table

from hbench.validate import load_spec

DATA = ("--data", "data/{lang}.tsv", "--cluster", "page")


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pages(of, header=("id", "page", "question", "answer")):
    """60 questions in each language; ``of`` gives the page of each."""
    for tag in LANGUAGES:
        lines = [(name, of(n), *texts[tag]) for n, (name, texts) in enumerate(rows(60))]
        table(Path(f"data/{tag}.tsv"), header, lines)


def sides():
    """The options of what is trained on and of what is evaluated on."""
    (benchmark,) = load_spec(Path("my-benchmark.yaml")).benchmarks.values()
    assert benchmark.train
    return benchmark.train.data["mine"].options, benchmark.evaluate["mine"].data.options


def test_the_cut_is_between_two_clusters_as_near_to_a_third_as_can_be():
    pages(lambda n: f"p{n // 7}")  # pages begin at 0, 7, ..., 35, 42, 49, 56
    done = call(*DATA)
    assert done.exit_code == 0, done.stderr
    train, test = sides()
    assert (train["cluster"], train["items"]) == ("page", "0-41")
    assert (test["cluster"], test["items"]) == ("page", "42-59")
    assert "No 'page' is on both sides." in done.stderr
    assert "Items of one 'page' are a cluster, which tests count as one." in done.stderr


def test_without_ids_lines_are_cut_likewise():
    pages(lambda n: f"p{n // 7}", ("code", "page", "question", "answer"))
    assert call(*DATA, "--id", "-").exit_code == 0
    assert sides()[0]["items"] == "0-41"


def test_two_clusters_at_least_are_evaluated_on():
    pages(lambda n: "long" if n < 50 else f"p{n}")
    assert call(*DATA).exit_code == 0
    assert sides()[0]["items"] == "0-50"  # of the pages two are trained on
    pages(lambda n: f"p{n}" if n < 9 else ("long" if n < 58 else "last"))
    assert call(*DATA, "--force").exit_code == 0
    assert sides()[0]["items"] == "0-8"


def test_clusters_that_lie_scattered_cannot_be_cut():
    pages(lambda n: f"p{n % 7}")
    assert refused(*DATA) == (
        "data/{lang}.tsv: cannot be cut so that rows of one 'page' stay together and 2 are on "
        "either side; sort the rows of each file by 'page', or name test data of its own with "
        "--test"
    )


def test_an_item_of_two_clusters_is_told():
    pages(lambda n: f"p{n // 7}")
    file = Path("data/sw.tsv")
    file.write_text(file.read_text(encoding="utf-8").replace("q8\tp1", "q8\tp2"), "utf-8")
    assert refused(*DATA).startswith(
        "data/sw.tsv, line 10: 'page' is 'p2', and in data/de.tsv, line 10, of the same item, 'p1'"
    )


def test_a_column_that_is_not_there_or_files_without_columns_are_refused():
    pages(lambda n: f"p{n // 7}")
    assert refused(*DATA[:3], "pgae").startswith(
        "--cluster pgae: data/de.tsv has no such column; did you mean 'page'?"
    )
    plain_lines(rows(60))
    assert refused("--data", "data/text.{lang}", "--cluster", "page") == (
        "--cluster: data/text.{lang} has no columns, as tables and JSON lines have; leave it out"
    )
