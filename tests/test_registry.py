from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from annotated_types import Ge
from tests.installed import installing

from hbench import registry
from hbench.errors import DataError, OptionError, PluginError


@dataclass(frozen=True)
class Local:
    version: ClassVar[int] = 7
    parallel: ClassVar[bool] = True
    folder: Path = Path("here")
    size: Annotated[int, Ge(1)] = 3

    def __post_init__(self) -> None:
        if self.size == 13:
            raise ValueError("13 brings bad luck")
        if self.size == 14:
            raise DataError("14 is not here")

    def fingerprint(self):
        raise NotImplementedError

    languages = queries = passages = judgements = fingerprint


def made(size: int = 2, *, folder: Path = Path("there")) -> Local:
    return Local(size=size, folder=folder)


@dataclass(frozen=True)
class Half:
    version: ClassVar[int] = 1

    def languages(self):
        raise NotImplementedError


@pytest.fixture
def install(monkeypatch):
    """Installs datasets: ``install(name, object, distribution)``."""
    registry.forget()
    yield installing(monkeypatch, "dataset", Local=Local, made=made, Half=Half, number=3)
    registry.forget()


def test_a_plugin_is_named_with_its_distribution_and_version(install):
    install("toy", "Local")
    assert str(registry.find("dataset", "toy")) == "dataset 'toy' (toys 1.2)"
    assert list(registry.entries("sampler")) == []


def test_an_unknown_name_is_answered_with_the_nearest(install):
    install("toy", "Local")
    with pytest.raises(PluginError) as caught:
        registry.find("dataset", "tyo")
    assert str(caught.value) == (
        "no dataset is named 'tyo': did you mean 'toy'? Allowed: toy "
        "(`hbench plugins dataset` lists them), or install the package that has it"
    )


def test_two_distributions_that_claim_one_name_are_both_named(install):
    install("toy", "Local", "red-toys")
    install("toy", "made", "blue-toys")
    install("other", "Local", "blue-toys")
    with pytest.raises(PluginError) as caught:
        registry.build("dataset", "toy", {})
    assert str(caught.value) == (
        "dataset 'toy' is claimed by red-toys 1.2 and blue-toys 1.2; uninstall all but one"
    )
    assert registry.build("dataset", "other", {}).plugin == Local()


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("no_such_module:X", "no_such_module:X: ModuleNotFoundError: No module named"),
        ("Missing", "toys:Missing: AttributeError: module 'toys' has no"),
    ],
)
def test_a_broken_plugin_is_named_with_module_distribution_and_cause(install, value, cause):
    install("toy", value)
    install("other", "Local")
    with pytest.raises(PluginError) as caught:
        registry.build("dataset", "toy", {})
    message = str(caught.value)
    assert message.startswith(f"dataset 'toy' (toys 1.2) cannot be imported from {cause}")
    assert registry.build("dataset", "other", {}).plugin == Local()


def test_what_is_no_class_or_function_is_refused(install):
    install("toy", "number")
    with pytest.raises(PluginError, match="neither a class nor a function"):
        registry.build("dataset", "toy", {})


def test_a_plugin_that_does_not_meet_its_protocol_is_told_what_it_lacks(install):
    install("toy", "Half")
    with pytest.raises(PluginError) as caught:
        registry.build("dataset", "toy", {})
    assert str(caught.value) == (
        "dataset 'toy' (toys 1.2) does not meet hbench.protocols.Dataset: it lacks fingerprint, "
        "judgements, parallel, passages, queries; needed are fingerprint, judgements, languages, "
        "parallel, passages, queries, version"
    )


def test_a_function_may_make_the_plugin_and_its_parameters_are_the_options(install):
    install("toy", "made")
    built = registry.build("dataset", "toy", {"size": 5})
    assert built.plugin == Local(size=5, folder=Path("there"))
    assert built.options == {"size": 5, "folder": "there"}
    with pytest.raises(OptionError, match="has no option 'sze': did you mean 'size'"):
        registry.build("dataset", "toy", {"sze": 5})


def test_the_identity_holds_all_options_but_where_things_are(install):
    install("toy", "Local")
    here = registry.build("dataset", "toy", {"folder": "a"})
    there = registry.build("dataset", "toy", {"folder": "b"})
    assert here.plugin != there.plugin
    assert here.identity == there.identity == {
        "use": "toy", "distribution": "toys", "version": 7, "options": {"size": 3},
    }  # fmt: skip


@pytest.mark.parametrize(("size", "cause"), [(13, "13 brings bad luck"), (14, "14 is not here")])
def test_what_a_constructor_refuses_is_an_option_error(install, size, cause):
    install("toy", "Local")
    with pytest.raises(OptionError) as caught:
        registry.build("dataset", "toy", {"size": size})
    assert str(caught.value) == f"dataset 'toy' (toys 1.2): {cause}"


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_plugin_that_ships_is_found_and_imports(kind):
    offered = [entry for found in registry.entries(kind).values() for entry in found]
    assert offered
    for entry in offered:
        assert callable(registry.load(entry))
