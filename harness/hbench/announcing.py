"""What is said before a run: how much there is to do, what will be downloaded, what hinders."""

from collections.abc import Sequence

from hbench import downloads
from hbench.jobs import DataJob, TrainJob
from hbench.plan import Plan
from hbench.provenance import Hardware
from hbench.store import Store

LOOK = 0.3  # seconds in which it is seen what other processes do
SPARE = 0.5  # of a core: what a machine at rest needs for itself


def headline(plan: Plan, hardware: Hardware) -> str:
    """How many jobs there are to run, in a line."""
    names = ", ".join(part.name for part in plan.benchmarks)
    done = len(plan.jobs) - len(plan.todo)
    if not plan.todo:
        return f"{names}: everything is done already"
    return f"{names}: {len(plan.todo)} jobs to run, {done} need not run, on {hardware}"


def crowded(plan: Plan, hardware: Hardware) -> list[str]:
    """A note where other processes hold cores that a training's threads want.

    Each product of a small model ends when the last thread ends, so that one that waits for its
    core holds up the others: measured 40 times slower, with 2 threads beside one busy process on 2
    cores.
    """
    trains = any(isinstance(job, TrainJob) for job in plan.todo)
    if hardware.device != "cpu" or hardware.threads == 1 or not trains:
        return []
    import psutil

    cores = psutil.cpu_percent(interval=LOOK, percpu=True)
    busy = sum(cores) / 100
    if len(cores) - busy > hardware.threads - SPARE:
        return []
    note = (
        f"note: other processes hold {busy:.1f} of {len(cores)} cores, and {hardware.threads} "
        "threads that share the rest wait for each other: training can take many times as long. "
        "End them, or take fewer threads: OMP_NUM_THREADS=1 (on a CPU it is part of a system's key)"
    )
    return [note]


def announce_downloads(plan: Plan, store: Store) -> list[str]:
    """What will be downloaded for a plan; see ``announce``."""
    return announce([job for job in plan.todo if isinstance(job, DataJob)], store)


def announce(waiting: Sequence[DataJob], store: Store) -> list[str]:
    """What will be downloaded, with its size and licence: a line for each dataset.

    Raises:
        DataError: nothing may be downloaded, and something is not here.
    """
    downloads.settle(store.downloads)
    downloads.require([remote for job in waiting for remote in job.downloads])
    lines = []
    for job in waiting:
        absent = downloads.missing(job.downloads)
        if absent:
            size = sum(remote.size for remote in absent) / 1e6
            licences = "; ".join(dict.fromkeys(remote.licence for remote in absent))
            lines.append(
                f"to download for {job.title.removeprefix('data ')}: {len(absent)} files, "
                f"{size:,.1f} MB; licence: {licences}"
            )
    return lines
