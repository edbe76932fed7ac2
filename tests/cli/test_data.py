"""`hbench data`: a dataset as people and programs see it."""

import json
import re

import pytest
from typer.testing import CliRunner

from hbench.cli import app
from hbench_plugins.datasets.babel import Babel


@pytest.fixture
def show(tmp_path, monkeypatch):
    """Runs the command on the towers of babel's test."""
    monkeypatch.chdir(tmp_path)
    for name in ("queries", "passages", "judgements"):
        original = getattr(Babel, name)

        def kept(dataset, original=original):
            for record in original(dataset):
                if "-tower" in (getattr(record, "item", None) or record.id):
                    yield record

        monkeypatch.setattr(Babel, name, kept)

    def go(*options):
        return CliRunner().invoke(app, ["data", "babel", "--set", "split=test", *options])

    return go


def test_every_language_is_shown_with_its_counts_and_an_example(show):
    done = show()
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "babel (hbench) split=test",
        "licence: Apache-2.0",
        "42 items in 7 clusters, parallel",
    ]
    assert re.match(r"\d+\.\d MB in results/data/babel-", lines[3])
    rows = [re.split(r"  +", line) for line in lines[7:16]]
    assert rows[:2] == [["ar", "42", "42", "42", "42"], ["de", "42", "42", "42", "42"]]
    assert rows[8] == ["all", "336", "336", "336", "336"]
    assert "its counts are pinned nowhere" in lines
    english = [line for line in lines if line.startswith("en ")][1:]
    assert [line[:5] for line in english] == ["en ? ", "en > "]
    assert all("Tower" in line for line in english)


def test_programs_get_the_same_as_json(show):
    show()
    found = json.loads(show("--format", "json", "--examples", "2").stdout)
    assert (found["dataset"], found["items"], found["parallel"]) == ("babel", 42, True)
    assert found["options"] == {"split": "test", "seed": 0}
    german = found["languages"]["de"]
    assert (german["queries"], german["passages"], german["relevant"]) == (42, 42, 42)
    assert [set(example) for example in german["examples"]] == [{"query", "passage"}] * 2
    assert (found["checked"], found["differs"]) == (False, [])


def test_a_count_that_is_not_what_it_must_be_is_named_and_ends_with_1(show, monkeypatch):
    known = {"de": {"queries": 42, "passages": 43}, "fr": {"queries": 1}}
    monkeypatch.setattr(Babel, "counts", lambda dataset: known, raising=False)
    done = show()
    assert done.exit_code == 1
    assert "WRONG: passages in de: 42, and it must be 43" in done.stdout.splitlines()
    monkeypatch.setattr(Babel, "counts", lambda dataset: {"de": {"queries": 42}}, raising=False)
    again = show()
    assert again.exit_code == 0
    assert "all counts are what they must be" in again.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data", "bable"], "no dataset is named 'bable': did you mean 'babel'?"),
        (["data", "babel"], "dataset 'babel' (hbench 0.1.0) needs the option 'split'"),
        (["data", "babel", "--set", "split"], "write PATH=VALUE"),
        (["data", "babel", "--set", "splt=test"], "did you mean 'split'?"),
        (["data", "xquad-r", "--offline"], "put https://raw.githubusercontent.com/"),
    ],
)
def test_a_mistake_is_one_message(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HBENCH_OFFLINE", "0")  # restored when the test ends
    monkeypatch.delenv("HBENCH_DATA", raising=False)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
