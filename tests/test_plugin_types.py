"""What mypy and pyright say of plugins, as whoever writes one meets it.

The plugins lie in a folder of their own, without configuration; the checkers know of ``hbench``
what its installed ``py.typed`` tells them. Each wrong plugin is a right one with one edit.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import get_args

import pytest

from hbench import registry, scaffold
from hbench.registry import Kind

ROOT = Path(__file__).parents[1]
PROTOCOLS = {kind: protocol.__name__ for kind, protocol in registry.PROTOCOLS.items()}
HEAD = """
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from hbench.protocols import (
    Batches, Dataset, Encoder, Executor, Job, Metric, Need, Objective, Sampler, TopMetric, Transform
)
from hbench.records import (
    Direction, FloatArray, Int32Array, Items, Judgement, Outcome, Passage, Query, Ranks, Side,
    TokenIds, Tokenized, Top
)

@dataclass(frozen=True)
class Mine:
    version: ClassVar[int] = 1
"""
RIGHT: dict[str, str] = {
    "sampler": """
    needs_parallel: ClassVar[bool] = False
    def prepare(self, items: Items, *, batch_size: int, seed: int) -> "Mine": return self
    def batch(self, step: int) -> Int32Array: raise NotImplementedError
""",
    "encoder": """
    from_scratch: ClassVar[bool] = False
    def fingerprint(self) -> str: return ""
    def create(self, texts: Iterable[str], *, seed: int) -> "MyModel": return MyModel()
    def load(self, folder: Path) -> "MyModel": return MyModel()

class MyModel(torch.nn.Module):
    def tokenizer_key(self, side: Side) -> str: return side
    def tokenize(self, texts: Sequence[str], side: Side) -> Tokenized: return Tokenized([])
    def embed(
        self, tokens: Sequence[TokenIds], *, budget: int, recompute: bool = False
    ) -> torch.Tensor: raise NotImplementedError
    def save(self, folder: Path) -> None: pass
""",
    "dataset": """
    parallel: bool = True
    def fingerprint(self) -> str: return "1"
    def languages(self) -> tuple[str, ...]: return ("de",)
    def queries(self) -> Iterator[Query]: yield Query("1", "de", "Wer?")
    def passages(self) -> list[Passage]: return [Passage("1", "de", "Du.")]
    def judgements(self) -> list[Judgement]: return [Judgement("1", "de", "1")]
""",
    "objective": """
    @property
    def needs(self) -> tuple[Need, ...]: return ("query", "passage")
    def loss(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor: return batch["query"].sum()
""",
    "metric": """
    k: int = 10
    direction: ClassVar[Direction] = "higher"
    def values(self, ranks: Ranks) -> FloatArray: return ranks.rank[:, 0]
""",
    "top metric": """
    k: int = 10
    direction: ClassVar[Direction] = "lower"
    needs: ClassVar[Literal["top"]] = "top"
    def values(self, top: Top) -> FloatArray: raise NotImplementedError
""",
    "transform": """
    def fit(self, vectors: Mapping[str, FloatArray]) -> dict[str, FloatArray]: return {}
    def apply(
        self, vectors: FloatArray, *, side: Side, language: str, fitted: Mapping[str, FloatArray]
    ) -> FloatArray: return vectors
""",
    "executor": """
    def execute(
        self, jobs: Sequence[Job], run: Callable[[Job], Outcome], *, fail_fast: bool
    ) -> dict[str, Outcome]: return {job.key: run(job) for job in jobs}
""",
}
# What is edited, and the member that the error must name.
EDITS: dict[str, list[tuple[str, str, str]]] = {
    "sampler": [
        ("def prepare", "def get_ready", "prepare"),
        ("batch_size: int", "size: int", "prepare"),
        ('-> "Mine": return self', "-> list[int]: return []", "prepare"),
        ("-> Int32Array", "-> list[int]", "prepare"),
        ("def batch(", "def rows(", "prepare"),
        ("ClassVar[bool] = False", 'ClassVar[str] = "no"', "needs_parallel"),
    ],
    "encoder": [
        ("def fingerprint", "def revision", "fingerprint"),
        ("*, seed: int", "*, number: int", "create"),
        ('folder: Path) -> "MyModel": return MyModel()', "folder: Path) -> None: pass", "load"),
        ("def save(", "def store(", "load"),
        ("budget: int", "tokens_at_once: int", "create"),
        ("from_scratch", "untrained", "from_scratch"),
    ],
    "dataset": [
        ("def judgements", "def answers", "judgements"),
        ("def queries(self)", "def queries(self, split: str)", "queries"),
        ('str: return "1"', "int: return 1", "fingerprint"),
        ("list[Passage]: return [", "list[Query]: return []  # [", "passages"),
        ("parallel: bool = True", 'parallel: str = "yes"', "parallel"),
    ],
    "objective": [
        ("def loss", "def cost", "loss"),
        ("batch: Mapping", "number: int, batch: Mapping", "loss"),
        ('-> torch.Tensor: return batch["query"].sum()', "-> float: return 0.0", "loss"),
        ("tuple[Need, ...]", "tuple[str, ...]", "needs"),
    ],
    "metric": [
        ("def values", "def value", "values"),
        ("FloatArray: return ranks.rank[:, 0]", "float: return 1.0", "values"),
        ("ranks: Ranks) -> FloatArray: return ranks.rank[:, 0]",
         "ranks: Top) -> FloatArray: raise NotImplementedError", "values"),
        ('Direction] = "higher"', 'str] = "up"', "direction"),
    ],
    "top metric": [("k: int = 10", "cutoff: int = 10", "k")],
    "transform": [
        ("def fit", "def learn", "fit"),
        ("side: Side", "kind: Side", "apply"),
        (") -> FloatArray: return vectors", ") -> None: pass", "apply"),
    ],
    "executor": [
        ("def execute", "def walk", "execute"),
        ("fail_fast: bool", "stop: bool", "execute"),
        ("dict[str, Outcome]: return {job.key: run(job) for job in jobs}",
         "list[Outcome]: return [run(job) for job in jobs]", "execute"),
    ],
}  # fmt: skip
UNVERSIONED = ("version: ClassVar[int] = 1", "number: ClassVar[int] = 1", "version")
for edits in EDITS.values():
    edits.append(UNVERSIONED)


def protocol_of(kind):
    return "TopMetric" if kind == "top metric" else PROTOCOLS[kind]


def source(kind):
    return f"{HEAD}{RIGHT[kind]}\nchecked: {protocol_of(kind)} = Mine()\n"


def edited(kind, number):
    old, new, _ = EDITS[kind][number]
    text = source(kind)
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the {kind}"
    return text.replace(old, new)


def generated(kind, folder):
    """The plugin that ``hbench new`` writes."""
    names = scaffold.names_of(kind, f"tried-{kind}")
    scaffold.write(names, folder)
    code = (folder / "src" / names.package / f"{kind}.py").read_text(encoding="utf-8")
    return f"{code}\nchecked: protocols.{PROTOCOLS[kind]} = {names.class_name}()\n"


def documented():
    """The sampler that plugins/README.md writes."""
    text = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    code = next(c for c in re.findall(r"```python\n(.*?)```", text, re.S) if "class Engl" in c)
    return f"{code}\nchecked: protocols.Sampler = EnglishFirst()\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All plugins, right and wrong, a file each."""
    folder = tmp_path_factory.mktemp("typed")
    texts = {f"right_{kind}": source(kind) for kind in RIGHT}
    for kind, edits in EDITS.items():
        texts |= {f"wrong_{kind}_{n}": edited(kind, n) for n in range(len(edits))}
    codes = {f"new_{k}": generated(k, tmp_path_factory.mktemp("new") / k) for k in PROTOCOLS}
    codes["readme"] = documented()
    texts |= {name: f"from hbench import protocols\n{code}" for name, code in codes.items()}
    for name, text in texts.items():
        (folder / f"{name}.py".replace(" ", "_")).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def said(request, folder, pytestconfig):
    """By file what a checker says: (line, message), lines counted from 1."""
    if request.param == "mypy":
        # Kept from run to run: what it finds out of torch alone takes it more than half a minute.
        cache = pytestconfig.cache.mkdir("mypy")
        words = ["--strict", "--config-file=", f"--cache-dir={cache}", "--output=json"]
        found = [json.loads(line) for line in printed(request.param, *words, ".", cwd=folder)]
        told = [(e["file"], e["line"], f"{e['message']}\n{e['hint']}") for e in found]
    else:
        words = ["--outputjson", f"--pythonpath={sys.executable}"]
        report = json.loads("\n".join(printed(request.param, *words, cwd=folder)))
        assert report["summary"]["filesAnalyzed"] == len(list(folder.iterdir()))
        told = [
            (Path(e["file"]).name, e["range"]["start"]["line"] + 1, e["message"])
            for e in report["generalDiagnostics"]
        ]
    by_file = defaultdict(list)
    for file, line, message in told:
        by_file[Path(file).stem].append((line, message))
    return by_file


def printed(module, *words, cwd):
    """The lines that a checker prints; it must find errors, and nothing must stop it."""
    foreign = {"PYTHONPATH", "MYPYPATH"}
    environment = {key: value for key, value in os.environ.items() if key not in foreign}
    ran = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=cwd, env=environment, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert ran.returncode == 1, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout.splitlines()


@pytest.mark.parametrize("kind", RIGHT)
def test_a_plugin_that_meets_its_protocol_is_accepted(said, kind):
    assert said[f"right_{kind}".replace(" ", "_")] == []


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_plugin_of_hbench_new_is_accepted(said, kind):
    assert said[f"new_{kind}"] == []


def test_the_sampler_of_the_plugins_readme_is_accepted(said):
    assert said["readme"] == []


@pytest.mark.parametrize(
    ("kind", "number"), [(kind, n) for kind, edits in EDITS.items() for n in range(len(edits))]
)
def test_a_plugin_that_breaks_its_protocol_is_refused_where_it_claims_to_meet_it(
    said, kind, number
):
    ((line, message),) = said[f"wrong_{kind}_{number}".replace(" ", "_")]
    text = edited(kind, number).splitlines()[line - 1]
    assert text == f"checked: {protocol_of(kind)} = Mine()"
    assert re.search(rf"\b{EDITS[kind][number][2]}\b", message), message


def test_the_wheel_holds_py_typed(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.iterdir()
    assert "hbench/py.typed" in zipfile.ZipFile(wheel).namelist()
