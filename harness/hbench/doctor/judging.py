"""What of a machine will bite: what is so, what follows from it, and what mends it."""

from collections.abc import Iterator
from dataclasses import dataclass

from hbench.doctor.facts import Folder, Machine

GIB = 1 << 30
LITTLE_MEMORY = 2 * GIB  # bytes: torch, its optimiser and a small encoder
LITTLE_DISK = 5 * GIB  # bytes: a pretrained encoder, its checkpoint and some vectors
LITTLE_FREE = 0.5  # share of a GPU's memory, below which somebody else must be using it
BUSY = 0.5  # share of the cores in use by others
OFF = ("", "0")


@dataclass(frozen=True)
class Finding:
    """One thing that will bite.

    Args:
        what: is so.
        consequence: what follows from it.
        mend: a command, or what else mends it.
    """

    what: str
    consequence: str
    mend: str


def findings(machine: Machine) -> list[Finding]:
    """All that will bite, the worst first."""
    return [
        *_software(machine),
        *_plugins(machine),
        *_folders(machine),
        *_devices(machine),
        *_processor(machine),
        *_memory(machine),
        *_settings(machine),
    ]


def sized(size: float) -> str:
    """A size for people.

    >>> sized(1.5 * GIB), sized(120 * GIB), sized(7_000_000)
    ('1.5 GB', '120 GB', '7 MB')
    """
    if size < GIB:
        return f"{size / (1 << 20):.0f} MB"
    return f"{size / GIB:.1f} GB" if size < 10 * GIB else f"{size / GIB:.0f} GB"


def _software(machine: Machine) -> Iterator[Finding]:
    for wanted, found in machine.unmet.items():
        there = f"{found} is installed" if found else "nothing is installed"
        yield Finding(f"hbench needs {wanted}, and {there}", "jobs may fail, or give other "
                      "figures than the tests have seen", f"pip install '{wanted}'")  # fmt: skip
    if machine.torch.error:
        yield Finding(f"torch does not work: {machine.torch.error}", "nothing can be trained "
                      "or encoded", "pip install --force-reinstall torch")  # fmt: skip
    if machine.refusal:
        yield Finding(machine.refusal, "plan and run end with this message", "as it says")


def _plugins(machine: Machine) -> Iterator[Finding]:
    for plugin, distribution, cause in machine.broken:
        yield Finding(
            f"{plugin} is broken: {cause}",
            "a benchmark that names it is refused",
            f"mend it, or pip uninstall {distribution}",
        )
    for name, owners in machine.clashes.items():
        yield Finding(
            f"{name} is claimed by {' and '.join(owners)}",
            "a benchmark that names it is refused",
            f"pip uninstall {owners[-1]}",
        )


def _folders(machine: Machine) -> Iterator[Finding]:
    results, cache = machine.results, machine.cache
    if results.refusal:
        yield Finding(
            f"the results folder {results.path} cannot be written: {results.refusal}",
            "run ends before its first job",
            "give another with --results",
        )
    elif results.free < LITTLE_DISK:
        clean = f"rm -r {cache.path} frees {sized(cache.size)}" if cache.size else ""
        yield Finding(
            f"{sized(results.free)} are free where {results.path} lies",
            "vectors and checkpoints may not fit, and jobs fail",
            clean or "give a folder on another disk with --results",
        )
    yield from _model_folder(machine.hub)
    if machine.compiled.refusal:
        yield Finding(
            f"numba cannot keep its work in {machine.compiled.path}: {machine.compiled.refusal}",
            "every process compiles anew, for some seconds",
            "export NUMBA_CACHE_DIR=/a/folder/of/yours",
        )


def _model_folder(hub: Folder) -> Iterator[Finding]:
    if hub.refusal:
        yield Finding(
            f"models from the hub cannot be kept in {hub.path}: {hub.refusal}",
            "pretrained encoders cannot be fetched",
            "export HF_HOME=/a/folder/of/yours",
        )
    elif hub.free < LITTLE_DISK:
        yield Finding(
            f"{sized(hub.free)} are free where models from the hub lie, {hub.path}",
            "a pretrained encoder of 1 to 2 GB may not fit",
            "export HF_HOME=/a/folder/of/yours",
        )


def _devices(machine: Machine) -> Iterator[Finding]:
    torch = machine.torch
    if machine.drivers and not torch.gpus and not torch.error:
        yield _unseen_gpu(machine)
    freest = max(range(len(torch.gpus)), key=lambda n: torch.gpus[n].free, default=0)
    for number, gpu in enumerate(torch.gpus):
        another = f"; --device cuda:{freest} takes another" if freest != number else ""
        if gpu.free < LITTLE_FREE * gpu.memory:
            yield Finding(
                f"GPU {number} ({gpu.name}) has {sized(gpu.free)} of {sized(gpu.memory)} free",
                "somebody else uses it: training is slower, and may run out of memory",
                f"nvidia-smi shows who{another}",
            )


def _unseen_gpu(machine: Machine) -> Finding:
    """Why torch does not see a GPU that the driver knows."""
    names, cuda = ", ".join(dict.fromkeys(machine.drivers)), machine.torch.cuda
    slow = "everything runs on the CPU, many times slower"
    if not cuda:
        version = machine.versions.get("torch")
        return Finding(
            f"{names} is there, and torch {version} is built for CPUs alone",
            slow,
            "install torch for CUDA, by the command that pytorch.org/get-started gives",
        )
    if "CUDA_VISIBLE_DEVICES" in machine.settings:
        hidden = machine.settings["CUDA_VISIBLE_DEVICES"]
        return Finding(
            f"{names} is there, and CUDA_VISIBLE_DEVICES={hidden!r} hides it",
            slow,
            "unset CUDA_VISIBLE_DEVICES",
        )
    if machine.driver_cuda and _major(machine.driver_cuda) < _major(cuda):
        return Finding(
            f"{names} is there; its driver serves CUDA {machine.driver_cuda}, and torch is built "
            f"for {cuda}",
            "torch does not see the GPU, and a run on it fails",
            f"update the driver, or install torch for CUDA {machine.driver_cuda}",
        )
    return Finding(
        f"{names} is there, and torch, built for CUDA {cuda}, does not see it",
        "a run on the GPU fails",
        "python -c 'import torch; torch.cuda.init()' tells why",
    )


def _processor(machine: Machine) -> Iterator[Finding]:
    cores, threads = machine.cores, machine.threads
    able = min(cores.usable, cores.quota or cores.usable)
    if threads > max(1, able):
        allowed = "this container may use" if able < cores.usable else "there are"
        best = max(1, int(able))
        yield Finding(
            f"jobs take {threads} threads, and {allowed} {able:g} cores",
            "they wait for each other, and training is slower",
            f"export OMP_NUM_THREADS={best}, and keep it: on a CPU threads are part of a system's "
            "key",
        )
    if cores.busy > BUSY * cores.usable:
        yield Finding(
            f"the load of the last minute is {cores.busy:.1f} on {cores.usable} cores",
            "training is slower, and its speeds are no measurements",
            "wait, see with top what it is, or export OMP_NUM_THREADS=1: threads that share their "
            "cores with others wait for each other",
        )


def _memory(machine: Machine) -> Iterator[Finding]:
    memory = machine.memory
    free = min(memory.available, memory.limit or memory.available)
    if free < LITTLE_MEMORY:
        yield Finding(
            f"{sized(free)} of memory are available",
            "jobs may be killed without a message",
            "end other programs; in a spec set train.gradient_caching: true",
        )


def _settings(machine: Machine) -> Iterator[Finding]:
    settings = machine.settings
    offline = [
        name for name in ("HBENCH_OFFLINE", "HF_HUB_OFFLINE") if settings.get(name, "") not in OFF
    ]
    if offline:
        what = {"HBENCH_OFFLINE": "datasets", "HF_HUB_OFFLINE": "models"}
        yield Finding(
            f"{' and '.join(f'{name}={settings[name]}' for name in offline)}",
            f"{' and '.join(what[name] for name in offline)} that are not here are not fetched",
            f"unset {' '.join(offline)}",
        )
    for name in machine.lacking:
        yield Finding(
            f"{name}={settings.get(name, '')} names no folder",
            "what should lie there is not found",
            f"export {name}=/the/right/folder",
        )
    if not _is_unicode(machine.encoding):
        yield Finding(
            f"the terminal's encoding is {machine.encoding}",
            "tables and texts hold signs that it lacks, and printing them fails",
            "export PYTHONUTF8=1",
        )


def _is_unicode(encoding: str) -> bool:
    return encoding.lower().replace("-", "").startswith("utf")


def _major(version: str) -> int:
    """The number before the first dot.

    >>> _major("12.4")
    12
    """
    head = version.partition(".")[0]
    return int(head) if head.isdecimal() else 0
