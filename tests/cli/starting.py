"""Toy files in every layout that `hbench init` knows, and the command called on them."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from hbench.cli import init as command

LANGUAGES = ("de", "en", "sw")
WORDS = ("sun", "moon", "rain", "snow", "wind", "fog", "hail", "ice", "dew", "heat")


def words(number):
    """Three words that tell numbers below 1,000 apart."""
    return " ".join(WORDS[int(digit)] for digit in f"{number:03}")


def rows(count):
    """(id, {language: (question, answer)}) of as many items."""
    return [
        (f"q{n}", {tag: (f"{tag} which {words(n)}", f"{tag} this {words(n)}") for tag in LANGUAGES})
        for n in range(count)
    ]


def table(path, header, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(line) + "\n" for line in [header, *lines]), encoding="utf-8")


def a_table_each(items, folder="data", ids=lambda name, tag: name):
    for tag in LANGUAGES:
        lines = [(ids(name, tag), *texts[tag]) for name, texts in items]
        table(Path(folder) / f"{tag}.tsv", ("id", "question", "answer"), lines)


def one_table(items):
    header = ["id", *(f"{what}_{tag}" for tag in LANGUAGES for what in ("question", "answer"))]
    lines = [(name, *(text for tag in LANGUAGES for text in texts[tag])) for name, texts in items]
    table(Path("all.tsv"), header, lines)


def sentences(items):
    table(Path("all.tsv"), ("de", "en", "fr"),
          [[texts[tag][0] for tag in LANGUAGES] for _, texts in items])  # fmt: skip


def json_lines(items):
    for tag in LANGUAGES:
        records = [
            {"_id": f"{name}_{tag}", "query": texts[tag][0], "passages": [texts[tag][1]], "n": 1}
            for name, texts in items
        ]
        write_lines(f"data/{tag}.jsonl", map(json.dumps, records))


def plain_lines(items):
    for tag in LANGUAGES:
        write_lines(f"data/text.{tag}", [texts[tag][0] for _, texts in items])


def beir(items):
    cut = len(items) * 2 // 3
    for tag in LANGUAGES:
        queries = [{"_id": name, "text": texts[tag][0]} for name, texts in items]
        corpus = [{"_id": f"p-{name}", "text": texts[tag][1]} for name, texts in items]
        write_lines(f"data/{tag}/queries.jsonl", map(json.dumps, queries))
        write_lines(f"data/{tag}/corpus.jsonl", map(json.dumps, corpus))
        for split, part in (("train", items[:cut]), ("test", items[cut:])):
            table(Path(f"data/{tag}/qrels/{split}.tsv"),
                  ("query-id", "corpus-id", "score"),
                  [(name, f"p-{name}", "1") for name, _ in part])  # fmt: skip


def squad(items):
    for tag in LANGUAGES:
        paragraphs = [
            {
                "context": texts[tag][1],
                "qas": [{"id": name, "question": texts[tag][0],
                         "answers": [{"text": "", "answer_start": 0}]}],
            }
            for name, texts in items
        ]  # fmt: skip
        articles = [
            {"title": f"{start}", "paragraphs": paragraphs[start : start + 10]}
            for start in range(0, len(items), 10)
        ]
        write_lines(f"data/{tag}.json", [json.dumps({"data": articles})])


def write_lines(path, lines):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def call(*options, answers=None):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command.init)
    return CliRunner().invoke(app, options, input=answers)


def refused(*options):
    """The one message of a mistake, which leaves nothing behind."""
    before = sorted(Path().rglob("*"))
    done = call(*options)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert sorted(Path().rglob("*")) == before
    assert done.stderr.startswith("error: ")
    return done.stderr.removeprefix("error: ").rstrip("\n")
