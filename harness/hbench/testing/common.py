"""The rules that plugins of all kinds keep, and how a plugin is made again from its options."""

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any

from hbench import options
from hbench.errors import shown
from hbench.registry import parts_of
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

PARTS = Rule(
    "has-all-parts",
    "A plugin has everything that its kind's Protocol names.",
    "the attributes and methods of the Protocol in hbench.protocols, by these names",
)
CALLS = Rule(
    "called-as-the-protocol-calls",
    "A method takes its arguments as the Protocol does: some by position, those after * by name.",
    "the Protocol's own signature; further parameters have defaults",
)
VERSION = Rule(
    "version-is-a-number",
    "`version` is a whole number that the author raises when outcomes change.",
    "version: ClassVar[int] = 1",
)
FROZEN = Rule(
    "frozen",
    "A plugin that is a dataclass cannot be changed: its results are stored under its options.",
    "@dataclass(frozen=True)",
)
TYPED = Rule(
    "options-are-typed",
    "Every option has a type, against which the spec is checked.",
    "k: int = 10; types whose values JSON can hold",
)
ROUND_TRIP = Rule(
    "options-survive-json",
    "Options that are written as JSON and read again give a plugin of the same options.",
    "text, numbers, lists and the like, of the types that the fields say; what is no option is a "
    "field(init=False), and what a function returns need be no dataclass",
)
RULES = (PARTS, CALLS, VERSION, FROZEN, TYPED, ROUND_TRIP)


def check_common(checked: Checked, protocol: type) -> None:
    """Check the rules of all kinds.

    Args:
        checked: the plugin.
        protocol: of its kind, from ``hbench.protocols``.

    Raises:
        ContractError: one is broken.
    """
    plugin = checked.plugin
    given = f"the plugin as hbench.protocols.{protocol.__name__}"
    is_made = not isinstance(plugin, type)
    checked.require(is_made, PARTS, given=given, found="a class, and no object that is made of it")
    with checked.asked(PARTS, given):
        missing = [name for name in parts_of(protocol) if not hasattr(plugin, name)]
    found = f"it lacks {', '.join(missing)}"
    checked.require(not missing, PARTS, given=given, found=found)
    for name in parts_of(protocol):
        wanted = inspect.getattr_static(protocol, name, None)
        if inspect.isfunction(wanted):
            _check_call(checked, name, wanted)
    version: Any = plugin.version  # type: ignore[attr-defined]
    holds = isinstance(version, int) and not isinstance(version, bool) and version >= 1
    checked.require(holds, VERSION, given="`version`", found=shown(version))
    if is_dataclass(plugin):
        _check_options(checked)


def _check_call(checked: Checked, name: str, wanted: Callable[..., Any]) -> None:
    """Whether a method of the plugin can be called as the Protocol's is."""
    _, *parameters = inspect.signature(wanted).parameters.values()
    by_name = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    by_place = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    call = ", ".join([*by_place, *(f"{each}=..." for each in by_name)])
    given = f"{name}({call})"
    method = getattr(checked.plugin, name)
    checked.require(
        callable(method), CALLS, given=given, found=f"{name} is {shown(method)}, and no method"
    )
    try:
        signature = inspect.signature(method)
    except ValueError:  # one that is written in C does not tell
        return
    try:
        signature.bind(*by_place, **dict.fromkeys(by_name))
    except TypeError as error:
        checked.require(False, CALLS, given=given, found=f"def {name}{signature}: {error}")


def _check_options(checked: Checked) -> None:
    plugin: Any = checked.plugin
    kind: Any = type(plugin)
    stated = kind.__dataclass_params__
    given = f"the dataclass {kind.__name__}"
    checked.require(stated.frozen, FROZEN, given=given, found="frozen=False")
    with checked.asked(TYPED, given):
        parameters = options.parameters(kind)
    names = ", ".join(each.name for each in parameters)
    given = f"the options of {kind.__name__}: {names or 'none'}"
    untyped = [each.name for each in parameters if each.type is Any]
    found = f"nothing is said, or Any, of {', '.join(untyped)}"
    checked.require(not untyped, TYPED, given=given, found=found)
    try:
        written = options_of(plugin)
        again = rebuilt(kind, written)
        read = options_of(again)
        # A Path may come back as text, which is the same to JSON; a set in another order is not.
        is_same = all(
            read[name] == value or getattr(again, name) == getattr(plugin, name)
            for name, value in written.items()
        )
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        checked.require(False, ROUND_TRIP, given=given, found=found, cause=error)
        raise
    checked.require(is_same, ROUND_TRIP, given=given, found=f"{written} gave {again!r}")


def options_of(plugin: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """The options of a dataclass plugin, as JSON values."""
    kind: Any = type(plugin)
    values = {each.name: getattr(plugin, each.name) for each in options.parameters(kind)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydantic warns of values that are not of their type
        return options.dump(kind, values)


def rebuilt(kind: Callable[..., Any], written: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """A plugin from its options, as a spec would build it."""
    return kind(**options.check(kind, written, repr(kind)))
