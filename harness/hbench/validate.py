"""A spec file checked as a whole: its shape, the plugins it names, and what it says of itself."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

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
from hbench.records import SCORE_KEYS
from hbench.settings import components
from hbench.spec import Evaluation, Setting, Spec, keys_at, setting_of
from hbench.specfile import SpecFile, SpecPath
from hbench.statements import check_statements
from hbench.uses import (
    UNTRAINED,
    USES,
    MetricUse,
    PluginUse,
    parts_at,
    plugin_use,
    what_is_right,
)
from hbench.worded import Finding, existing, kind_of, worded

DIVISIBLE = 7680  # a size of vectors that an index can cut into whatever number of parts it wants
# Larger ones faiss would make room for before it says anything: gigabytes.
MAX_LISTS = 2**20
MAX_PART_BITS = 12
Raw = Mapping[str, Any]  # a part of the file, as it is there


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
    spec, shape = _parse(file)
    meaning = (
        file.mistake(("benchmarks", name, *found.path), found.message, key=found.is_key)
        for (_, name), benchmark in parts_at(file.data, ("benchmarks", dict))
        if isinstance(benchmark, dict)
        for found in _check_benchmark(benchmark)
    )
    found = list(islice(chain(shape, meaning), MOST_MISTAKES + 1))
    if found or spec is None:
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


def _parse(file: SpecFile) -> tuple[Spec | None, Sequence[Mistake]]:
    """The spec, or what is wrong with the file's shape."""
    from pydantic import ValidationError

    version = file.data.get("version")
    if isinstance(version, int) and version > 1:
        message = f"this file is of version {version}, and this hbench reads 1; upgrade hbench"
        raise SpecError([file.mistake(("version",), message)])
    try:
        return Spec.model_validate_json(json.dumps(file.data)), ()
    except ValidationError as error:
        told = error.errors(include_url=False)[: 10 * MOST_MISTAKES]  # some become one
        unknown = (each for each in told if each["type"] == "extra_forbidden")
        others = worded((e for e in told if e["type"] != "extra_forbidden"), file.data)
        return None, [
            *(_unknown_key(file, existing(file.data, each["loc"])) for each in unknown),
            *(file.mistake(each.path, each.message, key=each.is_key) for each in others),
        ]


def _unknown_key(file: SpecFile, path: SpecPath) -> Mistake:
    hint = did_you_mean(str(path[-1]), keys_at(path[:-1]))
    return file.mistake(path, f"unknown key; {hint}", key=True)


def _check_benchmark(benchmark: Raw) -> Iterator[Finding]:
    """What is wrong with the meaning of a benchmark, as far as its shape is right."""
    samplers = [
        plugin_use(PluginUse, value) for _, value in parts_at(benchmark, ("samplers", dict))
    ]
    trains = any(sampler is not None and sampler.use != UNTRAINED for sampler in samplers)
    if trains and benchmark.get("train") is None:
        yield Finding((), "samplers are given, but no 'train': say what to train on")
    if trains and benchmark.get("objectives", {}) == {}:
        message = "samplers are given, but no 'objectives': add {infonce: {use: infonce}}"
        yield Finding((), message)
    for kind, model, steps in USES:
        for place, value in parts_at(benchmark, steps):
            if (use := plugin_use(model, value)) is not None:
                yield from _check_use(kind, use, place, value)
    for place, evaluation in parts_at(benchmark, ("evaluate", dict)):
        if isinstance(evaluation, dict):
            yield from _check_evaluation(evaluation, place)
    for found_place, message in check_statements(benchmark, trains=trains):
        yield Finding(found_place, message)


def _check_use(
    kind: registry.Kind, use: PluginUse, place: SpecPath, value: object
) -> Iterator[Finding]:
    if kind in ("sampler", "transform") and use.use == UNTRAINED:
        if use.options:
            yield Finding(place, f"the {kind} {UNTRAINED!r} has no options; remove them")
        return
    for found in _check_plugin(kind, use, place):
        if value == use.use and found.message.endswith("needs the option 'k'; add it"):
            yield replace(found, message=f"{found.message}, as {value}@10")
        else:
            yield found


def _check_plugin(kind: registry.Kind, use: PluginUse, place: SpecPath) -> Iterator[Finding]:
    try:
        registry.build(kind, use.use, use.options)
    except options.OptionErrors as errors:
        for error in errors.errors:
            is_key = isinstance(error, options.UnknownOption)
            yield Finding((*place, *error.path), str(error), is_key)
    except OptionError as error:
        yield Finding((*place, *error.path), str(error))
    except HBenchError as error:
        yield Finding((*place, "use"), str(error))


def _check_evaluation(evaluation: Raw, place: SpecPath) -> Iterator[Finding]:
    right = what_is_right(Evaluation, evaluation)
    metrics = [plugin_use(MetricUse, m) for _, m in parts_at(evaluation, ("metrics", list))]
    for index, metric in enumerate(metrics):
        if metric is None:
            continue  # said already
        if "top_k" in right.model_fields_set or "top_k" not in evaluation:
            yield from _check_depth(metric, right.top_k, (*place, "metrics", index))
        if metric.label in SCORE_KEYS:
            name = f"{metric.label!r} names a column of the scores files already"
            yield Finding((*place, "metrics", index), f"{name}; give it another name")
    settings = [setting_of(each) for _, each in parts_at(evaluation, ("settings", list))]
    if (data := plugin_use(PluginUse, evaluation.get("data"))) is not None:
        yield from _check_settings(data, settings, place)
    if right.index is not None:
        yield from _check_index(right.index, (*place, "index"))
    yield from _check_twice([None if m is None else m.label for m in metrics], (*place, "metrics"))
    yield from _check_twice([None if s is None else s.name for s in settings], (*place, "settings"))


def _check_twice(names: Sequence[str | None], place: SpecPath) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Finding((*place, index), f"{shown(name)} is given twice; keep one")
        if name is not None:
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


def _check_settings(
    data: PluginUse, settings: Sequence[Setting | None], place: SpecPath
) -> Iterator[Finding]:
    """Whether the dataset, as far as it is known without its texts, can offer the settings."""
    try:
        dataset = registry.build("dataset", data.use, data.options).plugin
        languages = dataset.languages()
    except HBenchError:
        return  # said already, or known only when the data is there
    for index, setting in enumerate(settings):
        try:
            if setting is not None:
                components(setting.name, languages, parallel=dataset.parallel, pool=setting.pool)
        except HBenchError as error:
            yield Finding((*place, "settings", index), str(error))
