"""A disk that is full ends in words; nothing half is taken for whole, and the run goes on later."""

import resource
import subprocess
import sys

import pytest
from tests.robustness.runs import DRIVER, SECONDS, final_bytes, finish, write_spec

from hbench.soundness import examine
from hbench.store import Store

SIZE = 20 * 2**20  # bytes of the file system
PLACES = 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 20 MB, where tests may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def run(spec, results, largest_file=None):
    """A run to its end, perhaps with a limit on the size of files."""

    def limit():
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        [sys.executable, "-c", DRIVER, "run", str(spec), "--results", str(results),
         "--device", "cpu"],
        capture_output=True, text=True, timeout=SECONDS, preexec_fn=limit, check=False,
    )  # fmt: skip


def check_refusal(done, results):
    """A full disk is told in words, and left nothing that is not what its manifest says."""
    assert done.returncode in (1, 2), done.stderr
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    if results.exists():
        assert examine(Store(results)).damaged == []


@pytest.mark.slow
def test_a_disk_that_fills_at_twenty_places_costs_nothing_but_time(
    small_disk, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    spec = write_spec(tmp_path, steps=20)
    finish(spec, tmp_path / "undisturbed")
    wanted = final_bytes(tmp_path / "undisturbed")
    needed = sum(p.stat().st_size for p in (tmp_path / "undisturbed").rglob("*") if p.is_file())
    results, ballast = small_disk / "results", small_disk / "ballast"
    refused = 0
    for place in range(PLACES):
        subprocess.run(["rm", "-rf", str(results), str(ballast)], check=True)
        free = int(needed * (place + 0.5) / PLACES)
        ballast.write_bytes(b"\0" * max(0, SIZE - free))
        done = run(spec, results)
        if done.returncode:
            check_refusal(done, results)
            refused += 1
        ballast.unlink()
        done = run(spec, results)
        assert done.returncode == 0, done.stderr
        assert final_bytes(results) == wanted
        assert examine(Store(results)).damaged == []
    with capsys.disabled():
        print(f"\n{refused} of {PLACES} runs met a full disk; {needed / 1e6:.1f} MB are needed")
    assert refused >= PLACES - 2


@pytest.mark.slow
@pytest.mark.parametrize("largest", [1_000, 10_000, 60_000, 200_000, 500_000])
def test_a_limit_on_the_size_of_files_is_as_a_full_disk(largest, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    spec = write_spec(tmp_path, steps=20)
    results = tmp_path / "results"
    check_refusal(run(spec, results, largest), results)
    done = run(spec, results)
    assert done.returncode == 0, done.stderr
    assert examine(Store(results)).damaged == []
