from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.toy_corpora import ranked, spelled, stored, toy

from hbench.corpus import Corpus
from hbench.errors import PluginError
from hbench.ranks import Beats, ranks_in_pool, values_of
from hbench.records import SCORE_KEYS, Direction, Ranks
from hbench.settings import Component, components
from hbench.stages import score


@dataclass
class Best:
    """Rank of the best relevant passage; keeps what it was asked."""

    direction: ClassVar[Direction] = "lower"
    version: ClassVar[int] = 1
    seen: list[Ranks] = field(default_factory=list)

    def values(self, ranks):
        self.seen.append(ranks)
        return ranks.rank[:, 0]


@dataclass
class Constant:
    value: float
    direction: ClassVar[Direction] = "higher"
    version: ClassVar[int] = 1

    def values(self, ranks):
        return np.full(len(ranks.rank), self.value)


# Scores for "1 0":         0.6          1            0            0.8          -1
PASSAGES = {"de:a": "3 4", "de:b": "1 0", "en:a": "0 1", "en:b": "4 3", "zh:a": "-1 0"}
# q1 is asked in de and en, q2 in en and zh; q1 has no relevant passage in zh, q2 none in de.
ASKED = {"de:q1": "1 0", "en:q1": "1 0", "en:q2": "1 0", "zh:q2": "1 0"}
JUDGED = {"q1": {"de:a": 1, "en:a": 3}, "q2": {"en:a": 1, "zh:a": 2}}
LANGUAGES = ("de", "en", "zh")
# The queries' numbers: de q1 is 0, en q1 is 1, en q2 is 2, zh q2 is 3.


class Study(NamedTuple):
    corpus: Corpus
    beats: Beats


@pytest.fixture
def study(tmp_path):
    corpus = stored(toy(ASKED, PASSAGES, JUDGED), tmp_path)
    return Study(corpus, ranked(corpus, spelled(corpus), tmp_path))


def every(*names, pool=()) -> dict[str, Any]:
    return {name: components(name, LANGUAGES, parallel=True, pool=pool) for name in names}


def scored(study, settings, metrics, path, **kept):
    """The manifest's part, and the rows as (setting, query language, pool, query, values...)."""
    detail = score.run(study.corpus, study.beats, settings, metrics, path, **kept)
    table = pq.read_table(path)
    places = ["setting", "query_language", "pool", "query"]
    values = [name for name in table.column_names if name not in SCORE_KEYS]
    return detail, [tuple(row[name] for name in places + values) for row in table.to_pylist()]


def test_rank_is_one_plus_the_beats_of_the_pools_languages_alone(study, tmp_path):
    settings = every("mono", "cross", "multi", "pair") | every("far", pool=("zh", "de"))
    detail, rows = scored(study, settings, {"best": Best()}, tmp_path / "scores.parquet")
    assert rows == [
        ("cross", "de", "en", 0, 2),  # q1: en:b, en:a
        ("cross", "en", "de", 1, 2),  # q1: de:b, de:a; q2 has nothing in de
        ("cross", "en", "zh", 2, 1),
        ("cross", "zh", "en", 3, 2),
        ("far", "de", "de+zh", 0, 2),
        ("far", "zh", "de+zh", 3, 3),  # q2: de:b, de:a, zh:a
        ("mono", "de", "de", 0, 2),
        ("mono", "en", "en", 1, 2),
        ("mono", "en", "en", 2, 2),
        ("mono", "zh", "zh", 3, 1),
        ("multi", "de", "de+en+zh", 0, 3),  # de:b, en:b, de:a
        ("multi", "en", "de+en+zh", 1, 3),
        ("multi", "en", "de+en+zh", 2, 4),  # de:b, en:b, de:a, en:a
        ("multi", "zh", "de+en+zh", 3, 4),
        ("pair", "de", "de+en", 0, 3),
        ("pair", "en", "de+en", 1, 3),
        ("pair", "en", "de+en", 2, 4),
        ("pair", "en", "en+zh", 1, 2),  # q1 in en+zh: en:b, en:a
        ("pair", "en", "en+zh", 2, 2),
        ("pair", "zh", "en+zh", 3, 2),
    ]
    assert detail["rows"] == {"mono": 4, "cross": 4, "multi": 4, "pair": 6, "far": 2}


def test_queries_without_a_relevant_passage_in_the_pool_are_left_out_and_counted(study, tmp_path):
    detail, _ = scored(study, every("mono", "cross"), {"best": Best()}, tmp_path / "s.parquet")
    # cross asks 4 queries in 2 pools each; de q1 in zh, en q1 in zh, en q2 in de, zh q2 in de: none
    assert detail == {
        "rows": {"mono": 4, "cross": 4},
        "notes": ["4 (query, pool) pairs of setting cross have no relevant passage"],
    }


def test_a_setting_in_which_no_query_is_answered_is_empty(study, tmp_path):
    best = Best()
    detail, rows = scored(
        study, {"void": [Component("zh", ("de",))]}, {"best": best}, tmp_path / "s.parquet"
    )
    assert (rows, best.seen) == ([], [])
    assert detail["rows"] == {"void": 0}
    assert detail["notes"] == ["1 (query, pool) pairs of setting void have no relevant passage"]
    _, rows = scored(
        study, every("mono"), {"best": Best()}, tmp_path / "t.parquet",
        keep=tmp_path / "s.parquet", kept_columns=["best"],
    )  # fmt: skip
    assert len(rows) == 4


def test_a_metric_sees_ranks_grades_and_languages_in_the_order_of_rank(study):
    found = ranks_in_pool(study.corpus, study.beats, Component("en", ("zh", "en")))
    assert found is not None
    queries, ranks = found
    assert queries.tolist() == [1, 2]
    # en:b 0.8, en:a 0, zh:a -1; q1 has en:a (3), q2 has en:a (1) and zh:a (2)
    assert ranks.rank.tolist() == [[2, np.inf], [2, 3]]
    assert ranks.grade.tolist() == [[3, 0], [1, 2]]
    assert ranks.language.tolist() == [[0, -1], [0, 1]]
    assert ranks.relevant.tolist() == [1, 2]
    assert (ranks.query_language, ranks.pool) == ("en", ("en", "zh"))
    assert ranks.pool_sizes.tolist() == [2, 1]


def test_ranks_ascend_where_the_later_passage_is_better(tmp_path):
    dataset = toy({"de:q": "1 0"}, {"de:a": "0 1", "en:a": "1 0"}, {"q": {"de:a": 1, "en:a": 2}})
    corpus = stored(dataset, tmp_path)
    beats = ranked(corpus, spelled(corpus), tmp_path)
    found = ranks_in_pool(corpus, beats, Component("de", ("de", "en")))
    assert found is not None
    ranks = found[1]
    assert ranks.rank.tolist() == [[1, 2]]
    assert ranks.grade.tolist() == [[2, 1]]
    assert ranks.language.tolist() == [[1, 0]]


def test_no_query_is_left_where_the_pool_holds_nothing_relevant(study):
    assert ranks_in_pool(study.corpus, study.beats, Component("zh", ("de",))) is None


def test_columns_are_the_keys_and_then_the_metrics(study, tmp_path):
    path = tmp_path / "scores.parquet"
    scored(study, every("mono"), {"z": Best(), "a@1": Constant(0.5)}, path)
    table = pq.read_table(path)
    keys = ["item", "cluster", "query", "query_language", "pool", "setting"]
    assert table.column_names == [*keys, "z", "a@1"]
    types = ["string", "string", "int32", "string", "string", "string", "double", "double"]
    assert [str(kind) for kind in table.schema.types] == types
    assert table["item"].to_pylist() == table["cluster"].to_pylist() == ["q1", "q1", "q2", "q2"]


def test_rows_stand_by_setting_language_pool_and_query_as_bytes_repeat(study, tmp_path):
    settings = every("multi", "cross", "mono")
    _, rows = scored(study, settings, {"best": Best()}, tmp_path / "one.parquet")
    backwards = {name: parts[::-1] for name, parts in reversed(settings.items())}
    scored(study, backwards, {"best": Best()}, tmp_path / "two.parquet")
    assert [row[:4] for row in rows] == sorted(row[:4] for row in rows)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_absent_values_are_stored_as_null(study, tmp_path):
    _, rows = scored(study, every("mono"), {"none": Constant(np.nan)}, tmp_path / "s.parquet")
    assert [row[-1] for row in rows] == [None] * 4
    assert pq.read_table(tmp_path / "s.parquet")["none"].null_count == 4


def test_another_setting_adds_rows_and_keeps_those_there(study, tmp_path):
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    _, mono = scored(study, every("mono"), {"best": Best()}, first)
    detail, both = scored(study, every("cross"), {"best": Best()}, second,
                          keep=first, kept_columns=["best"])  # fmt: skip
    _, cross = scored(study, every("cross"), {"best": Best()}, tmp_path / "alone.parquet")
    assert both == cross + mono
    assert detail["rows"] == {"cross": 4}


def test_merged_rows_are_in_order_whatever_their_order_was(study, tmp_path):
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    _, mono = scored(study, every("mono"), {"best": Best()}, first)
    pq.write_table(pq.read_table(first).take([2, 3, 1, 0]), first)
    _, both = scored(study, every("cross"), {"best": Best()}, second,
                     keep=first, kept_columns=["best"])  # fmt: skip
    assert both[4:] == mono


def test_another_metric_adds_a_column_where_it_was_asked_for(study, tmp_path):
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    settings = every("mono") | {"some": [Component("en", ("en",))]}
    scored(study, settings, {"one": Constant(1)}, first)
    _, rows = scored(study, every("mono"), {"two": Constant(2)}, second,
                     keep=first, kept_columns=["one"])  # fmt: skip
    names = pq.read_table(second).column_names[len(SCORE_KEYS) :]
    found = [(row[0], *(dict(zip(names, row[4:], strict=True))[n] for n in ("one", "two")))
             for row in rows]  # fmt: skip
    assert found == [("mono", 1, 2)] * 4 + [("some", 1, None)] * 2


def test_later_values_replace_earlier_ones(study, tmp_path):
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    scored(study, every("mono", "cross"), {"old": Constant(1), "stale": Constant(7)}, first)
    _, rows = scored(study, every("mono"), {"old": Constant(2)}, second,
                     keep=first, kept_columns=["old"])  # fmt: skip
    assert pq.read_table(second).column_names == [*SCORE_KEYS, "old"]
    assert [(row[0], row[-1]) for row in rows] == [("cross", 1)] * 4 + [("mono", 2)] * 4


def test_an_outdated_column_is_gone(study, tmp_path):
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    scored(study, every("mono", "cross"), {"stale": Constant(1), "one": Constant(3)}, first)
    _, rows = scored(study, every("mono"), {"stale": Constant(2)}, second,
                     keep=first, kept_columns=["one"])  # fmt: skip
    assert [(row[0], *row[4:]) for row in rows] == [("cross", None, 3)] * 4 + [("mono", 2, 3)] * 4


def ranks_of(queries):
    some = np.ones((queries, 1))
    return Ranks(some, some.astype(int), 0 * some.astype(int), "de", ("de",), np.array([3]))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (0.5, r"'odd' returned shape \(\) for 2 queries; it must return one value a query"),
        ([1, 2, 3], r"'odd' returned shape \(3,\) for 2 queries"),
        ([[1], [2]], r"'odd' returned shape \(2, 1\) for 2 queries"),
        ([1, np.inf], "'odd' returned an infinite value; return NaN for 'absent'"),
        ([-np.inf, 1], "'odd' returned an infinite value"),
    ],
)
def test_a_metric_that_breaks_its_contract_is_named(returned, message):
    class Odd:
        version: ClassVar[int] = 1
        direction: ClassVar[Direction] = "higher"

        def values(self, ranks):
            return np.array(returned)

    with pytest.raises(PluginError, match=f"^metric {message}"):
        values_of(Odd(), "odd", ranks_of(2))


def test_whole_numbers_and_nan_are_values():
    assert values_of(Constant(3), "count", ranks_of(2)).tolist() == [3.0, 3.0]
    assert np.isnan(values_of(Constant(np.nan), "none", ranks_of(2))).all()
