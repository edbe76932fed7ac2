"""A spec file checked as a whole: its shape, the plugins it names, and what it says of itself."""

import json
import re
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from math import prod
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from hbench import options, registry
from hbench.errors import (
    MOST_MISTAKES,
    HBenchError,
    Mistake,
    OptionError,
    SpecError,
    did_you_mean,
    shown,
)
from hbench.matrix import methods
from hbench.records import SCORE_KEYS
from hbench.settings import components
from hbench.spec import AXES, Benchmark, Evaluation, Spec
from hbench.specfile import SpecFile, SpecPath
from hbench.statements import Axes, check_claim, check_published, what_is_offered
from hbench.uses import UNTRAINED, PluginUse
from hbench.worded import Finding, existing, kind_of, worded

MAX_METHODS = 1000
DIVISIBLE = 7680  # a size of vectors that an index can cut into whatever number of parts it wants
# Larger ones faiss would make room for before it says anything: gigabytes.
MAX_LISTS = 2**20
MAX_PART_BITS = 12


def load_spec(path: Path, overrides: Sequence[str] = ()) -> Spec:
    """Read, complete and check a spec file.

    Args:
        path: the YAML file.
        overrides: ``benchmarks.quickstart.train.steps=10`` and the like, applied before checking.

    Raises:
        SpecError: holds every mistake, each with file, line and column.
        OptionError: an override cannot be applied.
    """
    file = SpecFile.read(path)
    if not isinstance(file.data, dict):
        message = f"a spec has the keys version and benchmarks; found {kind_of(file.data)}"
        raise SpecError([file.mistake((), message)])
    if overrides:
        file.data = json.loads(json.dumps(file.data))  # what an alias repeats is no longer shared
    file.changed = [apply_override(file.data, override) for override in overrides]
    spec = _parse(file)
    mistakes = (
        file.mistake(("benchmarks", name, *found.path), found.message, key=found.is_key)
        for name, benchmark in spec.benchmarks.items()
        for found in _check_benchmark(benchmark)
    )
    if found := list(islice(mistakes, MOST_MISTAKES + 1)):
        raise SpecError(found)
    return spec


def apply_override(data: Any, override: str) -> tuple[str, ...]:  # noqa: ANN401 - any YAML value
    """Set one value of the loaded file: ``a.b.0=1``, the value in YAML.

    Returns:
        The path of what is new in the data; above it all is as it was.

    Raises:
        OptionError: the text has no ``=``, or its path names no benchmark of the file, is longer
            than files are deep, or leads through something that has no parts.
        SpecError: the value is no YAML.
    """
    from hbench.yamltree import MAX_DEPTH

    place = f"--set {shown(override)}"
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise OptionError(f"{place}: write PATH=VALUE, as train.steps=10")
    steps = path.split(".")
    if len(steps) > MAX_DEPTH:
        raise OptionError(f"{place}: nested too deeply; {MAX_DEPTH} levels are allowed")
    _check_benchmark_is_there(data, steps, place)
    value = SpecFile(text, f"--set {path}").data
    holder, depth = data, len(steps)  # of the first step that leads to something new
    for number, step in enumerate(steps, start=1):
        if isinstance(holder, dict):
            key: Any = step
            if step not in holder:
                depth = min(depth, number)
        else:
            key = _index(holder, step, place)
        if number == len(steps):
            holder[key] = value
        else:
            holder = holder.setdefault(key, {}) if isinstance(holder, dict) else holder[key]
    return tuple(steps[:depth])


def _check_benchmark_is_there(data: Any, steps: Sequence[str], place: str) -> None:  # noqa: ANN401
    """A part of a benchmark that is not there would be a benchmark that lacks all the rest."""
    known = data.get("benchmarks")
    is_part = len(steps) > 2 and steps[0] == "benchmarks"
    if is_part and isinstance(known, dict) and steps[1] not in known:
        hint = did_you_mean(steps[1], known)
        raise OptionError(f"{place}: no benchmark is named {shown(steps[1])}: {hint}")


def _index(holder: Any, step: str, place: str) -> int:  # noqa: ANN401
    """Which part of a list a step means."""
    wrong = f"{place}: {shown(step)} is not a part of what stands there"
    if not isinstance(holder, list):
        raise OptionError(f"{wrong}, {kind_of(holder)}; set that as a whole")
    if not (step.isdecimal() and len(step) < 10 and int(step) < len(holder)):
        known = f"its parts are 0 to {len(holder) - 1}" if holder else "it has no parts"
        raise OptionError(f"{wrong}, a list; {known}")
    return int(step)


def _parse(file: SpecFile) -> Spec:
    from pydantic import ValidationError

    version = file.data.get("version")
    if isinstance(version, int) and version > 1:
        message = f"this file is of version {version}, and this hbench reads 1; upgrade hbench"
        raise SpecError([file.mistake(("version",), message)])
    try:
        return Spec.model_validate_json(json.dumps(file.data))
    except ValidationError as error:
        told = error.errors(include_url=False)[: 10 * MOST_MISTAKES]  # some become one
        unknown = (each for each in told if each["type"] == "extra_forbidden")
        others = worded((e for e in told if e["type"] != "extra_forbidden"), file.data)
        mistakes = [
            *(_unknown_key(file, existing(file.data, each["loc"])) for each in unknown),
            *(file.mistake(each.path, each.message, key=each.is_key) for each in others),
        ]
        raise SpecError(mistakes) from None


def _unknown_key(file: SpecFile, path: SpecPath) -> Mistake:
    hint = did_you_mean(str(path[-1]), _keys_at(path[:-1]))
    return file.mistake(path, f"unknown key; {hint}", key=True)


def _keys_at(path: SpecPath) -> list[str]:
    """The keys that a spec allows at ``path``, read off its models."""
    annotation: Any = Spec
    for step in path:
        annotation = _inside(annotation, step)
    return list(_model(annotation).model_fields)


def _inside(annotation: Any, step: str | int) -> Any:  # noqa: ANN401 - types have no common type
    model = _model(annotation)
    if model is not None:
        return model.model_fields[str(step)].annotation
    return next(arg for arg in reversed(get_args(annotation)) if arg is not Ellipsis)


def _model(annotation: Any) -> Any:  # noqa: ANN401
    """The model that an annotation is, or offers beside None."""
    offered = get_args(annotation) if get_origin(annotation) is UnionType else ()
    return next((c for c in (annotation, *offered) if hasattr(c, "model_fields")), None)


def _check_matrix(benchmark: Benchmark) -> Generator[Finding, None, Axes]:
    """Returns the axes of all methods, or none if they cannot be told apart or are too many."""
    count = prod(len(benchmark.axis(axis)) or 1 for axis in AXES)
    if count > MAX_METHODS:
        message = f"{count:,} methods; a benchmark can have {MAX_METHODS:,}: split it into several"
        yield Finding((), message)
        return {}
    try:
        return {method.name: method.axes for method in methods(benchmark)}
    except OptionError as error:
        yield Finding((), str(error))
        return {}


def _check_benchmark(benchmark: Benchmark) -> Iterator[Finding]:
    every = yield from _check_matrix(benchmark)
    for axis in AXES:
        for name, uses in benchmark.axis(axis).items():
            for number, use in enumerate(uses):
                place = (f"{axis}s", name) if len(uses) == 1 else (f"{axis}s", name, number)
                if axis not in ("sampler", "transform") or use.use != UNTRAINED:
                    yield from _check_plugin(axis, use, place)
                elif use.options:
                    yield Finding(place, f"the {axis} {UNTRAINED!r} has no options; remove them")
    for name, transform in benchmark.transforms.items():
        if transform.data is not None:
            yield from _check_plugin("dataset", transform.data, ("transforms", name, "data"))
    if benchmark.train is not None:
        for name, source in benchmark.train.data.items():
            yield from _check_plugin("dataset", source, ("train", "data", name))
        if benchmark.train.validation is not None:
            data = benchmark.train.validation.data
            yield from _check_plugin("dataset", data, ("train", "validation", "data"))
    for name, evaluation in benchmark.evaluate.items():
        yield from _check_evaluation(evaluation, ("evaluate", name))
    offered = what_is_offered(benchmark)
    for index, claim in enumerate(benchmark.claims):
        for message in check_claim(claim, benchmark, offered):
            yield Finding(("claims", index), message)
    for index, figure in enumerate(benchmark.published):
        for message in check_published(figure, benchmark, offered, every):
            yield Finding(("published", index), message)


def _check_plugin(kind: registry.Kind, use: PluginUse, place: SpecPath) -> Iterator[Finding]:
    try:
        registry.build(kind, use.use, use.options)
    except options.OptionErrors as errors:
        for error in errors.errors:
            yield Finding(
                (*place, *error.path), str(error), isinstance(error, options.UnknownOption)
            )
    except OptionError as error:
        yield Finding((*place, *error.path), str(error))
    except HBenchError as error:
        yield Finding((*place, "use"), str(error))


def _check_evaluation(evaluation: Evaluation, place: SpecPath) -> Iterator[Finding]:
    yield from _check_plugin("dataset", evaluation.data, (*place, "data"))
    for index, metric in enumerate(evaluation.metrics):
        yield from _check_plugin("metric", metric, (*place, "metrics", index))
        yield from _check_depth(metric, evaluation.top_k, (*place, "metrics", index))
    yield from _check_settings(evaluation, place)
    if evaluation.index is not None:
        yield from _check_index(evaluation.index, (*place, "index"))
    labels = [metric.label for metric in evaluation.metrics]
    names = [setting.name for setting in evaluation.settings]
    for index, label in enumerate(labels):
        if label in SCORE_KEYS:
            message = f"{label!r} names a column of the scores files already; give it another name"
            yield Finding((*place, "metrics", index), message)
    for what, given in (("metrics", labels), ("settings", names)):
        seen: set[str] = set()
        for index, name in enumerate(given):
            if name in seen:
                yield Finding((*place, what, index), f"{shown(name)} is given twice; keep one")
            seen.add(name)


def _check_depth(metric: PluginUse, top_k: int, place: SpecPath) -> Iterator[Finding]:
    """Whether as many passages are kept as a metric of the first k looks at."""
    try:
        plugin = registry.build("metric", metric.use, metric.options).plugin
    except HBenchError:
        return  # said already
    if getattr(plugin, "needs", "ranks") != "top":
        return
    if not hasattr(plugin, "k"):
        message = f"metric {metric.use!r} needs the first k passages and has no k; it is broken"
        yield Finding(place, message)
    elif plugin.k > top_k:
        message = f"it looks at the first {plugin.k} passages, and top_k is {top_k}; raise top_k"
        yield Finding(place, message)


def _check_index(factory: str, place: SpecPath) -> Iterator[Finding]:
    """Whether faiss knows the index; whether it suits the vectors is known when they are there."""
    import faiss

    numbers = re.findall(r"(x?)([0-9]+)", factory)
    if any(int(n) > (MAX_PART_BITS if part else MAX_LISTS) for part, n in numbers):
        message = (
            f"index {factory!r} is larger than can be checked: at most {MAX_LISTS:,} lists and "
            f"{MAX_PART_BITS} bits a part; give a smaller one, as HNSW32"
        )
        yield Finding(place, message)
        return
    try:
        faiss.index_factory(DIVISIBLE, factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        told = str(error).rpartition(": ")[2]
        message = f"faiss cannot build the index {factory!r} ({told}); give another, as HNSW32"
        yield Finding(place, message)


def _check_settings(evaluation: Evaluation, place: SpecPath) -> Iterator[Finding]:
    """Whether the dataset, as far as it is known without its texts, can offer the settings."""
    try:
        dataset = registry.build("dataset", evaluation.data.use, evaluation.data.options).plugin
        languages = dataset.languages()
    except HBenchError:
        return  # said already, or known only when the data is there
    for index, setting in enumerate(evaluation.settings):
        try:
            components(setting.name, languages, parallel=dataset.parallel, pool=setting.pool)
        except HBenchError as error:
            yield Finding((*place, "settings", index), str(error))
