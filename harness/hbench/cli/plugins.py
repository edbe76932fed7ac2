"""``hbench plugins``: what is installed, from which distribution, with which options."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hbench.cli import completing
from hbench.cli.common import answering

if TYPE_CHECKING:
    from hbench.described import Description, Option
    from hbench.registry import Entry

WIDTH = 80


def plugins(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND", help="sampler, encoder, dataset, ...", autocompletion=completing.kinds
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Show this plugin alone.", autocompletion=completing.names_of_kind
        ),
    ] = None,
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", help="How to print.")
    ] = "table",
) -> None:
    """List the installed plugins, and the options of a KIND's.

    Options, types, defaults and help come from a plugin's signature and docstring. One that cannot
    be imported is shown with the cause.
    """
    with answering() as answer:
        from hbench.described import describe

        is_overview = kind is None and form == "table"
        chosen = _chosen(kind, name)
        found = [describe(entry, with_options=not is_overview) for entry in chosen]
        if form == "json":
            answer.json([asdict(each) for each in found])
            return
        lines = _overview(found) if is_overview else _details(found)
        answer.text("\n".join(lines))


def _chosen(kind: str | None, name: str | None) -> "Sequence[Entry]":
    from hbench import registry
    from hbench.errors import OptionError, PluginError, did_you_mean

    wanted = kind.removesuffix("s") if kind else None
    kinds = [each for each in registry.KINDS if wanted in (None, each)]
    if not kinds:
        hint = did_you_mean(kind or "", registry.KINDS)
        raise OptionError(f"no kind of plugin is named {kind!r}: {hint}")
    offered = [entries for each in kinds for entries in registry.entries(each).items()]
    chosen = [entry for called, found in offered if name in (None, called) for entry in found]
    if name is not None and not chosen:
        hint = did_you_mean(name, registry.entries(kinds[0]))
        raise PluginError(
            f"no {kinds[0]} is named {name!r}: {hint} (`hbench plugins {kinds[0]}` lists them)"
        )
    return chosen


def _overview(found: "Sequence[Description]") -> Iterator[str]:
    """A line a plugin, by kind and distribution."""
    column = max(len(each.name) for each in found) + 2
    for kind, of_kind in groupby(found, key=lambda each: each.kind):
        for origin, members in groupby(sorted(of_kind, key=_origin), key=_origin):
            yield f"{kind}s of {' '.join(origin)}"
            for each in members:
                yield from _hung(f"  {each.name:<{column}}", each.help or "(no docstring)")
                yield from _warnings(each)
            yield ""
    yield "The options of each: hbench plugins KIND [NAME]"


def _origin(plugin: "Description") -> tuple[str, str]:
    return (plugin.distribution, plugin.distribution_version)


def _details(found: "Sequence[Description]") -> Iterator[str]:
    """A plugin with its options, each with type, default and help."""
    for each in found:
        version = "" if each.version is None else f", version {each.version}"
        yield f"{each.kind} {each.name!r} ({' '.join(_origin(each))}){version}"
        yield from _hung("    ", each.help)
        yield from _warnings(each)
        for option in each.options:
            yield from _option(option)
        yield ""


def _option(option: "Option") -> Iterator[str]:
    default = ", required" if option.required else f" = {option.value}"
    yield from _hung("    - ", f"{option.name}: {option.type}{default}")
    yield from _hung("        ", option.help)


def _warnings(plugin: "Description") -> Iterator[str]:
    """Why a plugin cannot be used, if it cannot."""
    if plugin.rivals:
        owners = ", ".join(plugin.rivals)
        text = f"CLAIMED TWICE: also by {owners}; uninstall all but one"
        yield from _hung("    ", text)
    if plugin.broken:
        yield from _hung("    ", f"BROKEN: {plugin.broken}")


def _hung(label: str, text: str) -> Sequence[str]:
    """A text with a label before its first line, within the width of a terminal."""
    rest = " " * len(label)
    return wrap(text, WIDTH, initial_indent=label, subsequent_indent=rest, break_on_hyphens=False)
