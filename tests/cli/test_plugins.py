"""What is installed, as the command tells it; the entry points are made up."""

import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import Field
from tests.cli.calling import call, refused
from tests.installed import installing

from hbench import registry
from hbench.described import spelled
from hbench.errors import PluginError


@dataclass(frozen=True)
class Shared:
    """Options of several.

    Args:
        without: languages to leave out.
        depth: how deep.
    """

    without: tuple[str, ...] = ()
    depth: int = 1


@dataclass(frozen=True)
class Toy(Shared):
    """Counts what is not there.

    More of it.

    Args:
        k: the cut-off; a help so long that no terminal of the usual width of eighty signs holds it.
        depth: deeper.
    """

    k: Annotated[int, Ge(1)] = field(kw_only=True)
    mode: Literal["row", "batch"] = "row"
    version: ClassVar[int] = 7
    needs_parallel: ClassVar[bool] = False

    def prepare(self, items, *, batch_size, seed):
        raise NotImplementedError


def made(share: float = 0.5, place: Path | None = None) -> Toy:
    """Made by a function.

    Parameters
    ----------
    share : float
        In the style of numpy.
    """
    return Toy(k=1)


@dataclass(frozen=True)
class Endless(Toy):
    """Has a default that JSON cannot say."""

    limit: float = float("inf")


@dataclass(frozen=True)
class Misspelled:
    """Lacks what its author called otherwise."""

    needs_parallel: bool
    version: ClassVar[int] = 1

    def prepares(self, items, *, batch_size, seed):
        raise NotImplementedError


class Plain:
    """Sets a part when it is built, and lacks a method."""

    version = 1

    def __init__(self, needs_parallel: bool = False) -> None:
        self.needs_parallel = needs_parallel


OBJECTS = {each.__name__: each for each in (Toy, made, Endless, Misspelled, Plain)}


@pytest.fixture
def install(monkeypatch):
    """Installs samplers: ``install(name, object, distribution)``."""
    registry.forget()
    yield installing(monkeypatch, "sampler", **OBJECTS)
    registry.forget()


TOY = """\
sampler 'toy' (toys 1.2), version 7
    Counts what is not there.
    - without: list of text = []
        languages to leave out.
    - depth: whole number = 1
        deeper.
    - mode: row | batch = "row"
    - k: whole number, at least 1, required
        the cut-off; a help so long that no terminal of the usual width of
        eighty signs holds it.

"""


def test_options_come_from_the_signature_and_their_help_from_docstrings_also_inherited(install):
    install("toy", "Toy")
    install("other", "made")
    assert call("plugins", "sampler", "toy").stdout == TOY
    assert call("plugins", "samplers", "toy").stdout == TOY


def test_a_function_is_described_by_what_it_makes_and_in_other_styles_of_docstrings(install):
    install("made", "made")
    assert call("plugins", "sampler").stdout == (
        "sampler 'made' (toys 1.2), version 7\n"
        "    Made by a function.\n"
        "    - share: number = 0.5\n"
        "        In the style of numpy.\n"
        "    - place: path, or null = null\n\n"
    )


def test_the_overview_has_a_line_a_plugin_by_kind_and_distribution(install):
    install("toy", "Toy", "red")
    install("made", "made", "blue")
    assert call("plugins").stdout == (
        "samplers of blue 1.2\n"
        "  made  Made by a function.\n\n"
        "samplers of red 1.2\n"
        "  toy   Counts what is not there.\n\n"
        "The options of each: hbench plugins KIND [NAME]\n"
    )


@pytest.mark.parametrize("words", [(), ("sampler",)])
def test_broken_ones_are_listed_with_module_distribution_and_cause(install, words):
    install("x", "no_module:X")
    text = " ".join(call("plugins", *words).stdout.split())
    assert (
        "BROKEN: sampler 'x' (toys 1.2) cannot be imported from no_module:X: "
        "ModuleNotFoundError: No module named 'no_module'"
    ) in text


@pytest.mark.parametrize("name", ["Misspelled", "Plain"])
def test_a_class_that_lacks_a_part_is_broken_in_the_words_that_refuse_its_use(install, name):
    install("x", name)
    with pytest.raises(PluginError) as refusal:
        registry.build("sampler", "x", {"needs_parallel": True})
    assert str(refusal.value) == (
        "sampler 'x' (toys 1.2) does not meet hbench.protocols.Sampler: it lacks prepare; "
        "needed are needs_parallel, prepare, version"
    )
    (told,) = json.loads(call("plugins", "sampler", "x", "--format", "json").stdout)
    assert told["broken"] == str(refusal.value)


def test_two_that_claim_one_name_are_both_listed_each_with_the_other(install):
    install("x", "Toy", "red")
    install("x", "Toy", "blue")
    text = call("plugins").stdout
    assert "    CLAIMED TWICE: also by blue 1.2; uninstall all but one\n" in text
    assert "    CLAIMED TWICE: also by red 1.2; uninstall all but one\n" in text


def test_json_tells_all_of_it(install):
    install("toy", "Toy", "red")
    install("toy", "no_module:X", "blue")
    broken, toy = sorted(
        json.loads(call("plugins", "--format", "json").stdout),
        key=lambda each: each["version"] or 0,
    )
    assert broken["broken"].endswith("No module named 'no_module'")
    assert (toy["rivals"], broken["rivals"]) == (["blue 1.2"], ["red 1.2"])
    options = toy.pop("options")
    assert toy == {
        "kind": "sampler", "name": "toy", "distribution": "red", "distribution_version": "1.2",
        "version": 7, "help": "Counts what is not there.", "broken": "", "rivals": ["blue 1.2"],
    }  # fmt: skip
    assert options[1] == {
        "name": "depth", "type": "whole number", "required": False, "default": 1, "help": "deeper.",
    }  # fmt: skip
    assert options[3]["required"] and options[3]["default"] is None


def test_a_default_that_json_lacks_is_told_by_its_name(install):
    install("endless", "Endless")
    text = call("plugins", "--format", "json").stdout
    (found,) = json.loads(text, parse_constant=None)
    assert {each["name"]: each["default"] for each in found["options"]}["limit"] == "Infinity"


def test_what_is_not_there_is_answered_with_the_nearest(install):
    install("toy", "Toy")
    assert refused("plugins", "smapler").startswith(
        "no kind of plugin is named 'smapler': did you mean 'sampler'? Allowed: "
    )
    assert refused("plugins", "sampler", "tyo") == (
        "no sampler is named 'tyo': did you mean 'toy'? Allowed: toy "
        "(`hbench plugins sampler` lists them)"
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Annotated[float, Gt(0), Lt(1)], "number, above 0, below 1"),
        (Annotated[int, Field(ge=2, le=9)], "whole number, at least 2, at most 9"),
        (dict[str, Path], "mapping of text to path"),
        (Mapping[str, Sequence[bool]], "mapping of text to list of true or false"),
        (Annotated[float, Ge(0), Le(0.9)] | None, "number, at least 0, at most 0.9, or null"),
        (Literal[1, "a"], "1 | a"),
        (Annotated[int, ["not hashable"]], "whole number"),
        (tuple[int, str], "list of 2: whole number; text"),
        (typing.List, "List"),  # noqa: UP006
        (typing.Dict, "Dict"),  # noqa: UP006
        (Any, "anything"),
        (complex, "complex"),
    ],
)
def test_types_are_told_in_the_words_of_yaml(kind, words):
    assert spelled(kind) == words


def test_every_option_of_the_plugins_that_ship_has_a_help():
    found = json.loads(call("plugins", "--format", "json").stdout)
    assert len(found) > 40
    assert [
        f"{each['kind']} {each['name']}: {option['name']}"
        for each in found
        for option in each["options"]
        if not option["help"]
    ] == []
    assert [each["name"] for each in found if not each["help"]] == []
