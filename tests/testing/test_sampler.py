"""A right sampler, and for each rule samplers that break it alone."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, ClassVar

import numpy as np
import pytest

from hbench.drawing import Drawer, DrawingOptions
from hbench.errors import DataError
from hbench.testing import ContractError, check_sampler
from hbench.testing.sampler import RULES


@dataclass(frozen=True)
class Right(DrawingOptions):
    """A batch in many languages, each row in one; the others change what it does."""

    version: ClassVar[int] = 1
    needs_parallel: ClassVar[Any] = False
    same_language: ClassVar[bool] = True

    def prepare(self, items, *, batch_size, seed):
        drawer = Drawer(items, self, batch_size=batch_size, seed=seed)
        return drawer.series(drawer.menu(same_language=self.same_language), "row")


class Crossing(Right):
    needs_parallel = True
    same_language = False


@dataclass(frozen=True)
class Changed:
    """Batches that somebody changes."""

    batches: Any
    change: Callable[[Any, int], Any]

    def batch(self, step):
        return self.change(self.batches.batch(step), step)


def having(base: type[Right] = Right, **parts: Any) -> type[Right]:
    """A sampler that differs from a right one in these parts."""
    return type("Broken", (base,), parts)


def changing(change: Callable[[Any], Any]) -> type[Right]:
    """A sampler that changes each batch."""

    def prepare(self, items, *, batch_size, seed):
        batches = Right.prepare(self, items, batch_size=batch_size, seed=seed)
        return Changed(batches, lambda batch, step: change(batch))

    return having(prepare=prepare)


def with_rows(first: int, *rows: tuple[int, int, int]) -> type[Right]:
    """A sampler whose batches have these rows, from the first on."""

    def change(batch):
        batch[first : first + len(rows)] = rows
        return batch

    return changing(change)


def telling(shares: Callable[[Any], Any]) -> type[Right]:
    """A sampler that tells other shares, given the right ones."""

    def prepare(self, items, *, batch_size, seed):
        batches = Right.prepare(self, items, batch_size=batch_size, seed=seed)
        told = Changed(batches, lambda batch, step: batch)
        vars(told)["shares"] = shares(batches.shares)
        return told

    return having(prepare=prepare)


def lenient(without_enough: Callable[[Any, int], Any]) -> type[Right]:
    """A sampler that does something else than it should where there are too few items."""

    def prepare(self, items, *, batch_size, seed):
        try:
            return Right.prepare(self, items, batch_size=batch_size, seed=seed)
        except DataError:
            return without_enough(items, batch_size)

    return having(prepare=prepare)


class SeldomCrossing(Crossing):
    """Crosses languages in one batch of about a hundred, and in none of the first."""

    def prepare(self, items, *, batch_size, seed):
        drawer = Drawer(items, self, batch_size=batch_size, seed=seed)
        mono, cross = (
            drawer.series(drawer.menu(same_language=same), "row") for same in (True, False)
        )

        def crossing(batch, step):
            seldom = step % 97 == 96
            return cross.batch(step) if seldom else batch

        return Changed(mono, crossing)


class OverAndOver(Right):
    """Has seven batches."""

    def prepare(self, items, *, batch_size, seed):
        batches = super().prepare(items, batch_size=batch_size, seed=seed)
        return Changed(batches, lambda batch, step: batches.batch(step % 7))


@pytest.mark.parametrize("sampler", [Right(), Crossing()])
def test_right_samplers_pass(sampler):
    check_sampler(sampler)


@pytest.mark.parametrize(
    "sampler",
    [Right(without=("ar", "de")), Right(source_weight=0), SeldomCrossing(), OverAndOver()],
)
def test_right_samplers_pass_here(sampler):
    """What another process draws is no matter of these options."""
    check_sampler(sampler, other_processes=False)


@pytest.mark.parametrize("languages", [("en", "de"), ("sw", "yo", "ha")])
def test_right_samplers_pass_with_whatever_languages(languages):
    for sampler in (Right(), Crossing()):
        check_sampler(sampler, languages=languages, other_processes=False)


class AskingForTwo(Right):
    def prepare(self, items, *, batch_size, seed):
        if (items.query >= 0).sum(axis=1).min() < 2:
            raise DataError("an item has fewer than two languages")
        return super().prepare(items, batch_size=batch_size, seed=seed)


class Counting(Right):
    def prepare(self, items, *, batch_size, seed):
        batches = super().prepare(items, batch_size=batch_size, seed=seed)
        calls = count()
        return Changed(batches, lambda batch, step: batches.batch(next(calls)))


class OfGlobalRandom(Right):
    def prepare(self, items, *, batch_size, seed):
        return super().prepare(items, batch_size=batch_size, seed=random.randrange(2**32))


class OfStepAlone(Right):
    def prepare(self, items, *, batch_size, seed):
        return super().prepare(items, batch_size=batch_size, seed=1)


class OfSeedAlone(Right):
    def prepare(self, items, *, batch_size, seed):
        batches = super().prepare(items, batch_size=batch_size, seed=seed)
        return Changed(batches, lambda batch, step: batches.batch(0))


class Scaling(Right):
    def prepare(self, items, *, batch_size, seed):
        weights = items.weights
        weights /= weights.sum()
        return super().prepare(items, batch_size=batch_size, seed=seed)


class OfHashes(Right):
    def prepare(self, items, *, batch_size, seed):
        return super().prepare(items, batch_size=batch_size, seed=hash(f"{seed}") % 2**32)


def in_turn(self, items, *, batch_size, seed):
    return map(Right.prepare(self, items, batch_size=batch_size, seed=seed).batch, count())


def too_late(items: Any, batch_size: int) -> None:
    """Raises nothing."""


def of_the_library(items: Any, batch_size: int) -> None:
    raise ValueError("cannot take a larger sample than population")


def of_items_alone(items: Any, batch_size: int) -> None:
    if batch_size > len(items.query):
        raise DataError("too few items")


# Items 2 and 3 have one passage in language 0; query 3 in language 0 is query 4 in language 4.
TWINS = with_rows(0, (2, 1, 1), (3, 1, 1))
NAMESAKES = with_rows(2, (3, 2, 2), (4, 2, 2))
BROKEN = [
    ("needs-parallel-is-a-bool", having(needs_parallel=lambda self: False)),
    ("prepare-returns-batches", having(prepare=in_turn)),
    ("batch-is-rows-of-int32", changing(lambda batch: batch.astype(np.int64))),
    ("batch-is-rows-of-int32", changing(lambda batch: batch[1:])),
    ("batch-is-rows-of-int32", changing(lambda batch: batch.tolist())),
    ("indices-are-in-range", with_rows(3, (40, 0, 0))),
    ("indices-are-in-range", with_rows(3, (2, 5, 5))),
    ("indices-are-in-range", with_rows(3, (-1, 0, 0))),
    ("rows-have-their-texts", with_rows(3, (0, 0, 0))),  # item 0 lacks its query in language 0
    ("rows-have-their-texts", with_rows(3, (1, 0, 0))),  # item 1 its passage
    ("no-item-twice", changing(lambda batch: batch[[0, 0, 1, 2]])),
    ("items-with-a-common-text-never-meet", TWINS),
    ("items-with-a-common-text-never-meet", NAMESAKES),
    ("rows-stay-in-their-language", having(Crossing, needs_parallel=False)),
    ("some-rows-cross-languages", having(needs_parallel=True)),
    ("one-language-an-item-is-enough", AskingForTwo),
    ("same-step-same-batch", Counting),
    ("same-step-same-batch", OfGlobalRandom),
    ("same-step-same-batch", changing(np.random.permutation)),
    ("other-seed-other-batches", OfStepAlone),
    ("other-seed-other-batches", OfSeedAlone),
    ("items-are-left-as-they-are", Scaling),
    ("too-few-items-are-a-data-error", lenient(too_late)),
    ("too-few-items-are-a-data-error", lenient(of_the_library)),
    ("too-few-items-are-a-data-error", lenient(of_items_alone)),
    ("shares-are-a-distribution", telling(lambda right: 100 * right)),
    ("shares-are-a-distribution", telling(lambda right: right.tolist())),
    ("shares-are-a-distribution", telling(lambda right: np.array([-0.5, 1.5]))),
    ("shares-are-a-distribution", telling(lambda right: np.append(right, 0.0))),
    ("shares-are-what-is-drawn", telling(lambda right: np.array([0.5, 0.5]))),  # without weights
    ("same-batch-in-another-process", OfHashes),
]


@pytest.mark.parametrize(("rule", "sampler"), BROKEN)
def test_a_broken_sampler_is_caught_by_the_rule_that_it_breaks(rule, sampler):
    with pytest.raises(ContractError) as caught:
        check_sampler(sampler())
    assert caught.value.rule.name == rule


def test_every_rule_has_a_sampler_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {rule.name for rule in RULES}


def test_a_message_says_which_rule_on_which_input_what_was_found_and_what_is_right():
    with pytest.raises(ContractError) as caught:
        check_sampler(TWINS())
    assert str(caught.value) == (
        "Broken(source_weight=1.0, language_weight=0.0, without=()) breaks the rule "
        "'items-with-a-common-text-never-meet': No two items of a batch share a query or a passage "
        "text in any language, drawn or not: the other's answer would be a false negative.\n"
        "  input: hbench.testing.items.parallel_items(('ar', 'de', 'en', 'es', 'zh')), "
        "batch_size=4, seed=0, step=0\n"
        "  found: items 2 and 3 share the passage texts number [10]\n"
        "  right: for any two items the rows of items.query, and of items.passage, have no number "
        "but -1 in common; hbench.drawing sees to it"
    )


def raising(batch: Any) -> None:
    raise KeyError("Ulm")


def test_an_error_of_the_sampler_itself_is_raised_with_a_note_of_what_it_was_given():
    with pytest.raises(KeyError, match="Ulm") as caught:
        check_sampler(changing(raising)())
    (note,) = caught.value.__notes__
    assert note == (
        "while the rule 'batch-is-rows-of-int32' was checked with "
        "hbench.testing.items.parallel_items(('ar', 'de', 'en', 'es', 'zh')), "
        "batch_size=4, seed=0, step=0"
    )


def test_an_option_that_names_another_language_is_told_how_to_be_checked():
    sampler = replace(Right(), without=("sw",))
    with pytest.raises(DataError, match="no language 'sw'") as caught:
        check_sampler(sampler)
    assert "`languages=` makes items in others" in caught.value.__notes__[0]
    check_sampler(sampler, languages=("sw", "yo", "ha"), other_processes=False)


def test_the_global_random_state_is_as_it_was_afterwards():
    def states():
        return random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tolist()

    before = states()
    check_sampler(Right(), other_processes=False)
    assert states() == before


def test_a_sampler_that_cannot_be_made_in_another_process_is_warned_of():
    class Inside(Right):
        pass

    with pytest.warns(UserWarning, match="Inside does not stand at the top of a module"):
        check_sampler(Inside())
