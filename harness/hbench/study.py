"""hbench from Python: load a spec, run it, and have the results as data frames.

    import hbench

    study = hbench.load("benchmarks.yaml")
    results = study.run()
    results.levels[["setting", "metric", "method", "mean", "low", "high"]]

The command line does the same through these two classes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hbench.errors import HBenchError, printable
from hbench.findings import Ended, Results, read_results

if TYPE_CHECKING:
    from hbench.executor import Result
    from hbench.plan import Plan
    from hbench.protocols import Executor
    from hbench.site import Site
    from hbench.spec import Spec


def load(file: str | Path, overrides: Sequence[str] = ()) -> "Study":
    """Read and check a benchmark file.

    Args:
        file: the YAML file.
        overrides: values to change, as ``benchmarks.quickstart.train.steps=10``.

    Raises:
        SpecError: holds every mistake, each with file, line and column.
        OptionError: an override cannot be applied.
    """
    from hbench.validate import load_spec

    return Study(Path(file), load_spec(Path(file), overrides))


def go_offline() -> None:
    """Let nothing be downloaded from now on, in this process and those that it starts."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HBENCH_OFFLINE": "1"}


def results(folder: str | Path = "results", benchmarks: Sequence[str] = ()) -> Results:
    """What is in a results folder; trains and evaluates nothing.

    Args:
        folder: the results folder.
        benchmarks: names; none means all that are there.

    Raises:
        StoreError: there is no benchmark, or one is damaged.
        OptionError: there is no benchmark of such a name.
    """
    return read_results(Path(folder), benchmarks)


@dataclass(frozen=True)
class Study:
    """A checked benchmark file.

    Args:
        file: where it lies.
        spec: what it asks for.
    """

    file: Path
    spec: "Spec"

    def plan(
        self,
        results: str | Path = "results",
        *,
        only: Sequence[str] = (),
        device: str | None = None,
    ) -> "Plan":
        """Work out the jobs, and which of them are done already; runs and writes nothing.

        Args:
            results: the results folder.
            only: names of benchmarks; none means all that run by default.
            device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None takes CUDA where it is there.

        Raises:
            OptionError: ``only`` names no benchmark of the spec.
            DataError: data is missing, or cannot offer what is asked of it.
            DeviceError: there is no such device.
        """
        from hbench.plan import make_plan
        from hbench.provenance import find_hardware
        from hbench.store import Store

        return make_plan(self.spec, Store(Path(results)), find_hardware(device), only)

    def run(
        self,
        results: str | Path = "results",
        *,
        only: Sequence[str] = (),
        device: str | None = None,
        executor: str = "local",
        offline: bool = False,
        fail_fast: bool = False,
        locked: bool = False,
        trackers: Sequence[str] = (),
    ) -> Results:
        """Train and evaluate what is missing; progress is shown on standard error, or a notebook.

        Args:
            results: the results folder; nothing else is written.
            only: names of benchmarks; none means all that run by default.
            device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None takes CUDA where it is there.
            executor: the plugin that runs the jobs.
            offline: download nothing.
            fail_fast: stop at the first failure.
            locked: refuse to take over results that other versions made.
            trackers: names of experiment trackers that training reports to.

        Returns:
            The results, and how each job ended: a job that failed is no exception. Of processes
            that torchrun starts together only the first returns; the others share its trainings,
            and then end.

        Raises:
            HBenchError: as ``plan``; and what cannot be written or found before any job runs.
        """
        from hbench.announcing import announce_downloads, crowded, headline
        from hbench.locked import refuse_other_versions
        from hbench.plan import make_plan
        from hbench.provenance import find_hardware
        from hbench.registry import build
        from hbench.site import Site
        from hbench.store import Store
        from hbench.training.processes import join_processes
        from hbench.training.trackers import check_trackers

        if offline:
            go_offline()
        store, hardware = Store(Path(results)), find_hardware(device)
        chosen = build("executor", executor, {}).plugin
        plan = make_plan(self.spec, store, hardware, only)
        if locked:
            refuse_other_versions(plan, store)
        check_trackers(trackers)
        announced = [headline(plan, hardware), *announce_downloads(plan, store)]
        announced += crowded(plan, hardware)
        site = Site(store, hardware, join_processes(hardware), tuple(trackers))
        result = _executed(plan, site, chosen, announced, fail_fast=fail_fast)
        titles = {job.key: job.title for job in plan.jobs}
        ended = [Ended(titles[key], outcome) for key, outcome in result.outcomes.items()]
        found = read_results(store.root, [part.name for part in plan.benchmarks])
        found = replace(found, ended=ended, known=result.comparisons)
        found.write_tables()
        return found


def _executed(
    plan: "Plan", site: "Site", executor: "Executor", announced: Sequence[str], *, fail_fast: bool
) -> "Result":
    """Walk the plan, if this is the first process; another takes part in training, and ends."""
    from hbench.executor import execute
    from hbench.progress import watching
    from hbench.worker import follow

    site.processes.agree("planned")  # before the first process changes what is planned upon
    if not site.processes.is_first:
        follow({job.key: job for job in plan.jobs}, site)
        raise SystemExit(0)
    typer.echo(printable("\n".join(announced)), err=True)
    try:
        with watching(plan) as watcher:
            result = execute(plan, site, executor, watcher, fail_fast=fail_fast)
    except HBenchError:
        site.processes.agree("")
        raise
    site.processes.agree("")  # the others need not wait any more
    return result
