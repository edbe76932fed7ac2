"""Plugins that are installed as far as `hbench` can see: made-up entry points and a module."""

import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

from hbench import registry


@dataclass(frozen=True, eq=False)
class Origin:
    """A distribution, as far as it is asked."""

    metadata: dict[str, str]


def installing(monkeypatch, kind, **objects):
    """A function ``add(name, value, distribution)``; ``value`` names one of the objects.

    Only what it adds is installed; what is there already is not seen.
    """
    module = ModuleType("toys")
    vars(module).update(objects)
    monkeypatch.setitem(sys.modules, "toys", module)
    points = []

    def add(name, value, distribution="toys"):
        where = value if ":" in value else f"toys:{value}"
        point = EntryPoint(name, where, f"hbench.{kind}s")
        vars(point)["dist"] = Origin({"Name": distribution, "Version": "1.2"})
        points.append(point)

    monkeypatch.setattr(registry, "entry_points", lambda: EntryPoints(points))
    return add
