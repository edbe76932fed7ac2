"""`hbench init`: which columns hold what is guessed where it is clear, and else asked for."""

import re
from pathlib import Path

import pytest
from tests.cli.starting import LANGUAGES, call, refused, rows, table, words, write_lines

from hbench.cli import init as command
from hbench.validate import load_spec

SHOP = "shop/{lang}.tsv"
HEADER = ("nummer", "topic", "customer_says", "agent_reply", "notes")


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def shop(header=HEADER, leave_out=0):
    """Tables of three languages; the last languages lack ever more of the first rows."""
    for missing, tag in enumerate(LANGUAGES):
        lines = [
            (f"{1000 + n}", f"{tag} {n % 4}", *texts[tag], f"seen by {n}")
            for n, (_, texts) in enumerate(rows(60))
        ]
        table(Path(f"shop/{tag}.tsv"), header, lines[missing * leave_out :])


def options():
    """Of the data that is trained on."""
    (benchmark,) = load_spec(Path("my-benchmark.yaml")).benchmarks.values()
    assert benchmark.train
    return benchmark.train.data["mine"].options


def test_where_no_name_tells_the_query_the_columns_are_listed_with_a_cell_of_each():
    shop()
    assert refused("--data", SHOP) == (
        "shop/de.tsv: which column is the query, and which the passage that answers it? Name them "
        "with --query and --passage (-: there is none); its columns begin with\n"
        "  nummer: '1000'\n"
        "  topic: 'de 0'\n"
        "  customer_says: 'de which sun sun sun'\n"
        "  agent_reply: 'de this sun sun sun'\n"
        "  notes: 'seen by 0'"
    )


def test_a_passage_that_no_name_tells_is_asked_for_too():
    shop(("nummer", "topic", "question", "agent", "notes"))
    assert "which the passage" in refused("--data", SHOP)
    assert call("--data", SHOP, "--passage", "agent").exit_code == 0
    assert (options()["query"], options()["passage"]) == ("question", "agent")


def test_a_column_of_few_values_is_no_passage():
    lines = [(f"{n}", words(n), f"topic {n % 4}") for n in range(60)]
    for tag in LANGUAGES:
        table(Path(f"shop/{tag}.tsv"), ("id", "question", "topic"), lines)
    assert call("--data", SHOP).exit_code == 0
    assert "passage" not in options()


def test_at_a_terminal_the_guess_is_a_column_whose_values_differ(monkeypatch):
    monkeypatch.setattr(command, "at_a_terminal", lambda: True)
    shop()
    done = call("--data", SHOP, answers="\n\n\n\n\n\n")
    assert done.exit_code == 0, done.stderr
    assert "\n  topic: 'de 0'\n" in done.stderr
    assert (options()["query"], options()["passage"]) == ("customer_says", "agent_reply")


GIVEN = ("--query", "customer_says", "--passage", "agent_reply")


def test_the_id_is_the_column_whose_values_are_distinct_and_shared():
    shop(leave_out=5)
    done = call("--data", SHOP, *GIVEN)
    assert done.exit_code == 0, done.stderr
    assert options()["id"] == "nummer"


def test_files_of_different_length_without_such_a_column_ask_for_the_id(monkeypatch):
    for tag, count in zip(LANGUAGES, (60, 59, 58), strict=True):
        lines = [(f"{tag} {n}", *texts[tag]) for n, (_, texts) in enumerate(rows(count))]
        table(Path(f"shop/{tag}.tsv"), ("code", "question", "answer"), lines)
    why = "shop/en.tsv has 59 rows, but shop/de.tsv has 60"
    assert refused("--data", SHOP) == (
        f"{why}, so that row n of each is not the same item; name the column that joins them with "
        "--id; there are code, question, answer"
    )
    monkeypatch.setattr(command, "at_a_terminal", lambda: True)
    done = call("--data", SHOP, answers="nowhere\n")
    assert f"{why}. Which column joins them, as an id?" in done.stderr
    assert "--id nowhere: shop/de.tsv has no such column" in done.stderr


@pytest.mark.parametrize("name", ["{}.tsv", "faq_{}.tsv", "faq.{}.tsv", "{}.txt", "faq.{}"])
def test_a_file_of_one_language_is_answered_with_the_pattern_of_those_beside_it(name):
    for tag in LANGUAGES:
        write_lines(Path("shop") / name.format(tag), ["customer_says\tagent_reply", "why\tso"])
    message = refused("--data", f"shop/{name.format('de')}", "--query", "customer_says")
    _, _, advised = message.rpartition(", as ")
    assert advised == f"shop/{name.format('{lang}')}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id\tquestion\n".encode("utf-16"), "shop/de.tsv: is UTF-16; save the file as UTF-8"),
        (b"id;question\n1;why\n", "shop/de.tsv: its header has semicolons, where tabs divide"),
        (b'"id"\t"question"\n1\twhy\n', "shop/de.tsv: its header is quoted, as spreadsheets"),
    ],
)
def test_what_a_spreadsheet_has_saved_is_told(content, message):
    shop()
    Path("shop/de.tsv").write_bytes(content)
    assert re.match(re.escape(message), refused("--data", SHOP))


def test_columns_may_be_called_by_any_code_of_their_language():
    """German is DE here, English eng, Swahili swa."""
    codes = dict(zip(LANGUAGES, ("DE", "eng", "swa"), strict=True))
    lines = [[texts[tag][0] for tag in codes] for _, texts in rows(60)]
    table(Path("all.tsv"), tuple(codes.values()), lines)
    done = call("--data", "all.tsv")
    assert done.exit_code == 0, done.stderr
    assert "60 items" in done.stderr


def test_deeply_nested_json_is_left_to_the_plugin_that_reads_it():
    Path("deep.json").write_text("[" * 100_000)
    assert "deep.json" in refused("--data", "deep.json")
