"""A spec file checked as a whole: its shape, the plugins it names, and what it says of itself."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from hbench import options, registry
from hbench.errors import HBenchError, Mistake, OptionError, SpecError, did_you_mean, shown
from hbench.matrix import methods
from hbench.records import SCORE_KEYS
from hbench.settings import components
from hbench.spec import AXES, Benchmark, Evaluation, Spec
from hbench.specfile import SpecFile, SpecPath
from hbench.statements import check_claim, check_published
from hbench.uses import UNTRAINED, PluginUse

Finding = tuple[SpecPath, str]
DIVISIBLE = 7680  # a size of vectors that an index can cut into whatever number of parts it wants


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
    if overrides:
        file.data = json.loads(json.dumps(file.data))  # what an alias repeats is no longer shared
    for override in overrides:
        apply_override(file.data, override)
    spec = _parse(file)
    mistakes = [
        file.mistake(("benchmarks", name, *place), message)
        for name, benchmark in spec.benchmarks.items()
        for place, message in _check_benchmark(benchmark)
    ]
    if mistakes:
        raise SpecError(mistakes)
    return spec


def apply_override(data: Any, override: str) -> None:  # noqa: ANN401 - any YAML value
    """Set one value of the loaded file: ``a.b.0=1``, the value in YAML.

    Raises:
        OptionError: the text has no ``=``, or its path leads through something that has no parts.
    """
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise OptionError(f"--set {override!r}: write PATH=VALUE, as train.steps=10")
    *parents, last = path.split(".")
    holder = data
    for step in parents:
        if isinstance(holder, dict):
            holder = holder.setdefault(step, {})
        elif isinstance(holder, list) and step.isdecimal() and int(step) < len(holder):
            holder = holder[int(step)]
        else:
            raise OptionError(f"--set {override!r}: there is nothing at {step!r} to set a part of")
    value = SpecFile(text, f"--set {path}").data
    if isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, list) and last.isdecimal() and int(last) < len(holder):
        holder[int(last)] = value
    else:
        raise OptionError(f"--set {override!r}: {last!r} is not a part of what stands there")


def _parse(file: SpecFile) -> Spec:
    from pydantic import ValidationError

    if not isinstance(file.data, dict):
        found = "nothing" if file.data is None else f"a {type(file.data).__name__}"
        raise SpecError(
            [file.mistake((), f"a spec has the keys version and benchmarks; found {found}")]
        )
    version = file.data.get("version")
    if isinstance(version, int) and version > 1:
        message = f"this file is of version {version}, and this hbench reads 1; upgrade hbench"
        raise SpecError([file.mistake(("version",), message)])
    try:
        return Spec.model_validate_json(json.dumps(file.data))
    except ValidationError as error:
        raise SpecError([_mistake(file, e) for e in error.errors(include_url=False)]) from None


def _mistake(file: SpecFile, error: Any) -> Mistake:  # noqa: ANN401 - pydantic's ErrorDetails
    """One of pydantic's errors in our words."""
    path = _existing(file.data, error["loc"])
    if error["type"] == "extra_forbidden":
        allowed = _keys_at(path[:-1])
        return file.mistake(path, f"unknown key; {did_you_mean(str(path[-1]), allowed)}", key=True)
    if error["type"] == "json_invalid":
        return file.mistake((), "nested too deeply")
    if error["type"] == "missing":
        return file.mistake(path, f"the key {error['loc'][-1]!r} is missing")
    message = (
        error["msg"].removeprefix("Value error, ").replace(r"^\P{C}+$", "printable characters")
    )
    is_plain = not isinstance(error["input"], dict | list)
    found = (
        f"; found {shown(error['input'])}" if error["type"] != "value_error" and is_plain else ""
    )
    return file.mistake(path, message + found)


def _existing(data: Any, path: SpecPath) -> SpecPath:  # noqa: ANN401 - any YAML value
    """The part of a path that the file has; pydantic adds the names of its own types to it."""
    for depth, step in enumerate(path):
        if isinstance(data, dict) and str(step) in data:
            data = data[str(step)]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return path[:depth]
    return path


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
    candidates = (
        (annotation, *get_args(annotation))
        if get_origin(annotation) is UnionType
        else (annotation,)
    )
    return next((c for c in candidates if hasattr(c, "model_fields")), None)


def _check_benchmark(benchmark: Benchmark) -> Iterator[Finding]:
    try:
        methods(benchmark)
    except OptionError as error:
        yield (), str(error)
    for axis in AXES:
        for name, uses in benchmark.axis(axis).items():
            for number, use in enumerate(uses):
                place = (f"{axis}s", name) if len(uses) == 1 else (f"{axis}s", name, number)
                if axis not in ("sampler", "transform") or use.use != UNTRAINED:
                    yield from _check_plugin(axis, use, place)
                elif use.options:
                    yield place, f"the {axis} {UNTRAINED!r} has no options"
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
    for index, claim in enumerate(benchmark.claims):
        for message in check_claim(claim, benchmark):
            yield ("claims", index), message
    for index, figure in enumerate(benchmark.published):
        for message in check_published(figure, benchmark):
            yield ("published", index), message


def _check_plugin(kind: registry.Kind, use: PluginUse, place: SpecPath) -> Iterator[Finding]:
    try:
        registry.build(kind, use.use, use.options)
    except options.OptionErrors as errors:
        for error in errors.errors:
            yield (*place, *error.path), str(error)
    except OptionError as error:
        yield (*place, *error.path), str(error)
    except HBenchError as error:
        yield (*place, "use"), str(error)


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
            yield (
                (*place, "metrics", index),
                f"{label!r} names a column of the scores files already",
            )
    for what, given in (("metrics", labels), ("settings", names)):
        for index, name in enumerate(given):
            if name in given[:index]:
                yield (*place, what, index), f"{name!r} is given twice; keep one"


def _check_depth(metric: PluginUse, top_k: int, place: SpecPath) -> Iterator[Finding]:
    """Whether as many passages are kept as a metric of the first k looks at."""
    try:
        plugin = registry.build("metric", metric.use, metric.options).plugin
    except HBenchError:
        return  # said already
    if getattr(plugin, "needs", "ranks") != "top":
        return
    if not hasattr(plugin, "k"):
        yield place, f"metric {metric.use!r} needs the first k passages and has no k; it is broken"
    elif plugin.k > top_k:
        yield place, f"it looks at the first {plugin.k} passages, and top_k is {top_k}; raise top_k"


def _check_index(factory: str, place: SpecPath) -> Iterator[Finding]:
    """Whether faiss knows the index; whether it suits the vectors is known when they are there."""
    import faiss

    try:
        faiss.index_factory(DIVISIBLE, factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        told = str(error).rpartition(": ")[2]
        yield place, f"faiss cannot build the index {factory!r} ({told}); give another, as HNSW32"


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
            yield (*place, "settings", index), str(error)
