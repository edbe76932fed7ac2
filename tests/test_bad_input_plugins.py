"""A broken plugin, or one that lacks a package, is told with its origin, cause and remedy."""

import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoints, entry_points
from typing import ClassVar

import pytest
from tests.bad_input import cases, told, write
from tests.installed import installing

from hbench import registry


@dataclass(frozen=True)
class Undirected:
    """A metric that does not say which values are good."""

    version: ClassVar[int] = 1

    def values(self, ranks):
        raise NotImplementedError


@dataclass(frozen=True)
class Unprepared:
    """A sampler that cannot be prepared."""

    version: ClassVar[int] = 1
    needs_parallel: ClassVar[bool] = False


@pytest.fixture
def install(monkeypatch, tmp_path):
    """A function ``install(kind, value)``: one plugin more than there are, ``toy``."""
    monkeypatch.chdir(tmp_path)
    real = [point for kind in registry.KINDS for point in entry_points(group=f"hbench.{kind}s")]

    def add(kind, value):
        registry.forget()
        parts = {"Undirected": Undirected, "Unprepared": Unprepared, "number": 3}
        installing(monkeypatch, kind, **parts)("toy", value)
        toys = vars(registry)["entry_points"]()
        monkeypatch.setattr(registry, "entry_points", lambda: EntryPoints([*real, *toys]))

    yield add
    registry.forget()


SAMPLERS = """
no_such_module:X
    f.yaml:6:28: benchmarks.tiny.samplers.mono.use: sampler 'toy' (toys 1.2) cannot be imported from
    no_such_module:X: ModuleNotFoundError: No module named 'no_such_module'; `pip install --upgrade
    toys` may mend it, else tell its authors
needy:X
    f.yaml:6:28: benchmarks.tiny.samplers.mono.use: sampler 'toy' (toys 1.2) cannot be imported from
    needy:X: ModuleNotFoundError: No module named 'lacking'; install what it needs, as `pip install
    lacking`
torn:X
    f.yaml:6:28: benchmarks.tiny.samplers.mono.use: sampler 'toy' (toys 1.2) cannot be imported from
    torn:X: SyntaxError: '(' was never closed (torn.py, line 1); `pip install --upgrade toys` may
    mend it, else tell its authors
whole:ForeignHits
    f.yaml:6:28: benchmarks.tiny.samplers.mono.use: sampler 'toy' (toys 1.2) cannot be imported from
    whole:ForeignHits: AttributeError: module 'whole' has no attribute 'ForeignHits' (did you mean
    'ForeignHit'?); `pip install --upgrade toys` may mend it, else tell its authors
whole:Other
    f.yaml:6:28: benchmarks.tiny.samplers.mono.use: sampler 'toy' (toys 1.2) cannot be imported from
    whole:Other: AttributeError: module 'whole' has no attribute 'Other'; `pip install --upgrade
    toys` may mend it, else tell its authors
number
    f.yaml:6:28: benchmarks.tiny.samplers.mono.use: sampler 'toy' (toys 1.2): toys:number is neither
    a class nor a function; `pip install --upgrade toys` may mend it, else tell its authors
Unprepared
    f.yaml:6:28: benchmarks.tiny.samplers.mono.use: sampler 'toy' (toys 1.2) does not meet
    hbench.protocols.Sampler: it lacks prepare; needed are needs_parallel, prepare, version
"""


@pytest.mark.parametrize(("value", "message"), cases(SAMPLERS))
def test_a_broken_sampler_is_told_with_its_origin(value, message, install, tmp_path, monkeypatch):
    (tmp_path / "needy.py").write_text("from lacking.parts import X\n")
    (tmp_path / "torn.py").write_text("X = (\n")
    (tmp_path / "whole.py").write_text("class ForeignHit:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "whole", raising=False)
    install("sampler", value)
    write("use: mono -> use: toy")
    assert told("validate", "f.yaml") == message
    assert not {"needy", "torn"} & sys.modules.keys()


def test_a_metric_without_direction_is_told_where_the_contract_stands(install):
    install("metric", "Undirected")
    write("[map] -> [toy]")
    assert told("validate", "f.yaml") == (
        "f.yaml:10:75: benchmarks.tiny.evaluate.test.metrics.0.use: metric 'toy' (toys 1.2) does "
        "not meet hbench.protocols.Metric: it lacks direction; needed are direction, values, "
        "version"
    )
