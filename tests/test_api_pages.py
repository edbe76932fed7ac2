"""What other programs may rely on is documented whole, and the API pages show just that."""

import ast
import builtins
import re
import runpy
import subprocess
import sys
from functools import cache
from html import unescape
from importlib import import_module
from pathlib import Path

import griffe
import pytest

from hbench import errors, testing

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "harness" / "api_pages" / "build.py"
API = runpy.run_path(str(SCRIPT))
NAMES = {module: API["public"](import_module(module)) for module in API["PUBLIC"]}
PACKAGE = griffe.load(
    "hbench", search_paths=[ROOT / "harness"], resolve_aliases=True, docstring_parser="google"
)
ARRAY = re.compile(r"(\w+\.)*(\w+Array|Tensor)( \| None)?")
SHAPE = re.compile(
    r"\([^()]*(?:\([^()]*\))?[^()]*,[^()]*\)|scalar|\bshape\b"
)  # (n,), (len(a), dim)


def documented():
    """Each public name, and those inside of classes, as ``module:name``: what griffe finds."""
    found = {}
    for module, names in NAMES.items():
        for name in names:
            # Some are imported from elsewhere, those of `hbench` when they are first asked for.
            home = getattr(getattr(import_module(module), name), "__module__", module)
            home = home if home.startswith("hbench") else module
            one = PACKAGE[f"{home}.{name}".removeprefix("hbench.")]
            found[f"{module}:{name}"] = one
            for inner, member in one.members.items() if one.is_class else ():
                if not inner.startswith("_"):
                    found[f"{module}:{name}.{inner}"] = member
    return found


OBJECTS = documented()


def text(found):
    return found.docstring.value if found.docstring else ""


def section(found, kind):
    """The entries of a section of a docstring."""
    parsed = found.docstring.parsed if found.docstring else ()
    return [entry for part in parsed if part.kind.value == kind for entry in part.value]


def parameters(found):
    """What has to be given, besides the object itself."""
    if found.is_attribute or "Protocol" in map(str, getattr(found, "bases", ())):
        return {}
    return {p.name.lstrip("*"): p for p in found.parameters if p.name not in ("self", "cls")}


def is_field(found):
    return found.is_attribute and found.parent.is_class and "property" not in found.labels


CALLABLES = [path for path, found in OBJECTS.items() if parameters(found)]


@pytest.mark.parametrize("path", OBJECTS)
def test_every_public_name_has_a_docstring(path):
    found = OBJECTS[path]
    listed = [entry.name for entry in section(found.parent, "parameters")]
    assert text(found) or (is_field(found) and (found.name in listed or found.name == "marks"))


@pytest.mark.parametrize("path", CALLABLES)
def test_args_lists_exactly_the_parameters_or_the_text_names_each(path):
    found = OBJECTS[path]
    names, listed = list(parameters(found)), section(found, "parameters")
    if listed:
        assert [entry.name.lstrip("*") for entry in listed] == names
    else:  # of a single parameter the summary speaks
        assert len(names) == 1 or all(f"``{name}``" in text(found) for name in names)


@pytest.mark.parametrize("path", OBJECTS)
def test_arrays_have_their_shape(path):
    found = OBJECTS[path]
    given = parameters(found)
    for entry in section(found, "parameters"):
        if ARRAY.fullmatch(str(given[entry.name.lstrip("*")].annotation)):
            assert SHAPE.search(entry.description), f"{entry.name}: {entry.description}"
    if not found.is_class and not is_field(found) and ARRAY.fullmatch(str(found.annotation)):
        assert SHAPE.search(text(found)), text(found)


@cache
def functions(module):
    """The functions and methods of a module by name, as syntax trees."""
    tree = ast.parse(Path(PACKAGE[module].filepath).read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def raised(module, name, seen):
    """Names of the errors that a function raises, itself or in the module's private ones."""
    for node in ast.walk(functions(module)[name]):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield getattr(node.exc.func, "id", "")
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called.startswith("_") and called in functions(module) and called not in seen:
                yield from raised(module, called, {*seen, called})


@pytest.mark.parametrize("path", [p for p in OBJECTS if OBJECTS[p].is_function])
def test_raises_names_every_error_of_the_user(path):
    found = OBJECTS[path]
    own = {name for name in dir(errors) if name.endswith(("Error", "Shortage"))}
    told = {str(entry.annotation) for entry in section(found, "raises")}
    module = found.module.path.removeprefix("hbench.")
    assert set(raised(module, found.name, set())) & own <= told
    known = set(dir(errors)) | set(dir(testing)) | set(dir(builtins))
    assert told <= known


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The content of each page by its module; a warning would have stopped the command."""
    folder = tmp_path_factory.mktemp("pages")
    build = [sys.executable, "-W", "error", SCRIPT, folder]
    ran = subprocess.run(build, cwd=folder, capture_output=True, encoding="utf-8")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts): path.read_text(encoding="utf-8")
        for path in folder.rglob("*.html")
    }


def test_there_is_a_page_of_each_public_module_and_of_no_other(pages):
    assert set(pages) - {"index"} == set(API["PUBLIC"])


@pytest.mark.parametrize("module", NAMES)
def test_a_page_shows_every_public_name_and_no_private_one(pages, module):
    shown = set(re.findall(r'<(?:section|div) id="([\w.]+)"', pages[module]))
    told = {p.partition(":")[2] for p in OBJECTS if p.startswith(f"{module}:") and text(OBJECTS[p])}
    assert told <= shown
    assert {name.partition(".")[0] for name in shown} == set(NAMES[module])
    assert not [name for name in shown if re.search(r"\._(?!_init__$)", name)]


@pytest.mark.parametrize("module", NAMES)
def test_the_types_of_parameters_are_names_and_no_strings_or_internals(pages, module):
    signatures = re.findall(r'<div class="attr function">.*?</div>', pages[module], re.S)
    words = unescape(re.sub("<[^>]+>", "", "\n".join(signatures)))
    assert not re.search(r"numpy\.dtype|ForwardRef|'torch|\*args, \*\*kwargs", words)


def test_the_map_names_the_command_that_builds_them():
    text = (ROOT / "harness" / "README.md").read_text(encoding="utf-8")
    assert "python harness/api_pages/build.py build/api" in text
