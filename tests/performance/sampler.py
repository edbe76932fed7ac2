"""How long a batch takes to draw: ``python tests/performance/sampler.py``; no test, it prints.

The data and the batch size are those of the benchmark ``quickstart``, and XQuAD-R with batches of
100 if its files are in $HBENCH_DATA/xquad-r: there most items share an answer with others. At most
0.5 % of a training step of quickstart is wanted, on a machine that does nothing else.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from hbench.corpus import Corpus
from hbench.protocols import Batches, Dataset, Sampler
from hbench.stages import data, train
from hbench.stages.train import Lesson, Surroundings
from hbench.store import Store
from hbench.tokens import tokenize
from hbench.training.recipe import Recipe
from hbench.training_texts import TrainingTexts, training_texts
from hbench_plugins.datasets.babel import Babel
from hbench_plugins.datasets.xquad_r import XQuADR
from hbench_plugins.encoders.scratch import Scratch
from hbench_plugins.objectives.infonce import InfoNCE
from hbench_plugins.samplers.cross import Cross
from hbench_plugins.samplers.hybrid import Hybrid
from hbench_plugins.samplers.mixed import Mixed
from hbench_plugins.samplers.mono import Mono
from hbench_plugins.samplers.source import Source

STEPS = 2000
REPEATS = 5
SAMPLERS: dict[str, Sampler] = {
    "mono": Mono(),
    "mixed": Mixed(),
    "source": Source(),
    "cross, row": Cross(),
    "cross, batch": Cross(pairs="batch"),
    "cross, round-robin": Cross(pairs="round-robin"),
    "hybrid, row": Hybrid(),
    "hybrid, batch": Hybrid(pairs="batch"),
    "hybrid, round-robin": Hybrid(pairs="round-robin"),
}


def texts_of(dataset: Dataset) -> TrainingTexts:
    """The training texts of a dataset, by way of the data stage."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Store(folder).writing(folder / "data", {}) as (scratch, manifest):
            manifest["detail"] = data.run(dataset, scratch)
        return training_texts([Corpus(folder / "data")], [1.0])


def step_of_quickstart() -> float:
    """Microseconds of a training step of quickstart, hybrid sampler, all threads."""
    recipe = Recipe(steps=100, batch_size=64, learning_rate=2e-3)
    lesson = Lesson(Hybrid(), [(1.0, InfoNCE(temperature=0.1))], recipe)
    encoder = Scratch(hidden=96, layers=2, vocabulary=4000)
    with tempfile.TemporaryDirectory() as name:
        around = Surroundings("cpu", Path(name), tokenize, lambda share, note: None)
        told = train.run(encoder, lesson, texts_of(Babel(split="train")), around, seed=1)
    seconds: float = told["seconds"]
    return seconds / recipe.steps * 1e6


def microseconds(batches: Batches) -> tuple[float, float]:
    """Per batch: of the fastest repeat, and of the median one."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for step in range(STEPS):
            batches.batch(step)
        seconds.append(time.perf_counter() - start)
    fastest, median = min(seconds), sorted(seconds)[REPEATS // 2]
    return fastest / STEPS * 1e6, median / STEPS * 1e6


def lines(name: str, dataset: Dataset, batch_size: int, step: float) -> Iterator[str]:
    """The table of one dataset."""
    items = texts_of(dataset).items
    count, languages = items.query.shape
    yield f"{name}: {count:,} items, {languages} languages, batches of {batch_size}"
    yield f"{'':20} {'fastest':>8} {'median':>8} {'of step':>8}   microseconds a batch"
    for sampler_name, sampler in SAMPLERS.items():
        batches = sampler.prepare(items, batch_size=batch_size, seed=1)
        fastest, median = microseconds(batches)
        yield f"{sampler_name:20} {fastest:8.1f} {median:8.1f} {median / step:8.2%}"


def main() -> None:
    """Print the tables."""
    tables: list[tuple[str, Dataset, int]] = [("quickstart", Babel(split="train"), 64)]
    xquad_r = Path(os.environ.get("HBENCH_DATA", "data")) / "xquad-r"
    if xquad_r.is_dir():
        tables.append(("XQuAD-R", XQuADR(path=xquad_r, context=False), 100))
    step = step_of_quickstart()
    sys.stdout.write(f"a training step of quickstart: {step / 1000:.1f} ms\n")
    for table in tables:
        for line in lines(*table, step):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
