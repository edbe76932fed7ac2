"""Whether what a spec states, its claims and published figures, speaks of what it evaluates."""

from collections.abc import Iterator, Mapping, Sequence

from hbench.claims import Claim, Published
from hbench.errors import HBenchError, did_you_mean
from hbench.matrix import fitting, methods
from hbench.spec import AXES, Benchmark


def check_claim(claim: Claim, benchmark: Benchmark) -> Iterator[str]:
    """What is wrong with a claim, in words."""
    for name in claim.evaluated or ():
        if name not in benchmark.evaluate:
            yield f"no evaluation is named {name!r}: {did_you_mean(name, benchmark.evaluate)}"
    unknown = _unknown(claim.dataset, benchmark)
    if unknown:
        yield unknown
        return
    for metric in claim.metrics or ():
        yield from _check_place(claim.dataset, None, metric, benchmark)
    yield from _check_place(claim.dataset, claim.setting, claim.metric, benchmark)
    if claim.method is not None and claim.method in claim.rivals:
        yield "the method is compared with itself"
    for selector in (claim.method or {}, *claim.rivals):
        yield from _check_selector(selector, benchmark)


def check_published(figure: Published, benchmark: Benchmark) -> Iterator[str]:
    """What is wrong with a published figure, in words."""
    if figure.dataset is None and len(benchmark.evaluate) > 1:
        yield f"say which dataset it is of: {', '.join(benchmark.evaluate)}"
    unknown = _unknown(figure.dataset, benchmark)
    if unknown:
        yield unknown
        return
    yield from _check_place(figure.dataset, figure.setting, figure.metric, benchmark)
    if isinstance(figure.method, dict):
        mistakes = list(_check_selector(figure.method, benchmark))
        yield from mistakes
        if mistakes:
            return
    try:
        every = methods(benchmark)
    except HBenchError:
        return  # said already
    found = fitting(figure.method, {method.name: method.axes for method in every})
    if isinstance(figure.method, str) and not found:
        hint = did_you_mean(figure.method, [method.name for method in every])
        yield f"no method is named {figure.method!r}: {hint}"
    elif len(found) != 1:
        names = ", ".join(found) or "none"
        yield f"a published figure is of one method, and these fit: {names}; name more axes"


def _unknown(dataset: str | None, benchmark: Benchmark) -> str:
    if dataset is None or dataset in benchmark.evaluate:
        return ""
    return f"no evaluation is named {dataset!r}: {did_you_mean(dataset, benchmark.evaluate)}"


def _check_place(
    dataset: str | None, setting: str | None, metric: str | None, benchmark: Benchmark
) -> Iterator[str]:
    """Whether some evaluation measures a metric in a setting."""
    chosen = [benchmark.evaluate[name] for name in ([dataset] if dataset else benchmark.evaluate)]
    measured = [
        (setting.name, metric.label)
        for evaluation in chosen
        for setting in evaluation.settings
        for metric in evaluation.metrics
    ]
    settings, labels = (list(dict.fromkeys(names)) for names in zip(*measured, strict=True))
    if metric is not None and metric not in labels:
        yield f"no evaluation measures {metric!r}: {did_you_mean(metric, labels)}"
    elif setting is not None and setting not in settings:
        yield f"no evaluation has the setting {setting!r}: {did_you_mean(setting, settings)}"
    elif None not in (metric, setting) and (setting, metric) not in measured:
        yield f"no evaluation measures {metric!r} in the setting {setting!r}"


def _check_selector(selector: Mapping[str, str], benchmark: Benchmark) -> Iterator[str]:
    axes: Sequence[str] = AXES
    for axis, value in selector.items():
        if axis not in axes:
            yield f"no axis is named {axis!r}: {did_you_mean(axis, axes)}"
        elif value not in benchmark.axis(axis):
            yield f"no {axis} is named {value!r}: {did_you_mean(value, benchmark.axis(axis))}"
