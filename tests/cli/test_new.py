"""``hbench new``: what it writes, under which names, and what it refuses."""

import ast
import errno
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.cli.calling import call, refused

from hbench import registry
from hbench.registry import KINDS
from hbench.scaffold.names import LONGEST
from hbench.validate import load_spec

ROOT = Path(__file__).parents[2]
SHORT, LONG = "a", "abcdefghi-abcdefghi-abcdefghi_abcdefghi9"
SHARED = {
    ".github/workflows/test.yml", ".gitignore", "README.md", "benchmark.yaml", "pyproject.toml",
}  # fmt: skip
TOLD = """\
sampler 'english-first', class EnglishFirst, written to hbench-english-first:
  .github/workflows/test.yml
  .gitignore
  README.md                             how to install, use, test and change it
  benchmark.yaml                        a run of seconds that uses it
  pyproject.toml
  src/hbench_english_first/__init__.py
  src/hbench_english_first/py.typed
  src/hbench_english_first/sampler.py   the plugin; change it first
  tests/test_sampler.py                 its contract, and values worked out by hand

Next:
  cd hbench-english-first && pip install -e '.[dev]'
  pytest && mypy
  hbench run benchmark.yaml --device cpu
"""
LIGHT = """
import sys
from typer.testing import CliRunner
from hbench.cli import app
result = CliRunner().invoke(app, ["new", "metric", "of-mine"])
assert result.exit_code == 0, result.output
heavy = {"torch", "transformers", "jinja2", "ruamel", "scipy", "pyarrow"}
sys.exit(" ".join(heavy & sys.modules.keys()) or None)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder, in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def installed(folder, monkeypatch):
    """A function that makes a written package importable, and known by its metadata as by pip."""

    def install(package):
        project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
        points = [f"[{group}]\n{name} = {value}\n"
                  for group, found in project["entry-points"].items()
                  for name, value in found.items()]  # fmt: skip
        info = package / "src" / f"{project['name'].replace('-', '_')}-0.1.0.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_text("".join(points))
        (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: 0.1.0\n")
        monkeypatch.syspath_prepend(package / "src")
        registry.forget()

    yield install
    registry.forget()


def test_it_says_what_was_written_and_what_to_type_next():
    result = call("new", "sampler", "english-first")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == TOLD


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_written_as_a_package_that_is_whole(folder, kind):
    assert call("new", kind, "of-mine").exit_code == 0
    package = folder / "hbench-of-mine"
    source = "src/hbench_of_mine"
    code = {f"{source}/__init__.py", f"{source}/py.typed", f"{source}/{kind}.py"}
    data = {f"{source}/questions.tsv"} if kind == "dataset" else set()
    assert files(package) == SHARED | code | data | {f"tests/test_{kind}.py"}
    for name in files(package):
        text = (package / name).read_text(encoding="utf-8")
        assert not re.search(r"\$\w|\$\{(?!\{)", text), f"a placeholder is left in {name}"
        if name.endswith(".py"):
            compile(text, name, "exec")


@pytest.mark.parametrize("kind", KINDS)
def test_its_entry_point_names_the_class_that_is_there(folder, kind):
    call("new", f"{kind}s", "of_mine9")
    package = folder / "hbench-of_mine9"
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    assert project["name"] == "hbench-of_mine9"
    assert project["entry-points"] == {
        f"hbench.{kind}s": {"of_mine9": f"hbench_of_mine9.{kind}:OfMine9"}
    }
    module = ast.parse((package / "src" / "hbench_of_mine9" / f"{kind}.py").read_text())
    assert "OfMine9" in {node.name for node in module.body if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_imports_is_what_it_depends_on(folder, kind):
    call("new", kind, "of-mine")
    package = folder / "hbench-of-mine"
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    wanted = {re.split("[>=]", each)[0] for each in project["dependencies"]}
    found = set()
    for path in [package / "src" / "hbench_of_mine" / f"{kind}.py", *package.glob("tests/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", ())]
            found |= {getattr(node, "module", None) or name for name in names}
    tops = {name.split(".")[0].replace("_", "-") for name in found}
    assert tops - sys.stdlib_module_names - {"dataclasses", "collections", "pytest"} == wanted
    assert "hbench>=0.1.0" in project["dependencies"]


@pytest.mark.parametrize("name", [SHORT, LONG])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_tidy_whatever_the_length_of_the_name(folder, kind, name):
    """By this project's rules and, for its author, by those of the package itself."""
    assert len(LONG) == LONGEST
    call("new", kind, name, "--to", "made")
    for rules in (["--config", str(ROOT / "pyproject.toml")], []):
        for words in (["check", "--quiet"], ["format", "--check", "--diff", "--quiet"]):
            command = [sys.executable, "-m", "ruff", *words, "--no-cache", *rules, "."]
            # In its folder hbench is somebody else's package, as it is to the author.
            ran = subprocess.run(command, cwd=folder / "made", capture_output=True, text=True)
            assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", KINDS)
def test_once_installed_it_is_found_built_and_used_by_its_benchmark(folder, installed, kind):
    name = f"{kind}-of-mine"  # a package for each: modules stay imported
    call("new", kind, name)
    installed(folder / f"hbench-{name}")
    listed = call("plugins", kind, name)
    assert listed.stdout.startswith(f"{kind} '{name}' (hbench-{name} 0.1.0)")
    assert type(registry.build(kind, name, {}).plugin).__name__ == f"{kind.capitalize()}OfMine"
    assert list(load_spec(folder / f"hbench-{name}" / "benchmark.yaml", ()).benchmarks) == [name]


def test_a_name_that_the_module_needs_itself_gets_its_kind(folder):
    for name, class_name in {"items": "ItemsSampler", "none": "NoneSampler"}.items():
        assert f"class {class_name}," in call("new", "sampler", name).stdout
        code = folder / f"hbench-{name}" / "src" / f"hbench_{name}" / "sampler.py"
        assert f"\nclass {class_name}(DrawingOptions):\n" in code.read_text()


TAKEN = "choose another name"
KNOWN = "Allowed: dataset, encoder, executor, metric, objective, sampler, transform"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("sampler", "hybrid", f"sampler 'hybrid' is installed already, from hbench 0.1.0; {TAKEN}"),
        ("sampler", "plugins", f"a package hbench_plugins is installed already; {TAKEN}"),
        ("samplr", "x", f"no kind of plugin is named 'samplr': did you mean 'sampler'? {KNOWN}"),
    ],
)
def test_a_kind_that_is_not_and_a_name_that_is_taken_are_refused(folder, kind, name, message):
    assert refused("new", kind, name) == message
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("EnglishFirst", "english-first"),
        ("english first", "english-first"),
        ("hbench-idf", "idf"),
        ("Übersetzt", "ubersetzt"),
        ("3-way", "way"),
        ("a--b", "a-b"),
        ("../mine", "mine"),
        ("a" * 41, "a" * 40),
        ("null", ""),
        ("中文", ""),
        ("", ""),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_one_that_can(folder, name, better):
    hint = f"did you mean {better!r}? " if better else ""
    assert refused("new", "metric", name) == (
        f"NAME is {name!r}: {hint}Allowed: small letters a to z and digits, a letter first, with a "
        "single - or _ between words, at most 40 characters; hbench- is put before it, and false, "
        "null, true are no names in YAML"
    )
    assert list(folder.iterdir()) == []


def test_a_target_that_holds_something_is_refused(folder):
    kept = folder / "hbench-mine" / "notes.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    assert refused("new", "metric", "mine") == (
        "hbench-mine is there already and not empty; give another folder with --to"
    )
    assert refused("new", "metric", "mine", "--to", str(kept)) == (
        f"{kept} is there already; give another folder with --to"
    )
    assert files(folder) == {"hbench-mine/notes.txt"}
    assert kept.read_text() == "mine"


def test_a_target_that_cannot_be_written_is_refused(folder):
    (folder / "file").write_text("")
    assert refused("new", "metric", "mine", "--to", "file/below") == (
        "file/below cannot be written (Not a directory); give another folder with --to"
    )
    assert files(folder) == {"file"}


@pytest.mark.parametrize("target", ["deep/down", "empty"])
def test_a_failure_leaves_nothing(folder, monkeypatch, target):
    (folder / "empty").mkdir()
    written = []

    def full_disk(path, content):
        written.append(path)
        if len(written) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        return path.write_text("half of it")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    assert refused("new", "metric", "mine", "--to", target) == (
        f"{target} cannot be written (No space left on device); give another folder with --to"
    )
    assert len(written) == 4
    assert [path.name for path in folder.rglob("*")] == ["empty"]


def test_an_empty_folder_is_filled_even_if_it_is_the_one_the_user_is_in(folder):
    result = call("new", "metric", "mine", "--to", ".")
    assert result.exit_code == 0
    assert "Next:\n  pip install -e '.[dev]'\n" in result.stdout
    assert {path.name for path in folder.iterdir()} == {
        ".github", ".gitignore", "README.md", "benchmark.yaml", "pyproject.toml", "src", "tests",
    }  # fmt: skip


def test_folders_are_made_on_the_way_and_quoted_for_the_shell(folder):
    result = call("new", "metric", "mine", "--to", "my own/metric")
    assert "  cd 'my own/metric' && pip install -e '.[dev]'\n" in result.stdout
    assert (folder / "my own" / "metric" / "pyproject.toml").is_file()


def test_it_imports_nothing_heavy(folder):
    ran = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
