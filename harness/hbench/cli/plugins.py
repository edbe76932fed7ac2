"""``hbench plugins``: what is installed, from which distribution, with which options."""

from typing import TYPE_CHECKING, Annotated

import typer

from hbench.cli.common import mistakes_end_here

if TYPE_CHECKING:
    from hbench.registry import Entry, Kind


def plugins(
    kind: Annotated[str | None, typer.Argument(help="sampler, encoder, dataset, ...")] = None,
    name: Annotated[str | None, typer.Argument(help="Show one plugin with its options.")] = None,
) -> None:
    """List the installed plugins with their options; broken ones with the cause."""
    with mistakes_end_here():
        from hbench import registry
        from hbench.errors import OptionError, did_you_mean

        wanted = kind.removesuffix("s") if kind else None
        if wanted is not None and wanted not in registry.KINDS:
            raise OptionError(
                f"no kind of plugin is named {kind!r}: {did_you_mean(kind or '', registry.KINDS)}"
            )
        for each in registry.KINDS:
            if wanted in (None, each):
                _list(each, name)


def _list(kind: "Kind", name: str | None) -> None:
    from hbench import registry

    if name is not None:
        registry.find(kind, name)
    for claimed, offered in registry.entries(kind).items():
        if name in (None, claimed):
            for entry in offered:
                clash = " CLAIMED TWICE: uninstall one" if len(offered) > 1 else ""
                typer.echo(f"{entry}{clash}")
                typer.echo(_described(entry))


def _described(entry: "Entry") -> str:
    """The options of a plugin, or why it cannot be used."""
    import inspect

    from hbench import options, registry
    from hbench.errors import PluginError

    try:
        factory = registry.load(entry)
        declared = options.parameters(factory)
    except PluginError as error:
        return f"    BROKEN: {error}"
    lines = [f"    {(inspect.getdoc(factory) or '').partition(chr(10))[0]}"]
    for parameter in declared:
        kind = inspect.formatannotation(parameter.type).replace("typing.", "")
        default = "" if parameter.default is options.MISSING else f" = {parameter.default!r}"
        lines.append(f"    - {parameter.name}: {kind}{default}")
    return "\n".join(lines)
