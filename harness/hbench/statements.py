"""Whether what a spec states, its claims and published figures, speaks of what it evaluates."""

from collections.abc import Iterator, Mapping, Sequence, Set

from hbench.claims import Claim, Published
from hbench.errors import did_you_mean, shown
from hbench.matrix import fitting
from hbench.spec import AXES, Benchmark

Axes = Mapping[str, Mapping[str, str]]
Offered = Mapping[str, tuple[Set[str], Set[str]]]  # by evaluation, its settings and metrics


def what_is_offered(benchmark: Benchmark) -> Offered:
    """What each evaluation measures, in which settings."""
    return {
        name: ({each.name for each in evaluation.settings}, {m.label for m in evaluation.metrics})
        for name, evaluation in benchmark.evaluate.items()
    }


def check_claim(claim: Claim, benchmark: Benchmark, offered: Offered) -> Iterator[str]:
    """What is wrong with a claim, in words.

    Args:
        claim: the claim.
        benchmark: that it is part of.
        offered: what the benchmark's evaluations measure.
    """
    for name in claim.evaluated or ():
        yield from _check_dataset(name, offered)
    unknown = list(_check_dataset(claim.dataset, offered))
    if unknown:
        yield from unknown
        return
    for metric in claim.metrics or ():
        yield from _check_place(claim.dataset, None, metric, offered)
    yield from _check_place(claim.dataset, claim.setting, claim.metric, offered)
    if claim.method is not None and claim.method in claim.rivals:
        yield "the method is compared with itself; name another one"
    for selector in (claim.method or {}, *claim.rivals):
        yield from _check_selector(selector, benchmark)


def check_published(
    figure: Published, benchmark: Benchmark, offered: Offered, every: Axes
) -> Iterator[str]:
    """What is wrong with a published figure, in words.

    Args:
        figure: the figure.
        benchmark: that it is part of.
        offered: what the benchmark's evaluations measure.
        every: all methods of the benchmark, with their axes; none if they are not known.
    """
    if figure.dataset is None and len(offered) > 1:
        yield f"say which dataset it is of: {', '.join(offered)}"
    unknown = list(_check_dataset(figure.dataset, offered))
    if unknown:
        yield from unknown
        return
    yield from _check_place(figure.dataset, figure.setting, figure.metric, offered)
    if isinstance(figure.method, dict):
        mistakes = list(_check_selector(figure.method, benchmark))
        yield from mistakes
        if mistakes:
            return
    if not every:
        return  # said already
    found = fitting(figure.method, every)
    if isinstance(figure.method, str) and not found:
        hint = did_you_mean(figure.method, every)
        yield f"no method is named {figure.method!r}: {hint}"
    elif len(found) != 1:
        names = ", ".join(found) or "none"
        yield f"a published figure is of one method, and these fit: {names}; name more axes"


def _check_dataset(name: str | None, offered: Offered) -> Iterator[str]:
    if name is not None and name not in offered:
        yield f"no evaluation is named {name!r}: {did_you_mean(name, offered)}"


def _check_place(
    dataset: str | None, setting: str | None, metric: str | None, offered: Offered
) -> Iterator[str]:
    """Whether some evaluation measures a metric in a setting."""
    chosen = [offered[dataset]] if dataset else list(offered.values())
    if metric is not None and not any(metric in labels for _, labels in chosen):
        labels = {label for _, labels in chosen for label in labels}
        yield f"no evaluation measures {shown(metric)}: {did_you_mean(metric, labels)}"
    elif setting is not None and not any(setting in settings for settings, _ in chosen):
        settings = {name for settings, _ in chosen for name in settings}
        yield f"no evaluation has the setting {setting!r}: {did_you_mean(setting, settings)}"
    elif None not in (metric, setting) and not any(
        setting in settings and metric in labels for settings, labels in chosen
    ):
        yield (
            f"no evaluation measures {metric!r} in the setting {setting!r}; add one to the other's"
        )


def _check_selector(selector: Mapping[str, str], benchmark: Benchmark) -> Iterator[str]:
    axes: Sequence[str] = AXES
    for axis, value in selector.items():
        if axis not in axes:
            yield f"no axis is named {shown(axis)}: {did_you_mean(axis, axes)}"
        elif value not in (known := getattr(benchmark, f"{axis}s")):
            yield f"no {axis} is named {shown(value)}: {did_you_mean(value, known)}"
