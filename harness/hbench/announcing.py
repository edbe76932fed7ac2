"""What is said before a run: how much there is to do, and what will be downloaded."""

from collections.abc import Sequence

from hbench import downloads
from hbench.jobs import DataJob
from hbench.plan import Plan
from hbench.provenance import Hardware
from hbench.store import Store


def headline(plan: Plan, hardware: Hardware) -> str:
    """How many jobs there are to run, in a line."""
    names = ", ".join(part.name for part in plan.benchmarks)
    done = len(plan.jobs) - len(plan.todo)
    if not plan.todo:
        return f"{names}: everything is done already"
    return f"{names}: {len(plan.todo)} jobs to run, {done} need not run, on {hardware}"


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
