"""A plugin's typed parameters as the options of a spec: checked, filled with defaults, dumped.

Values come as JSON would give them, and are checked strictly: ``"3"`` is no number, an unknown
name is an error. An option typed ``Path`` says where something is, not what it is; it is left out
of the keys under which results are stored, and the plugin's ``fingerprint`` covers the content.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from hbench.errors import OptionError, PluginError, did_you_mean, shown
from hbench.worded import worded

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MISSING = inspect.Parameter.empty


@dataclass(frozen=True)
class Parameter:
    """One option: its type, and its default (``MISSING`` if it must be given)."""

    name: str
    type: Any
    default: Any

    @property
    def is_location(self) -> bool:
        """Whether the option only says where something is."""
        return _mentions_path(self.type)

    @cached_property
    def adapter(self) -> "TypeAdapter[Any]":
        """What checks and writes its values.

        Raises:
            PluginError: no value of a file can be of the type.
        """
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticUserError

        try:
            return TypeAdapter(self.type)
        except PydanticUserError as error:
            raise PluginError(
                f"the option {self.name!r} is of type {self.type!r}, which no value of a spec has; "
                "use int, float, bool, str, Path, Literal, or tuples and dicts of these"
            ) from error


def _mentions_path(kind: Any) -> bool:  # noqa: ANN401 - types have no common type
    return kind is Path or any(_mentions_path(part) for part in get_args(kind))


@cache
def parameters(factory: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The options of a plugin, in the order in which it declares them.

    Raises:
        PluginError: they cannot be read, as when an annotation names what is not imported.
    """
    # A dataclass is annotated on the class, other classes on their constructor.
    is_plain_class = isinstance(factory, type) and not is_dataclass(factory)
    annotated: Any = factory.__dict__.get("__init__") if is_plain_class else factory
    try:
        hints = get_type_hints(annotated, include_extras=True)
        signature = inspect.signature(factory)
    except (NameError, TypeError, ValueError) as error:
        raise PluginError(f"the options of {factory!r} cannot be read: {error}") from error
    return tuple(
        Parameter(name, hints.get(name, Any), parameter.default)
        for name, parameter in signature.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    )


class UnknownOption(OptionError):
    """The plugin has no such option: what is wrong is the name, not the value."""


class OptionErrors(OptionError):
    """Every mistake in the options of one plugin."""

    def __init__(self, errors: list[OptionError]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors))


def check(factory: Callable[..., Any], given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The values to call ``factory`` with.

    Args:
        factory: the plugin's class or function.
        given: option values as JSON would give them.
        owner: the plugin, in words.

    Raises:
        OptionErrors: options are unknown, missing or have a wrong value.
    """
    from pydantic import ValidationError

    known = {parameter.name: parameter for parameter in parameters(factory)}
    errors: list[OptionError] = [
        UnknownOption(f"{owner} has no option {shown(name)}: {did_you_mean(name, known)}", (name,))
        for name in given
        if name not in known
    ]
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        if name not in given:
            if parameter.default is MISSING:
                errors.append(OptionError(f"{owner} needs the option {name!r}; add it"))
            continue
        where = f"{owner}, option {name!r}"
        try:
            text = json.dumps(given[name], allow_nan=False)
            values[name] = parameter.adapter.validate_json(text, strict=True)
        except ValidationError as error:
            errors += [
                OptionError(f"{where}: {each.message}", (name, *each.path))
                for each in worded(error.errors(include_url=False), given[name])
            ]
        except ValueError:
            errors.append(OptionError(f"{where}: infinite and .nan are not allowed", (name,)))
    if errors:
        raise OptionErrors(errors)
    return values


def dump(
    factory: Callable[..., Any], values: Mapping[str, Any], *, required: bool = True
) -> dict[str, Any]:
    """All options with defaults filled in, as JSON values; those without a default if given.

    Args:
        factory: the plugin's class or function.
        values: what ``check`` returned.
        required: False leaves out the options that have no default and no value.
    """
    return {
        parameter.name: parameter.adapter.dump_python(
            values.get(parameter.name, parameter.default), mode="json"
        )
        for parameter in parameters(factory)
        if required or parameter.name in values or parameter.default is not MISSING
    }


def without_locations(factory: Callable[..., Any], dumped: Mapping[str, Any]) -> dict[str, Any]:
    """The dumped options that say what is done, without those that say where something is."""
    places = {parameter.name for parameter in parameters(factory) if parameter.is_location}
    return {name: value for name, value in dumped.items() if name not in places}
