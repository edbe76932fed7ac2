"""The API pages, by pdoc: ``python harness/api_pages/build.py build/api`` writes them.

There is a page for each module that other programs may rely on, and for no other.
"""

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy.typing as npt
import pdoc

from hbench import records

# Of some modules only these names are for others; of the rest, all that have no underscore.
PUBLIC: Mapping[str, Sequence[str]] = {
    "hbench": (),
    "hbench.protocols": (),
    "hbench.records": (),
    "hbench.errors": (
        "HBenchError", "SpecError", "Mistake", "OptionError", "PluginError", "DataError",
        "TrainingError", "MemoryShortage", "DeviceError", "StoreError", "did_you_mean",
    ),
    "hbench.drawing": (),
    "hbench.packing": (),
    "hbench.manifests": ("file_record", "key_of"),
    "hbench.languages": (),
    "hbench.downloads": ("Progress", "fetch"),
    "hbench.unpacking": ("opened",),
    "hbench.testing": (),
    "hbench.testing.batches": (),
    "hbench.testing.items": (),
}  # fmt: skip
ALIASES = {
    "hbench.records.TokenIds": records.TokenIds,
    "hbench.records.Int32Array": records.Int32Array,
    "hbench.records.Int64Array": records.Int64Array,
    "hbench.records.FloatArray": records.FloatArray,
    "hbench.records.BoolArray": records.BoolArray,
    "numpy.typing.NDArray": npt.NDArray[Any],
}


def public(module: ModuleType) -> list[str]:
    """The names of a module that are for others, in the order of its page."""
    named = PUBLIC[module.__name__] or getattr(module, "__all__", ())
    return list(named) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and _is_own(name, value, module)
    ]


def _is_own(name: str, value: object, module: ModuleType) -> bool:
    """Whether the module defines what it calls so, and does not import it."""
    if inspect.isclass(value) or inspect.isroutine(value) or hasattr(value, "__wrapped__"):
        return getattr(value, "__module__", None) == module.__name__
    return re.search(rf"^{name}\b.*? = ", inspect.getsource(module), re.M) is not None


def write(folder: Path) -> None:
    """Write all pages.

    Args:
        folder: is made; what is there already is overwritten.
    """
    for name in PUBLIC:
        module = import_module(name)
        names = public(module)
        # pdoc goes by these, and does not know names that are imported when they are asked for.
        vars(module).update({each: getattr(module, each) for each in names}, __all__=names)
    pdoc.render.configure(
        docformat="google",
        footer_text=f"hbench {version('hbench')}",
        template_directory=Path(__file__).parent,
    )
    others = "|".join(map(re.escape, PUBLIC))
    with (
        patch("inspect.formatannotation", _annotation),
        patch("pdoc.doc.formatannotation", _annotation),
    ):
        pdoc.pdoc(*PUBLIC, f"!(?!(?:{others})$)", output_directory=folder)


def _annotation(annotation: Any, *rest: Any, _plain: Any = inspect.formatannotation) -> str:  # noqa: ANN401
    """A type in words; an alias by its name in the code, which Python forgets."""
    text: str = _plain(annotation, *rest)
    for name, alias in ALIASES.items():
        text = text.replace(_plain(alias), name)
    return text


if __name__ == "__main__":
    write(Path(sys.argv[1]))
