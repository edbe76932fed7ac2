"""`hbench init`: a spec for somebody's own files, whatever these look like."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.starting import (
    a_table_each,
    beir,
    call,
    json_lines,
    one_table,
    plain_lines,
    refused,
    rows,
    sentences,
    squad,
    table,
    words,
)  # fmt: skip
from typer.testing import CliRunner

from hbench.cli import app as hbench
from hbench.cli import init as command
from hbench.plan import make_plan
from hbench.provenance import find_hardware
from hbench.store import Store
from hbench.validate import load_spec

# How the data lies, the pattern, what reads it, the options of both parts.
VARIANTS: dict[str, Any] = {
    "a table each": (
        a_table_each, "data/{lang}.tsv",
        {"use": "parallel", "query": "question", "passage": "answer", "id": "id"},
        ({"items": "0-39"}, {"items": "40-59"}),
    ),
    "one table": (
        one_table, "all.tsv",
        {"use": "parallel", "query": "question_{lang}", "passage": "answer_{lang}", "id": "id"},
        ({"items": "0-39"}, {"items": "40-59"}),
    ),
    "sentences": (
        sentences, "all.tsv", {"use": "parallel", "query": "{lang}"},
        ({"items": "0-39"}, {"items": "40-59"}),
    ),
    "JSON lines": (
        json_lines, "data/{lang}.jsonl",
        {"use": "parallel", "query": "query", "passage": "passages", "id": "_id"},
        ({"items": "0-39"}, {"items": "40-59"}),
    ),
    "plain lines": (
        plain_lines, "data/text.{lang}", {"use": "parallel"},
        ({"items": "0-39"}, {"items": "40-59"}),
    ),
    "BEIR": (
        beir, "data/{lang}", {"use": "beir", "parallel": True},
        ({"split": "train"}, {"split": "test"}),
    ),
    "SQuAD": (
        squad, "data/{lang}.json", {"use": "squad"}, ({"articles": "0-3"}, {"articles": "4-5"}),
    ),
}  # fmt: skip
WITHOUT_ANSWERS = ("sentences", "plain lines")


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def made(*options, file="my-benchmark.yaml"):
    """The benchmark of the file that was written."""
    done = call(*options)
    assert done.exit_code == 0, done.stderr
    spec = load_spec(Path(file))
    make_plan(spec, Store(Path("results")), find_hardware("cpu"))
    (benchmark,) = spec.benchmarks.values()
    return benchmark


@pytest.mark.parametrize("variant", VARIANTS)
def test_data_is_recognised_and_divided(variant):
    lay, pattern, options, parts = VARIANTS[variant]
    lay(rows(60))
    benchmark = made("--data", pattern)
    place = "files" if options["use"] == "parallel" else "path"
    sides = (benchmark.train.data["mine"], benchmark.evaluate["mine"].data)
    for side, part in zip(sides, parts, strict=True):
        assert {"use": side.use, **side.options} == {**options, place: pattern, **part}
    assert [setting.name for setting in benchmark.evaluate["mine"].settings] == (
        ["cross"] if variant in WITHOUT_ANSWERS else ["mono", "cross", "multi"]
    )
    assert list(benchmark.samplers) == ["mono", "cross", "hybrid", "before"]
    assert benchmark.samplers["before"].use == "none"
    assert benchmark.seeds == (1, 2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("count", [60, 600])
def test_what_is_written_runs(variant, count):
    lay, pattern, *_ = VARIANTS[variant]
    lay(rows(count))
    made("--data", pattern)
    few = "benchmarks.my-benchmark.train.steps=3"
    done = CliRunner().invoke(hbench, ["run", "my-benchmark.yaml", "--set", few, "--device", "cpu"])
    assert done.exit_code == 0, done.stderr
    for sampler in ("mono", "cross", "hybrid", "before"):
        assert re.search(rf"^[abcd]    {sampler} +(0\.\d+|1\.000)", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("count", "batch", "steps"),
    # Two in three are trained on; a batch holds at most half of them, a power of two up to 64;
    # steps are 20 passes over three languages' pairs, 100 to 300.
    [(60, 16, 150), (600, 64, 300), (12, 4, 120), (4, 2, 100)],
)
def test_batch_and_steps_follow_from_the_number_of_items(count, batch, steps):
    a_table_each(rows(count))
    train = made("--data", "data/{lang}.tsv").train
    assert (train.batch_size, train.steps) == (batch, steps)


def test_long_texts_get_fewer_steps_so_that_a_first_try_ends():
    items = [
        (name, {tag: (asked, f"{told} " + "x" * 1000) for tag, (asked, told) in texts.items()})
        for name, texts in rows(600)
    ]
    a_table_each(items)
    # 8e7 signs, for 3 x 3 trainings of 64 rows with about 1,000 + 25 signs each: 135 steps.
    assert made("--data", "data/{lang}.tsv").train.steps == 130


def test_items_that_share_an_answer_never_meet_so_that_a_batch_is_smaller():
    items = [
        (name, {tag: (asked, f"{tag} {words(n % 5)}") for tag, (asked, _) in texts.items()})
        for n, (name, texts) in enumerate(rows(60))
    ]
    a_table_each(items)
    assert made("--data", "data/{lang}.tsv").train.batch_size == 4  # five answers there are


def test_a_metric_of_ten_passages_is_left_out_where_a_pool_has_fewer():
    a_table_each(rows(27))
    labels = [m.label for m in made("--data", "data/{lang}.tsv").evaluate["mine"].metrics]
    assert labels == ["map", "success@1", "rank_distance"]
    a_table_each(rows(30))
    again = made("--data", "data/{lang}.tsv", "--force")
    assert [m.label for m in again.evaluate["mine"].metrics] == [
        "map", "success@1", "ndcg@10", "rank_distance",
    ]  # fmt: skip


def test_data_of_its_own_to_evaluate_on():
    items = rows(60)
    a_table_each(items[:40])
    a_table_each(items[40:], "test")
    benchmark = made("--data", "data/{lang}.tsv", "--test", "test/{lang}.tsv")
    assert "items" not in benchmark.train.data["mine"].options
    assert benchmark.evaluate["mine"].data.options["files"] == "test/{lang}.tsv"
    assert benchmark.train.batch_size == 16


def test_data_that_is_not_parallel_is_offered_what_it_can_bear():
    items = rows(60)
    own = {"ids": lambda name, tag: f"{tag}:{name}"}
    a_table_each(items[:40], **own)
    a_table_each(items[40:], "test", **own)
    both = ("--data", "data/{lang}.tsv", "--test", "test/{lang}.tsv")
    benchmark = made(*both)
    assert list(benchmark.samplers) == ["mono", "mixed", "before"]
    assert [setting.name for setting in benchmark.evaluate["mine"].settings] == ["mono"]
    assert refused(*both, "other.yaml", "--samplers", "mono,cross") == (
        "--samplers: cross pair a query with a passage of another language, and no item of this "
        "data is in two languages; give --samplers mono,mixed"
    )
    assert refused("other.yaml", "--data", "data/{lang}.tsv") == (
        "data/{lang}.tsv: a part put aside would leave nothing in sw to train on, since few "
        "ids or none are in all languages; if line n of each language is the same item, give "
        "--id -; else name files to evaluate on with --test"
    )


def test_only_the_languages_that_are_asked_for():
    a_table_each(rows(60))
    benchmark = made("--data", "data/{lang}.tsv", "--language", "de,sw")
    assert benchmark.train.data["mine"].options["language"] == ["de", "sw"]


def test_columns_that_are_no_language_are_left_out():
    lines = [(f"{n}", words(n), words(n + 100), "sky") for n in range(60)]
    table(Path("all.tsv"), ("id", "de", "en", "topic"), lines)
    options = made("--data", "all.tsv", "--passage", "-").train.data["mine"].options
    assert (options["id"], options["language"]) == ("id", ["de", "en"])


def test_the_file_says_what_was_found_and_taken_for_granted_and_what_to_do_next():
    a_table_each(rows(60))
    done = call("--data", "data/{lang}.tsv", "--seeds", "2")
    assert done.stdout == (
        "wrote my-benchmark.yaml; next: hbench plan my-benchmark.yaml, then hbench run "
        "my-benchmark.yaml\n"
    )
    assert done.stderr == (
        "60 items (questions with their answers) in 3 languages (de, en, sw), parallel, "
        "60 in each language.\n"
        "Rows with one 'id' are the same item.\n"
        "The first 40 items are trained on, the last 20 evaluated on ('items', counted from 0 "
        "in the order of the file).\n"
        "Taken for granted, since it was not said: --id id --query question --passage answer "
        "--encoder scratch --samplers mono,cross,hybrid,none\n"
        "warning: 20 items to evaluate on tell only large differences; hundreds are better\n"
        "warning: fewer than 3 seeds compare models, not methods; 5 are better\n"
    )
    text = Path("my-benchmark.yaml").read_text(encoding="utf-8")
    assert text.startswith(
        "# yaml-language-server: $schema=hbench.schema.json\n"
        "# `hbench schema > hbench.schema.json` makes that file; editors then complete and "
        "check this one.\n"
    )
    for command_line in ("plan my-benchmark.yaml", "run my-benchmark.yaml", "report my-benchmark"):
        assert f"#   hbench {command_line} " in text
    comments = " ".join(line.strip("# ") for line in text.splitlines() if "#" in line)
    for fact in done.stderr.splitlines()[:4]:
        assert fact in comments


def test_the_claim_of_the_comment_is_valid_without_its_signs():
    a_table_each(rows(60))
    made("--data", "data/{lang}.tsv")
    file = Path("my-benchmark.yaml")
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"# (claims:|  - \{says)", r"\1", text), encoding="utf-8")
    (claim,) = load_spec(file).benchmarks["my-benchmark"].claims
    assert claim.says == "hybrid is better than mono"


def test_texts_on_both_sides_are_counted():
    items = rows(60)
    items[59] = ("q59", items[0][1])  # the last question is the first one again
    a_table_each(items)
    done = call("--data", "data/{lang}.tsv")
    assert (
        "warning: 6 of the 120 texts to evaluate on are trained on too, word for word; see "
        "'leakage' in the file"
    ) in done.stderr.splitlines()


def test_without_data_the_file_runs_on_made_up_data_and_says_how_to_name_ones_own():
    benchmark = made("toy.yaml", "--samplers", "mono,none", file="toy.yaml")
    assert benchmark.train.data["mine"].use == "babel"
    assert [use.use for use in benchmark.samplers.values()] == ["mono", "none"]
    text = Path("toy.yaml").read_text(encoding="utf-8")
    assert (
        '# {use: parallel, files: "data/{lang}.tsv", query: question, passage: answer, id: id}'
        in text
    )


def test_a_pretrained_encoder_takes_smaller_steps():
    a_table_each(rows(60))
    benchmark = made("--data", "data/{lang}.tsv", "--encoder", "xlm-r")
    assert [use.use for use in benchmark.encoders.values()] == ["xlm-r"]
    assert benchmark.train.learning_rate == 3e-5


def test_at_a_terminal_it_asks_for_what_was_not_given(monkeypatch):
    monkeypatch.setattr(command, "at_a_terminal", lambda: True)
    a_table_each(rows(60))
    done = call("--samplers", "cross", answers="data/{lang}.tsv\n\n-\n\n\n5\n")
    assert done.exit_code == 0, done.stderr
    asked = re.findall(r"[^:\n]*Wh[^:]*|How many[^:]*", done.stderr)
    assert len(asked) == 6  # data, query, passage, test data, encoder, seeds
    benchmark = load_spec(Path("my-benchmark.yaml")).benchmarks["my-benchmark"]
    assert benchmark.seeds == (1, 2, 3, 4, 5)
    assert benchmark.train
    assert benchmark.train.data["mine"].options["query"] == "question"
    assert "passage" not in benchmark.train.data["mine"].options
    assert "Taken for granted, since it was not said: --id id\n" in done.stderr


def test_an_end_of_the_answers_writes_nothing(monkeypatch):
    monkeypatch.setattr(command, "at_a_terminal", lambda: True)
    done = call(answers="")
    assert done.exit_code == 130
    assert list(Path().iterdir()) == []


def test_signs_in_names_cannot_break_the_file():
    a_table_each(rows(60), 'a: "b" #c')
    benchmark = made(
        "it's {x}: #1.yaml", "--data", 'a: "b" #c/{lang}.tsv', file="it's {x}: #1.yaml"
    )
    assert benchmark.train.data["mine"].options["files"] == 'a: "b" #c/{lang}.tsv'
