import subprocess

import pytest

from hbench import provenance
from hbench.errors import DeviceError
from hbench.provenance import Hardware, find_hardware, git_state, record


def test_threads_identify_what_a_cpu_does_and_not_what_a_gpu_does():
    assert Hardware("cpu", 2).identity == {"device": "cpu", "threads": 2}
    assert Hardware("cuda:1", 2).identity == {"device": "cuda", "threads": None}
    assert (str(Hardware("cpu", 1)), str(Hardware("cuda:0", 4))) == (
        "cpu, 1 thread", "cuda:0, 4 threads",
    )  # fmt: skip


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1", "mps"])
def test_a_device_that_is_asked_for_is_taken(device, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert find_hardware(device) == Hardware(device, 3)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda:-1", "", "CPU"])
def test_a_device_of_another_name_is_refused(device, monkeypatch):
    monkeypatch.setattr(provenance, "_has_cuda", lambda: False)
    if device:
        with pytest.raises(DeviceError, match=f"no device is named '{device}'; give cpu, cuda,"):
            find_hardware(device)
    else:
        assert find_hardware(device).device == "cpu"


@pytest.mark.parametrize(
    ("torch", "visible", "driver", "device"),
    [
        ("2.9.0", None, True, "cuda"),
        ("2.9.0+cu128", "0,1", True, "cuda"),
        ("2.9.0+cpu", None, True, "cpu"),
        ("2.9.0", "", True, "cpu"),
        ("2.9.0", "-1", True, "cpu"),
        ("2.9.0", None, False, "cpu"),
        (None, None, True, "cpu"),
    ],
)
def test_cuda_is_chosen_where_torch_can_use_it(torch, visible, driver, device, monkeypatch):
    monkeypatch.setattr(provenance, "versions", lambda: {"torch": torch})
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/x" if driver else None)
    monkeypatch.setattr("pathlib.Path.exists", lambda self: driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_hardware(None).device == device


@pytest.mark.parametrize("threads", ["0", "x", "-1", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    with pytest.raises(DeviceError, match="OMP_NUM_THREADS"):
        find_hardware("cpu")


def test_the_manifest_says_on_what_a_job_ran():
    told = record(Hardware("cuda:0", 4))
    assert set(told) == {
        "versions", "platform", "machine", "device", "threads", "processes", "environment", "git",
    }  # fmt: skip
    assert (told["device"], told["threads"]) == ("cuda:0", 4)
    assert told["versions"]["hbench"] == "0.1.0"
    assert None not in (told["versions"]["torch"], told["versions"]["python"])


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE='2' is set, but not by torchrun"),
        ({"WORLD_SIZE": ""}, "WORLD_SIZE='' is set"),
        ({"WORLD_SIZE": "abc", "MASTER_ADDR": "localhost"}, "WORLD_SIZE='abc' is set"),
    ],
)
def test_a_left_over_variable_of_a_cluster_is_explained(monkeypatch, variables, message):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DeviceError, match=message):
        find_hardware("cpu")


def test_of_several_processes_each_takes_its_own_device(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    assert find_hardware("cuda").device == "cuda:1"
    assert find_hardware("cpu").processes == 2
    with pytest.raises(DeviceError, match="each takes its own; give cuda"):
        find_hardware("cuda:0")


def test_git_tells_the_commit_and_whether_files_differ(tmp_path):
    def git(*words):
        identity = ("-c", "user.name=n", "-c", "user.email=e@x")
        done = subprocess.run(
            ["git", *identity, "-C", tmp_path, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert git_state(tmp_path) is None
    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "first")
    git_state.cache_clear()
    commit = git("rev-parse", "HEAD")
    assert git_state(tmp_path) == commit
    (tmp_path / "a").write_text("2")
    git_state.cache_clear()
    assert git_state(tmp_path) == f"{commit}, with changes"


def test_git_runs_no_code_of_the_folder(tmp_path):
    for words in (["init", "-q"], ["config", "core.fsmonitor", f"touch {tmp_path}/ran;false"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    (tmp_path / "a").write_text("1")
    subprocess.run(["git", "-C", tmp_path, "-c", "core.fsmonitor=false", "add", "a"], check=True)
    git_state.cache_clear()
    git_state(tmp_path)
    assert not (tmp_path / "ran").exists()
