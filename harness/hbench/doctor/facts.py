"""What is known of a machine, as far as hbench depends on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Gpu:
    """A GPU as torch sees it; memory in bytes."""

    name: str
    memory: int
    free: int


@dataclass(frozen=True)
class Torch:
    """What torch was built for, and what it sees.

    Args:
        cuda: the version of CUDA that it was built for; "" for none.
        gpus: that it sees.
        mps: whether it can use Apple's GPU.
        error: why it cannot be used.
    """

    cuda: str = ""
    gpus: Sequence[Gpu] = ()
    mps: bool = False
    error: str = ""


@dataclass(frozen=True)
class Cores:
    """The processor.

    Args:
        count: cores of the machine.
        usable: that this process may run on.
        quota: as many as its container lets it use on average; None is no limit.
        busy: the load: as many as were in use, or wanted, over the last minute.
    """

    count: int
    usable: int
    quota: float | None = None
    busy: float = 0.0


@dataclass(frozen=True)
class Memory:
    """Main memory in bytes; ``limit`` is the container's, None is no limit."""

    total: int
    available: int
    limit: int | None = None


@dataclass(frozen=True)
class Folder:
    """A folder that hbench writes to.

    Args:
        path: of it.
        exists: whether it is there.
        refusal: why it, or where it is absent its parent, cannot be written; "" if it can.
        size: bytes of the files in it.
        free: bytes on its disk.
    """

    path: str
    exists: bool = True
    refusal: str = ""
    size: int = 0
    free: int = 0


@dataclass(frozen=True)
class Machine:
    """All that is looked at.

    Args:
        platform: the system.
        versions: of Python and the libraries; None is not installed.
        unmet: what hbench needs and is not there, or in another version, by requirement.
        extras: optional packages; None is not installed.
        torch: what it sees.
        drivers: names of the GPUs that the driver knows, which torch may not see.
        driver_cuda: the newest CUDA that the driver can serve; "" if unknown.
        cores: of the processor.
        memory: main memory.
        threads: that a job would take.
        refusal: why no command can choose its hardware; "" if it can.
        results: the results folder.
        cache: hbench's own, below the results.
        hub: where models from the hub are kept.
        compiled: where numba keeps its work.
        settings: variables of the environment that are set.
        lacking: variables that name a folder that is not there.
        plugins: how many there are, by kind.
        broken: what cannot be used of them: the plugin, its distribution and the cause.
        clashes: names that several distributions claim, with these.
        encoding: of the terminal.
    """

    platform: str
    versions: Mapping[str, str | None]
    cores: Cores
    memory: Memory
    threads: int
    results: Folder
    cache: Folder
    hub: Folder
    compiled: Folder
    torch: Torch = field(default_factory=Torch)
    unmet: Mapping[str, str | None] = field(default_factory=dict)
    extras: Mapping[str, str | None] = field(default_factory=dict)
    drivers: Sequence[str] = ()
    driver_cuda: str = ""
    refusal: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    lacking: Sequence[str] = ()
    plugins: Mapping[str, int] = field(default_factory=dict)
    broken: Sequence[tuple[str, str, str]] = ()
    clashes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    encoding: str = "utf-8"
