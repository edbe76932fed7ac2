"""Plugins, found through entry points and in no other way; names no plugin itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from sys import modules
from typing import Any, Literal, get_type_hints

from hbench import options, protocols
from hbench.errors import HBenchError, OptionError, PluginError, did_you_mean

Kind = Literal["sampler", "encoder", "dataset", "objective", "metric", "transform", "executor"]
PROTOCOLS: Mapping[Kind, type] = {
    "sampler": protocols.Sampler,
    "encoder": protocols.Encoder,
    "dataset": protocols.Dataset,
    "objective": protocols.Objective,
    "metric": protocols.Metric,
    "transform": protocols.Transform,
    "executor": protocols.Executor,
}
KINDS: tuple[Kind, ...] = tuple(PROTOCOLS)


@dataclass(frozen=True)
class Entry:
    """One name of one kind, with the distribution that offers it."""

    kind: Kind
    name: str
    distribution: str
    distribution_version: str
    point: EntryPoint

    def __str__(self) -> str:
        """Name and origin, as in ``sampler 'hybrid' (hbench 0.1.0)``."""
        return f"{self.kind} {self.name!r} ({self.distribution} {self.distribution_version})"


@dataclass(frozen=True)
class Built:
    """A plugin with its options: the object, and what identifies what it does."""

    entry: Entry
    plugin: Any
    options: Mapping[str, Any]

    @property
    def identity(self) -> dict[str, Any]:
        """What of this plugin can change an outcome; JSON."""
        return {
            "use": self.entry.name,
            "distribution": self.entry.distribution,
            "version": self.plugin.version,
            "options": options.without_locations(self.entry_factory, self.options),
        }

    @property
    def chosen(self) -> list[str]:
        """The options that differ from their defaults, as ``split=test``, without locations."""
        defaults = options.dump(self.entry_factory, {}, required=False)
        what = self.identity["options"]
        return [f"{name}={what[name]}" for name in what if what[name] != defaults.get(name)]

    @property
    def entry_factory(self) -> Callable[..., Any]:
        """The class or function behind the name."""
        return load(self.entry)


@cache
def _origin(distribution: Distribution) -> tuple[str, str]:
    """Name and version; to ask for either reads all of the metadata, with the README in it."""
    metadata = distribution.metadata
    return metadata["Name"], metadata["Version"]


@cache
def _all_entries() -> Mapping[Kind, Mapping[str, tuple[Entry, ...]]]:
    """All names of all kinds, by one look at what is installed."""
    installed = entry_points()
    found: dict[Kind, dict[str, list[Entry]]] = {kind: {} for kind in KINDS}
    for kind, offered in found.items():
        for point in installed.select(group=f"hbench.{kind}s"):
            origin = _origin(point.dist) if point.dist else ("?", "?")
            offered.setdefault(point.name, []).append(Entry(kind, point.name, *origin, point))
    return {
        kind: {name: tuple(offered[name]) for name in sorted(offered)}
        for kind, offered in found.items()
    }


def entries(kind: Kind) -> Mapping[str, tuple[Entry, ...]]:
    """All names of a kind; a name that several distributions claim has several entries."""
    return _all_entries()[kind]


def parts_of(protocol: type) -> list[str]:
    """The names of what a Protocol asks for; class variables are no more than annotations there."""
    names = {*dir(protocol), *get_type_hints(protocol)}
    return sorted(name for name in names if not name.startswith("_"))


def forget() -> None:
    """Look anew at what is installed when a plugin is next asked for."""
    _all_entries.cache_clear()
    load.cache_clear()


def find(kind: Kind, name: str) -> Entry:
    """The entry of a name.

    Raises:
        PluginError: no installed distribution offers it, or several do.
    """
    offered = entries(kind).get(name, ())
    if not offered:
        raise PluginError(
            f"no {kind} is named {name!r}: {did_you_mean(name, entries(kind))} "
            f"(`hbench plugins {kind}` lists them), or install the package that has it"
        )
    if len(offered) > 1:
        owners = " and ".join(f"{e.distribution} {e.distribution_version}" for e in offered)
        raise PluginError(f"{kind} {name!r} is claimed by {owners}; uninstall all but one")
    return offered[0]


@cache
def load(entry: Entry) -> Callable[..., Any]:
    """Import what an entry names.

    Raises:
        PluginError: it cannot be imported; says which module, of which distribution, and why.
    """
    try:
        factory = entry.point.load()
    except Exception as error:
        cause = f"{type(error).__name__}: {error}{_nearest(entry.point)}"
        raise PluginError(
            f"{entry} cannot be imported from {entry.point.value}: {cause}"
        ) from error
    if not callable(factory):
        raise PluginError(f"{entry}: {entry.point.value} is neither a class nor a function")
    checked: Callable[..., Any] = factory
    return checked


def _nearest(point: EntryPoint) -> str:
    """What an entry point may mean that names nothing in a module which itself can be imported."""
    if not point.pattern.match(point.value):
        return " (an entry point is written as package.module:name)"
    module, wanted = modules.get(point.module), point.attr.partition(".")[0]
    if module is None or hasattr(module, wanted):
        return ""
    own = [name for name, value in vars(module).items()
           if callable(value) and getattr(value, "__module__", None) == point.module]  # fmt: skip
    near = get_close_matches(wanted, own, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _remedy(entry: Entry, error: BaseException | None) -> str:
    """What helps where a plugin cannot be loaded, and against the import's error."""
    lacking = (getattr(error, "name", None) or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and lacking != entry.point.module.partition(".")[0]:
        return f"install what it needs, as `pip install {lacking}`"
    return f"`pip install --upgrade {entry.distribution}` may mend it, else tell its authors"


def unmet(entry: Entry, has: Callable[[str], bool]) -> str:
    """What a plugin lacks of its kind's protocol, in a sentence; "" if nothing.

    Args:
        entry: of the plugin.
        has: whether the plugin has the part of this name.
    """
    protocol = PROTOCOLS[entry.kind]
    wanted = parts_of(protocol)
    missing = [part for part in wanted if not has(part)]
    if not missing:
        return ""
    return (
        f"{entry} does not meet hbench.protocols.{protocol.__name__}: it lacks "
        f"{', '.join(missing)}; needed are {', '.join(wanted)}"
    )


def build(kind: Kind, name: str, given: Mapping[str, Any]) -> Built:
    """Build a plugin from the options of a spec.

    Raises:
        PluginError: it is unknown, cannot be imported, or does not meet its kind's protocol.
        OptionError: an option is unknown, missing or has a wrong value; holds every one of them.
    """
    entry = find(kind, name)
    try:
        factory = load(entry)
    except PluginError as error:
        raise PluginError(f"{error}; {_remedy(entry, error.__cause__)}") from error.__cause__
    values = options.check(factory, given, str(entry))
    try:
        plugin = factory(**values)
    except OptionError:
        raise
    except (HBenchError, ValueError) as error:
        raise OptionError(f"{entry}: {error}") from error
    if lack := unmet(entry, lambda part: hasattr(plugin, part)):
        raise PluginError(lack)
    return Built(entry, plugin, options.dump(factory, values))
