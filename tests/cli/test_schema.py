"""The schema, held against specs by jsonschema; what it takes and refuses, `validate` does too."""

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from jsonschema import Draft202012Validator
from tests.cli.calling import call
from tests.installed import installing

from hbench import registry
from hbench.errors import SpecError
from hbench.specfile import SpecFile
from hbench.validate import load_spec

ROOT = Path(__file__).parents[2]
README = re.findall(r"```yaml\n(version.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
SPECS = [(ROOT / "benchmarks.yaml").read_text("utf-8"), *README]


@pytest.fixture(scope="module")
def schema():
    found = json.loads(call("schema").stdout)
    Draft202012Validator.check_schema(found)
    return found


@pytest.fixture
def errors(schema):
    """Where a spec breaks the schema."""
    return lambda data: [list(each.path) for each in Draft202012Validator(schema).iter_errors(data)]


def spec(*, claims=True):
    data = deepcopy(SpecFile(SPECS[0], "benchmarks.yaml").data)
    if not claims:
        del data["benchmarks"]["quickstart"]["claims"]
    return data


def put(data, path, value):
    *parents, last = path
    for step in parents:
        data = data[step]
    data[last] = value


QUICK = ("benchmarks", "quickstart")


@pytest.mark.parametrize("text", SPECS)
def test_specs_that_are_valid_fit(text, errors):
    assert errors(SpecFile(text, "f").data) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*QUICK, "samplers", "more"), {"use": "hybrid", "alpha": 0.25, "without": ["de"]}),
        ((*QUICK, "samplers", "before"), {"use": "none"}),
        ((*QUICK, "transforms"), {"plain": {"use": "none"}, "shift": {"use": "shift"}}),
        ((*QUICK, "objectives", "both"), [{"use": "infonce"}, {"use": "lakda", "weight": 0.5}]),
        ((*QUICK, "evaluate", "babel", "metrics"), ["tlr@20", {"use": "ndcg", "k": 3}]),
        ((*QUICK, "evaluate", "babel", "settings"), [{"name": "two", "pool": ["de", "en"]}]),
        ((*QUICK, "train", "data", "babel", "cap"), 100),
        (
            (*QUICK, "train", "validation"),
            {"data": {"use": "babel", "split": "test"}, "patience": None},
        ),
    ],
)
def test_what_the_spec_allows_fits(path, value, errors, tmp_path):
    data = spec(claims=False)
    put(data, path, value)
    assert errors(data) == []
    (tmp_path / "f.json").write_text(json.dumps(data))
    assert load_spec(tmp_path / "f.json").version == 1


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("version",), 2, 1),
        (("benchmark",), {}, 0),
        ((*QUICK, "trian"), {}, 2),
        ((*QUICK, "train", "steps"), "300", 4),
        ((*QUICK, "train", "steps"), 0, 4),
        ((*QUICK, "train", "data", "babel", "weight"), 0, 5),
        ((*QUICK, "samplers", "hybrid", "alhpa"), 0.5, 4),
        ((*QUICK, "samplers", "hybrid", "alpha"), "half", 4),
        ((*QUICK, "samplers", "mono", "alpha"), 0.5, 4),
        ((*QUICK, "samplers", "mono"), {"use": "infonce"}, 4),
        ((*QUICK, "samplers", "mono"), {"use": "none", "alpha": 1}, 4),
        ((*QUICK, "encoders", "tiny", "use"), "none", 4),
        ((*QUICK, "objectives", "infonce"), [], 4),
        ((*QUICK, "evaluate", "babel", "metrics"), ["mpa"], 6),
        ((*QUICK, "evaluate", "babel", "metrics"), ["ndcg"], 6),
        ((*QUICK, "evaluate", "babel", "metrics"), ["ndcg@0"], 6),
        ((*QUICK, "evaluate", "babel", "metrics"), ["map@3"], 6),
        ((*QUICK, "evaluate", "babel", "metrics"), [{"use": "ndcg"}], 6),
        ((*QUICK, "evaluate", "babel", "settings"), ["all"], 6),
        ((*QUICK, "claims", 0, "margin"), -1, 5),
    ],
)
def test_what_the_spec_forbids_does_not_fit_at_that_place(path, value, where, errors, tmp_path):
    data = spec()
    put(data, path, value)
    found = errors(data)
    assert found and all(each[:where] == [*path, 0][:where] for each in found)
    (tmp_path / "f.json").write_text(json.dumps(data))
    with pytest.raises(SpecError):
        load_spec(tmp_path / "f.json")


def test_keys_and_options_are_described_with_their_defaults(schema):
    definitions = schema["$defs"]
    assert definitions["Training"]["properties"]["steps"]["description"] == "of the optimiser."
    (hybrid,) = [each for each in definitions["sampler"]["anyOf"] if each["title"] == "hybrid"]
    assert hybrid["properties"]["alpha"] == {
        "type": "number",
        "default": 0.5,
        "description": "the probability that a batch is monolingual.",
    }
    assert hybrid["description"].endswith("else cross-lingual. (hbench 0.1.0)")


def test_every_installed_plugin_that_a_spec_can_use_is_in_it(schema):
    for kind in set(registry.KINDS) - {"executor"}:
        titles = {each["title"] for each in schema["$defs"][kind]["anyOf"]} - {"none"}
        assert titles == set(registry.entries(kind))


def test_broken_plugins_are_left_out_and_told_apart_from_the_schema(monkeypatch):
    from importlib.metadata import EntryPoint, EntryPoints, entry_points

    broken = EntryPoint("gone", "no_module:X", "hbench.samplers")
    there = [each for kind in registry.KINDS for each in entry_points(group=f"hbench.{kind}s")]
    installed = EntryPoints([*there, broken])
    monkeypatch.setattr(registry, "entry_points", lambda: installed)
    registry.forget()
    try:
        result = call("schema")
    finally:
        registry.forget()
    assert result.stderr.startswith("left out: sampler 'gone' of ?: sampler 'gone' (? ?) cannot be")
    assert "gone" not in result.stdout
    assert json.loads(result.stdout)


@dataclass(frozen=True)
class Inner:
    depth: int = 1


class Unspeakable:
    """No JSON schema can say what this is."""


@dataclass(frozen=True)
class Odd:
    """Options with names that mean something in schemas, and types that few have."""

    properties: str = ""
    pattern: str = ""
    inner: Inner | None = None
    odd: Unspeakable | None = None
    listed: Annotated[int, ["not hashable"]] = 1
    version: ClassVar[int] = 1
    needs_parallel: ClassVar[bool] = False

    def prepare(self, items, *, batch_size, seed):
        raise NotImplementedError


def test_options_of_outsiders_may_have_any_name_and_type(monkeypatch):
    registry.forget()
    installing(monkeypatch, "sampler", Odd=Odd)("odd", "Odd")
    try:
        found = json.loads(call("schema").stdout)
    finally:
        registry.forget()
    check = Draft202012Validator(found["$defs"]["sampler"] | {"$defs": found["$defs"]})
    fitting = {"use": "odd", "properties": "a", "pattern": "b", "inner": {"depth": 2}, "odd": 3}
    assert check.is_valid(fitting)
    assert check.is_valid(fitting | {"inner": None})
    assert not check.is_valid(fitting | {"inner": {"depth": "deep"}})
    assert not check.is_valid(fitting | {"pattern": 1})
