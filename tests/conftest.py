"""What tests of several modules share; nothing here may touch the network, nor may they."""

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
import numpy as np
import pytest

from hbench.corpus import Corpus
from hbench.manifests import key_of
from hbench.protocols import Dataset
from hbench.records import Int32Array, Items, Judgement, Passage, Query
from hbench.stages import data
from hbench.store import Store

if "PYTEST_XDIST_WORKER" in os.environ:  # a process for each core: more threads would only wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
LOCAL = ("localhost", "127.", "::1")

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("hbench", deadline=None)
hypothesis.settings.load_profile("hbench")


@pytest.fixture(autouse=True)
def offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches out fails, unless it is marked ``network``."""
    monkeypatch.setenv("HBENCH_OFFLINE", "")  # undone even if the test itself changes it
    if request.node.get_closest_marker("network"):
        return
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            if not host.startswith(LOCAL):
                raise RuntimeError(f"a test reached out to {host}; mark it `network`")
        return connect(self, address)

    return guarded


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("no shared data")
    return SHARED


@pytest.fixture(scope="session")
def xquad_r(shared_data: Path, stored: Any) -> Corpus:
    """XQuAD-R as the data stage stores it; a candidate is its sentence alone."""
    from hbench_plugins.datasets.xquad_r import XQuADR

    corpus: Corpus = stored(XQuADR(path=shared_data / "xquad-r", context=False))
    return corpus


@dataclass(frozen=True)
class ToyDataset:
    """A dataset that fits on the screen: each record as a tuple of its fields."""

    tags: Sequence[str]
    asked: Sequence[tuple[Any, ...]]
    told: Sequence[tuple[str, str, str]]
    judged: Sequence[tuple[Any, ...]]
    parallel: bool = True
    version: ClassVar[int] = 1

    def fingerprint(self) -> str:
        return key_of({"toy": repr(self)})

    def languages(self) -> Sequence[str]:
        return self.tags

    def queries(self) -> Iterator[Query]:
        return (Query(*fields) for fields in self.asked)

    def passages(self) -> Iterator[Passage]:
        return (Passage(*fields) for fields in self.told)

    def judgements(self) -> Iterator[Judgement]:
        return (Judgement(*fields) for fields in self.judged)


@pytest.fixture(scope="session")
def toy_dataset() -> type[ToyDataset]:
    """The class, to build toy datasets with."""
    return ToyDataset


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that puts a dataset through the data stage and opens what it wrote."""

    def run(dataset: Dataset) -> Corpus:
        folder = tmp_path_factory.mktemp("data")
        with Store(folder).writing(folder / "toy", {}) as (scratch, manifest):
            manifest["detail"] = data.run(dataset, scratch)
        return Corpus(folder / "toy")

    return run


@pytest.fixture(scope="session")
def items_of() -> Any:
    """A function that makes ``Items`` of their texts."""
    return _items_of


def _items_of(
    asked: Sequence[str],
    told: Sequence[str],
    source: Sequence[int] = (),
    weights: Sequence[float] = (1.0,),
) -> Items:
    """Items from one line each: a text a language, divided by blanks, ``-`` where it is absent."""
    query, passage = _numbered(asked), _numbered(told)
    return Items(
        languages=("ar", "de", "en", "zh")[: query.shape[1]],
        query=query,
        passage=passage,
        source=np.array(source or [0] * len(asked), np.int32),
        weights=np.array(weights, np.float64),
    )


def _numbered(lines: Sequence[str]) -> Int32Array:
    rows = [line.split() for line in lines]
    texts = dict.fromkeys(text for row in rows for text in row if text != "-")
    number = {text: index for index, text in enumerate(texts)} | {"-": -1}
    return np.array([[number[text] for text in row] for row in rows], np.int32)
