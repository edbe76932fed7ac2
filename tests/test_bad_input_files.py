"""What is not there, cannot be read or cannot be written is told with its path and a way out."""

import errno
import os
from pathlib import Path

import pytest
from tests.bad_input import cases, told, write
from tests.cli.calling import call

from hbench.records import Remote
from hbench_plugins.datasets.babel import Babel


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder, in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


SPECS = """
no.yaml
    no.yaml:1:1: cannot be read: No such file or directory; give the path of a spec file
.
    .:1:1: cannot be read: Is a directory; give the path of a spec file
f.yaml/below
    f.yaml/below:1:1: cannot be read: Not a directory; give the path of a spec file
"""


@pytest.mark.parametrize(("file", "message"), cases(SPECS))
@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_a_spec_file_that_is_not_there_is_told(command, file, message):
    write()
    assert told(command, file) == message


MODELS = """
use: scratch -> use: xlm-r, model: no/model
    f.yaml:5:39: benchmarks.tiny.encoders.e.model: 'no/model' is no folder here; give one that holds
    the model
use: scratch -> use: huggingface, model: no/model
    f.yaml:5:45: benchmarks.tiny.encoders.e.model: 'no/model' is no folder here, so it is taken for
    a hub id, which needs 'revision': a commit of the model's repository, 40 hex digits; mend either
use: scratch -> use: huggingface, model: empty
    tiny: encoder 'e': empty: holds no config.json, so it is no model folder
use: babel, split: test -> use: beir, path: no, language: en
    tiny: evaluate.test: no/qrels/test.tsv: there is no such file; splits there are: none
"""


@pytest.mark.parametrize(("change", "message"), cases(MODELS))
def test_a_model_or_data_that_is_not_there_is_told(change, message, folder):
    (folder / "empty").mkdir()
    write(change)
    assert told("plan", "f.yaml") == message
    assert told("run", "f.yaml", "--device", "cpu") == message
    assert sorted(path.name for path in folder.iterdir()) == ["empty", "f.yaml"]


def test_data_that_is_not_here_and_may_not_be_downloaded_is_told(monkeypatch, folder):
    files = (Remote("toy/x.json", ("https://example.org/x.json",), "0" * 64, 1234, "CC0"),)
    monkeypatch.setattr(Babel, "downloads", lambda self: files, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "")  # undone, as HBENCH_OFFLINE is
    monkeypatch.delenv("HBENCH_DATA", raising=False)
    write()
    message = told("run", "f.yaml", "--device", "cpu", "--offline")
    put = f"  put https://example.org/x.json (1,234 bytes, sha256 {'0' * 64}) to "
    assert message == (
        "files are missing that --offline or HBENCH_OFFLINE forbids to download; allow it, or:\n"
        f"{put}$HBENCH_DATA/toy/x.json\n"
        f"{put}$HBENCH_DATA/toy/x.json\n"  # for training, and for the evaluation
        "HBENCH_DATA is not set: name a folder of yours"
    )
    assert [path.name for path in folder.iterdir()] == ["f.yaml"]


WAY_OUT = "make it writable, make room, or give another folder with --results"


@pytest.mark.parametrize("place", ["f.yaml", "f.yaml/below"])
def test_a_results_folder_that_is_a_file_is_told(place):
    write()
    assert told("run", "f.yaml", "--device", "cpu", "--results", place) == (
        f"{place}/cache/locks/benchmarks%2Ftiny.lock: cannot be written (Not a directory); "
        + WAY_OUT
    )


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("broken", ["pathlib.Path.mkdir", "os.fsync"])
def test_a_results_folder_that_refuses_is_told_with_the_systems_words(broken, number, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    write()
    monkeypatch.setattr(broken, refuse)
    lock = "cache/locks/benchmarks%2Ftiny.lock"  # what is written first
    path = "benchmarks/tiny/resolved.json" if broken == "os.fsync" else lock
    assert told("run", "f.yaml", "--device", "cpu") == (
        f"results/{path}: cannot be written ({os.strerror(number)}); {WAY_OUT}"
    )


def test_a_disk_that_is_full_in_the_middle_of_a_job_is_told_and_leaves_no_half_folder(
    monkeypatch, folder
):
    def fill(dataset, scratch):
        (scratch / "half.arrow").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch / "half.arrow"))

    monkeypatch.setattr("hbench.stages.data.run", fill)
    write()
    result = call("run", "f.yaml", "--device", "cpu", "--fail-fast")
    assert (result.exit_code, "Traceback" in result.output) == (1, False)
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    start, _, message = line.partition(": results/data/babel-")
    assert start == "failed: data babel split=train"
    assert message[8:] == f": cannot be written (No space left on device); {WAY_OUT}"
    assert not (folder / "results" / "data").exists()
    assert list((folder / "results" / "cache" / "unfinished").iterdir()) == []


def test_a_bug_of_a_stage_keeps_its_traceback(monkeypatch):
    def fail(dataset, scratch):
        Path("no such file").read_text()

    monkeypatch.setattr("hbench.stages.data.run", fail)
    write()
    result = call("run", "f.yaml", "--device", "cpu", "--fail-fast")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr and "No such file or directory" in result.stderr
