"""What the batches of a benchmark will be made of; shown before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hbench.errors import PluginError, printable, shortened
from hbench.jobs import Job, TrainJob
from hbench.planner import BenchmarkPlan
from hbench.protocols import Batches
from hbench.records import FloatArray, Items
from hbench.store import Store
from hbench.trainer import texts_to_train_on

TRIED = 200  # batches of a sampler that does not tell its shares
ROUNDING = 1e-6  # by which shares may miss the sum 1
NAME, LANGUAGES = 18, 24  # signs in a column, so that the table fits into a terminal


@dataclass(frozen=True)
class Mixture:
    """One source of training data.

    Args:
        source: its name in the spec.
        languages: in which it has a query and a passage of some item.
        items: that have both.
        pairs: (item, language) that have both.
        crossing: (item, query language, passage language) that have both, in two languages.
        shares: by sampler, the share of the batches; None where it cannot fill a batch.
    """

    source: str
    languages: Sequence[str]
    items: int
    pairs: int
    crossing: int
    shares: dict[str, float | None]


def mixtures(part: BenchmarkPlan, todo: Sequence[Job], store: Store) -> list[Mixture]:
    """The sources of a benchmark's trainings that are still to be done; [] if there are none."""
    waiting = {job.key for job in todo}
    jobs: dict[str, TrainJob] = {}
    for method in part.methods:
        for job in part.systems[method.name].values():
            if job.key in waiting and job.sampler is not None:
                jobs.setdefault(method.axes["sampler"], job)
    if not jobs or part.benchmark.train is None:
        return []
    items = texts_to_train_on(next(iter(jobs.values())), store).items
    shares = {name: _shares(job, items) for name, job in jobs.items()}
    return [
        _described(name, number, items, shares)
        for number, name in enumerate(part.benchmark.train.data)
    ]


def printable_table(benchmark: str, sources: Sequence[Mixture]) -> str:
    """What the batches will be made of: below each source its share of each sampler's batches."""
    from tabulate import tabulate

    head = ["training data", "languages", "items", "pairs", "across languages", "share"]
    rows = []
    for source in sources:
        languages = f"{len(source.languages)}: {' '.join(source.languages)}"
        counts = [f"{count:,}" for count in (source.items, source.pairs, source.crossing)]
        rows.append([printable(source.source), languages, *counts, ""])
        for sampler, share in source.shares.items():
            told = "–" if share is None else f"{share:.1%}"
            rows.append([printable(f"in {sampler}"), "", "", "", "", told])
    table = tabulate(
        rows,
        head,
        colalign=["left", "left", *["right"] * 4],
        maxcolwidths=[NAME, LANGUAGES, *[None] * 4],
        disable_numparse=True,
    )
    return f"{printable(benchmark)}: what the batches are made of\n\n{table}\n"


def _described(
    name: str, number: int, items: Items, shares: dict[str, FloatArray | None]
) -> Mixture:
    own = items.source == number
    has_query, has_passage = items.query[own] >= 0, items.passage[own] >= 0
    both = has_query & has_passage
    crossing = has_query.sum(axis=1) * has_passage.sum(axis=1) - both.sum(axis=1)
    return Mixture(
        source=name,
        languages=[items.languages[i] for i in np.flatnonzero(both.any(axis=0))],
        items=int((has_query.any(axis=1) & has_passage.any(axis=1)).sum()),
        pairs=int(both.sum()),
        crossing=int(crossing.sum()),
        shares={
            sampler: None if found is None else float(found[number])
            for sampler, found in shares.items()
        },
    )


def _shares(job: TrainJob, items: Items) -> FloatArray | None:
    """(sources,) the share of the batches of each source, told by the sampler or tried out.

    Raises:
        PluginError: what the sampler tells are no shares.
    """
    if job.sampler is None or job.training is None:
        return None
    try:
        batches: Batches = job.sampler.plugin.prepare(
            items, batch_size=job.training.batch_size, seed=job.seed
        )
        told: Any = getattr(batches, "shares", None)
        if told is None:
            rows = np.concatenate([batches.batch(step)[:, 0] for step in range(TRIED)])
            counts = np.bincount(items.source[rows], minlength=len(items.weights))
            return counts / counts.sum() if len(rows) else None
    except Exception:  # whatever it is, the training job meets it, and tells
        return None
    return _checked(told, len(items.weights), f"{job.sampler.entry}")


def _checked(told: object, sources: int, sampler: str) -> FloatArray:
    """The shares that a sampler tells, if they are such."""
    try:
        shares = np.asarray(told)
        # Texts are no numbers here, though numpy would read them as such.
        holds = shares.dtype.kind in "fiu" and shares.shape == (sources,)
    except (TypeError, ValueError):  # numpy makes no array of it
        holds = False
    if holds and (shares >= 0).all() and abs(shares.sum() - 1) < ROUNDING:
        return shares.astype(np.float64)
    found = shortened(" ".join(repr(told).split()))
    raise PluginError(
        f"{sampler}: the `shares` of its batches must be one number a source, none negative, with "
        f"the sum 1; found {found} for {sources} sources; mend or update the plugin"
    )
