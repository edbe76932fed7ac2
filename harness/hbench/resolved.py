"""A benchmark's ``resolved.json``: the spec with every default written out, and where results lie.

Compare reads nothing else of a spec, so that tables need neither the spec file nor its plugins.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hbench.errors import shown
from hbench.jobs import DataJob, ScoreJob
from hbench.matrix import Method
from hbench.planner import BenchmarkPlan
from hbench.registry import Kind, build
from hbench.spec import AXES
from hbench.store import Store
from hbench.uses import UNTRAINED, PluginUse

MOST = 3  # changes that a note lists


def resolved(plan: BenchmarkPlan, store: Store) -> dict[str, Any]:
    """The benchmark with every default written out, and where its results lie; JSON."""
    spec = plan.benchmark.model_dump(mode="json", exclude_none=True)
    for axis in AXES:
        for name, uses in plan.benchmark.axis(axis).items():
            filled = [_with_defaults(axis, use) for use in uses if use.use != UNTRAINED]
            if filled:
                is_list = axis == "objective" and bool(plan.benchmark.objectives[name].several)
                spec[f"{axis}s"][name] = filled if is_list else filled[0]
    for name, transform in plan.benchmark.transforms.items():
        if transform.data is not None:
            spec["transforms"][name]["data"] = _with_defaults("dataset", transform.data)
    for name, evaluation in plan.benchmark.evaluate.items():
        spec["evaluate"][name]["data"] = _with_defaults("dataset", evaluation.data)
        spec["evaluate"][name]["metrics"] = [metric.label for metric in evaluation.metrics]
    if plan.benchmark.train is not None:
        train = plan.benchmark.train
        for name, source in train.data.items():
            spec["train"]["data"][name] = _with_defaults("dataset", source)
        if train.validation is not None:
            spec["train"]["validation"]["data"] = _with_defaults("dataset", train.validation.data)
    return {
        "benchmark": plan.name,
        "spec": spec,
        "methods": [_resolved_method(method, plan, store) for method in plan.methods],
        "training": {name: _relative(job.folder(store), store) for name, job in _sources(plan)},
        "evaluations": {
            name: _resolved_evaluation(name, plan, store) for name in plan.benchmark.evaluate
        },
    }


def _sources(plan: BenchmarkPlan) -> list[tuple[str, DataJob]]:
    """The training data by the spec's names, if some system has any."""
    jobs = [job for by_seed in plan.systems.values() for job in by_seed.values() if job.sources]
    names = plan.benchmark.train.data if plan.benchmark.train is not None else ()
    return list(zip(names, jobs[0].sources, strict=True)) if jobs and names else []


def _with_defaults(kind: Kind, use: PluginUse) -> dict[str, Any]:
    own = use.model_dump(include=set(type(use).model_fields), exclude_none=True)
    return {**own, **build(kind, use.use, use.options).options}


def _resolved_method(method: Method, plan: BenchmarkPlan, store: Store) -> dict[str, Any]:
    jobs = plan.systems[method.name]
    return {
        "name": method.name,
        "axes": dict(method.axes),
        # A pretrained encoder as it is has no seeds: it is one fixed model.
        "seeded": any(job.sampler or job.encoder.plugin.from_scratch for job in jobs.values()),
        "systems": {
            str(seed): {"key": job.key, "folder": _relative(job.folder(store), store)}
            for seed, job in jobs.items()
        },
    }


def _resolved_evaluation(name: str, plan: BenchmarkPlan, store: Store) -> dict[str, Any]:
    scores = plan.scores[name]
    first = next(job for by_seed in scores.values() for job in by_seed.values())
    return {
        "data": first.rank.vectors.data.key,
        "folder": _relative(first.rank.vectors.data.folder(store), store),
        "settings": {
            setting: [[c.query_language, c.pool_name] for c in parts]
            for setting, parts in first.settings
        },
        "metrics": {
            label: {
                "use": metric.entry.name,
                "options": dict(metric.options),
                "direction": metric.plugin.direction,
                "key": first.metric_keys[label],
            }
            for label, metric in first.metrics
        },
        "notes": plan.benchmark.evaluate[name].notes,
        "leakage": _resolved_leakage(name, plan, store),
        "scores": {
            method: {str(seed): _resolved_scores(job, store) for seed, job in by_seed.items()}
            for method, by_seed in scores.items()
        },
    }


def _resolved_leakage(name: str, plan: BenchmarkPlan, store: Store) -> dict[str, Any] | None:
    """Where it is said what of an evaluation is in the training data, and what is done about it."""
    if plan.benchmark.train is None or name not in plan.leakage:
        return None
    job = plan.leakage[name]
    folder = _relative(job.folder(store), store)
    return {"key": job.key, "folder": folder, "action": plan.benchmark.train.leakage}


def _resolved_scores(job: ScoreJob, store: Store) -> dict[str, Any]:
    """Where a system's scores lie, and the vectors that they come from."""
    fit = job.rank.fit
    transform = fit and {
        "use": fit.transform.entry.name,
        "options": dict(fit.transform.options),
        "folder": _relative(fit.folder(store), store),
    }
    return {
        "key": job.rank.key,
        "folder": _relative(job.folder(store), store),
        "vectors": job.rank.vectors.encoding,
        "transform": transform,
    }


def _relative(folder: Path, store: Store) -> str:
    return folder.relative_to(store.root).as_posix()


def replaced(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """What a run takes the place of, if an earlier one of its benchmark had another spec.

    Args:
        before: ``resolved.json`` as it was.
        now: as it will be.
    """
    changes = list(_changes("", before["spec"], now["spec"]))
    if not changes:
        return None
    more = f" and {len(changes) - MOST} more" if len(changes) > MOST else ""
    return (
        f"{now['benchmark']}: its last run had another spec ({'; '.join(changes[:MOST])}{more}). "
        "Its tables are replaced; its systems are kept, and shown again by a run of that spec"
    )


def _changes(place: str, before: Any, now: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """As ``train.steps: 80 before, 20 now``, for each value that is another."""
    if before == now:
        return
    if not (isinstance(before, dict) and isinstance(now, dict)):
        was, is_now = (shown(value) if value is not None else "none" for value in (before, now))
        yield f"{place}: {was} before, {is_now} now"
        return
    for key in [*before, *(key for key in now if key not in before)]:
        yield from _changes(f"{place}.{key}".lstrip("."), before.get(key), now.get(key))
