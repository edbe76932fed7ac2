import gzip
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import pytrec_eval
from hypothesis import assume, given, settings
from tests.toy_corpora import Toy, problems, ranked, spelled, stored, toy

from hbench.corpus import Corpus
from hbench.errors import DataError, OptionError
from hbench.evaluated import Rows
from hbench.outside import values_of_run
from hbench.ranks import relevant_pairs
from hbench.scorefile import read_scores
from hbench.settings import components
from hbench.stages import export, score
from hbench.stages.export import Ranking, Request
from hbench_plugins.metrics.complete import Complete
from hbench_plugins.metrics.language_share import LanguageShare
from hbench_plugins.metrics.map import AveragePrecision
from hbench_plugins.metrics.max_rank import MaxRank
from hbench_plugins.metrics.mrr import ReciprocalRank
from hbench_plugins.metrics.ndcg import NDCG
from hbench_plugins.metrics.precision import Precision
from hbench_plugins.metrics.r_precision import RPrecision
from hbench_plugins.metrics.rank_distance import RankDistance
from hbench_plugins.metrics.recall import Recall
from hbench_plugins.metrics.success import Success
from hbench_plugins.metrics.tlr import TLR

pytestmark = pytest.mark.filterwarnings("ignore:builtin type .*:DeprecationWarning")  # faiss's own
LIKE_TREC_EVAL: dict[str, Any] = {
    "map": AveragePrecision(),
    "recip_rank": ReciprocalRank(),
    "Rprec": RPrecision(),
    **{f"{name}_{k}": kind(k) for k in (1, 2, 5) for name, kind in
       (("ndcg_cut", NDCG), ("recall", Recall), ("success", Success), ("P", Precision))},
}  # fmt: skip
ASKED_OF_TREC_EVAL = {"map", "recip_rank", "Rprec", "ndcg_cut.1,2,5", "recall.1,2,5",
                      "success.1,2,5", "P.1,2,5"}  # fmt: skip
OF_RANKS: dict[str, Any] = {"max_rank": MaxRank(), "rank_distance": RankDistance()}
OF_THE_TOP: dict[str, Any] = {"share": LanguageShare(1)}
OF_THE_FIRST_TWO: dict[str, Any] = {"share": LanguageShare(2)}
MAP = {"map": AveragePrecision()}
SCORES = (2.0, 1.0, 1.0 + 2.0**-30, -0.0, 0.0, -3.5)  # the third is 1 as a float32

# de:q and en:q have one relevant passage in each language; a pool of both holds six.
PASSAGES = {f"{language}:{key}": "1 0" for language in ("de", "en") for key in "abc"}
QUESTION = toy({"de:q": "1 0", "en:q": "1 0"}, PASSAGES, {"q": {"de:a": 1, "en:a": 1}})


def rows_of(corpus: Corpus, *names: str) -> dict[str, Rows]:
    """The rows that an evaluation of some settings has, from the judgements."""
    pairs = relevant_pairs(corpus)
    languages = corpus.passage_languages(pairs.passage)
    found: dict[str, Rows] = {}
    first = 0
    for name in names:
        parts = components(name, corpus.languages, parallel=True)
        numbers, places = [], []
        for place, part in enumerate(parts):
            begin, end = corpus.query_offsets[corpus.languages.index(part.query_language) :][:2]
            pool = [corpus.languages.index(language) for language in part.pool]
            own = (begin <= pairs.query) & (pairs.query < end) & np.isin(languages, pool)
            numbers.append(np.unique(pairs.query[own]).astype(np.int64))
            places.append(np.full(len(numbers[-1]), place))
        query, index = np.concatenate(numbers), np.concatenate(places)
        item = corpus.query_items[query].astype(np.int64)
        place_of = np.arange(first, first + len(query))
        labels = [(part.query_language, part.pool_name) for part in parts]
        found[name] = Rows(place_of, index, item, query, item, labels)
        first += len(query)
    return found


def lines_of(lists: dict[str, dict[str, float]]) -> list[str]:
    return [
        f"{topic} Q0 {key} 1 {number!r} x"
        for topic, own in lists.items()
        for key, number in own.items()
    ]


def written(folder: Path, *lines: str, name: str = "bm25.trec") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def in_order(topic: str, *keys: str) -> list[str]:
    """The lines of a topic, best first."""
    return lines_of({topic: {key: float(-place) for place, key in enumerate(keys)}})


def by_part(values: Any, rows: Rows) -> dict[str, list[float]]:
    """A metric's values of a setting, as {"de>de+en": [...]}."""
    return {
        f"{language}>{pool}": values[0, rows.index[rows.component == number]].tolist()
        for number, (language, pool) in enumerate(rows.names)
    }


@pytest.fixture
def corpus(tmp_path):
    return stored(QUESTION, tmp_path / "data")


@st.composite
def studies(draw: st.DrawFn) -> tuple[Toy, dict[str, dict[str, float]]]:
    """A dataset, and lists of some of its passages for some of its topics, with many ties."""
    dataset = draw(problems())
    topics = [f"{query.language}:{query.item}" for query in dataset.asked]
    keys = st.sampled_from([f"{each.language}:{each.id}" for each in dataset.candidates])
    lists = st.dictionaries(keys, st.sampled_from(SCORES), min_size=1)
    return dataset, draw(st.dictionaries(st.sampled_from(topics), lists, min_size=1))


def trec_eval(dataset, lists, pool):
    """trec_eval's values by topic, from the parts of lists and judgements that are in a pool."""
    run = {
        topic: {key: number for key, number in own.items() if key.partition(":")[0] in pool}
        for topic, own in lists.items()
    }
    qrels: dict[str, dict[str, int]] = {}
    for query in dataset.asked:
        qrels[f"{query.language}:{query.item}"] = {
            f"{each.language}:{each.passage}": each.grade
            for each in dataset.judged
            if each.item == query.item and each.language in pool
        }
    kept = {topic: own for topic, own in run.items() if own and qrels[topic]}
    return pytrec_eval.RelevanceEvaluator(qrels, ASKED_OF_TREC_EVAL).evaluate(kept)


def serves_a_pool(asked, searched, items, lists):
    """Whether all languages of some pool were searched for any of its topics."""
    return any(
        searched >= set(rows.names[part][1].split("+"))
        and f"{rows.names[part][0]}:{items[item]}" in lists
        for rows in asked.values()
        for part, item in zip(rows.component, rows.item, strict=True)
    )


@settings(max_examples=200)
@given(studies())
def test_cut_off_lists_have_the_values_of_trec_eval_in_every_pool(study):
    dataset, lists = study
    with tempfile.TemporaryDirectory() as name:
        corpus = stored(dataset, Path(name) / "data")
        several = len(corpus.languages) > 1
        asked = rows_of(corpus, *(["mono", "cross", "multi"] if several else ["mono"]))
        path = written(Path(name), *lines_of(lists))
        searched = {key.partition(":")[0] for own in lists.values() for key in own}
        items = corpus.table("items")["item"].to_pylist()
        if not serves_a_pool(asked, searched, items, lists):
            with pytest.raises(OptionError, match="no pool of the evaluation is of these"):
                values_of_run(path, corpus, asked, LIKE_TREC_EVAL)
            return
        found = values_of_run(path, corpus, asked, LIKE_TREC_EVAL)
        for rows in asked.values():
            for index, part, item in zip(rows.index, rows.component, rows.item, strict=True):
                language, pool = rows.names[part]
                served = {f"{language}:{items[i]}" for i in rows.item[rows.component == part]}
                truth = trec_eval(dataset, lists, pool.split("+")).get(f"{language}:{items[item]}")
                for metric in LIKE_TREC_EVAL:
                    value = found.values[metric][0, index]
                    if not (searched >= set(pool.split("+")) and served & lists.keys()):
                        assert np.isnan(value)
                    else:
                        assert abs(value - (truth[metric] if truth else 0)) <= 1e-9


@settings(max_examples=50)
@given(studies(), st.data())
def test_the_order_of_lines_changes_nothing(study, data):
    dataset, lists = study
    lines = lines_of(lists)
    with tempfile.TemporaryDirectory() as name:
        corpus = stored(dataset, Path(name) / "data")
        asked, metrics = rows_of(corpus, "mono", "multi"), LIKE_TREC_EVAL | OF_RANKS | OF_THE_TOP
        searched = {key.partition(":")[0] for own in lists.values() for key in own}
        items = corpus.table("items")["item"].to_pylist()
        assume(serves_a_pool(asked, searched, items, lists))
        one = values_of_run(written(Path(name), *lines), corpus, asked, metrics)
        other = written(Path(name), *data.draw(st.permutations(lines)))
        two = values_of_run(other, corpus, asked, metrics)
        assert one.notes == two.notes
        for metric in metrics:
            np.testing.assert_array_equal(one.values[metric], two.values[metric])


@settings(max_examples=50)
@given(problems(), st.booleans())
def test_exported_lists_of_all_passages_have_the_scores_that_the_score_stage_stored(dataset, alone):
    """From a file for each pool, and, if ``alone``, from that of all languages."""
    metrics = LIKE_TREC_EVAL | OF_RANKS | OF_THE_TOP | {"complete": Complete(2), "tlr": TLR(2)}
    with tempfile.TemporaryDirectory() as name:
        folder, runs = Path(name), Path(name) / "runs"
        runs.mkdir()
        corpus = stored(dataset, folder)
        read = spelled(corpus)
        names = ["mono", "cross", "multi"] if len(corpus.languages) > 1 else ["mono"]
        asked = {key: components(key, corpus.languages, parallel=True) for key in names}
        beats = ranked(corpus, read, folder)
        path = folder / "scores.parquet"
        score.run(corpus, beats, asked, metrics, path, top=folder / "top.parquet")
        cells = [(key, c.query_language, c.pool_name) for key in names for c in asked[key]]
        truth = read_scores(path, cells, list(metrics))
        pools = list(export.run(Ranking(corpus, read, asked), Request(100, "toy"), runs))
        if alone:
            # A query that no list of all languages serves has nothing relevant anywhere.
            assume("+".join(corpus.languages) in {pool.name for pool in pools})
            for pool in pools:
                if pool.name != "+".join(corpus.languages):
                    (runs / pool.run).unlink()
        rows = rows_of(corpus, *names)
        np.testing.assert_array_equal(
            np.concatenate([rows[key].query for key in names]), truth.query
        )
        found = values_of_run(runs, corpus, rows, metrics)
        assert [note for note in found.notes if "no topic of" not in note] == []
        for metric in metrics:
            np.testing.assert_array_equal(found.values[metric][0], truth.values[metric], metric)


def test_a_run_is_named_after_its_file_or_folder(corpus, tmp_path):
    rows, line = rows_of(corpus, "mono"), in_order("de:q", "de:a")
    folder = tmp_path / "bm25.v2"
    folder.mkdir()
    written(folder, *line, name="de.trec")
    paths = [written(tmp_path, *line, name="mine.trec"), folder]
    assert [values_of_run(path, corpus, rows, MAP).name for path in paths] == ["mine", "bm25.v2"]


def test_metrics_of_ranks_take_passages_that_are_not_listed_as_last(corpus, tmp_path):
    # In the pool of six: de:q finds de:a at 2 and lacks en:a, which is last; en:q lacks both.
    path = written(tmp_path, *in_order("de:q", "en:b", "de:a"), *in_order("en:q", "de:b", "en:c"))
    rows = rows_of(corpus, "multi")
    found = values_of_run(path, corpus, rows, MAP | OF_RANKS | {"complete": Complete(6)})
    parts = {name: by_part(values, rows["multi"]) for name, values in found.values.items()}
    assert parts["max_rank"] == {"de>de+en": [6], "en>de+en": [6]}
    assert parts["rank_distance"] == {"de>de+en": [4], "en>de+en": [1]}
    assert parts["map"] == {"de>de+en": [pytest.approx(0.25)], "en>de+en": [pytest.approx(0)]}
    assert parts["complete"] == {"de>de+en": [0], "en>de+en": [0]}  # of what is listed
    (note,) = found.notes
    assert "multi: 3 of 4 relevant passages are not listed" in note
    assert "for max_rank, rank_distance as last in the pool" in note and "map" not in note


def test_a_topic_that_is_not_there_counts_as_found_nothing_and_is_told(corpus, tmp_path):
    dataset = toy(
        {"de:q": "1", "de:r": "1"}, {"de:a": "1", "de:b": "1"}, {"q": {"de:a": 1}, "r": {"de:b": 1}}
    )
    corpus, path = stored(dataset, tmp_path / "two"), written(tmp_path, *in_order("de:q", "de:a"))
    rows = rows_of(corpus, "mono")
    found = values_of_run(path, corpus, rows, MAP | {"max_rank": MaxRank()})
    assert found.values["map"].tolist() == [[1, pytest.approx(0)]]
    assert found.values["max_rank"].tolist() == [[1, 2]]
    assert found.notes[0] == "1 of 2 topics are not in it: they count as found nothing"


def test_a_pool_that_was_not_searched_is_absent_and_told(corpus, tmp_path):
    lines = [*in_order("de:q", "de:a"), *in_order("en:q", "de:a")]
    rows = rows_of(corpus, "mono", "cross", "multi")
    found = values_of_run(written(tmp_path, *lines), corpus, rows, MAP)
    parts = {name: by_part(found.values["map"], own) for name, own in rows.items()}
    assert parts["mono"]["de>de"] == parts["cross"]["en>de"] == [1]
    others = [parts["mono"]["en>en"], parts["cross"]["de>en"], *parts["multi"].values()]
    assert np.isnan(others).all() and len(others) == 4
    told = [note for note in found.notes if "not in it" in note]
    assert [note.partition(" combinations")[0] for note in told] == [
        "mono: 1 of 2", "cross: 1 of 2", "multi: 2 of 2",
    ]  # fmt: skip
    assert "(en in en)" in told[0] and "(de in de+en, en in de+en)" in told[2]


def test_of_a_wider_list_the_pools_passages_stand_in_its_order_and_a_cut_off_is_told(
    corpus, tmp_path
):
    path = written(tmp_path, *in_order("de:q", "en:a", "en:b", "de:b", "en:c", "de:a"))
    rows = rows_of(corpus, "mono")
    found = values_of_run(path, corpus, rows, MAP)
    assert by_part(found.values["map"], rows["mono"])["de>de"] == [0.5]
    assert not any("wider" in note or "more languages" in note for note in found.notes)
    path = written(tmp_path, *in_order("de:q", "en:a", "en:b", "de:b", "en:c"))
    found = values_of_run(path, corpus, rows, MAP)
    assert by_part(found.values["map"], rows["mono"])["de>de"] == [pytest.approx(0)]
    assert any("a search of the pool alone may find more" in note for note in found.notes)


def test_lists_of_one_language_each_in_one_file_are_told(corpus, tmp_path):
    lines = [*in_order("de:q", "de:a", "de:b"), *in_order("en:q", "en:b", "en:a")]
    found = values_of_run(written(tmp_path, *lines), corpus, rows_of(corpus, "multi"), MAP)
    assert found.notes[0].startswith("no topic of bm25.trec lists passages of two languages")
    mixed = [*lines, "de:q Q0 en:c 9 -9 x"]
    found = values_of_run(written(tmp_path, *mixed), corpus, rows_of(corpus, "multi"), MAP)
    assert not found.notes[0].startswith("no topic of")


def test_of_a_folder_the_file_of_the_fewest_languages_serves_a_pool(corpus, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    written(folder, *in_order("de:q", "de:a", "de:b"), name="de.trec")
    both = [*in_order("de:q", "en:b", "de:b", "de:a", "en:a"), *in_order("en:q", "en:a", "de:a")]
    written(folder, *both, name="de+en.trec")
    written(folder, "de:q 0 de:a 1", name="de.qrels")
    rows = rows_of(corpus, "mono", "multi")
    found = values_of_run(folder, corpus, rows, {"mrr": ReciprocalRank()})
    mono, multi = (by_part(found.values["mrr"], rows[name]) for name in ("mono", "multi"))
    assert mono == {"de>de": [1], "en>en": [1]}  # en:q from the list of both, without de:a
    assert multi == {"de>de+en": [pytest.approx(1 / 3)], "en>de+en": [1]}


def test_two_files_that_serve_one_pool_are_refused(corpus, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("a.trec", "b.trec"):
        written(folder, *in_order("de:q", "de:a"), name=name)
    with pytest.raises(OptionError, match=r"a\.trec and b\.trec both serve de in de"):
        values_of_run(folder, corpus, rows_of(corpus, "mono"), MAP)


def test_files_for_the_topics_of_each_language_serve_together(corpus, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    for language in ("de", "en"):
        written(folder, *in_order(f"{language}:q", "de:a", "en:a"), name=f"{language}-q.trec")
    rows = rows_of(corpus, "multi")
    assert values_of_run(folder, corpus, rows, MAP).values["map"].tolist() == [[1, 1]]


def test_the_column_of_ranks_is_ignored_and_ties_go_to_the_later_id(corpus, tmp_path):
    lines = ["de:q Q0 de:a 1 0.5 x", "de:q Q0 de:b 2 0.50000000001 x", "de:q Q0 de:c 3 0.7 x"]
    found = values_of_run(
        written(tmp_path, *lines), corpus, rows_of(corpus, "mono"), {"mrr": ReciprocalRank()}
    )
    assert found.values["mrr"][0, 0] == pytest.approx(1 / 3)  # c, then b: as float32 they are equal


def test_percent_encoded_ids_are_those_of_the_dataset(tmp_path):
    dataset = toy(
        {"de:q 1": "1"}, {"de:a b": "1", "de:50%": "1", "de:c": "1"}, {"q 1": {"de:a b": 1}}
    )
    corpus = stored(dataset, tmp_path / "data")
    path = written(tmp_path, *in_order("de:q%201", "de:50%25", "de:a%20b"))
    assert values_of_run(path, corpus, rows_of(corpus, "mono"), MAP).values["map"] == [[0.5]]


def test_blanks_tabs_empty_lines_and_gzip_are_read_alike(corpus, tmp_path):
    lines = in_order("de:q", "de:b", "de:a")
    spaced = [f"  {line.replace(' ', chr(9) + ' ')} \r\n\r\n" for line in lines]
    plain = written(tmp_path, *lines)
    (tmp_path / "wide.trec").write_text("".join(spaced), newline="")
    with gzip.open(tmp_path / "packed.trec.gz", "wb") as file:
        file.write(plain.read_bytes())
    rows = rows_of(corpus, "mono")
    for name in ("bm25.trec", "wide.trec", "packed.trec.gz"):
        found = values_of_run(tmp_path / name, corpus, rows, MAP)
        assert found.values["map"][0, 0] == 0.5
        assert found.name == name.partition(".")[0]


def test_metrics_of_the_first_passages_take_the_list_and_are_absent_where_it_is_empty(
    corpus, tmp_path
):
    path = written(tmp_path, *in_order("de:q", "de:b", "de:a", "en:b"))
    rows = rows_of(corpus, "multi")
    found = values_of_run(path, corpus, rows, OF_THE_FIRST_TWO)
    parts = by_part(found.values["share"], rows["multi"])
    assert parts["de>de+en"] == [2]  # both are German, half of the pool is
    assert np.isnan(parts["en>de+en"]).all()


def test_where_a_list_is_empty_its_neighbours_keep_their_shares(tmp_path):
    asked = {"de:q": "1", "de:r": "1", "de:s": "1"}
    judged = {item: {"de:a": 1} for item in "qrs"}
    corpus = stored(toy(asked, PASSAGES, judged), tmp_path / "data")
    # Of two places q fills one, with English; r is not there; s fills both, with German.
    path = written(tmp_path, *in_order("de:q", "en:b"), *in_order("de:s", "de:c", "de:b"))
    rows = rows_of(corpus, "multi")
    found = values_of_run(path, corpus, rows, OF_THE_FIRST_TWO)
    assert by_part(found.values["share"], rows["multi"])["de>de+en"] == pytest.approx(
        [0, np.nan, 2], nan_ok=True
    )
    assert "multi: 1 lists hold nothing of the pool, so that share is absent there" in found.notes


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("de:q Q0 de:b 2 1.0", r"bm25.trec:2: 5 columns in 'de:q Q0 de:b 2 1.0'; expected six"),
        ("de:q Q0 de:b c 2 1.0 x", r"bm25.trec:2: 7 columns"),
        ("de:q Q0 de:b 2 high x", r"bm25.trec:2: a score that is no number"),
        ("de:q Q0 de:b 2 nan x", "that is no number"),
    ],
)
def test_a_malformed_line_is_named_with_what_is_expected(corpus, tmp_path, line, message):
    path = written(tmp_path, *in_order("de:q", "de:a"), line, *in_order("en:q", "en:a"))
    with pytest.raises(DataError, match=message):
        values_of_run(path, corpus, rows_of(corpus, "mono"), MAP)


def test_a_file_that_is_not_there_empty_or_damaged_is_told(corpus, tmp_path):
    rows = rows_of(corpus, "mono")
    with pytest.raises(DataError, match=r"none\.trec: there is no such file"):
        values_of_run(tmp_path / "none.trec", corpus, rows, MAP)
    with pytest.raises(DataError, match=r"bm25\.trec: holds no line"):
        values_of_run(written(tmp_path), corpus, rows, MAP)
    (tmp_path / "broken.trec.gz").write_bytes(b"no gzip at all")
    with pytest.raises(DataError, match=r"broken\.trec\.gz: is no gzip file, or damaged"):
        values_of_run(tmp_path / "broken.trec.gz", corpus, rows, MAP)
    (tmp_path / "short.trec.gz").write_bytes(gzip.compress(b"de:q Q0 de:a 1 1.0 x\n")[:-9])
    with pytest.raises(DataError, match=r"short\.trec\.gz: the gzip file is cut off"):
        values_of_run(tmp_path / "short.trec.gz", corpus, rows, MAP)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(OptionError, match=r"nothing: holds no file whose name ends in \.trec"):
        values_of_run(tmp_path / "nothing", corpus, rows, MAP)


@pytest.mark.parametrize("line", ["de:q Q0 de:a 1 1.0 x\n", "\n", "x"])
def test_a_packed_run_that_holds_more_than_any_text_is_told(corpus, tmp_path, line):
    path = tmp_path / "bomb.trec.gz"
    path.write_bytes(gzip.compress(line.encode() * 3_000_000))
    with pytest.raises(DataError, match=r"bomb\.trec\.gz: unpacks to more than 100 times its size"):
        values_of_run(path, corpus, rows_of(corpus, "mono"), MAP)


def test_foreign_topics_and_documents_are_counted_and_the_first_five_listed(corpus, tmp_path):
    lines = [*in_order("q7", "de:a"), *in_order("de:q", "de:a", *[f"p{i}" for i in range(6)])]
    with pytest.raises(OptionError) as caught:
        values_of_run(written(tmp_path, *lines), corpus, rows_of(corpus, "mono"), MAP)
    message = str(caught.value)
    assert "bm25.trec: the dataset holds no 1 of 2 topics ('q7')" in message
    assert "6 of 7 documents ('p0', 'p1', 'p2', 'p3', 'p4', ...)" in message
    assert "as 'de:q'" in message and "as 'de:a'" in message


def test_a_document_that_a_topic_lists_twice_is_named(corpus, tmp_path):
    lines = [*in_order("de:q", "de:b", "de:a"), *in_order("en:q", "de:b"), "de:q Q0 de:b 9 -7 x"]
    with pytest.raises(
        DataError, match="topic de:q lists document de:b twice, in its rows 1 and 4"
    ):
        values_of_run(written(tmp_path, *lines), corpus, rows_of(corpus, "mono"), MAP)
