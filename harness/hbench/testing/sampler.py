"""The contract of samplers, as checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np

from hbench.errors import DataError, shown
from hbench.protocols import Batches, Sampler
from hbench.records import Int32Array, Items
from hbench.testing import shares
from hbench.testing.chance import global_random_state
from hbench.testing.common import check_common
from hbench.testing.elsewhere import answers
from hbench.testing.items import parallel_items, separate_items
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

LANGUAGES = ("ar", "de", "en", "es", "zh")
BATCH_SIZE = 4
SEEDS = (0, 2**32 - 1)
STEPS = (*range(25), 10**6)

PARALLEL = Rule(
    "needs-parallel-is-a-bool",
    "`needs_parallel` says whether some rows cross languages, so that data must be parallel.",
    "needs_parallel: ClassVar[bool] = False",
)
BATCHES = Rule(
    "prepare-returns-batches",
    "`prepare` returns an object whose `batch(step)` draws the batch of any step.",
    "see hbench.protocols.Batches; no generator, since steps are asked for in any order",
)
ROWS = Rule(
    "batch-is-rows-of-int32",
    "A batch is an int32 array with a row of item, query language, passage language.",
    "np.empty((batch_size, 3), np.int32), all of it filled",
)
RANGE = Rule(
    "indices-are-in-range",
    "Items are rows of `items.query`, languages are indices into `items.languages`; from 0.",
    "0 <= item < len(items.query) and 0 <= language < len(items.languages)",
)
TEXTS = Rule(
    "rows-have-their-texts",
    "Each row's item has a query in its query language, and a passage in its passage language.",
    "items.query[item, query language] >= 0 and items.passage[item, passage language] >= 0",
)
TWICE = Rule(
    "no-item-twice",
    "An item stands in a batch once: its passage would be its own negative.",
    "items drawn without replacement inside the batch",
)
MEET = Rule(
    "items-with-a-common-text-never-meet",
    "No two items of a batch share a query or a passage text in any language, drawn or not: the "
    "other's answer would be a false negative.",
    "for any two items the rows of items.query, and of items.passage, have no number but -1 in "
    "common; hbench.drawing sees to it",
)
STAYS = Rule(
    "rows-stay-in-their-language",
    "Without `needs_parallel` a row's query and passage are in one language.",
    "batch[:, 1] == batch[:, 2] in every row, or needs_parallel = True",
)
CROSSES = Rule(
    "some-rows-cross-languages",
    "With `needs_parallel` some rows have a query and a passage of different languages; a sampler "
    "that has none would be refused data that it could use.",
    "batch[:, 1] != batch[:, 2] in some rows of some batches, or needs_parallel = False",
)
SEPARATE = Rule(
    "one-language-an-item-is-enough",
    "Without `needs_parallel` it draws from items that have one language each.",
    "no DataError, since each language has enough items of its own",
)
SAME = Rule(
    "same-step-same-batch",
    "A batch follows from seed and step alone: not from what was asked before, nor from the global "
    "random state of `random` or numpy.",
    "np.random.Generator(np.random.Philox(key=[seed, step])) for each step; Drawer.generator does",
)
OTHER = Rule(
    "other-seed-other-batches",
    "Another step gives another batch, and another seed others: seeds are the repetitions of a "
    "training that the statistics count.",
    "a generator that is made of both seed and step, also where an order is given",
)
LEFT = Rule(
    "items-are-left-as-they-are",
    "The arrays of the items are read and never changed; other samplers draw from them too.",
    "a copy is changed instead",
)
FEW = Rule(
    "too-few-items-are-a-data-error",
    "Where too few items may meet for one batch, `prepare` raises a DataError and no other error.",
    'raise DataError("a batch needs 4 items, and there are 3; lower batch_size or add data")',
)
ELSEWHERE = Rule(
    "same-batch-in-another-process",
    "Another process draws the same batches, whatever its PYTHONHASHSEED.",
    "no hash() of texts, and no order of a set, in what is drawn",
)
RULES = (
    PARALLEL, BATCHES, ROWS, RANGE, TEXTS, TWICE, MEET, STAYS, CROSSES, SEPARATE, SAME, OTHER, LEFT,
    FEW, *shares.RULES, ELSEWHERE,
)  # fmt: skip


@dataclass(frozen=True)
class _World:
    """What a sampler is given, and the words to make it again with."""

    call: str
    items: Items

    def given(self, seed: int) -> str:
        """The arguments of ``prepare``, in words."""
        return f"{self.call}, batch_size={BATCH_SIZE}, seed={seed}"

    def prepared(self, checked: Checked, seed: int) -> Batches:
        """The sampler's batches; an error that it raises says what it was given."""
        sampler: Any = checked.plugin
        with checked.asked(ROWS, f"{self.given(seed)} (`languages=` makes items in others)"):
            batches: Batches = sampler.prepare(self.items, batch_size=BATCH_SIZE, seed=seed)
        holds = callable(getattr(batches, "batch", None))
        checked.require(holds, BATCHES, given=self.given(seed), found=f"returned {shown(batches)}")
        return batches

    def content(self) -> dict[str, bytes]:
        """The bytes of each array."""
        names = ("query", "passage", "source", "weights")
        return {name: getattr(self.items, name).tobytes() for name in names}


def check_sampler(
    plugin: object, *, languages: Sequence[str] = LANGUAGES, other_processes: bool = True
) -> None:
    """Check all rules of samplers, with the items of `hbench.testing.items`.

    Args:
        plugin: the sampler.
        languages: at least two, in which the items have texts; to be given where an option of the
            sampler names a language that is not among the default ones.
        other_processes: False leaves out the last rule, for which two processes are started.

    Raises:
        ContractError: a rule is broken.
    """
    checked = Checked(plugin)
    check_common(checked, Sampler)
    crosses = plugin.needs_parallel  # type: ignore[attr-defined]
    found = shown(crosses)
    checked.require(isinstance(crosses, bool), PARALLEL, given="`needs_parallel`", found=found)
    call = f"hbench.testing.items.{{}}({tuple(languages)}{{}})"
    parallel = _World(call.format("parallel_items", ""), parallel_items(languages))
    drawn = [_check_world(checked, parallel, seed) for seed in SEEDS]
    _check_other(checked, parallel, drawn)
    if not crosses:
        separate = _World(call.format("separate_items", ""), separate_items(languages))
        _check_separate(checked, separate)
        for seed in SEEDS:
            _check_world(checked, separate, seed)
    twins = parallel_items(languages, same_query=True)
    _check_too_few(checked, parallel, len(parallel.items.query) + 1)
    call = call.format("parallel_items", ", same_query=True")
    _check_too_few(checked, _World(call, twins), 2)
    if other_processes:
        _check_elsewhere(checked, parallel)


def _check_separate(checked: Checked, world: _World) -> None:
    try:
        world.prepared(checked, SEEDS[0])
    except DataError as error:
        found, given = f"DataError: {error}", world.given(SEEDS[0])
        checked.require(False, SEPARATE, given=given, found=found, cause=error)


def _check_world(checked: Checked, world: _World, seed: int) -> Mapping[int, Int32Array]:
    """The rules of batches, on the items of a world; returns the batch of each step."""
    given, before = world.given(seed), world.content()
    with global_random_state(1):
        batches = world.prepared(checked, seed)
        drawn = {step: _checked_batch(checked, world, batches, step, given) for step in STEPS}
    if checked.plugin.needs_parallel:  # type: ignore[attr-defined]
        _check_crossing(checked, batches, given)
    with global_random_state(2):
        fresh = world.prepared(checked, seed)
        for step in reversed(STEPS):
            for again in (fresh, batches):
                with checked.asked(SAME, f"{given}, step={step}"):
                    batch = np.asarray(again.batch(step))
                found = (
                    f"first {drawn[step].tolist()}, asked again in another order {batch.tolist()}"
                )
                is_same = np.array_equal(batch, drawn[step])
                checked.require(is_same, SAME, given=f"{given}, step={step}", found=found)
    changed = [name for name, content in world.content().items() if content != before[name]]
    found = f"changed: {', '.join(changed)}"
    checked.require(not changed, LEFT, given=given, found=found)
    shares.check_shares(checked, batches, world.items, given)
    return drawn


def _check_crossing(checked: Checked, batches: Batches, given: str) -> None:
    """Where few batches cross languages, many are drawn until one does."""
    with checked.asked(CROSSES, given):
        drawn = map(batches.batch, chain(STEPS, shares.STEPS))
        crosses = any((batch[:, 1] != batch[:, 2]).any() for batch in drawn)
    found = f"no such row in {len(STEPS) + len(shares.STEPS)} batches"
    checked.require(crosses, CROSSES, given=given, found=found)


def _check_other(
    checked: Checked, world: _World, drawn: Sequence[Mapping[int, Int32Array]]
) -> None:
    """Not all steps have one batch, nor all seeds the same ones."""
    for seed, batches in zip(SEEDS, drawn, strict=True):
        first = batches[STEPS[0]].tolist()
        differ = any(batch.tolist() != first for batch in batches.values())
        given, found = f"{world.given(seed)}, {len(STEPS)} steps", f"all are {first}"
        checked.require(differ, OTHER, given=given, found=found)
    one, other = drawn
    differ = any(one[step].tolist() != other[step].tolist() for step in STEPS)
    given, found = world.given(SEEDS[1]), f"the same {len(STEPS)} batches as with seed={SEEDS[0]}"
    checked.require(differ, OTHER, given=given, found=found)


def _checked_batch(
    checked: Checked, world: _World, batches: Batches, step: int, given: str
) -> Int32Array:
    """The batch of a step, with the rules that it keeps alone."""
    given = f"{given}, step={step}"
    with checked.asked(ROWS, given):
        batch = batches.batch(step)
    is_array = isinstance(batch, np.ndarray)
    found = f"{batch.dtype} of shape {batch.shape}" if is_array else shown(batch)
    holds = is_array and batch.dtype == np.int32 and batch.shape == (BATCH_SIZE, 3)
    checked.require(holds, ROWS, given=given, found=found)
    count, languages = world.items.query.shape
    limits = (count, languages, languages)
    for number, row in enumerate(batch.tolist()):
        where = f"row {number} is {row}"
        in_range = all(0 <= index < limit for index, limit in zip(row, limits, strict=True))
        checked.require(in_range, RANGE, given=given, found=f"{where}, beyond {list(limits)}")
        _check_row(checked, world.items, row, given, where)
    _check_meeting(checked, world.items, batch[:, 0].tolist(), given)
    return batch.copy()


def _check_row(checked: Checked, items: Items, row: Sequence[int], given: str, where: str) -> None:
    item, asked, told = row
    for side, table, language in (("query", items.query, asked), ("passage", items.passage, told)):
        found = f"{where}: item {item} has no {side} in {items.languages[language]}"
        checked.require(table[item, language] >= 0, TEXTS, given=given, found=found)
    if not checked.plugin.needs_parallel:  # type: ignore[attr-defined]
        names = f"{items.languages[asked]} and {items.languages[told]}"
        checked.require(asked == told, STAYS, given=given, found=f"{where}: {names}")


def _check_meeting(checked: Checked, items: Items, drawn: Sequence[int], given: str) -> None:
    for one, other in combinations(drawn, 2):
        checked.require(one != other, TWICE, given=given, found=f"item {one} stands there twice")
        for side, table in (("query", items.query), ("passage", items.passage)):
            common = set(table[one].tolist()) & set(table[other].tolist()) - {-1}
            found = f"items {one} and {other} share the {side} texts number {sorted(common)}"
            checked.require(not common, MEET, given=given, found=found)


def _check_too_few(checked: Checked, world: _World, size: int) -> None:
    """A batch of so many items cannot be filled from the world."""
    sampler: Any = checked.plugin
    given = f"{world.call}, batch_size={size}, seed=0"
    try:
        sampler.prepare(world.items, batch_size=size, seed=0)
    except DataError:
        return
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        checked.require(False, FEW, given=given, found=found, cause=error)
    checked.require(False, FEW, given=given, found="no error")


def _check_elsewhere(checked: Checked, world: _World) -> None:
    here = some_batches(checked.plugin, world.items.languages)
    for there in answers(checked.plugin, some_batches, world.items.languages):
        for step, (one, other) in enumerate(zip(here, there, strict=True)):
            given = f"{world.given(SEEDS[0])}, step={step}, another process"
            checked.require(one == other, ELSEWHERE, given=given, found=f"{one} and there {other}")


def some_batches(sampler: Any, languages: Sequence[str]) -> list[Any]:  # noqa: ANN401
    """The first batches from `parallel_items`, as lists; asked in several processes."""
    items = parallel_items(languages)
    batches = sampler.prepare(items, batch_size=BATCH_SIZE, seed=SEEDS[0])
    return [batches.batch(step).tolist() for step in range(10)]
