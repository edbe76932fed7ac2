"""Looks at this machine, and changes nothing: it writes an empty file where that is in question."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from hbench import registry
from hbench.doctor.facts import Cores, Folder, Gpu, Machine, Memory, Torch
from hbench.errors import DeviceError, HBenchError
from hbench.options import parameters
from hbench.provenance import find_hardware, versions
from hbench.store import Store
from hbench.training.trackers import TRACKERS

EXTRAS = (*TRACKERS, "sentence-transformers")
EXTRAS_ON_CUDA = ("flash-attn",)
SETTINGS = (
    "HBENCH_DATA", "HBENCH_OFFLINE", "HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE",
    "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMBA_CACHE_DIR", "CUDA_VISIBLE_DEVICES",
)  # fmt: skip
FOLDERS = ("HBENCH_DATA",)  # that must be there already
CGROUPS = Path("/sys/fs/cgroup")
ANSWER = 10.0  # seconds that a driver has to answer


def examine(results: Path) -> Machine:
    """Look at everything.

    Args:
        results: the results folder, there or not.
    """
    import psutil

    settings = {name: os.environ[name] for name in SETTINGS if name in os.environ}
    cpus, limit = container_limits(CGROUPS)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads, refusal = usable or 1, ""
    try:
        threads = find_hardware("cpu").threads
    except DeviceError as error:
        refusal = str(error)
    memory = psutil.virtual_memory()
    drivers, driver_cuda = _drivers()
    broken, clashes = _plugins()
    torch = _torch()
    extras = (*EXTRAS, *(EXTRAS_ON_CUDA if torch.cuda else ()))
    return Machine(
        platform=platform.platform(),
        versions=versions(),
        unmet=_unmet(),
        extras={name: _version(name) for name in extras},
        torch=torch,
        drivers=drivers,
        driver_cuda=driver_cuda,
        cores=Cores(os.cpu_count() or 1, usable or 1, cpus, psutil.getloadavg()[0]),
        memory=Memory(memory.total, memory.available, limit),
        threads=threads,
        refusal=refusal,
        results=folder(results, sized=False),
        cache=folder(Store(results).downloads.parent),
        hub=folder(_hub()),
        compiled=_compiled(),
        settings=settings,
        lacking=[name for name in FOLDERS if not Path(settings.get(name) or ".").is_dir()],
        plugins={kind: len(registry.entries(kind)) for kind in registry.KINDS},
        broken=broken,
        clashes=clashes,
        encoding=sys.stdout.encoding or "",
    )


def folder(path: Path, *, sized: bool = True) -> Folder:
    """A folder that may not be there yet; whether it can be written is tried."""
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    refusal = ""
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        refusal = f"{error.strerror or error}" + ("" if there == path else f" ({there})")
    free = shutil.disk_usage(there).free
    return Folder(str(path), path.exists(), refusal, _size(path) if sized else 0, free)


def container_limits(root: Path) -> tuple[float | None, int | None]:
    """Cores and bytes of memory that this process's control groups (version 2) allow.

    Args:
        root: where they are mounted.
    """
    cpus: list[float] = []
    sizes: list[int] = []
    for group in _groups(root):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if quota.isdecimal() and period.isdecimal():
            cpus.append(int(quota) / int(period))
        size = _read(group / "memory.max")
        if size.isdecimal():
            sizes.append(int(size))
    return min(cpus, default=None), min(sizes, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """This process's group and those above it; in a container the root is its own."""
    own = next(
        (line[3:] for line in _read(Path("/proc/self/cgroup")).splitlines() if line[:3] == "0::"),
        "/",
    )
    place = root / own.strip("/")
    yield from (each for each in (place, *place.parents) if each.is_relative_to(root))


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8").strip()
    return ""


def _torch() -> Torch:
    gpus = []
    try:
        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an old driver it warns, and so do the findings
            for number in range(torch.cuda.device_count()):
                free, total = torch.cuda.mem_get_info(number)
                gpus.append(Gpu(torch.cuda.get_device_name(number), total, free))
        return Torch(torch.version.cuda or "", gpus, torch.backends.mps.is_available())
    except Exception as error:  # a broken installation fails in whatever way, and is to be told
        return Torch(error=" ".join(f"{type(error).__name__}: {error}".split()))


def _drivers() -> tuple[Sequence[str], str]:
    """The GPUs that the driver knows, and the newest CUDA that it serves."""
    if shutil.which("nvidia-smi") is None:
        return [], ""
    names = _asked("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").splitlines()
    found = re.search(r"CUDA(?: UMD)? Version:\s*([\d.]+)", _asked("nvidia-smi"))
    return [name.strip() for name in names if name.strip()], found[1] if found else ""


def _asked(*command: str) -> str:
    """What a command prints; "" if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _unmet() -> Mapping[str, str | None]:
    """The requirements of hbench that are not met, with the version that is there."""
    from packaging.requirements import Requirement

    unmet: dict[str, str | None] = {}
    for text in requires("hbench") or ():
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        there = _version(wanted.name)
        if there is None or not wanted.specifier.contains(there, prereleases=True):
            unmet[f"{wanted.name}{wanted.specifier}"] = there
    return unmet


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _hub() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _compiled() -> Folder:
    """Where numba keeps its work: where it is told to, by the source, or in the user's cache."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return folder(Path(chosen))
    spec = find_spec("hbench.compiled")
    beside = folder(Path(spec.origin).parent / "__pycache__" if spec and spec.origin else Path())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "numba"
    return folder(home) if beside.refusal else beside


def _plugins() -> tuple[list[tuple[str, str, str]], dict[str, Sequence[str]]]:
    """What is broken, and what is claimed twice."""
    broken: list[tuple[str, str, str]] = []
    clashes: dict[str, Sequence[str]] = {}
    for kind in registry.KINDS:
        for name, offered in registry.entries(kind).items():
            if len(offered) > 1:
                clashes[f"{kind} {name!r}"] = [entry.distribution for entry in offered]
            for entry in offered:
                try:
                    parameters(registry.load(entry))
                except HBenchError as error:
                    broken.append((f"{kind} {name!r}", entry.distribution, str(error)))
    return broken, clashes


def _size(path: Path) -> int:
    """Bytes of the files below a folder, each once."""
    total = 0
    for place, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                found = Path(place, name).lstat()
                total += found.st_size
    return total
