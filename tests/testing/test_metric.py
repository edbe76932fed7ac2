"""Right metrics of ranks and of the top, and for each rule metrics that break it alone."""

from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

import numpy as np
import pytest

from hbench.records import Ranks, Top
from hbench.testing import ContractError, check_metric
from hbench.testing.metric import RULES, all_ranks, all_tops


@dataclass(frozen=True)
class Right:
    """The mean reciprocal rank of all relevant passages."""

    version: ClassVar[int] = 1
    direction: ClassVar[Any] = "higher"

    def values(self, ranks):
        return (1 / ranks.rank).sum(axis=1) / ranks.relevant


@dataclass(frozen=True)
class OfTop:
    """The share of the first k that is in the pool's first language."""

    k: int = 3
    version: ClassVar[int] = 1
    direction: ClassVar[str] = "lower"
    needs: ClassVar[str] = "top"

    def values(self, top):
        return (top.language == 0).sum(axis=1) / (top.language >= 0).sum(axis=1)


@dataclass(frozen=True)
class LastRank(Right):
    direction: ClassVar[Any] = "lower"

    def values(self, ranks):
        return np.where(np.isfinite(ranks.rank), ranks.rank, 0).max(axis=1)


@dataclass(frozen=True)
class OwnLanguage(Right):
    """Absent where the query's language is not in the pool."""

    def values(self, ranks):
        if ranks.query_language not in ranks.pool:
            return np.full(len(ranks.rank), np.nan)
        return super().values(ranks)


@pytest.mark.parametrize(
    "metric", [Right(), LastRank(), OwnLanguage(), OfTop(), OfTop(k=1), OfTop(k=2), OfTop(k=40)]
)
def test_right_metrics_pass(metric):
    check_metric(metric)


class RankRatio(LastRank):
    """How many times further down the last relevant passage is than the first."""

    def values(self, ranks):
        return super().values(ranks) / ranks.rank[:, 0]


def test_a_metric_that_compares_ranks_with_each_other_can_be_checked_without_the_last_rule():
    with pytest.raises(ContractError, match="of a ratio of ranks and the like"):
        check_metric(RankRatio())
    check_metric(RankRatio(), top_is_best=False)


BROKEN: list[tuple[str, Any]] = []


def breaks(rule):
    """Notes a metric under the rule that it breaks."""

    def noted(metric):
        BROKEN.append((rule, metric))
        return metric

    return noted


@breaks("direction-is-higher-or-lower")
class Up(Right):
    direction = "up"


@breaks("needs-ranks-or-top")
class NeedsMuch(Right):
    needs = ("top", "ranks")


@breaks("needs-ranks-or-top")
class TopOfHowMany(Right):
    needs = "top"


@breaks("needs-ranks-or-top")
@dataclass(frozen=True)
class TopOfNone(OfTop):
    k: int = 0


@breaks("one-float-a-query")
class Truth(Right):
    def values(self, ranks):
        return ranks.rank[:, 0] <= 10


@breaks("one-float-a-query")
class Mean(Right):
    def values(self, ranks):
        return super().values(ranks).mean()


@breaks("one-float-a-query")
class AsColumn(Right):
    def values(self, ranks):
        return super().values(ranks)[:, None]


@breaks("one-float-a-query")
class AsList(OfTop):
    def values(self, top):
        return super().values(top).tolist()


@breaks("never-infinite")
class LastColumn(Right):
    direction = "lower"

    def values(self, ranks):
        return ranks.rank[:, -1].copy()


@breaks("same-ranks-same-values")
class Counting(Right):
    calls = count()

    def values(self, ranks):
        return super().values(ranks) + next(self.calls)


@breaks("arguments-are-left-as-they-are")
class Filling(Right):
    def values(self, ranks):
        ranks.rank[~np.isfinite(ranks.rank)] = 1e6
        return 1 / ranks.rank[:, 0]


@breaks("arguments-are-left-as-they-are")
class Sorting(OfTop):
    def values(self, top):
        values = super().values(top)
        top.language.sort(axis=1)
        return values


@breaks("each-query-for-itself")
class Relative(Right):
    def values(self, ranks):
        values = super().values(ranks)
        return values / values.max()


@breaks("each-query-for-itself")
class FromTheSecondOn(OfTop):
    def values(self, top):
        values = super().values(top)
        values[0] = 0
        return values


@breaks("padding-changes-nothing")
class OverColumns(Right):
    def values(self, ranks):
        return (1 / ranks.rank).mean(axis=1)


@breaks("padding-changes-nothing")
class CountsLanguages(Right):
    def values(self, ranks):
        padding = (ranks.language == -1).any(axis=1)
        return super().values(ranks) + padding


class FindsOwn(Right):
    """Whether a relevant passage is in the query's language."""

    def values(self, ranks):
        own = np.array(ranks.pool)[ranks.language] == ranks.query_language
        return (own & np.isfinite(ranks.rank)).any(axis=1).astype(float)


def test_a_metric_that_looks_up_languages_and_leaves_out_padding_passes():
    check_metric(FindsOwn())


@breaks("padding-changes-nothing")
class FindsOwnInPadding(Right):
    """Wrong where the pool's last language, numpy's -1, is the query's and has no answer."""

    def values(self, ranks):
        own = np.array(ranks.pool)[ranks.language] == ranks.query_language
        return own.any(axis=1).astype(float)


@breaks("padding-changes-nothing")
class FindsOthersInPadding(Right):
    """Wrong where all answers are in the query's language, and that is not the pool's last."""

    def values(self, ranks):
        others = np.array(ranks.pool)[ranks.language] != ranks.query_language
        return others.any(axis=1).astype(float)


@breaks("best-ranks-are-no-worse")
class WrongDirection(LastRank):
    direction = "higher"


@breaks("best-ranks-are-no-worse")
class FoundAsLoss(Right):
    direction = "lower"


@pytest.mark.parametrize(("rule", "metric"), BROKEN)
def test_a_broken_metric_is_caught_by_the_rule_that_it_breaks(rule, metric):
    with pytest.raises(ContractError) as caught:
        check_metric(metric())
    assert caught.value.rule.name == rule


def test_every_rule_has_a_metric_that_breaks_it():
    assert {rule for rule, _ in BROKEN} == {rule.name for rule in RULES}


def test_a_message_says_which_rule_on_which_input_what_was_found_and_what_is_right():
    with pytest.raises(ContractError) as caught:
        check_metric(WrongDirection())
    assert str(caught.value) == (
        "WrongDirection() breaks the rule 'best-ranks-are-no-worse': Relevant passages at the top "
        "are at least as good, in the stated direction, as the same at the end of the pool.\n"
        "  input: Ranks(rank=[[1.0], [1.0], [1.0], [1.0]], grade=[[1], [1], [1], [1]], "
        "language=[[0], [0], [0], [0]], query_language='de', pool=('de',), pool_sizes=[50])\n"
        "  found: at the top [1.0, 1.0, 1.0, 1.0], at the end [50.0, 50.0, 50.0, 50.0], "
        "direction higher\n"
        "  right: the direction that fits: 'lower' for a rank or a distance, 'higher' for a share "
        "that is found (of a ratio of ranks and the like this need not hold: check_metric(..., "
        "top_is_best=False))"
    )


def test_an_error_of_the_metric_itself_is_raised_with_a_note_of_what_it_was_given():
    class Raising(Right):
        def values(self, ranks):
            raise IndexError("no second column")

    with pytest.raises(IndexError, match="no second column") as caught:
        check_metric(Raising())
    (note,) = caught.value.__notes__
    assert note.startswith(
        "while the rule 'one-float-a-query' was checked with Ranks(rank=[[1.0], [2.0], [7.0], [50"
    )


def is_as_the_harness_makes_it(ranks: Ranks) -> bool:
    """Ascending places in the pool, no two alike; padding at the ends of the rows."""
    inside = np.isfinite(ranks.rank)
    ascending = (np.diff(np.where(inside, ranks.rank, 1e9 + np.cumsum(~inside, axis=1))) > 0).all()
    padded = ((ranks.grade > 0) == inside).all() and ((ranks.language >= 0) == inside).all()
    in_pool = ranks.rank[inside].max() <= ranks.pool_sizes.sum()
    known = ranks.language.max() < len(ranks.pool) == len(ranks.pool_sizes)
    return bool(ascending and padded and in_pool and known and ranks.relevant.min() > 0)


def test_the_ranks_that_metrics_are_checked_with_are_such_as_there_can_be():
    assert all(map(is_as_the_harness_makes_it, all_ranks()))
    assert {len(ranks.pool) for ranks in all_ranks()} == {1, 2, 3}
    assert {ranks.query_language in ranks.pool for ranks in all_ranks()} == {True, False}


@pytest.mark.parametrize("k", [1, 2, 3, 10])
def test_no_language_of_a_top_has_more_passages_than_the_pool(k):
    for top in all_tops(k):
        assert isinstance(top, Top)
        assert top.language.shape[1] == k
        for row in top.language:
            counts = np.bincount(row[row >= 0], minlength=len(top.pool))
            assert (counts <= top.pool_sizes).all()
            assert (np.diff((row >= 0).astype(int)) <= 0).all()
            assert k == (row >= 0).sum() or counts.sum() == top.pool_sizes.sum()
