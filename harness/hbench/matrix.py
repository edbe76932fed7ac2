"""A benchmark's methods: every combination of its axes, with names that say what differs."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from hbench.errors import OptionError
from hbench.spec import AXES, Benchmark
from hbench.uses import UNTRAINED


@dataclass(frozen=True)
class Method:
    """One way of making a retriever.

    Args:
        name: the axes with more than one value in the benchmark, joined with ``/``.
        axes: the value of each axis; an untrained method has no objective.
    """

    name: str
    axes: Mapping[str, str]


def methods(benchmark: Benchmark) -> list[Method]:
    """All methods, encoders outermost, each axis in the order of the spec.

    Raises:
        OptionError: two methods would have one name, since a value's name holds a ``/``.
    """
    values: dict[str, list[str]] = {axis: list(benchmark.axis(axis)) or [""] for axis in AXES}
    varied = [axis for axis in values if len(values[axis]) > 1] or ["sampler"]
    found: dict[str, Method] = {}
    for combination in product(*values.values()):
        chosen = zip(AXES, combination, strict=True)
        axes: dict[str, str] = {axis: name for axis, name in chosen if name}
        if benchmark.samplers[axes["sampler"]].use == UNTRAINED:
            axes.pop("objective", None)
        name = "/".join(axes[axis] for axis in varied if axis in axes) or axes["sampler"]
        method = Method(name, axes)
        if found.setdefault(name, method).axes != axes:
            raise OptionError(f"two methods are both named {name!r}; use no '/' in the axes' names")
    return list(found.values())


def fitting(method: Mapping[str, str] | str, named: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The methods that a selector fits, or the one that has a name.

    Args:
        method: values of axes, or a method's name.
        named: the axes of each method, by its name.
    """
    if isinstance(method, str):
        return [method] if method in named else []
    return [
        name
        for name, axes in named.items()
        if all(axes.get(axis) == value for axis, value in method.items())
    ]
