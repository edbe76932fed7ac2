"""The layers of harness/README.md, and the limits that keep files and functions small."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "hbench": ROOT / "harness" / "hbench",
    "hbench_plugins": ROOT / "plugins" / "hbench_plugins",
}
FILES = {
    path.relative_to(folder.parent).as_posix(): path
    for folder in PACKAGES.values()
    for path in sorted(folder.rglob("*.py"))
}
# A module imports from its own layer or those before it; inside a layer there is no circle.
LAYERS = [
    {"errors", "records", "protocols"},
    {"options", "registry", "described", "specfile", "settings", "statistics", "alternatives",
     "design", "packing", "unpacking", "attention", "memory", "ahead", "languages", "downloads",
     "compiled", "grams", "overlap", "drawing", "provenance", "repeatable", "locks", "room",
     "manifests", "store", "numbering", "corpus", "training_texts",
     "vectors", "tokens", "counting", "counting_cpu", "pools", "search", "approximate", "toplist",
     "scorefile", "evaluated", "verdicts", "ranks", "trecrun", "listed", "outside", "families",
     "strata", "drawn", "splits", "tablefile", "footnotes", "testing", "yamltree", "worded"},
    {"uses", "claims", "spec", "statements", "validate", "matrix", "schema"},
    {"published", "facts"},
    {"training"},
    {"stages"},
    {"jobs", "plan", "planner", "resolved", "stored"},
    {"site", "trainer", "mixture", "inspection", "worker", "checks", "failures",
     "soundness", "locked", "executor",
     "exporter"},
    {"tables", "wording", "latex", "csvtable", "sheets", "directed", "render", "page", "cli",
     "announcing", "progress", "findings", "study", "card", "starter", "scaffold", "doctor",
     "__init__"},
]  # fmt: skip
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FOR_PLUGINS = LAYERS[0] | {
    "packing", "attention", "drawing", "manifests", "languages", "downloads", "unpacking"
}  # fmt: skip
HEAVY = {"torch", "transformers", "ranx", "faiss", "ir_datasets", "accelerate", "tokenizers",
         "pandas", "pyarrow", "scipy", "safetensors", "numba"}  # fmt: skip
COMPILED = {"hbench/compiled.py", "hbench/counting_cpu.py", "hbench/grams.py"}
AS_HEAVY = ("hbench.compiled", "hbench.counting_cpu", "hbench.grams")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def tree(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def imports(nodes):
    """The dotted names that some nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top_level(name):
    """The nodes that run when a module is imported."""
    waiting = list(tree(name).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        if not isinstance(node, FUNCTION):
            waiting += [
                child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)
            ]


def code_lines(function):
    """The lines of a function without its docstring, blank lines and comments."""
    source = ast.unparse(function).splitlines()
    text = ast.get_docstring(function, clean=False)
    return len(source) - (len(text.splitlines()) if text else 0)


def public():
    """(file, name, node) of every public module, class and function."""
    for name in FILES:
        yield name, name, tree(name)
        waiting = [(node, True) for node in tree(name).body]
        while waiting:
            node, shown = waiting.pop()
            if isinstance(node, (ast.ClassDef, *FUNCTION)):
                shown = shown and not node.name.startswith("_")
                if shown:
                    yield name, node.name, node
                if isinstance(node, ast.ClassDef):
                    waiting += [(child, shown) for child in node.body]


def test_every_module_of_the_harness_has_its_layer():
    parts = {
        Path(name).parts[1].removesuffix(".py") for name in FILES if name.startswith("hbench/")
    }
    assert parts <= set(RANK)


def harness():
    return [name for name in FILES if name.startswith("hbench/")]


def test_imports_point_down_and_stages_meet_in_the_store():
    wrong = []
    for name in harness():
        own = Path(name).parts[1].removesuffix(".py")
        for imported in imports(ast.walk(tree(name))):
            package, other, *_ = f"{imported}..".split(".")
            upwards = package == "hbench" and RANK[other] > RANK[own]
            sideways = package == "hbench" and own == other == "stages"
            if upwards or sideways or package == "hbench_plugins":
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_no_module_needs_itself():
    known = {name.removesuffix(".py").replace("/", ".") for name in FILES}
    needs = {}
    for name in FILES:
        own = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        found = {i if i in known else i.rpartition(".")[0] for i in imports(top_level(name))}
        needs[own] = found & known - {own}
    while needs:
        free = {name for name, others in needs.items() if not others & needs.keys()}
        assert free, f"a circle of imports among {sorted(needs)}"
        needs = {name: others for name, others in needs.items() if name not in free}


def test_plugins_import_only_what_an_outsider_may():
    """And no plugin knows one of another kind."""
    wrong = []
    for name in FILES.keys() - set(harness()):
        for imported in imports(ast.walk(tree(name))):
            package, part, *_ = f"{imported}..".split(".")
            allowed = {"hbench": FOR_PLUGINS, "hbench_plugins": {Path(name).parts[1]}}
            if part not in allowed.get(package, {part}):
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_importing_a_module_imports_nothing_heavy():
    """What is compiled needs its compiler at once, and so is heavy itself."""
    found = {name: set(imports(top_level(name))) for name in FILES.keys() - COMPILED}
    heavy = {name: {i for i in names if i.split(".")[0] in HEAVY or i.startswith(AS_HEAVY)}
             for name, names in found.items()}  # fmt: skip
    assert {name: names for name, names in heavy.items() if names} == {}


def test_train_and_encode_never_need_what_gpu_machines_lack():
    parts = {"hbench/stages/train.py", "hbench/stages/encode.py"}
    parts |= {name for name in FILES if name.startswith("hbench/training/")}
    for name in parts:
        found = {i.split(".")[0] for i in imports(ast.walk(tree(name)))}
        assert not found & {"ranx", "faiss", "ir_datasets"}


def test_files_and_functions_stay_small():
    lines = {
        name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in FILES.items()
    }
    assert {name: count for name, count in lines.items() if count > 300} == {}
    functions = [(name, node) for name in FILES for node in ast.walk(tree(name))
                 if isinstance(node, FUNCTION)]  # fmt: skip
    assert [(name, node.name) for name, node in functions if code_lines(node) > 50] == []


def test_what_is_public_is_described():
    assert [
        f"{what} in {name}"
        for name, what, node in public()
        if not (what.startswith("__") and what.endswith("__")) and not ast.get_docstring(node)
    ] == []


def test_the_package_raises_and_does_not_assert():
    asserts = [name for name in FILES for n in ast.walk(tree(name)) if isinstance(n, ast.Assert)]
    assert asserts == []


def test_nothing_is_ever_unpickled():
    forbidden = re.compile(r"allow_pickle\s*=\s*True|torch\.load\(|weights_only\s*=\s*False")
    texts = {name: path.read_text(encoding="utf-8") for name, path in FILES.items()}
    assert [name for name, text in texts.items() if forbidden.search(text)] == []
    for name in FILES:
        found = {imported.split(".")[0] for imported in imports(ast.walk(tree(name)))}
        assert not found & {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}, name
        calls = [ast.unparse(n) for n in ast.walk(tree(name)) if isinstance(n, ast.Call)]
        loads = [call for call in calls if call.startswith("np.load(")]
        assert all("allow_pickle=False" in call for call in loads), name


def test_randomness_comes_from_a_seed():
    forbidden = re.compile(
        r"default_rng\(\)|np\.random\.(rand|seed|choice|shuffle)|import random\b"
    )
    assert [name for name in FILES if forbidden.search(ast.unparse(tree(name)))] == []
