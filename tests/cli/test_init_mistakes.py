"""`hbench init`: a mistake is one message, and nothing is written."""

from pathlib import Path

import pytest
from tests.cli.starting import a_table_each, call, refused, rows, write_lines

from hbench.validate import load_spec


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_file_that_is_there_is_not_replaced_unless_that_is_asked_for():
    Path("my-benchmark.yaml").write_text("mine", encoding="utf-8")
    assert refused() == (
        "my-benchmark.yaml: is there already; give another name, or --force to replace it"
    )
    assert Path("my-benchmark.yaml").read_text(encoding="utf-8") == "mine"
    assert call("--force").exit_code == 0
    assert load_spec(Path("my-benchmark.yaml"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "date/{lang}.tsv"], "--data date/{lang}.tsv: no file matches ({lang} stands"),
        (["--data", "date.tsv"], "--data date.tsv: there is no such file; "),
        (["--data", "data"], "--data data: data is a folder without corpus.jsonl, which BEIR's"),
        (["--data", "data/de.tsv"], "data/de.tsv: no two columns are called by languages, as"),
        (["--data", "data/{lang}.csv"], "data/de.csv: comma-separated values are not read; save"),
        (["--data", "data/de.txt"], "--data data/de.txt: is one file of plain lines, so of one"),
        (["--data", "data/{lang}.tsv", "--language", "de"], "data/{lang}.tsv: holds one language"),
        (["--data", "data/{lang}.tsv", "--query", "asked"], "--query asked: data/de.tsv has no"),
        (["--data", "data/{lang}.tsv", "--id", "nr"], "--id nr: data/de.tsv has no such column"),
        (["--data", "data/{lang}.tsv", "--test", "data/{lang}.tsv"], "--test data/{lang}.tsv: is"),
        (["--data", "{language}.tsv"], "--data {language}.tsv: there is no such file ({lang} sta"),
        (["--data", "bare/{lang}.tsv"], "bare/en.tsv: its first line and that of bare/de.tsv have"),
        (["--data", "void/{lang}.tsv"], "void/de.tsv: has names of columns (question, answer), a"),
        (["--data", "empty/{lang}.tsv"], "empty/de.tsv: is empty, or no line of it has a field"),
        (
            ["--data", "latin/{lang}.tsv"],
            "latin/de.tsv, line 2: byte 17 is no UTF-8; save the file",
        ),
        (["--data", "few/{lang}.tsv"], "few/{lang}.tsv: 3 items are too few to train on some"),
        (["--data", "data/{lang}.tsv", "--samplers", "mno"], "no sampler is named 'mno': did you"),
        (["--samplers", ""], "--samplers '': name at least one, as --samplers mono,cross,hybrid"),
        (
            ["--samplers", "mono cross"],
            "--samplers 'mono cross': divide them by commas, as --sampl",
        ),
        (["--encoder", "scrach"], "no encoder is named 'scrach': did you mean 'scratch'?"),
        (["--encoder", "huggingface"], "encoder 'huggingface' (hbench 0.1.0) needs the option"),
        (["--seeds", "0"], "--seeds '0': give how many, from 1 to 100; 3 or 5 are usual"),
        (["data/en.tsv"], "data/en.tsv: a spec's name ends in .yaml (if a shell has put file"),
        (["nowhere/mine.yaml"], "nowhere/mine.yaml: there is no folder nowhere; make it, or"),
        (["/proc/mine.yaml"], "/proc/mine.yaml: cannot be written ("),
    ],
)
def test_a_mistake_is_one_message_and_writes_nothing(options, message):
    a_table_each(rows(12))
    a_table_each(rows(3), "few")
    write_lines("data/de.csv", ["id,question,answer", "1,why,so"])
    write_lines("data/de.txt", ["why"])
    for tag in ("de", "en"):
        write_lines(f"bare/{tag}.tsv", [f"{tag} why\t{tag} so", f"{tag} who\t{tag} she"])
        write_lines(f"void/{tag}.tsv", ["question\tanswer"])
        write_lines(f"empty/{tag}.tsv", [])
        write_lines(f"latin/{tag}.tsv", ["question\tanswer"])
        with Path(f"latin/{tag}.tsv").open("ab") as file:
            file.write("fünf\tso\n".encode("latin-1"))
    assert refused(*options).startswith(message)


def test_a_folder_is_answered_with_the_pattern_of_what_it_holds():
    a_table_each(rows(12))
    write_lines("inside/de/corpus.jsonl", ["{}"])
    assert "differ by language, as data/{lang}.tsv; it holds de.tsv, en" in refused(
        "--data", "data"
    )
    assert "differ by language, as inside/{lang}; it holds de" in refused("--data", "inside")
    assert refused("--data", "data/*.tsv").endswith("names differ, as data/{lang}.tsv")


def test_a_text_that_is_not_there_is_told_with_its_line():
    a_table_each(rows(12))
    file = Path("data/sw.tsv")
    file.write_text(file.read_text(encoding="utf-8").replace("sw this sun sun moon", ""), "utf-8")
    assert refused("--data", "data/{lang}.tsv") == (
        "data/sw.tsv, line 3: 'answer' is empty, where text is expected; lines where it is: 3 "
        "(1 in all); fill them, or remove them"
    )
