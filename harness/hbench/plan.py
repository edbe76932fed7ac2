"""From a spec to jobs: which there are, which are done already, and in which order they run.

Builds plugins, which is cheap, but imports no torch and writes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hbench.errors import DataError, OptionError, did_you_mean
from hbench.jobs import Job
from hbench.planner import BenchmarkPlan, Planner
from hbench.provenance import Hardware
from hbench.spec import Spec
from hbench.store import Store


@dataclass(frozen=True)
class Plan:
    """All jobs of the chosen benchmarks.

    Args:
        benchmarks: in the order of the spec.
        jobs: every job once, each after what it needs.
        todo: those that had to run when this was planned, in the same order; see ``left``.
    """

    benchmarks: Sequence[BenchmarkPlan]
    jobs: Sequence[Job]
    todo: Sequence[Job]

    def left(self, store: Store) -> list[Job]:
        """Those that have to run: not done by now, and needed for something that is not done.

        Raises:
            StoreError: the results folder cannot be read, or is of another hbench.
        """
        return _left(self.benchmarks, store)


def make_plan(spec: Spec, store: Store, hardware: Hardware, only: Sequence[str] = ()) -> Plan:
    """Work out the jobs.

    Args:
        spec: a checked spec.
        store: where results are looked for.
        hardware: what the jobs would run on.
        only: names of benchmarks; none means all that run by default.

    Raises:
        OptionError: ``only`` names no benchmark of the spec.
        DataError: data is missing, or cannot offer what is asked of it; holds every such mistake.
    """
    for name in only:
        if name not in spec.benchmarks:
            raise OptionError(f"--only {name}: {did_you_mean(name, spec.benchmarks)}")
    chosen = only or [name for name, benchmark in spec.benchmarks.items() if benchmark.default]
    if not chosen:
        names = ", ".join(spec.benchmarks)
        raise OptionError(f"no benchmark runs by default; choose with --only from: {names}")
    planner = Planner(hardware)
    benchmarks = [planner.benchmark(name, spec.benchmarks[name]) for name in dict.fromkeys(chosen)]
    if planner.mistakes:
        raise DataError("\n".join(dict.fromkeys(planner.mistakes)))
    return Plan(benchmarks, _ordered(_all_goals(benchmarks)), _left(benchmarks, store))


def _left(benchmarks: Sequence[BenchmarkPlan], store: Store) -> list[Job]:
    return _ordered(_all_goals(benchmarks), lambda job: not job.is_done(store))


def _all_goals(benchmarks: Sequence[BenchmarkPlan]) -> list[Job]:
    return [job for part in benchmarks for job in _goals(part)]


def _goals(plan: BenchmarkPlan) -> Iterable[Job]:
    """What a benchmark must have in the end: system by system, so that tables fill up early."""
    yield from plan.leakage.values()
    for method, by_seed in plan.systems.items():
        for seed, system in by_seed.items():
            yield system
            for scores in plan.scores.values():
                yield scores[method][seed]


def _ordered(goals: Iterable[Job], wanted: Callable[[Job], bool] = lambda job: True) -> list[Job]:
    """Goals and what they need, each once and after its needs; what is not wanted needs nothing."""
    found: dict[str, Job] = {}

    def visit(job: Job) -> None:
        if job.key not in found and wanted(job):
            for need in job.needs:
                visit(need)
            found[job.key] = job

    for goal in goals:
        visit(goal)
    return list(found.values())
