"""What holds for plugins of all kinds, shown by metrics."""

import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from annotated_types import Ge

from hbench import registry, testing
from hbench.errors import OptionError, PluginError
from hbench.protocols import Metric, Transform
from hbench.testing import CHECKS, RULES, ContractError, built
from hbench.testing.chance import global_random_state
from hbench.testing.common import RULES as COMMON
from hbench.testing.common import check_common
from hbench.testing.rules import Checked


def check(plugin, protocol=Metric):
    check_common(Checked(plugin), protocol)


class Values:
    """All that a metric needs but its options."""

    version: ClassVar[Any] = 1
    direction: ClassVar[str] = "higher"

    def values(self, ranks):
        return 1 / ranks.rank[:, 0]


@dataclass(frozen=True)
class Right(Values):
    k: Annotated[int, Ge(1)] = 10
    scale: float = 1  # a whole number is a float to JSON
    only: tuple[str, ...] | None = ("de",)
    mode: Literal["a", "b"] = "a"
    folder: Path = Path("here")
    seen: list[int] = field(default_factory=list, init=False)


class Plain(Values):
    def __init__(self, k):
        self.k = k


@dataclass(frozen=True, eq=False)
class WithoutEquality(Values):
    k: int = 10


@dataclass(frozen=True)
class Converting(Values):
    """Its options come back as other values than it was made with, that mean the same."""

    model: str | Path = "id"  # a Path comes back as text
    only: Sequence[str] = ()  # and a tuple as a list
    left: frozenset[str] = frozenset()  # in whatever order
    limit: float | int = 1

    def __post_init__(self):
        object.__setattr__(self, "limit", max(self.limit, 1))  # once is enough


@dataclass(frozen=True)
class WithATable(Values):
    """Holds what cannot be compared, and is no option."""

    k: int = 3
    gains: np.ndarray = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "gains", 1 / np.arange(1, self.k + 1))


def of_a_function(folder: Path | None = None) -> Converting:
    """A factory whose options are others than those of what it returns."""
    return Converting(model=folder or "id", only=("de", "en"), left=frozenset("abcdef"))


@dataclass(frozen=True)
class FurtherParameters(Values):
    def values(self, ranks, *, exact=True):
        return super().values(ranks)


@pytest.mark.parametrize(
    "plugin", [Right(), Right(k=3, folder=Path("x")), Plain(3), WithoutEquality(4), Converting(),
               Converting(limit=0), WithATable(), WithATable(2), of_a_function(),
               of_a_function(Path("x")), FurtherParameters()],
)  # fmt: skip
def test_right_plugins_pass(plugin):
    check(plugin)


@dataclass(frozen=True)
class WithoutDirection:
    version: ClassVar[int] = 1

    def values(self, ranks):
        raise NotImplementedError


@dataclass(frozen=True)
class AskingForMore(Values):
    def values(self, ranks, pool):  # type: ignore[override]
        raise NotImplementedError


@dataclass(frozen=True)
class NoMethod(Values):
    values: ClassVar[Any] = 3


@dataclass(frozen=True)
class VersionInText(Values):
    version: ClassVar[Any] = "1.0"


@dataclass(frozen=True)
class VersionTrue(Values):
    version: ClassVar[Any] = True


@dataclass(frozen=True)
class Version0(Values):
    version: ClassVar[Any] = 0


@dataclass
class NotFrozen(Values):
    k: int = 10


@dataclass(frozen=True)
class Anything(Values):
    k: Any = 10


@dataclass(frozen=True)
class OfAnArray(Values):
    weights: np.ndarray = field(default_factory=lambda: np.ones(3))


@dataclass(frozen=True)
class NotOfItsType(Values):
    k: int = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Infinite(Values):
    limit: float = float("inf")


@dataclass(frozen=True)
class Doubling(Values):
    k: int = 1

    def __post_init__(self):
        object.__setattr__(self, "k", 2 * self.k)


@dataclass(frozen=True)
class Halved(Values):
    """Drops one of its languages each time it is made."""

    only: frozenset[str] = frozenset({"de", "en", "zh"})

    def __post_init__(self):
        object.__setattr__(self, "only", frozenset(sorted(self.only)[1:]))


BROKEN: list[tuple[str, type]] = [
    ("has-all-parts", WithoutDirection),
    ("called-as-the-protocol-calls", AskingForMore),
    ("called-as-the-protocol-calls", NoMethod),
    ("version-is-a-number", VersionInText),
    ("version-is-a-number", VersionTrue),
    ("version-is-a-number", Version0),
    ("frozen", NotFrozen),
    ("options-are-typed", Anything),
    ("options-survive-json", OfAnArray),
    ("options-survive-json", NotOfItsType),
    ("options-survive-json", Infinite),
    ("options-survive-json", Doubling),
    ("options-survive-json", Halved),
]


@pytest.mark.parametrize(("rule", "plugin"), BROKEN)
def test_a_broken_plugin_is_caught_by_the_rule_that_it_breaks(rule, plugin):
    with pytest.raises(ContractError) as caught:
        check(plugin())
    assert caught.value.rule.name == rule


def test_every_rule_has_a_plugin_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {rule.name for rule in COMMON}


class ByPlace:
    version = 1

    def fit(self, vectors):
        raise NotImplementedError

    def apply(self, vectors, side, language):
        raise NotImplementedError


def test_arguments_that_are_given_by_name_must_have_that_name():
    with pytest.raises(ContractError) as caught:
        check(ByPlace(), Transform)
    assert str(caught.value).splitlines()[1:] == [
        "  input: apply(vectors, side=..., language=..., fitted=...)",
        "  found: def apply(vectors, side, language): got an unexpected keyword argument 'fitted'",
        "  right: the Protocol's own signature; further parameters have defaults",
    ]


def test_a_message_says_which_options_did_not_survive():
    with pytest.raises(ContractError) as caught:
        check(Doubling())
    assert str(caught.value) == (
        "Doubling(k=2) breaks the rule 'options-survive-json': Options that are written as JSON "
        "and read again give a plugin of the same options.\n"
        "  input: the options of Doubling: k\n"
        "  found: {'k': 2} gave Doubling(k=4)\n"
        "  right: text, numbers, lists and the like, of the types that the fields say; what is no "
        "option is a field(init=False), and what a function returns need be no dataclass"
    )


def test_a_class_is_no_plugin():
    with pytest.raises(ContractError, match="found: a class, and no object that is made of it"):
        check(Right)


def test_a_plugin_that_shows_itself_at_length_is_cut():
    with pytest.raises(ContractError) as caught:
        check(type("Long", (VersionInText,), {"__repr__": lambda self: "L" * 200})())
    assert str(caught.value).startswith(f"{'L' * 97}... breaks the rule")


def test_each_kind_has_a_check_and_its_rules_with_those_of_all_kinds_first():
    assert set(CHECKS) == set(RULES) == set(registry.KINDS)
    for rules in RULES.values():
        assert rules[: len(COMMON)] == COMMON
        names = [rule.name for rule in rules]
        assert len(set(names)) == len(names) > len(COMMON)


def test_all_that_the_package_offers_is_there():
    assert all(hasattr(testing, name) for name in testing.__all__)
    assert {f"check_{kind}" for kind in registry.KINDS} < set(testing.__all__)


def test_a_plugin_is_built_as_a_spec_would():
    assert built("metric", "recall", k=3) == registry.build("metric", "recall", {"k": 3}).plugin
    with pytest.raises(OptionError, match="has no option 'kk': did you mean 'k'"):
        built("metric", "recall", kk=3)
    with pytest.raises(PluginError, match="no metric is named 'recal': did you mean 'recall'"):
        built("metric", "recal")


def test_the_global_random_state_is_set_inside_and_as_before_afterwards():
    def drawn():
        return random.random(), np.random.random(), torch.rand(()).item()

    with global_random_state(1):
        first = drawn()
    states = random.getstate(), torch.get_rng_state().tolist()
    with global_random_state(1):
        assert drawn() == first
    with global_random_state(2):
        assert not set(drawn()) & set(first)
    assert states == (random.getstate(), torch.get_rng_state().tolist())


def test_what_does_without_torch_does_not_wait_for_it():
    code = (
        "import sys\n"
        "from hbench.testing.chance import global_random_state\n"
        "with global_random_state(1): pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
