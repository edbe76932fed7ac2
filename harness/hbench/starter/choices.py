"""What the data can bear: how large a batch, how many steps, which settings and metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hbench.errors import DataError, HBenchError
from hbench.registry import Built
from hbench.settings import components
from hbench.starter import shipped
from hbench.starter.look import Found

LARGEST, SMALLEST = 64, 2  # batches
SHARE = 2  # a batch holds at most one in so many items, or all batches would be nearly the same
PASSES = 20  # over the training pairs, which a small encoder learns something from
SHORTEST, LONGEST = 100, 300  # steps
SIGNS = 8e7  # that all trainings of a small encoder read in about ten minutes on two cores
FEW = 200  # items to evaluate on; fewer tell only large differences
MEANINGS = {
    "mono": "passages of the query's own language",
    "cross": "of one other language, over all pairs",
    "multi": "of all languages at once",
}
UNTRAINED_RATE, PRETRAINED_RATE = 2e-3, 3e-5  # learning rates


@dataclass(frozen=True)
class Choices:
    """The values of a spec that depend on the data.

    Args:
        steps: of training.
        batch_size: rows.
        learning_rate: its peak.
        settings: that the test data can offer.
        metrics: that its pools are large enough for.
        lacking: why other settings are left out, by setting.
        warnings: what the user will want to mend.
    """

    steps: int
    batch_size: int
    learning_rate: float
    settings: Sequence[str]
    metrics: Sequence[str]
    lacking: Mapping[str, str]
    warnings: Sequence[str] = ()


def choose(
    train: Found,
    test: Found,
    encoder: Built,
    samplers: Mapping[str, Built | None],
    seeds: int,
) -> Choices:
    """The values for some data.

    Raises:
        DataError: there is too little to train on for any batch.
    """
    trained = [built for built in samplers.values() if built is not None]
    batch = _batch_size(train, trained)
    steps = min(LONGEST, -(-PASSES * int(train.pairs.sum()) // batch))
    if encoder.plugin.from_scratch:
        steps = min(steps, int(SIGNS / (len(trained) * seeds * batch * train.signs)))
    lacking = _lacking(test)
    settings = [name for name in MEANINGS if name not in lacking]
    depth = min(filter(None, test.pools.values()))
    items = len(test.names)
    few = f"{items:,} items to evaluate on tell only large differences; hundreds are better"
    return Choices(
        steps=max(SHORTEST, steps // 10 * 10),
        batch_size=batch,
        learning_rate=_learning_rate(encoder),
        settings=settings,
        metrics=_metrics(settings, depth),
        lacking=lacking,
        warnings=[few] if items < FEW else [],
    )


def usual_choices(encoder: Built) -> Choices:
    """The values for parallel data of which there is enough."""
    settings = tuple(MEANINGS)
    rate = _learning_rate(encoder)
    return Choices(LONGEST, LARGEST, rate, settings, _metrics(settings, LARGEST), {})


def _learning_rate(encoder: Built) -> float:
    """What suits an encoder: one that knows nothing yet takes larger steps."""
    return UNTRAINED_RATE if encoder.plugin.from_scratch else PRETRAINED_RATE


def _metrics(settings: Sequence[str], depth: int) -> list[str]:
    """The metrics for settings whose smallest pool has so many passages; the first leads."""
    found = [shipped.AVERAGE, shipped.FIRST]
    if depth >= shipped.GRADED_DEPTH:
        found.append(shipped.GRADED)
    return [*found, shipped.BIAS] if "multi" in settings else found


def _batch_size(train: Found, samplers: Sequence[Built]) -> int:
    """The largest power of two that every sampler fills from this data, within bounds."""
    least = int(min(count for count in train.pairs.sum(axis=0).tolist() if count))
    size = LARGEST
    while size > max(SMALLEST, least // SHARE):
        size //= 2
    while True:
        try:
            for sampler in samplers:
                sampler.plugin.prepare(train.items, batch_size=size, seed=1)
            return size
        except HBenchError as error:
            if size == SMALLEST:
                raise DataError(
                    f"{len(train.names):,} items to train on are too few: {error}"
                ) from None
            size //= 2


def _lacking(test: Found) -> dict[str, str]:
    """The settings that make no sense here, and why."""
    if test.is_sentences:
        why = "a sentence finds itself in its own language"
        return {"mono": why, "multi": why}
    if not test.is_parallel:
        why = "no item is known in two languages"
        return {"cross": why, "multi": why}
    lacking = {}
    for name in ("mono", "cross"):
        for part in components(name, test.languages, parallel=True):
            query, passage = part.query_language, part.pool[0]
            row, column = test.languages.index(query), test.languages.index(passage)
            if test.answered[row].any() and not test.answered[row, column]:
                lacking[name] = f"no query in {query} has an answer in {passage}"
    return lacking
