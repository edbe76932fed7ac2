"""What an installed plugin says of itself: by its signature and its docstring, unbuilt."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hbench import options, registry
from hbench.errors import PluginError
from hbench.registry import Entry, Kind

PLAIN: Mapping[Any, str] = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    Path: "path",
    NoneType: "null",
    Any: "anything",
}
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


@dataclass(frozen=True)
class Option:
    """One option of a plugin.

    Args:
        name: its key in a spec.
        type: what it holds, in words.
        required: whether it must be given.
        default: as JSON gives it; None if it is required, or null is the default.
        help: what it is, from the docstring; "" where that says nothing.
    """

    name: str
    type: str
    required: bool
    default: Any
    help: str

    @property
    def value(self) -> str:
        """The default as a spec would spell it."""
        return json.dumps(self.default, ensure_ascii=False)


@dataclass(frozen=True)
class Description:
    """An installed plugin.

    Args:
        kind: of plugin.
        name: that specs use.
        distribution: that it comes with.
        distribution_version: of that.
        version: the plugin's own, which is part of the keys of results; None where it is known
            only once the plugin is built with its options.
        help: the first line of its docstring.
        options: in the order in which it declares them.
        broken: why it cannot be used; "" if it can.
        rivals: other distributions that claim the name, so that no spec can use it.
    """

    kind: str
    name: str
    distribution: str
    distribution_version: str
    version: int | None = None
    help: str = ""
    options: Sequence[Option] = ()
    broken: str = ""
    rivals: Sequence[str] = ()


def describe(entry: Entry, *, with_options: bool = True) -> Description:
    """Describe a plugin; one that cannot be imported, or built, is described by the cause.

    Args:
        entry: which.
        with_options: whether to tell its options and its version, too.
    """
    offered = registry.entries(entry.kind)[entry.name]
    origin = (entry.kind, entry.name, entry.distribution, entry.distribution_version)
    rivals = tuple(
        f"{other.distribution} {other.distribution_version}" for other in offered if other != entry
    )
    try:
        factory = registry.load(entry)
        declared = options.parameters(factory)
    except PluginError as error:
        return Description(*origin, broken=str(error), rivals=rivals)
    if lack := registry.unmet(entry, lambda part: _may_have(factory, part, entry.kind)):
        return Description(*origin, broken=lack, rivals=rivals)
    return Description(
        *origin,
        version=_version(factory, declared) if with_options else None,
        help=(inspect.getdoc(factory) or "").partition("\n")[0],
        options=_options(factory, declared) if with_options else (),
        rivals=rivals,
    )


def spelled(kind: Any) -> str:  # noqa: ANN401 - types have no common type
    """A type in the words of someone who writes YAML.

    >>> spelled(tuple[str, ...] | None)
    'list of text, or null'
    >>> spelled(Literal["row", "batch"])
    'row | batch'
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return ", ".join([spelled(parts[0]), *_bounds(parts[1:])])
    if origin is Literal:
        return " | ".join(map(str, parts))
    if origin in (Union, UnionType):
        return ", or ".join(spelled(part) for part in parts)
    if kind in PLAIN:
        return PLAIN[kind]
    if parts and isinstance(origin, type) and issubclass(origin, Mapping):
        return "mapping of {} to {}".format(*map(spelled, parts))
    if origin is tuple and parts[-1:] != (...,):
        return f"list of {len(parts)}: {'; '.join(map(spelled, parts))}"
    if parts and isinstance(origin, type) and issubclass(origin, Sequence):
        return f"list of {spelled(parts[0])}"
    return inspect.formatannotation(kind).replace("typing.", "")


def _bounds(constraints: Sequence[Any]) -> Sequence[str]:
    """What constraints of annotated_types, or of pydantic's fields, say of a value."""
    flat = [each for one in constraints for each in getattr(one, "metadata", [one])]
    return [
        f"{words} {getattr(each, name)}"
        for each in flat
        for name, words in BOUNDS.items()
        if getattr(each, name, None) is not None
    ]


def _options(
    factory: Callable[..., Any], declared: Sequence[options.Parameter]
) -> Sequence[Option]:
    told = _told(factory)
    return tuple(
        Option(
            each.name,
            spelled(each.type),
            each.default is options.MISSING,
            None if each.default is options.MISSING else _as_json(each.default),
            told.get(each.name, ""),
        )
        for each in declared
    )


def _told(factory: Callable[..., Any]) -> Mapping[str, str]:
    """What docstrings say of the options: the factory's, and those of the classes it builds on."""
    from docstring_parser import parse

    bases = factory.__mro__[:-1] if isinstance(factory, type) else (factory,)
    told: dict[str, str] = {}
    for base in reversed(bases):
        for each in parse(inspect.cleandoc(base.__doc__ or "")).params:
            told[each.arg_name] = " ".join((each.description or "").split())
    return told


def _may_have(factory: Callable[..., Any], part: str, kind: Kind) -> bool:
    """Whether what the factory makes has a part of the protocol, as far as is known unbuilt.

    Of what a function makes nothing is known, nor which values a plain class sets on its objects.
    """
    if not isinstance(factory, type) or hasattr(factory, part):
        return True
    if is_dataclass(factory):
        return part in {each.name for each in fields(factory)}
    return not inspect.isfunction(getattr(registry.PROTOCOLS[kind], part, None))


def _version(factory: Callable[..., Any], declared: Sequence[options.Parameter]) -> int | None:
    version = getattr(factory, "version", None)
    if isinstance(factory, type) or any(each.default is options.MISSING for each in declared):
        return version if isinstance(version, int) else None
    try:
        return int(factory().version)
    except Exception:
        return None  # what it refuses, a spec that uses it will be told


def _as_json(value: Any) -> Any:  # noqa: ANN401 - any default
    """A value as JSON has it; what JSON cannot say, as infinity, is its name."""
    return json.loads(json.dumps(value, default=str), parse_constant=str)
