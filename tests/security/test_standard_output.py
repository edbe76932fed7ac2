"""A plugin or a library that prints spoils no answer that a program reads."""

import json
import subprocess
import sys

import pytest
from tests.cli.calling import call
from tests.installed import installing
from tests.toy_results import resolved, write_benchmark, write_scores

from hbench import registry
from hbench.stages import compare, verify

NOISE = "noise from a plugin"
MODULE = f"""
import sys
from dataclasses import dataclass
from typing import ClassVar
from hbench.records import Judgement, Passage, Query

print("{NOISE} at import")
sys.stdout.write("{NOISE} written\\n")


@dataclass(frozen=True)
class Noisy:
    \"\"\"Prints whenever it can.\"\"\"
    parallel: ClassVar[bool] = True
    version: ClassVar[int] = 1

    def __post_init__(self):
        print("{NOISE} when built")

    def fingerprint(self):
        print("{NOISE} when asked")
        return "x"

    def languages(self):
        print("{NOISE} when asked")
        return ("de",)

    def queries(self):
        print("{NOISE} when read")
        yield Query("q", "de", "wer?")

    def passages(self):
        yield Passage("p", "de", "er")

    def judgements(self):
        yield Judgement("q", "de", "p")
"""


@pytest.fixture
def noisy(tmp_path, monkeypatch):
    """A dataset that prints, as the only plugin that is installed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noisy.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.forget()
    with monkeypatch.context() as patch:
        installing(patch, "dataset")("noisy", "noisy:Noisy")
        yield
    registry.forget()
    sys.modules.pop("noisy", None)


@pytest.mark.parametrize(
    "words",
    [
        ("plugins", "--format", "json"),
        ("plugins", "dataset", "noisy", "--format", "json"),
        ("schema",),
        ("data", "noisy", "--format", "json"),
        ("doctor", "--format", "json"),
    ],
    ids=" ".join,
)
def test_what_a_plugin_prints_is_no_part_of_the_json(noisy, words):
    result = call(*words)
    assert result.exit_code == 0, result.output
    json.loads(result.stdout)
    assert NOISE not in result.stdout
    assert f"{NOISE} at import\n{NOISE} written\n" in result.stderr


def test_nor_is_it_part_of_what_people_read(noisy):
    for words in (("plugins",), ("plugins", "dataset"), ("data", "noisy")):
        result = call(*words)
        assert result.exit_code == 0 and "noisy" in result.stdout
        assert NOISE not in result.stdout


@pytest.mark.parametrize("form", ["json", "csv", "html"])
def test_what_a_library_prints_while_comparing_is_no_part_of_the_answer(
    tmp_path, monkeypatch, form
):
    monkeypatch.chdir(tmp_path)
    write_scores(tmp_path / "results")
    write_benchmark(tmp_path / "results", resolved())
    commands = [("compare", "--format", form)] + [("verify", "--format", "json")] * (form == "json")
    before = [call(*words).stdout for words in commands]
    for stage in (compare, verify):
        monkeypatch.setattr(stage, "run", noisily(stage.run))
    for words, quiet in zip(commands, before, strict=True):
        result = call(*words)
        assert result.stdout == quiet
        assert NOISE in result.stderr


def noisily(function):
    def run(*args, **options):
        print(NOISE)  # noqa: T201 - as a library would
        return function(*args, **options)

    return run


def test_of_a_process_standard_output_holds_the_answer_alone(tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from importlib.metadata import EntryPoint, EntryPoints
from hbench import registry
from hbench.cli import main
point = EntryPoint("noisy", "noisy:Noisy", "hbench.datasets")
registry.entry_points = lambda: EntryPoints([point])
sys.argv = ["hbench", "plugins", "--format", "json"]
main()
"""
    (tmp_path / "noisy.py").write_text(MODULE)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert [each["name"] for each in json.loads(done.stdout)] == ["noisy"]
    assert NOISE in done.stderr
