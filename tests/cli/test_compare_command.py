"""``hbench compare`` on a results folder by hand."""

import csv
import json

import pytest
from tests.cli.calling import call, refused
from tests.toy_results import resolved, write_benchmark, write_scores


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_scores(tmp_path / "results")
    write_benchmark(tmp_path / "results", resolved())
    return tmp_path / "results"


def test_compare_prints_json_that_other_programs_can_read(results):
    result = call("compare", "--format", "json")
    assert result.exit_code == 0
    (entry,) = json.loads(result.stdout, parse_constant=pytest.fail)
    assert (entry["benchmark"], len(entry["tables"]), entry["family"]["size"]) == ("toy", 6, 9)


def test_compare_prints_the_chosen_benchmarks_in_the_order_asked_for(results):
    write_benchmark(results, resolved() | {"benchmark": "other"})
    for words, expected in (([], ["other", "toy"]), (["toy", "other"], ["toy", "other"])):
        shown = json.loads(call("compare", *words, "--format", "json").stdout)
        assert [entry["benchmark"] for entry in shown] == expected
    assert call("compare", "toy", "--format", "markdown").stdout.count("## toy: test,") == 2
    message = refused("compare", "tyo")
    assert message == (
        "results/benchmarks/tyo: no such benchmark here; did you mean 'toy'? Allowed: other, toy"
    )


def test_compare_prints_a_line_of_values_for_each_method_and_table(results):
    lines = list(csv.DictReader(call("compare", "--format", "csv").stdout.splitlines()))
    assert len(lines) == 2 * 3 * 3  # settings, metrics, methods
    first = lines[0]
    assert (first["setting"], first["metric"], first["method"]) == ("mono", "map", "good")
    assert float(first["mean"]) == pytest.approx(0.65)
    assert (first["queries"], first["clusters"], first["seeds"]) == ("7", "3", "2")
    absent = [row for row in lines if row["metric"] == "rank_distance" and row["setting"] == "mono"]
    assert {row["mean"] for row in absent} == {""}


def test_compare_shows_what_is_chosen_and_changes_no_figure(results):
    whole = json.loads(call("compare", "--format", "json").stdout)[0]
    words = ("--setting", "multi", "--metric", "mrr", "--metric", "map", "--dataset", "test")
    (entry,) = json.loads(call("compare", "--format", "json", *words).stdout)
    assert [table["metric"] for table in entry["tables"]] == ["map", "mrr"]
    assert entry["tables"] == [
        table for table in whole["tables"]
        if table["setting"] == "multi" and table["metric"] in ("map", "mrr")
    ]  # fmt: skip
    assert {row["metric"] for row in entry["matrix"]} == {"map", "mrr"}
    assert entry["family"] == whole["family"]
    assert refused("compare", "--metric", "mpa").startswith("--metric mpa: did you mean 'map'?")


def test_compare_splits_queries_and_shows_differences_to_a_baseline(results):
    words = ("--by", "language", "--baseline", "worse", "--setting", "mono", "--metric", "map")
    lines = [line.split() for line in call("compare", *words).stdout.splitlines()]
    assert ["Language", "Queries", "a", "good", "b", "worse", "c", "same"] in lines
    assert ["de", "4", "+0.300°", "0.200", "+0.300°"] in lines
    assert ["en", "3", "+0.290°", "0.510", "+0.290°"] in lines
    parts = list(csv.DictReader(call("compare", "--format", "csv", *words).stdout.splitlines()))
    assert [part["stratum"] for part in parts] == ["de"] * 3 + ["en"] * 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--baseline", "goood"], "--baseline goood: toy has no such method; did you mean 'good'?"),
        (["--by", "lenght"], "--by lenght: the texts of this evaluation are not in the results"),
        (["--by", "seen"], "--by seen: no language was trained on"),
        (["--alpha", "5"], "--alpha 5.0: must lie between 0 and 1, as 0.05"),
        (["--run", "bm25.trec"], "--run bm25.trec: the texts and judgements of test are not in"),
    ],
)
def test_compare_says_what_cannot_be_compared_so(results, words, message):
    assert refused("compare", *words).startswith(message)


def test_a_run_belongs_to_one_evaluation(results):
    detail = resolved()
    detail["evaluations"]["other"] = detail["evaluations"]["test"]
    write_benchmark(results, detail)
    message = refused("compare", "--run", "x.trec")
    assert message == "--run x.trec: toy evaluates on test, other; choose one with --dataset"
    chosen = refused("compare", "--run", "x.trec", "--dataset", "other")
    assert "the texts and judgements of other are not in the results folder" in chosen


def test_compare_prints_latex_and_html(results):
    text = call("compare", "--format", "latex").stdout
    assert text.count(r"\begin{tabular}") == 3  # mono, multi, and the differences
    assert "<table" in call("compare", "--format", "html").stdout


def test_compare_tests_by_another_name_and_says_what_it_speaks_of(results):
    text = " ".join(call("compare", "--test", "sign-flip").stdout.split())
    assert "sign-flip randomisation test on clusters" in text
    assert "it speaks of the trained models, not of the methods" in text


def test_compare_says_on_the_side_what_is_missing(results):
    (results / "systems" / "same2" / "e" / "manifest.json").unlink()
    result = call("compare", "--format", "json")
    assert result.exit_code == 0
    assert result.stderr == "missing: toy: same (seed 2) on test; run it again\n"
