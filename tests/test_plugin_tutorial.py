"""The tutorial of plugins/README.md, step by step: what it writes works, and says what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hbench import registry, testing
from hbench.cli import app

PLUGINS = Path(__file__).parents[1] / "plugins"
PAGE = (PLUGINS / "README.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./-]+)`:\n\n```(?:python|yaml)\n(.*?)```", PAGE, re.M | re.S))
MODULE = "src/hbench_english_first/sampler.py"
(MESSAGE,) = re.findall(r"```text\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package that `hbench new` writes, with the tutorial's files in the place of its own."""
    folder = tmp_path_factory.mktemp("tutorial")
    assert re.findall("^hbench new .*$", PAGE, re.M) == ["hbench new sampler english-first"]
    made = folder / "hbench-english-first"
    new = ["new", "sampler", "english-first", "--to", str(made)]
    assert CliRunner().invoke(app, new).exit_code == 0
    for name, content in FILES.items():
        assert (made / name).is_file(), f"`hbench new` writes no {name}"
        (made / name).write_text(content, encoding="utf-8")
    install = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps",
               "--no-index", "--target", folder / "site", made]  # fmt: skip
    subprocess.run(install, check=True, capture_output=True)
    return made


def run_module(package, *words):
    """What a program says that its author calls in the package's folder."""
    environment = os.environ | {"PYTHONPATH": str(package.parent / "site"), "COLUMNS": "80"}
    ran = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=package, env=environment, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


def test_it_writes_a_plugin_its_tests_and_a_benchmark():
    assert list(FILES) == [MODULE, "tests/test_sampler.py", "benchmark.yaml"]


def test_its_tests_pass(package):
    status, said = run_module(package, "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    assert (status, "2 passed" in said) == (0, True), said


def test_its_benchmark_runs_and_is_split_by_language(package):
    called = "import sys; sys.argv[0] = 'hbench'; from hbench.cli import main; main()"
    (package / "call.py").write_text(called)
    status, said = run_module(package, "call", "validate", "benchmark.yaml")
    assert (status, said) == (0, "benchmark.yaml: valid; benchmarks: english-first\n")
    short = [f"--set=benchmarks.english-first.{less}" for less in ("seeds=[1]", "train.steps=5")]
    status, said = run_module(package, "call", "run", "benchmark.yaml", "--device", "cpu", *short)
    assert status == 0, said
    assert re.search(r"^a +mono +0\.\d{3}", said, re.M), said
    assert re.search(r"^b +english-first +0\.\d{3}", said, re.M), said
    status, said = run_module(package, "call", "compare", "--by", "language")
    assert status == 0, said
    assert re.search(r"^Language +Queries +a mono +b english-first", said, re.M), said
    assert re.search(r"^en +504 +0\.\d{3} +0\.\d{3}", said, re.M), said


def test_the_kit_says_what_the_tutorial_shows_of_a_sampler_that_draws_from_numpy():
    right, wrong = "self.drawer.generator(step)", "np.random.default_rng(np.random.randint(9**9))"
    code = (
        FILES[MODULE]
        .replace(right, wrong)
        .replace("from hbench.rec", "import numpy as np\nfrom hbench.rec")
    )
    names: dict[str, Any] = {"__name__": "hbench_english_first"}
    exec(code, names)
    with pytest.raises(testing.ContractError) as found:
        testing.check_sampler(names["EnglishFirst"](share=0.7))
    said = str(found.value).splitlines()
    for shown, line in zip(MESSAGE.splitlines(), said, strict=True):
        assert line.startswith(shown.removesuffix("..."))


def test_it_names_every_kind_with_its_contract_its_check_and_examples_that_exist():
    rows = re.findall(r"^\| (\w+) \| (.*?) \| `(\w+)` \| (.*) \|$", PAGE, re.M)
    assert [kind for kind, *_ in rows] == list(registry.KINDS)
    for kind, contract, check, examples in rows:
        assert f"`{registry.PROTOCOLS[kind].__name__}`" in contract
        assert check == testing.CHECKS[kind].__name__
        links = re.findall(r"\]\((.*?)\)", examples)
        assert links and all((PLUGINS / link).is_file() for link in links)
