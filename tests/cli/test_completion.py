"""What a shell is told when TAB is pressed."""

import pytest
from tests.toy_results import resolved, write_benchmark
from typer.testing import CliRunner

from hbench.cli import app

SPEC = """
version: 1
benchmarks: {first: {}, second: {}}
"""


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_benchmark(tmp_path / "results", resolved())
    (tmp_path / "spec.yaml").write_text(SPEC)


def proposed(line):
    """The words for the last one of a command line, asked for as bash does."""
    words = line.split(" ")
    asked = {
        "_HBENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    result = CliRunner().invoke(app, [], env=asked, prog_name="hbench")
    assert result.stderr == ""
    return result.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hbench comp", ["compare"]),
        ("hbench plugins sam", ["sampler"]),
        ("hbench plugins sampler h", ["hybrid"]),
        ("hbench plugins samplers h", ["hybrid"]),
        ("hbench new obj", ["objective"]),
        ("hbench data xq", ["xquad-r"]),
        ("hbench run spec.yaml --only ", ["first", "second"]),
        ("hbench run spec.yaml --executor l", ["local"]),
        ("hbench compare t", ["toy"]),
        ("hbench verify ", ["toy"]),
        ("hbench report ", ["toy"]),
        ("hbench compare toy --baseline s", ["same"]),
        ("hbench compare --setting mu", ["multi"]),
        ("hbench compare --metric m", ["map", "mrr"]),
        ("hbench compare --dataset ", ["test"]),
        ("hbench compare --results results to", ["toy"]),
        ("hbench export toy wo", ["worse"]),
        ("hbench init --encoder lab", ["labse"]),
        ("hbench compare --results elsewhere ", []),
        ("hbench plugins nonsense ", []),
        ("hbench run missing.yaml --only ", []),
    ],
)
def test_the_words_that_fit_are_proposed(line, words):
    assert proposed(line) == words


@pytest.mark.parametrize("text", ["benchmarks: 3", "[1, 2]", "", "a: [", "benchmarks: {1: 2}"])
def test_a_file_that_is_no_spec_has_nothing_to_propose(text, tmp_path):
    (tmp_path / "spec.yaml").write_text(text)
    assert proposed("hbench run spec.yaml --only x") == []
