"""What the comparisons with sentence-transformers share: models, data, clocks, tables.

Both sides load one folder of random weights, read the same texts, and are watched by one clock.
"""

import gc
import json
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import torch

from hbench.corpus import Corpus
from hbench.errors import DataError
from hbench.stages import data
from hbench.store import Store
from hbench_plugins.datasets.xquad_r import XQuADR
from hbench_plugins.encoders.huggingface import DType, HuggingFace
from hbench_plugins.encoders.scratch import Scratch
from hbench_plugins.encoders.transformer import Transformer, quiet_transformers

SEED = 1
LONGEST = 256  # tokens
VOCABULARY = 16_000
SPECIAL = 5  # ids that stay where they are when a vocabulary is spread
WARM_UP = 1  # steps


@dataclass(frozen=True)
class Shape:
    """A model of XLM-R's architecture; ``rows`` of its embedding table, None as many as needed."""

    hidden: int
    layers: int
    heads: int
    rows: int | None = None


SHAPES = {
    "m128": Shape(128, 4, 4),
    "m384": Shape(384, 6, 12),
    "m128v250": Shape(128, 4, 4, 250_002),
}


@contextmanager
def xquad_r(folder: Path) -> Iterator[Corpus]:
    """XQuAD-R's sentences and questions, by way of the data stage."""
    dataset = XQuADR(path=folder, context=False)
    try:
        dataset.fingerprint()
    except DataError as error:
        sys.exit(f"{error}; here, '--data' gives the place")
    with tempfile.TemporaryDirectory() as name:
        stored = Path(name) / "data"
        with Store(Path(name)).writing(stored, {}) as (scratch, manifest):
            manifest["detail"] = data.run(dataset, scratch)
        yield Corpus(stored)


def default_data() -> Path:
    """Where the files of XQuAD-R are unless one says so."""
    return Path(os.environ.get("HBENCH_DATA", "data")) / "xquad-r"


def write_model(folder: Path, shape: Shape, texts: Iterable[str]) -> None:
    """A model with random weights, as a folder that both sides load."""
    scratch = Scratch(
        hidden=shape.hidden,
        layers=shape.layers,
        heads=shape.heads,
        vocabulary=VOCABULARY,
        max_query_length=LONGEST,
        max_passage_length=LONGEST,
    )
    model = scratch.create(texts, seed=SEED)
    if shape.rows is not None:
        torch.manual_seed(SEED)
        model.body.resize_token_embeddings(shape.rows, mean_resizing=False)
    model.save(folder)
    if shape.rows is not None:
        _spread(folder / "tokenizer.json", shape.rows)


def _spread(path: Path, rows: int) -> None:
    """Spread a tokenizer's ids over a larger table, at random."""
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = content["model"]["vocab"]
    rng = np.random.default_rng(SEED)
    drawn = rng.choice(rows - SPECIAL, max(vocabulary.values()) + 1, replace=False) + SPECIAL
    content["model"]["vocab"] = {
        token: number if number < SPECIAL else int(drawn[number])
        for token, number in vocabulary.items()
    }
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def load_ours(folder: Path, dtype: DType = "float32") -> Transformer:
    """hbench's model of a folder."""
    encoder = HuggingFace(
        model=folder, max_query_length=LONGEST, max_passage_length=LONGEST, dtype=dtype
    )
    return encoder.load(folder)


def load_theirs(folder: Path, device: str = "cpu", **options: object) -> Any:
    """sentence-transformers' model of a folder."""
    from sentence_transformers import SentenceTransformer

    with quiet_transformers():
        model = SentenceTransformer(str(folder), device=device, model_kwargs=options)
    model.model_card_data.widget = [{}]  # else the trainer looks for examples for a model card
    return model


class Clock:
    """When steps end, and how far resident memory has risen by then."""

    def __init__(self) -> None:
        self.moments: list[float] = []
        self.risen = 0
        self._peak = 0
        self._process = psutil.Process()
        self._done = threading.Event()

    def __enter__(self) -> "Clock":
        gc.collect()
        self._start = self._process.memory_info().rss
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    def tick(self) -> None:
        """A step has ended."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.moments.append(time.perf_counter())
        self.risen = self._peak - self._start

    @property
    def seconds(self) -> list[float]:
        """Of each step after the warm-up."""
        return np.diff(self.moments[WARM_UP - 1 :]).tolist()

    def _watch(self) -> None:
        while not self._done.wait(0.002):
            self._peak = max(self._peak, self._process.memory_info().rss)


def make_resident(module: torch.nn.Module) -> None:
    """Read every weight, so that what is mapped from a file counts as there before training."""
    for parameter in module.parameters():
        parameter.detach().sum()


@contextmanager
def tokens_seen(module: torch.nn.Module) -> Iterator[list[int]]:
    """How many tokens, padding included, reach the first layer: one entry a forward pass.

    Without those that the train stage looks at before it starts, to count the arithmetic of a
    token: training has gradients, and encoding is in inference mode.
    """
    layer = next(each for each in module.modules() if type(each).__name__ == "XLMRobertaLayer")
    seen: list[int] = []

    def count(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        if torch.is_grad_enabled() or torch.is_inference_mode_enabled():
            seen.append(inputs[0].shape[:-1].numel())

    handle = layer.register_forward_pre_hook(count)
    try:
        yield seen
    finally:
        handle.remove()


def alternate(
    variants: Mapping[str, Callable[[], Any]], repeats: int
) -> dict[str, list[Any]]:  # fmt: skip
    """Run all variants, each time beginning with another, so that noise hits all alike."""
    results: dict[str, list[Any]] = {name: [] for name in variants}
    names = list(variants)
    for repeat in range(repeats):
        turn = repeat % len(names)
        for name in names[turn:] + names[:turn]:
            results[name].append(variants[name]())
            gc.collect()
    return results


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, and the lowest and highest value."""
    low, middle, high = min(values), median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def verdict(value: float, *, at_least: float | None = None, at_most: float | None = None) -> str:
    """What is wanted, and whether it is so."""
    if at_least is not None:
        return f"≥ {at_least}: {'pass' if value >= at_least else 'FAIL'}"
    if at_most is not None:
        return f"≤ {at_most}: {'pass' if value <= at_most else 'FAIL'}"
    return ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def use_threads(count: int) -> None:
    """As many threads for tokenizers and torch; before either has done any work."""
    os.environ["RAYON_NUM_THREADS"] = str(count)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if count > 1 else "false"
    torch.set_num_threads(count)


def machine() -> str:
    """What the figures hold for."""
    names = ("torch", "transformers", "sentence-transformers")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads; "
        f"Python {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor() or platform.machine()
