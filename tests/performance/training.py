"""Seconds and memory of a training step against sentence-transformers', on the CPU; prints ratios.

``python -m tests.performance.training``; see the README beside this file for how it is measured.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from tests.performance import peers, trainings
from tests.performance.trainings import Course, Run

from hbench.training_texts import TrainingTexts, training_texts
from hbench_plugins.samplers.cross import Cross

ROOT = Path(__file__).resolve().parents[2]
THEIRS, OURS, CACHED = "sentence-transformers", "hbench", "hbench, gradient_caching"
STEPS = {"m128": 10, "m384": 4, "m128v250": 10}  # measured, of each repeat
MEMORY_STEPS = 3
FASTER = {
    "m128": {OURS: 3.0, CACHED: 2.2},
    "m384": {OURS: 3.0, CACHED: 2.2},
    "m128v250": {OURS: 2.5, CACHED: 2.2},
}
SMALLER = {
    "m128": {OURS: 0.4, CACHED: 0.2},
    "m384": {OURS: 0.4, CACHED: 0.2},
    "m128v250": {OURS: 0.5, CACHED: 0.45},
}


def course(steps: int) -> Course:
    """100 pairs a step, each of two languages that are drawn per row."""
    return Course(Cross(), steps)


def variants(folder: Path, texts: TrainingTexts, steps: int) -> dict[str, Callable[[], Run]]:
    """The trainings that are compared."""
    return {
        THEIRS: partial(trainings.train_theirs, folder, texts, course(steps)),
        OURS: partial(trainings.train_ours, folder, texts, course(steps), caching=False),
        CACHED: partial(trainings.train_ours, folder, texts, course(steps), caching=True),
    }


def memory(name: str, folder: Path, options: argparse.Namespace) -> int:
    """Bytes by which a training of a few steps raises a fresh process's memory."""
    command = [sys.executable, "-m", "tests.performance.training", "--probe", name]
    command += ["--model-folder", str(folder), "--data", str(options.data)]
    command += ["--threads", str(options.threads)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return int(json.loads(done.stdout.splitlines()[-1])["risen"])


def measure(
    model: str, folder: Path, texts: TrainingTexts, options: argparse.Namespace
) -> Iterator[list[str]]:
    """The table's lines of one model."""
    steps = options.steps or STEPS[model]
    started = variants(folder, texts, peers.WARM_UP + steps)
    runs: dict[str, list[Run]] = peers.alternate(started, options.repeats)
    risen = {name: memory(name, folder, options) for name in started}
    times = {name: [median(run.seconds) for run in found] for name, found in runs.items()}
    for name in started:
        every = [second for run in runs[name] for second in run.seconds]
        ratios = [a / b for a, b in zip(times[THEIRS], times[name], strict=True)]
        share = risen[name] / risen[THEIRS]
        difference = max(
            abs(a.loss - b.loss) for a, b in zip(runs[THEIRS], runs[name], strict=True)
        )
        yield [
            model,
            name,
            peers.spread(every, 3),
            peers.spread(ratios),
            peers.verdict(median(ratios), at_least=FASTER[model].get(name)),
            f"{risen[name] / 2**20:.0f}",
            f"{share:.2f}",
            peers.verdict(share, at_most=SMALLER[model].get(name)),
            f"{difference:.1e}",
        ]


def padding(folder: Path, texts: TrainingTexts) -> str:
    """Padded tokens by real tokens, less 1, of the first steps on both sides."""
    plan = course(2)
    model = peers.load_ours(folder)
    pairs = trainings.pairs_of(texts, plan)
    queries = model.tokenize(pairs["anchor"], "query").ids
    passages = model.tokenize(pairs["positive"], "passage").ids
    real = sum(map(len, [*queries, *passages]))
    theirs = trainings.train_theirs(folder, texts, plan).seen / real - 1
    ours = trainings.train_ours(folder, texts, plan, caching=False).seen / real - 1
    return (
        f"{real / plan.steps:,.0f} tokens a step; tokens computed beyond them: {THEIRS} "
        f"{theirs:.0%}, {OURS} {ours:.0%}"
    )


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(STEPS), help="default: all")
    parser.add_argument("--steps", type=int, help=f"measured ones a repeat, default: {STEPS}")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=peers.default_data(), help="XQuAD-R's folder")
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    parser.add_argument("--model-folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = arguments()
    peers.use_threads(options.threads)
    with peers.xquad_r(options.data) as corpus:
        texts = training_texts([corpus], [1.0])
    if options.probe:
        run = variants(options.model_folder, texts, MEMORY_STEPS)[options.probe]()
        sys.stdout.write(json.dumps({"risen": run.risen}) + "\n")
        return
    sys.stdout.write(f"{peers.machine()}\n\n")
    rows: list[list[str]] = []
    for model in options.models.split(","):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            peers.write_model(folder, peers.SHAPES[model], [*texts.queries, *texts.passages])
            sys.stdout.write(f"{model}: {padding(folder, texts)}\n")
            sys.stdout.flush()
            rows += measure(model, folder, texts, options)
    head = ["model", "training", "s a step", "faster, times", "wanted"]
    head += ["memory, MiB", "share", "wanted", "difference of first loss"]
    sys.stdout.write(f"\nMedians, with the lowest and highest.\n\n{peers.table(head, rows)}\n")


if __name__ == "__main__":
    main()
