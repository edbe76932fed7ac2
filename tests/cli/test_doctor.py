"""`hbench doctor`: what a machine is, and what of it will bite."""

import json
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints

import pytest
import typer
from typer.testing import CliRunner

from hbench import registry
from hbench.cli import doctor as command
from hbench.doctor import Cores, Folder, Gpu, Machine, Memory, Torch, findings
from hbench.doctor.looking import SETTINGS, container_limits, folder

GIB = 1 << 30


def roomy(path, **facts):
    return Folder(path, free=100 * GIB, **facts)


SOUND = Machine(
    platform="Linux-6.1",
    versions={"python": "3.12.1", "hbench": "0.1.0", "torch": "2.8.0+cpu", "flash-attn": None},
    extras={"tensorboard": "2.20.0", "mlflow": None},
    cores=Cores(count=8, usable=8, busy=0.3),
    memory=Memory(total=32 * GIB, available=30 * GIB),
    threads=8,
    results=roomy("results"),
    cache=roomy("results/cache", exists=False),
    hub=roomy("/home/me/.cache/huggingface/hub", size=3 * GIB),
    compiled=roomy("/lib/hbench/__pycache__", size=7 << 20),
    settings={"HBENCH_DATA": "/data"},
    plugins={"sampler": 5, "executor": 1},
)
L40 = Gpu("NVIDIA L40", 48 * GIB, 47 * GIB)
ON_GPU = replace(
    SOUND,
    versions={**SOUND.versions, "torch": "2.8.0"},
    torch=Torch("12.8", [L40]),
    drivers=["NVIDIA L40"],
    driver_cuda="12.9",
)


def bites(machine):
    """What is printed below the facts."""
    return command.bites(findings(machine))


@pytest.mark.parametrize(
    "machine", [SOUND, ON_GPU, replace(SOUND, settings={"HBENCH_OFFLINE": "0"})]
)
def test_nothing_bites_on_a_sound_machine(machine):
    assert bites(machine) == ["nothing found that will bite"]


def test_a_gpu_that_torch_cannot_use_since_it_is_built_for_cpus():
    assert bites(replace(SOUND, drivers=["NVIDIA L40", "NVIDIA L40"], driver_cuda="12.9")) == [
        "what will bite:",
        "",
        "  * NVIDIA L40 is there, and torch 2.8.0+cpu is built for CPUs alone",
        "    so:    everything runs on the CPU, many times slower",
        "    mend:  install torch for CUDA, by the command that pytorch.org/get-started",
        "           gives",
    ]


def test_a_driver_that_is_older_than_torch_wants():
    assert bites(replace(ON_GPU, torch=Torch("12.8"), driver_cuda="11.4"))[2:] == [
        "  * NVIDIA L40 is there; its driver serves CUDA 11.4, and torch is built for",
        "    12.8",
        "    so:    torch does not see the GPU, and a run on it fails",
        "    mend:  update the driver, or install torch for CUDA 11.4",
    ]


def test_a_gpu_that_the_environment_hides():
    hidden = replace(ON_GPU, torch=Torch("12.8"), settings={"CUDA_VISIBLE_DEVICES": ""})
    assert bites(hidden)[2:] == [
        "  * NVIDIA L40 is there, and CUDA_VISIBLE_DEVICES='' hides it",
        "    so:    everything runs on the CPU, many times slower",
        "    mend:  unset CUDA_VISIBLE_DEVICES",
    ]


def test_a_gpu_that_somebody_else_uses():
    busy = replace(ON_GPU, torch=Torch("12.8", [L40, replace(L40, free=9 * GIB)]))
    assert bites(busy)[2:] == [
        "  * GPU 1 (NVIDIA L40) has 9.0 GB of 48 GB free",
        "    so:    somebody else uses it: training is slower, and may run out of memory",
        "    mend:  nvidia-smi shows who; --device cuda:0 takes another",
    ]


def test_results_that_cannot_be_written():
    closed = replace(SOUND, results=roomy("results", refusal="Read-only file system"))
    assert bites(closed)[2:] == [
        "  * the results folder results cannot be written: Read-only file system",
        "    so:    run ends before its first job",
        "    mend:  give another with --results",
    ]


def test_a_full_disk_and_what_would_free_it():
    full = replace(
        SOUND,
        results=Folder("results", free=GIB),
        cache=Folder("results/cache", size=12 * GIB, free=GIB),
        hub=Folder("/hub", free=GIB // 2),
    )
    assert bites(full)[2:] == [
        "  * 1.0 GB are free where results lies",
        "    so:    vectors and checkpoints may not fit, and jobs fail",
        "    mend:  rm -r results/cache frees 12 GB",
        "",
        "  * 512 MB are free where models from the hub lie, /hub",
        "    so:    a pretrained encoder of 1 to 2 GB may not fit",
        "    mend:  export HF_HOME=/a/folder/of/yours",
    ]


def test_plugins_that_are_broken_or_claimed_twice():
    odd = replace(
        SOUND,
        broken=[("sampler 'mine'", "hbench-mine", "ModuleNotFoundError: No module named 'x'")],
        clashes={"metric 'map'": ["hbench", "other"]},
    )
    assert bites(odd)[2:] == [
        "  * sampler 'mine' is broken: ModuleNotFoundError: No module named 'x'",
        "    so:    a benchmark that names it is refused",
        "    mend:  mend it, or pip uninstall hbench-mine",
        "",
        "  * metric 'map' is claimed by hbench and other",
        "    so:    a benchmark that names it is refused",
        "    mend:  pip uninstall other",
    ]


def test_more_threads_than_the_container_may_use_and_load_by_others():
    crowded = replace(SOUND, cores=Cores(count=64, usable=64, quota=4.0, busy=40.0), threads=64)
    assert bites(crowded)[2:] == [
        "  * jobs take 64 threads, and this container may use 4 cores",
        "    so:    they wait for each other, and training is slower",
        "    mend:  export OMP_NUM_THREADS=4, and keep it: on a CPU threads are part of a",
        "           system's key",
        "",
        "  * the load of the last minute is 40.0 on 64 cores",
        "    so:    training is slower, and its speeds are no measurements",
        "    mend:  wait, see with top what it is, or export OMP_NUM_THREADS=1: threads",
        "           that share their cores with others wait for each other",
    ]


@pytest.mark.parametrize(
    ("facts", "what", "mend"),
    [
        (
            {"unmet": {"torch<2.14,>=2.7": "2.5.0"}},
            "hbench needs torch<2.14,>=2.7, and 2.5.0 is installed",
            "pip install 'torch<2.14,>=2.7'",
        ),
        (
            {"unmet": {"pydantic>=2": None}},
            "hbench needs pydantic>=2, and nothing is installed",
            "pip install 'pydantic>=2'",
        ),
        (
            {"torch": Torch(error="OSError: libcudart.so.12"), "drivers": ["NVIDIA L40"]},
            "torch does not work: OSError: libcudart.so.12",
            "pip install --force-reinstall torch",
        ),
        ({"refusal": "OMP_NUM_THREADS='x'; unset it"}, "OMP_NUM_THREADS='x'; unset it", "as it says"),  # noqa: E501
        (
            {"compiled": roomy("/c", refusal="no")}, "numba cannot keep its work in /c: no",
            "export NUMBA_CACHE_DIR=/a/folder/of/yours",
        ),
        (
            {"hub": roomy("/h", refusal="no")}, "models from the hub cannot be kept in /h: no",
            "export HF_HOME=/a/folder/of/yours",
        ),
        (
            {"memory": Memory(32 * GIB, 30 * GIB, limit=GIB)}, "1.0 GB of memory are available",
            "end other programs; in a spec set train.gradient_caching: true",
        ),
        (
            {"settings": {"HBENCH_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}},
            "HBENCH_OFFLINE=1 and HF_HUB_OFFLINE=1",
            "unset HBENCH_OFFLINE HF_HUB_OFFLINE",
        ),
        (
            {"settings": {"HBENCH_DATA": "/nix"}, "lacking": ["HBENCH_DATA"]},
            "HBENCH_DATA=/nix names no folder",
            "export HBENCH_DATA=/the/right/folder",
        ),
        ({"encoding": "ascii"}, "the terminal's encoding is ascii", "export PYTHONUTF8=1"),
    ],
)  # fmt: skip
def test_each_bite_has_what_mends_it(facts, what, mend):
    (found,) = findings(replace(SOUND, **facts))
    assert (found.what, found.mend) == (what, mend)


def test_facts_are_aligned_and_fit_the_terminal():
    lines = command.facts(ON_GPU)
    assert lines == [
        "hbench      0.1.0, Python 3.12.1",
        "system      Linux-6.1",
        "libraries   torch 2.8.0",
        "extras      tensorboard 2.20.0; not installed: pip install mlflow",
        "devices     cuda:0 NVIDIA L40, 47 GB of 48 GB free; cpu (torch built for CUDA",
        "            12.8; the driver serves CUDA 12.9)",
        "cores       8, 8 for this process; load 0.3; a job takes 8 threads",
        "memory      30 GB of 32 GB available",
        "results     results",
        "cache       results/cache, not there yet",
        "hub cache   /home/me/.cache/huggingface/hub, 3.0 GB",
        "compiled    /lib/hbench/__pycache__, 7 MB",
        "disk        100 GB free for results, 100 GB for models",
        "settings    HBENCH_DATA=/data",
        "plugins     5 samplers, 1 executor",
        "terminal    utf-8",
    ]


def test_a_container_is_known_by_its_control_group(tmp_path):
    (tmp_path / "cpu.max").write_text("150000 100000\n", encoding="utf-8")
    (tmp_path / "memory.max").write_text("1073741824\n", encoding="utf-8")
    assert container_limits(tmp_path) == (1.5, GIB)
    (tmp_path / "cpu.max").write_text("max 100000\n", encoding="utf-8")
    (tmp_path / "memory.max").write_text("max\n", encoding="utf-8")
    assert container_limits(tmp_path) == (None, None)
    assert container_limits(tmp_path / "absent") == (None, None)


def test_a_folder_is_tried_and_left_as_it_was(tmp_path):
    (tmp_path / "file").write_text("12345", encoding="utf-8")
    there = folder(tmp_path)
    assert (there.exists, there.refusal, there.size) == (True, "", 5)
    absent = folder(tmp_path / "a" / "b")
    assert (absent.exists, absent.refusal, absent.size) == (False, "", 0)
    below = folder(tmp_path / "file" / "b")
    assert below.refusal == f"Not a directory ({tmp_path / 'file'})"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    """Calls the command in an empty folder, where nothing is set that it looks for."""
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command.doctor)
    return lambda *options: CliRunner().invoke(app, options)


def test_this_machine_is_described_and_nothing_is_written(doctor, tmp_path, monkeypatch):
    monkeypatch.setenv("HBENCH_OFFLINE", "1")
    done = doctor("--results", "mine")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "results     mine, not there yet" in lines
    assert "  * HBENCH_OFFLINE=1" in lines
    assert list(tmp_path.iterdir()) == []


def test_programs_get_the_facts_and_findings_as_json(doctor, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    done = doctor("--format", "json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["plugins"]["sampler"] >= 5
    assert ("flash-attn" in found["extras"]) == bool(found["torch"]["cuda"])
    assert found["findings"][0] == {
        "what": "OMP_NUM_THREADS='many' is not a number of threads; unset it",
        "consequence": "plan and run end with this message",
        "mend": "as it says",
    }


def test_a_wrong_call_ends_with_2(doctor):
    assert doctor("--format", "xml").exit_code == 2


def test_plugins_that_are_installed_wrongly_are_found(doctor, monkeypatch):
    points = [
        EntryPoint("broken", "no_such_module:Thing", "hbench.samplers"),
        EntryPoint("twice", "hbench.errors:shown", "hbench.metrics"),
        EntryPoint("twice", "hbench.errors:printable", "hbench.metrics"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda: EntryPoints(points))
    registry.forget()
    found = json.loads(doctor("--format", "json").stdout)
    registry.forget()
    assert found["broken"][0][0] == "sampler 'broken'"
    assert "No module named 'no_such_module'" in found["broken"][0][2]
    assert found["clashes"] == {"metric 'twice'": ["?", "?"]}
