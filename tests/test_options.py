from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import hypothesis.strategies as st
import pytest
from annotated_types import Ge
from hypothesis import given

from hbench.errors import PluginError
from hbench.options import MISSING, OptionErrors, check, dump, parameters, without_locations


@dataclass(frozen=True)
class Toy:
    k: Annotated[int, Ge(1)]
    rate: float = 0.5
    mode: Literal["row", "batch"] = "row"
    words: tuple[str, ...] = ()
    place: Path | None = None
    version: ClassVar[int] = 1


def toy(k: int, *, places: Annotated[list[Path] | None, "any"] = None, **_: Any) -> Toy:
    return Toy(k)


class Plain:
    def __init__(self, k: int = 3) -> None:
        self.k = k


def mistakes(given, factory=Toy):
    with pytest.raises(OptionErrors) as caught:
        check(factory, given, "metric 'toy'")
    return [(error.path, str(error)) for error in caught.value.errors]


def test_the_options_are_the_typed_parameters_of_a_dataclass_a_function_or_a_class():
    assert [p.name for p in parameters(Toy)] == ["k", "rate", "mode", "words", "place"]
    assert [(p.name, p.default) for p in parameters(toy)] == [("k", MISSING), ("places", None)]
    assert [(p.name, p.type, p.default) for p in parameters(Plain)] == [("k", int, 3)]


def test_values_come_as_json_and_become_what_the_plugin_declares():
    given = {"k": 2, "rate": 1, "words": ["a"], "place": "x/y"}
    assert check(Toy, given, "") == {"k": 2, "rate": 1.0, "words": ("a",), "place": Path("x/y")}


def test_all_mistakes_come_at_once_each_with_its_option():
    owner = "metric 'toy'"
    found = mistakes({"k": 0, "rate": "0.5", "mode": "rwo", "wrds": []})
    assert [path for path, _ in found] == [("wrds",), ("k",), ("rate",), ("mode",)]
    assert found[0][1] == (
        f"{owner} has no option 'wrds': did you mean 'words'? Allowed: k, mode, place, rate, words"
    )
    assert found[1][1] == f"{owner}, option 'k': must be at least 1; found 0"
    assert found[2][1] == (
        f"{owner}, option 'rate': must be a number; found '0.5': remove the quotes"
    )
    assert found[3][1] == f"{owner}, option 'mode': must be 'row' or 'batch'; found 'rwo'"


def test_an_option_without_default_must_be_given():
    assert mistakes({}) == [((), "metric 'toy' needs the option 'k'; add it")]


@pytest.mark.parametrize("value", ["3", 3.5, True, None, [3], {"k": 3}])
def test_nothing_is_converted_silently(value):
    assert [path for path, _ in mistakes({"k": value})] == [("k",)]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_json_cannot_say_is_refused(value):
    words = "metric 'toy', option 'rate': infinite and .nan are not allowed"
    assert mistakes({"k": 1, "rate": value}) == [(("rate",), words)]


def test_a_long_value_is_not_shown_whole():
    ((_, message),) = mistakes({"k": list(range(1000))})
    assert len(message) < 150


def test_the_dump_writes_all_defaults_out_as_json():
    expected = {"k": 2, "rate": 0.5, "mode": "row", "words": [], "place": "x/y"}
    assert dump(Toy, {"k": 2, "place": Path("x/y")}) == expected


@given(st.integers(1, 10), st.floats(allow_nan=False, allow_infinity=False), st.lists(st.text()))
def test_what_was_dumped_is_read_back_as_the_same(k, rate, words):
    values = check(Toy, {"k": k, "rate": rate, "words": words}, "")
    dumped = dump(Toy, values)
    assert dump(Toy, check(Toy, dumped, "")) == dumped


def test_what_only_says_where_something_is_does_not_identify_what_is_done():
    assert without_locations(Toy, {"k": 1, "place": "a"}) == {"k": 1}
    assert without_locations(toy, {"k": 1, "places": ["a"]}) == {"k": 1}


def test_options_that_cannot_be_read_are_the_plugins_mistake():
    def broken(k: "Undefined") -> None:  # type: ignore[name-defined]  # noqa: F821
        raise NotImplementedError

    def sequence(k: Sequence[int] = ()) -> None:
        raise NotImplementedError

    assert parameters(sequence)[0].name == "k"
    with pytest.raises(PluginError, match=r"broken.*cannot be read: name 'Undefined'"):
        parameters(broken)
