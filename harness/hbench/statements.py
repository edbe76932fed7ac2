"""Whether what a spec states, its claims and published figures, speaks of what it evaluates.

Where a part of the spec is wrong itself, nothing is said of a statement about that part.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from math import prod
from typing import Any

from hbench.claims import Claim, Published
from hbench.errors import OptionError, did_you_mean, shown
from hbench.matrix import fitting, methods
from hbench.spec import AXES, Benchmark, setting_of
from hbench.uses import MetricUse, PluginUse, parts_at, plugin_use, what_is_right

MAX_METHODS = 1000
Axes = Mapping[str, Mapping[str, str]]
Names = Set[str] | None  # None: they are not known
Named = Mapping[str, Names]  # by axis, the names of its values
Offered = Mapping[str, tuple[Names, Names]]  # by evaluation, its settings and metrics


def check_statements(
    benchmark: Mapping[str, Any], *, trains: bool
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The path of each mistake in a benchmark's claims, figures and methods, and what is wrong.

    Args:
        benchmark: as the file has it.
        trains: whether some method is trained.
    """
    named: dict[str, Names] = {axis: _names_on(axis, benchmark, trains=trains) for axis in AXES}
    every: Axes = {}
    try:
        every = _every_method(benchmark, named)
    except OptionError as error:
        yield (), str(error)
    offered = {
        str(place[-1]): (
            _all_of(
                None if (setting := setting_of(each)) is None else setting.name
                for _, each in parts_at(value, ("settings", list))
            ),
            _all_of(
                None if (use := plugin_use(MetricUse, each)) is None else use.label
                for _, each in parts_at(value, ("metrics", list))
            ),
        )
        for place, value in parts_at(benchmark, ("evaluate", dict))
    }
    for place, claim in parts_at(benchmark, ("claims", list)):
        if isinstance(claim, dict):
            yield from ((place, message) for message in check_claim(claim, named, offered))
    for place, figure in parts_at(benchmark, ("published", list)):
        if isinstance(figure, dict):
            found = check_published(figure, named, offered, every)
            yield from ((place, message) for message in found)


def _names_on(axis: str, benchmark: Mapping[str, Any], *, trains: bool) -> Names:
    """The names of an axis's values."""
    may_lack = axis == "transform" or (axis == "objective" and not trains)
    values = benchmark.get(f"{axis}s", {})
    return values.keys() if isinstance(values, dict) and (values or may_lack) else None


def _all_of(names: Iterable[str | None]) -> Names:
    """The names of all settings or metrics of an evaluation; None stands for a wrong one."""
    found = list(names)
    return {name for name in found if name} if found and None not in found else None


def _every_method(benchmark: Mapping[str, Any], named: Named) -> Axes:
    """The axes of all methods; none if they are not known.

    Raises:
        OptionError: they cannot be told apart, or are too many.
    """
    count = prod(len(names or ()) or 1 for names in named.values())
    if count > MAX_METHODS:
        message = f"{count:,} methods; a benchmark can have {MAX_METHODS:,}: split it into several"
        raise OptionError(message)
    if any(names is None or "" in names for names in named.values()):
        return {}
    # What a method is called depends on the names, and on which samplers are none.
    axes: dict[str, Any] = {
        f"{axis}s": {
            name: plugin_use(PluginUse, benchmark[f"{axis}s"][name]) or PluginUse(use="?")
            for name in names or ()
        }
        for axis, names in named.items()
    }
    return {method.name: method.axes for method in methods(Benchmark.model_construct(**axes))}


def check_claim(given: Mapping[str, Any], named: Named, offered: Offered) -> Iterator[str]:
    """What is wrong with a claim, in words.

    Args:
        given: the claim as the file has it.
        named: the values of the benchmark's axes.
        offered: what the benchmark's evaluations measure.
    """
    claim = what_is_right(Claim, given)
    for name in claim.evaluated or ():
        yield from _check_dataset(name, offered)
    unknown = list(_check_dataset(claim.dataset, offered))
    yield from unknown
    if not unknown:
        for metric in claim.metrics or ():
            yield from _check_place(claim.dataset, None, metric, offered)
        yield from _check_place(claim.dataset, claim.setting, claim.metric, offered)
    if claim.method is not None and claim.method in claim.rivals:
        yield "the method is compared with itself; name another one"
    for selector in (claim.method or {}, *claim.rivals):
        yield from _check_selector(selector, named)


def check_published(
    given: Mapping[str, Any], named: Named, offered: Offered, every: Axes
) -> Iterator[str]:
    """What is wrong with a published figure, in words.

    Args:
        given: the figure as the file has it.
        named: the values of the benchmark's axes.
        offered: what the benchmark's evaluations measure.
        every: all methods of the benchmark, with their axes; none if they are not known.
    """
    figure = what_is_right(Published, given)
    if given.get("dataset") is None and len(offered) > 1:
        yield f"say which dataset it is of: {', '.join(offered)}"
    unknown = list(_check_dataset(figure.dataset, offered))
    yield from unknown
    if not unknown:
        yield from _check_place(figure.dataset, figure.setting, figure.metric, offered)
    if isinstance(figure.method, dict):
        mistakes = list(_check_selector(figure.method, named))
        yield from mistakes
        if mistakes:
            return
    if not every or not figure.method:
        return  # said already
    found = fitting(figure.method, every)
    if isinstance(figure.method, str) and not found:
        hint = did_you_mean(figure.method, every)
        yield f"no method is named {figure.method!r}: {hint}"
    elif len(found) != 1:
        names = ", ".join(found) or "none"
        yield f"a published figure is of one method, and these fit: {names}; name more axes"


def _check_dataset(name: str | None, offered: Offered) -> Iterator[str]:
    if name is not None and offered and name not in offered:
        yield f"no evaluation is named {name!r}: {did_you_mean(name, offered)}"


def _check_place(
    dataset: str | None, setting: str | None, metric: str | None, offered: Offered
) -> Iterator[str]:
    """Whether some evaluation measures a metric in a setting."""
    chosen = [offered[dataset]] if dataset and offered else list(offered.values())
    settings, metrics = _all(each for each, _ in chosen), _all(each for _, each in chosen)
    no_metric = metric is not None and metrics is not None and metric not in metrics
    no_setting = setting is not None and settings is not None and setting not in settings
    if no_metric:
        yield f"no evaluation measures {shown(metric)}: {did_you_mean(str(metric), metrics or ())}"
    if no_setting:
        hint = did_you_mean(str(setting), settings or ())
        yield f"no evaluation has the setting {setting!r}: {hint}"
    if no_metric or no_setting or None in (metric, setting) or not chosen:
        return
    if not any(
        (names is None or setting in names) and (labels is None or metric in labels)
        for names, labels in chosen
    ):
        yield (
            f"no evaluation measures {metric!r} in the setting {setting!r}; add one to the other's"
        )


def _all(names: Iterable[Names]) -> Names:
    """All names together; not known if there are none, or some are not."""
    found: set[str] = set()
    for each in names:
        if each is None:
            return None
        found |= each
    return found or None


def _check_selector(selector: Mapping[str, str], named: Named) -> Iterator[str]:
    for axis, value in selector.items():
        if axis not in named:
            yield f"no axis is named {shown(axis)}: {did_you_mean(axis, named)}"
        elif (known := named[axis]) is not None and value not in known:
            yield f"no {axis} is named {shown(value)}: {did_you_mean(value, known)}"
