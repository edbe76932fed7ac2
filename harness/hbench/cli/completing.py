"""What a shell proposes after TAB: names of plugins, and of what is in a file or in results.

Each function gets the command line so far and returns words; the shell keeps those that fit. Where
a file cannot be read there is nothing to propose, and the command itself will say why.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from hbench.errors import HBenchError

Proposals = list[str]


def kinds() -> Proposals:
    """Of plugins."""
    from hbench.registry import KINDS

    return list(KINDS)


def names_of_kind(context: typer.Context) -> Proposals:
    """The plugins of the KIND that stands before."""
    return _plugins(str(context.params.get("kind")).removesuffix("s"))


def datasets() -> Proposals:
    """The dataset plugins."""
    return _plugins("dataset")


def encoders() -> Proposals:
    """The encoder plugins."""
    return _plugins("encoder")


def executors() -> Proposals:
    """The executor plugins."""
    return _plugins("executor")


def benchmarks_of_file(context: typer.Context) -> Proposals:
    """The benchmarks of the FILE that stands before."""
    from hbench.specfile import SpecFile

    for file in filter(None, (context.params.get("file"), *_unread(context))):
        with suppress(HBenchError, AttributeError, KeyError, TypeError):
            return _unique([SpecFile.read(Path(file)).data["benchmarks"].keys()])
    return []


def benchmarks(context: typer.Context) -> Proposals:
    """Those in the results folder."""
    return _unique([found["benchmark"]] for found in _stored(context))


def methods(context: typer.Context) -> Proposals:
    """Those of the benchmarks that are named before, or of all."""
    return _unique((each["name"] for each in found["methods"]) for found in _stored(context))


def evaluations(context: typer.Context) -> Proposals:
    """The datasets that are evaluated on."""
    return _unique(found["evaluations"] for found in _stored(context))


def settings(context: typer.Context) -> Proposals:
    """The settings of all evaluations."""
    return _unique(each["settings"] for each in _evaluations(context))


def metrics(context: typer.Context) -> Proposals:
    """The metrics of all evaluations."""
    return _unique(each["metrics"] for each in _evaluations(context))


def _plugins(kind: str) -> Proposals:
    from hbench.registry import KINDS, entries

    return _unique(entries(known) for known in KINDS if known == kind)


def _stored(context: typer.Context) -> Iterator[Mapping[str, Any]]:
    from hbench.findings import read_results

    results = Path(str(context.params.get("results") or "results"))
    named = context.params.get("benchmark") or context.params.get("benchmarks") or ()
    wanted = [*((named,) if isinstance(named, str) else named), *_unread(context)]
    with suppress(HBenchError):
        details = read_results(results).details
        known = [found for found in details if found["benchmark"] in wanted]
        yield from known or details


def _unread(context: typer.Context) -> Proposals:
    """The arguments, where the line ends with an option without its value: it is not parsed."""
    return list(context.args)


def _evaluations(context: typer.Context) -> Iterator[Mapping[str, Any]]:
    for found in _stored(context):
        yield from found["evaluations"].values()


def _unique(groups: Iterable[Iterable[str]]) -> Proposals:
    """Each name once; one that a terminal would obey is not proposed."""
    names = dict.fromkeys(name for group in groups for name in group)
    return [name for name in names if name.isprintable()]
