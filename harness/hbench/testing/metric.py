"""The contract of metrics, as checks."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hbench.errors import shown
from hbench.protocols import Metric
from hbench.records import FloatArray, Int64Array, Ranks, Top
from hbench.testing.common import check_common
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

ROUNDING = 1e-9  # sums over more columns may be added up in another order

DIRECTION = Rule(
    "direction-is-higher-or-lower",
    "`direction` says whether a higher or a lower value is better.",
    'direction: ClassVar[Direction] = "higher"',
)
NEEDS = Rule(
    "needs-ranks-or-top",
    "`needs` is absent or 'ranks'; or it is 'top', and `k` says how many passages are looked at.",
    'needs: ClassVar[Literal["top"]] = "top", and a field k: Annotated[int, Ge(1)]',
)
SHAPE = Rule(
    "one-float-a-query",
    "There is one value for each query, as float64.",
    "an (n,) float64 array; of a comparison: (ranks.rank[:, 0] <= k).astype(np.float64)",
)
FINITE = Rule(
    "never-infinite",
    "A value is finite, or NaN where the query lacks what the metric needs.",
    "np.nan where there is no value, as where the pool is one language",
)
PURE = Rule(
    "same-ranks-same-values",
    "The same ranks have the same values whenever they are asked for.",
    "values that follow from the argument and the options alone",
)
LEFT = Rule(
    "arguments-are-left-as-they-are",
    "The arrays of the argument are read and never changed; other metrics read them too.",
    "a copy is changed instead",
)
ALONE = Rule(
    "each-query-for-itself",
    "A query's value does not depend on which other queries are there, nor on their order.",
    "sums and sorts along axis 1 alone",
)
PADDING = Rule(
    "padding-changes-nothing",
    "Further columns with rank inf, grade 0 and language -1 are no passages.",
    "np.isfinite(ranks.rank) says what is a passage, ranks.relevant counts them",
)
BEST = Rule(
    "best-ranks-are-no-worse",
    "Relevant passages at the top are at least as good, in the stated direction, as the same at "
    "the end of the pool.",
    "the direction that fits: 'lower' for a rank or a distance, 'higher' for a share that is found "
    "(of a ratio of ranks and the like this need not hold: check_metric(..., top_is_best=False))",
)
RULES = (DIRECTION, NEEDS, SHAPE, FINITE, PURE, LEFT, ALONE, PADDING, BEST)

Place = tuple[float, int, int]  # of a relevant passage: its rank, grade and language


def ranks_of(queries: Sequence[Sequence[Place]], sizes: Sequence[int], own: str = "de") -> Ranks:
    """Ranks as hbench gives them, from the places of each query's relevant passages, ascending.

    Args:
        queries: for each the rank, grade and language (as an index) of its relevant passages.
        sizes: of the pool, whose languages are the first of de, en, zh.
        own: the language of the queries.
    """
    width = max(map(len, queries))
    padding = (np.inf, 0, -1)
    rows = [[*query, *[padding] * (width - len(query))] for query in queries]
    rank, grade, language = np.moveaxis(np.array(rows, np.float64), 2, 0)
    return Ranks(
        rank=rank.copy(),
        grade=grade.astype(np.int64),
        language=language.astype(np.int64),
        query_language=own,
        pool=("de", "en", "zh")[: len(sizes)],
        pool_sizes=np.array(sizes, np.int64),
    )


def all_ranks() -> list[Ranks]:
    """One language and several, one relevant passage and many, graded; and nothing but those.

    The query's language is the pool's first, its last, another or none of them.
    """
    one = [[(rank, 1, 0)] for rank in (1, 2, 7, 50)]
    graded = [[(1, 1, 0), (2, 3, 0)], [(4, 2, 0)], [(3, 1, 0), (9, 1, 0), (20, 2, 0)]]
    translated = [
        [(1, 1, 0), (2, 1, 1), (3, 1, 2)],
        [(1, 1, 0), (40, 1, 2)],
        [(12, 2, 1)],
        [(5, 1, 1), (6, 2, 1), (60, 1, 0)],
        [(58, 1, 2), (59, 1, 0), (60, 1, 1)],
    ]
    not_in_last = [[(1, 1, 0), (2, 1, 1)], [(5, 1, 1), (40, 2, 1)], [(3, 1, 0)]]
    return [
        ranks_of(one, (50,)),
        ranks_of(graded, (20,), own="en"),
        # Padding has the language -1, which is also how numpy calls the last one.
        *(ranks_of(translated, (30, 20, 10), own) for own in ("de", "en", "zh", "fr")),
        *(ranks_of(not_in_last, (30, 20, 10), own) for own in ("de", "zh")),
        ranks_of([[(1, 1, 0), (2, 1, 1)], [(1, 2, 1), (2, 1, 0)]], (1, 1)),
        ranks_of([[(1, 1, 0)]], (1,)),
    ]


def all_tops(k: int) -> list[Top]:
    """One language and several, the query's own among them or not; and where the pool ends."""
    turns = np.arange(k)
    rows = np.stack([turns * 0, turns * 0 + 1, turns % 2, turns % 3, turns[::-1] % 3])
    ending = np.where(turns < max(1, k - 1), turns % 2, -1)[None]
    return [
        _top(rows[:1], (k + 1,)),
        _top(rows, (3 * k, 2 * k, k)),
        _top(rows, (3 * k, 2 * k, k), own="fr"),
        _top(ending, np.bincount(ending[ending >= 0], minlength=2).tolist()),
    ]


def _top(language: Int64Array, sizes: Sequence[int], own: str = "de") -> Top:
    pool = ("de", "en", "zh")[: len(sizes)]
    return Top(language.astype(np.int64), own, pool, np.array(sizes, np.int64))


def check_metric(plugin: object, *, top_is_best: bool = True) -> None:
    """Check all rules of metrics, with the ranks of `all_ranks` or, if it needs them, `all_tops`.

    Args:
        plugin: the metric.
        top_is_best: False leaves out the last rule, for a metric that only compares ranks with each
            other, so that relevant passages may all stand at the end and do well.

    Raises:
        ContractError: a rule is broken.
    """
    checked = Checked(plugin)
    check_common(checked, Metric)
    metric: Any = plugin
    holds = isinstance(metric.direction, str) and metric.direction in ("higher", "lower")
    checked.require(holds, DIRECTION, given="`direction`", found=shown(metric.direction))
    needs = getattr(plugin, "needs", "ranks")
    holds = isinstance(needs, str) and needs in ("ranks", "top")
    checked.require(holds, NEEDS, given="`needs`", found=shown(needs))
    if needs == "top":
        k = getattr(plugin, "k", None)
        holds = isinstance(k, int) and not isinstance(k, bool) and k >= 1
        checked.require(holds, NEEDS, given="`k`", found=shown(k))
        for top in all_tops(metric.k):
            _check_values(checked, top)
        return
    for ranks in all_ranks():
        values = _check_values(checked, ranks)
        _check_padding(checked, ranks, values)
        if top_is_best:
            _check_order(checked, ranks)


def _check_values(checked: Checked, given: Ranks | Top) -> FloatArray:
    """What holds for ranks and for tops; returns the values."""
    before = deepcopy(given)
    values = _values(checked, given)
    again = _values(checked, given)
    found = f"{values.tolist()}, asked again {again.tolist()}"
    same = np.array_equal(values, again, equal_nan=True)
    checked.require(same, PURE, given=_told(before), found=found)
    changed = [
        name
        for name, value in vars(given).items()
        if not np.array_equal(value, getattr(before, name))
    ]
    found = f"changed: {', '.join(changed)}"
    checked.require(not changed, LEFT, given=_told(before), found=found)
    count = len(values)
    for rows in (np.arange(count)[::-1], *np.arange(count)[:, None]):
        part = _part(given, rows)
        _check_equal(checked, ALONE, part, _values(checked, part), values[rows])
    return values


def _values(checked: Checked, given: Ranks | Top) -> FloatArray:
    """The metric's values, one finite number or NaN a query."""
    metric: Any = checked.plugin
    with checked.asked(SHAPE, _told(given)):
        values = metric.values(given)
    count = len(given.rank if isinstance(given, Ranks) else given.language)
    is_array = isinstance(values, np.ndarray)
    found = f"{values.dtype} of shape {values.shape}" if is_array else shown(values)
    holds = is_array and values.dtype == np.float64 and values.shape == (count,)
    checked.require(holds, SHAPE, given=_told(given), found=found)
    found = str(values.tolist())
    checked.require(not np.isinf(values).any(), FINITE, given=_told(given), found=found)
    checked_values: FloatArray = values.copy()
    return checked_values


def _check_padding(checked: Checked, ranks: Ranks, values: FloatArray) -> None:
    """With one and with two more columns that hold nothing, and each query without any."""

    def wider(array: npt.NDArray[Any], columns: int, fill: float) -> npt.NDArray[Any]:
        return np.pad(array, ((0, 0), (0, columns)), constant_values=fill)

    for columns in (1, 2):
        padded = replace(
            ranks,
            rank=wider(ranks.rank, columns, np.inf),
            grade=wider(ranks.grade, columns, 0),
            language=wider(ranks.language, columns, -1),
        )
        _check_equal(checked, PADDING, padded, _values(checked, padded), values)
    for row, count in enumerate(ranks.relevant):
        bare = _part(ranks, np.s_[row : row + 1, :count])
        _check_equal(checked, PADDING, bare, _values(checked, bare), values[row : row + 1])


def _check_order(checked: Checked, ranks: Ranks) -> None:
    """The same relevant passages at the top, and at the end of the pool."""
    metric: Any = checked.plugin
    place = np.arange(1, ranks.rank.shape[1] + 1)
    shift = (ranks.pool_sizes.sum() - ranks.relevant)[:, None]
    best, worst = (
        replace(ranks, rank=np.where(np.isfinite(ranks.rank), places, np.inf))
        for places in (place[None], place + shift)
    )
    top, end = _values(checked, best), _values(checked, worst)
    gain = top - end if metric.direction == "higher" else end - top
    found = f"at the top {top.tolist()}, at the end {end.tolist()}, direction {metric.direction}"
    checked.require(not (gain < -ROUNDING).any(), BEST, given=_told(best), found=found)


def _part(given: Ranks | Top, places: Any) -> Ranks | Top:  # noqa: ANN401 - an index of numpy
    """Only some queries, or some columns of some."""
    if isinstance(given, Top):
        return replace(given, language=given.language[places])
    return replace(
        given,
        rank=given.rank[places],
        grade=given.grade[places],
        language=given.language[places],
    )


def _check_equal(
    checked: Checked, rule: Rule, given: Ranks | Top, found: FloatArray, wanted: FloatArray
) -> None:
    equal = np.allclose(found, wanted, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)
    told = f"{found.tolist()}, elsewhere {wanted.tolist()} for the same queries"
    checked.require(equal, rule, given=_told(given), found=told)


def _told(given: Ranks | Top) -> str:
    """The argument of ``values`` on one line, with arrays as lists."""
    told = (
        f"{name}={value.tolist() if isinstance(value, np.ndarray) else value!r}"
        for name, value in vars(given).items()
    )
    return f"{type(given).__name__}({', '.join(told)})"
