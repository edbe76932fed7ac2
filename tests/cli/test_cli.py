import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import typer
from tests.cli.calling import call, refused
from tests.toy_results import resolved, write_benchmark, write_scores

from hbench.cli.common import mistakes_end_here

SPEC = """\
version: 1
benchmarks:
  tiny:
    train: {data: {babel: {use: babel, split: train}}, steps: 2, batch_size: 4}
    encoders: {e: {use: scratch}}
    samplers: {mono: {use: mono}, hybrid: {use: hybrid}}
    objectives: {infonce: {use: infonce}}
    seeds: [1]
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono], metrics: [map]}
"""
LIGHT_WORK = """
import sys

def check(what, *heavy):
    found = [name for name in heavy if name in sys.modules]
    if found:
        sys.exit(f"{what} imports {', '.join(found)}")

import hbench
LIBRARIES = ["torch", "ranx", "transformers", "faiss", "ir_datasets", "numba"]
check("import hbench", *LIBRARIES, "numpy", "pydantic", "typer")
from typer.testing import CliRunner
from hbench.cli import app
for words, more in [
    (["--help"], ["numpy", "pydantic", "ruamel", "pyarrow", "scipy", "rich"]),
    (["run", "--help"], ["numpy", "ruamel", "pyarrow", "scipy", "rich"]),
    (["validate", "f.yaml"], ["pyarrow", "scipy"]),
    (["plugins"], ["pyarrow", "scipy"]),
    (["plan", "f.yaml"], ["pyarrow", "scipy"]),
    (["compare", "--format", "json"], []),
    (["compare", "--format", "markdown"], []),
]:
    result = CliRunner().invoke(app, words)
    if result.exit_code:
        sys.exit(f"{words} exits {result.exit_code}: {result.output}")
    check(" ".join(words), *LIBRARIES, *more)
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """A spec file in an empty folder, in which commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path / "f.yaml"


@pytest.fixture
def results(spec):
    write_scores(spec.parent / "results")
    write_benchmark(spec.parent / "results", resolved())
    return spec.parent / "results"


def test_the_commands_are_there_and_help_names_them():
    result = call("--help")
    assert result.exit_code == 0
    for name in ("run", "compare", "export", "plan", "validate", "plugins"):
        assert re.search(rf"^\s*{name}\b", result.stdout, re.M)
    assert {"--only", "--set", "--offline"} <= set(
        re.findall(r"--\w+", call("run", "--help").output)
    )


def test_a_shell_completes_commands_and_options():
    """As bash asks for it: the words so far, and the number of the one that is begun."""
    asked = {"_HBENCH_COMPLETE": "complete_bash", "COMP_WORDS": "hbench pl", "COMP_CWORD": "1"}
    hbench = str(Path(sys.executable).parent / "hbench")
    for words, number, expected in (("hbench pl", "1", {"plan", "plugins"}),
                                    ("hbench plan --on", "2", {"--only"})):  # fmt: skip
        asked |= {"COMP_WORDS": words, "COMP_CWORD": number}
        done = subprocess.run([hbench], capture_output=True, text=True, env=os.environ | asked)
        assert set(done.stdout.split()) == expected


def test_light_commands_import_nothing_heavy(results, spec):
    done = subprocess.run(
        [sys.executable, "-c", LIGHT_WORK], capture_output=True, text=True, cwd=spec.parent
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_valid_file_is_called_valid(spec):
    result = call("validate", "f.yaml", "--set", "benchmarks.tiny.train.steps=5")
    assert (result.exit_code, result.stdout) == (0, "f.yaml: valid; benchmarks: tiny\n")


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_a_broken_file_ends_with_all_its_mistakes_and_nothing_is_written(command, spec):
    spec.write_text(SPEC.replace("use: mono", "use: mno").replace("[map]", "[mpa]"))
    first, second = refused(command, "f.yaml").splitlines()
    assert first.startswith("f.yaml:6:28: benchmarks.tiny.samplers.mono.use: no sampler is named")
    assert second.startswith("f.yaml:10:75: benchmarks.tiny.evaluate.test.metrics.0")
    assert [path.name for path in spec.parent.iterdir()] == ["f.yaml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "no.yaml"], "no.yaml:1:1: cannot be read: No such file or directory"),
        (["run", "f.yaml", "--device", "gpu"], "no device is named 'gpu'; give cpu, cuda, cuda:0"),
        (["run", "f.yaml", "--only", "tniy"], "--only tniy: did you mean 'tiny'? Allowed: tiny"),
        (["run", "f.yaml", "--executor", "lcoal"], "no executor is named 'lcoal': did you mean"),
        (["run", "f.yaml", "--set", "x"], "--set 'x': write PATH=VALUE, as train.steps=10"),
        (["plan", "f.yaml", "--set", "benchmarks.tiny.seeds.7=1"], "'7' is not a part of what"),
        (["plan", "f.yaml", "--device", "cuda:x"], "no device is named 'cuda:x'"),
        (["compare"], "results/benchmarks: holds no benchmark; run one with `hbench run bench"),
        (["plugins", "smplers"], "no kind of plugin is named 'smplers': did you mean 'sampler'?"),
        (["plugins", "sampler", "mno"], "no sampler is named 'mno': did you mean 'mono'?"),
    ],
)
def test_a_users_mistake_is_one_message_and_nothing_is_written(words, message, spec):
    assert message in refused(*words)
    assert [path.name for path in spec.parent.iterdir()] == ["f.yaml"]


@pytest.mark.parametrize("words", [["no-such-command"], ["run"], ["compare", "--format", "xml"]])
def test_a_wrong_command_line_ends_with_2(words, spec):
    result = call(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize("words", [["plan", "f.yaml"], ["run", "f.yaml", "--dry-run"]])
def test_the_plan_is_shown_and_nothing_is_written(words, spec):
    result = call(*words, "--device", "cpu")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "run   data babel split=train"
    assert "tiny: 2 methods, 2 systems, 2 evaluations" in lines
    sums = "2 of 2 data, 1 of 1 leakage, 2 of 2 train, 2 of 2 encode, 2 of 2 rank, 2 of 2 score"
    assert f"to run: {sums}" in lines
    assert [path.name for path in spec.parent.iterdir()] == ["f.yaml"]


def test_an_interrupt_ends_with_130_and_a_bug_keeps_its_traceback(spec, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("hbench.plan.make_plan", interrupted)
    result = call("plan", "f.yaml")
    assert result.exit_code == 130
    assert result.stderr == "interrupted; what was finished is kept, the same command goes on\n"

    def bug(*args):
        raise ZeroDivisionError

    monkeypatch.setattr("hbench.plan.make_plan", bug)
    assert isinstance(call("plan", "f.yaml").exception, ZeroDivisionError)


def test_a_reader_that_has_gone_is_no_mistake(monkeypatch):
    monkeypatch.setattr(sys, "stderr", StringIO())
    with pytest.raises(typer.Exit) as caught, mistakes_end_here():
        raise BrokenPipeError
    assert caught.value.exit_code == 0


def test_plan_tells_how_wide_intervals_will_be_and_which_claim_is_out_of_reach(spec):
    text = call("plan", "f.yaml").stdout
    assert "with one seed trained models can be compared, methods cannot" in text
    claim = "{says: alike, metric: map, setting: mono, method: {sampler: mono}, "
    claim += "equal_to: {sampler: hybrid}, margin: 0.001}"
    spec.write_text(SPEC.replace("[1]", "[1, 2, 3]") + f"    claims: [{claim}]\n")
    text = call("plan", "f.yaml").stdout
    assert "about ±0.010, ±0.013, ±0.022 for a seed sd of 0.002, 0.005, 0.01 (3 seeds, " in text
    assert "supposing 1,190 items in 48 clusters: its own are not here yet)" in text
    assert "'alike' cannot be supported on test: its margin, 0.001, is narrower" in text
    more = SPEC[SPEC.index("      test:") :].replace("test:", "more:", 1)
    claim = claim.replace("{says", "{dataset: more, says")
    spec.write_text(SPEC.replace("[1]", "[1, 2, 3]") + more + f"    claims: [{claim}]\n")
    text = call("plan", "f.yaml").stdout
    assert "'alike' cannot be supported on more" in text and "supported on test" not in text


@pytest.mark.parametrize("content", ["{", "[]", "3", "{}"])
def test_a_damaged_results_folder_is_told_with_its_file(results, content):
    (results / "benchmarks" / "toy" / "resolved.json").write_text(content)
    assert "results/benchmarks/toy: damaged (resolved.json: " in refused("compare")
