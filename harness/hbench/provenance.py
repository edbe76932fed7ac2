"""What a job runs on: versions, device, threads; found without importing torch."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hbench.errors import DeviceError, shown

LIBRARIES = (
    "hbench", "torch", "flash-attn", "accelerate", "transformers", "tokenizers", "numpy", "scipy",
    "pyarrow", "safetensors", "ranx", "ir_datasets", "faiss-cpu", "pydantic",
)  # fmt: skip
DEVICES = ("cpu", "cuda", "mps")
# What of the environment is recorded: what changes how torch and hbench compute, and no more, since
# others hold secrets.
ENVIRONMENT = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE",
    "PYTORCH_CUDA_ALLOC_CONF", "PYTHONHASHSEED", "HF_HUB_OFFLINE", "HBENCH_OFFLINE",
)  # fmt: skip
GIT = ("git", "-c", "core.fsmonitor=false", "--no-optional-locks")  # runs no code of the folder's
PATIENCE = 5.0  # seconds that git may take


@dataclass(frozen=True)
class Hardware:
    """Where jobs run.

    Args:
        device: by torch's name.
        threads: of a job on the CPU.
        processes: that train together, each with a device or threads of its own.
    """

    device: str
    threads: int
    processes: int = 1

    @property
    def identity(self) -> dict[str, Any]:
        """What of the hardware can change an outcome: the device's class, threads on a CPU."""
        kind = self.device.partition(":")[0]
        return {"device": kind, "threads": self.threads if kind == "cpu" else None}

    def __str__(self) -> str:
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        together = f", {self.processes} processes" if self.processes > 1 else ""
        return f"{self.device}, {threads}{together}"


def find_hardware(device: str | None) -> Hardware:
    """The hardware to run on, without importing torch.

    Args:
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None takes CUDA where there is a GPU and a
            torch built for it, and else the CPU.

    Raises:
        DeviceError: the name is none of these, or OMP_NUM_THREADS is no number.
    """
    chosen = device or ("cuda" if _has_cuda() else "cpu")
    kind, _, index = chosen.partition(":")
    if kind not in DEVICES or (":" in chosen and not index.isdecimal()):
        raise DeviceError(
            f"--device: no device is named {shown(chosen)}; give cpu, cuda, cuda:0 or mps"
        )
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted and not (wanted.isdecimal() and int(wanted)):
        raise DeviceError(f"OMP_NUM_THREADS={wanted!r} is not a number of threads; unset it")
    # torchrun and `accelerate launch` say in the environment which of the processes this is.
    processes, here = _together("WORLD_SIZE"), _together("LOCAL_WORLD_SIZE")
    if processes > 1 and ":" in chosen:
        raise DeviceError(f"--device {chosen}: of several processes each takes its own; give cuda")
    if chosen == "cuda" and processes > 1:
        chosen = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return Hardware(chosen, int(wanted) if wanted else max(1, _cores() // here), processes)


@cache
def versions() -> dict[str, str | None]:
    """Versions of Python and of the libraries that take part; None for one not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def record(hardware: Hardware) -> dict[str, Any]:
    """What a manifest says of where its job ran."""
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "device": hardware.device,
        "threads": hardware.threads,
        "processes": hardware.processes,
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        "git": {"hbench": git_state(Path(__file__).parent), "here": git_state(Path.cwd())},
    }


@cache
def git_state(folder: Path) -> str | None:
    """The commit that is checked out where a folder lies, and whether files differ from it.

    Returns:
        As ``1f3c..., with changes``; None where there is no git, or the folder is not git's.
    """
    try:
        commit, tracked, changes = (
            subprocess.run(
                [*GIT, "-C", folder, *words], capture_output=True, text=True, timeout=PATIENCE,
                check=True,
            ).stdout.strip()
            for words in (
                ("rev-parse", "HEAD"), ("ls-files", "--", "."), ("status", "--porcelain"),
            )
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return (commit + (", with changes" if changes else "")) if tracked else None


def _together(name: str) -> int:
    """How many processes were started together, by a variable that their starter sets."""
    wanted = os.environ.get(name, "1")
    is_one_of_several = wanted.isdecimal() and int(wanted) and "MASTER_ADDR" in os.environ
    if wanted != "1" and not is_one_of_several:
        raise DeviceError(
            f"{name}={wanted!r} is set, but not by torchrun or `accelerate launch`; unset it"
        )
    return int(wanted)


def _cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _has_cuda() -> bool:
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return False
    built_for_cpu = (versions()["torch"] or "+cpu").endswith("+cpu")
    there = Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None
    return there and not built_for_cpu
