"""The data stage: what it writes, and what it refuses. How it is read: test_corpus.py."""

from dataclasses import replace

import pyarrow as pa
import pytest

from hbench import tablefile
from hbench.errors import DataError
from hbench.records import RESERVED, Query
from hbench.stages import data


@pytest.fixture
def toy(toy_dataset):
    """Two questions; the second is asked in English alone."""
    return toy_dataset(
        tags=("en", "de"),
        asked=(
            ("q1", "en", "Who?", "tale"),
            ("q2", "en", "Where?"),
            ("q1", "de", "Wer?", "tale"),
        ),
        told=(("p1", "en", "Ann."), ("p1", "de", "Anna."), ("p2", "en", "In Rome.")),
        judged=(("q1", "en", "p1"), ("q2", "en", "p2"), ("q1", "de", "p1"), ("q2", "en", "p1", 0)),
    )


def test_what_is_told_of_a_dataset(toy, tmp_path):
    told = data.run(toy, tmp_path)
    shards = told.pop("shards")
    assert {side: {tag: [part["texts"] for part in parts] for tag, parts in found.items()}
            for side, found in shards.items()} == {
        "query": {"de": [1], "en": [2]}, "passage": {"de": [1], "en": [2]}
    }  # fmt: skip
    assert told == {
        "parallel": True,
        "languages": ["de", "en"],
        "queries": {"de": 1, "en": 2},
        "passages": {"de": 1, "en": 2},
        "items": 2,
        "clusters": 2,
        "judgements": 4,
        "notes": [],
    }


def test_the_tables_hold_what_the_dataset_streams(toy, stored):
    corpus = stored(toy)
    rows = {
        name: corpus.table(name).to_pylist()
        for name in ("queries-de", "queries-en", "passages-de", "passages-en")
    }
    assert rows == {
        "queries-de": [{"item": 0, "text": "Wer?"}],
        "queries-en": [{"item": 0, "text": "Who?"}, {"item": 1, "text": "Where?"}],
        "passages-de": [{"id": "p1", "text": "Anna."}],
        "passages-en": [{"id": "p1", "text": "Ann."}, {"id": "p2", "text": "In Rome."}],
    }
    assert corpus.table("items").to_pylist() == [
        {"item": "q1", "cluster": "tale"},
        {"item": "q2", "cluster": "q2"},
    ]
    # Passages are numbered through the languages: German 0, English 1 and 2.
    assert corpus.table("judgements").to_pylist() == [
        {"item": 0, "passage": 1, "grade": 1},
        {"item": 1, "passage": 2, "grade": 1},
        {"item": 0, "passage": 0, "grade": 1},
        {"item": 1, "passage": 1, "grade": 0},
    ]


def test_the_same_stream_gives_the_same_bytes(toy, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        data.run(toy, tmp_path / name)
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert len(files) == 6 + 4  # and the numbers of each table of texts
    assert {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()} == files


def test_rows_are_kept_in_order_over_many_arrow_batches(toy, stored, monkeypatch):
    monkeypatch.setattr(tablefile, "ROWS", 2)
    told = tuple((f"p{i}", "en", f"Text {i}.") for i in range(1, 6))
    corpus = stored(replace(toy, told=(*told, ("p1", "de", "Anna."))))
    assert corpus.table("passages-en")["text"].num_chunks == 3
    assert corpus.texts("passage", "en") == [f"Text {i}." for i in range(1, 6)]


def test_tables_without_columns_are_what_arrow_writes_of_the_two_that_all_have(toy, tmp_path):
    facts = data.run(toy, tmp_path)
    schema = pa.schema([("item", pa.int32()), ("text", pa.string())])
    batch = pa.record_batch([pa.array([0, 1], pa.int32()), ["Who?", "Where?"]], schema=schema)
    with pa.ipc.new_file(str(tmp_path / "expected"), schema) as writer:
        writer.write_batch(batch)
    written = (tmp_path / "queries-en.arrow").read_bytes()
    assert written == (tmp_path / "expected").read_bytes()
    assert "columns" not in facts


@pytest.fixture
def told_apart(toy):
    """A function that adds columns to the toy's queries, in the order in which they are asked."""

    def told(*columns):
        asked = [(*row, "tale" if row[0] == "q1" else "")[:4] for row in toy.asked]
        return replace(toy, asked=[(*a, c) for a, c in zip(asked, columns, strict=True)])

    return told


def test_columns_that_queries_bring_are_stored_where_some_query_has_them(told_apart, stored):
    corpus = stored(told_apart({"kind": "who", "answer": "name"}, {"kind": "where"}, {}))
    assert corpus.columns == ("answer", "kind")
    assert corpus.table("queries-en").to_pylist() == [
        {"item": 0, "text": "Who?", "answer": "name", "kind": "who"},
        {"item": 1, "text": "Where?", "answer": None, "kind": "where"},
    ]
    assert corpus.table("queries-de").to_pylist() == [{"item": 0, "text": "Wer?"}]
    assert corpus.query_column("answer") == [None, "name", None]  # German comes first
    assert corpus.query_column("kind") == [None, "who", "where"]


@pytest.mark.parametrize("rows", [1, 2, 3, 10])
def test_a_column_that_comes_late_is_null_in_the_rows_before(toy, stored, monkeypatch, rows):
    monkeypatch.setattr(tablefile, "ROWS", rows)
    columns = [{}, {"b": "1"}, {}, {"a": "2"}, {}]
    asked = [Query(f"q{i}", "en", f"Who {i}?", "", own) for i, own in enumerate(columns, start=1)]
    judged = [(query.item, "en", "p1") for query in asked]
    fields = [(q.item, q.language, q.text, q.cluster, q.columns) for q in asked]
    corpus = stored(replace(toy, asked=fields, judged=judged))
    assert corpus.texts("query", "en") == [query.text for query in asked]
    assert corpus.query_items.tolist() == [0, 1, 2, 3, 4]
    assert corpus.query_column("a") == [None, None, None, "2", None]
    assert corpus.query_column("b") == [None, "1", None, None, None]
    assert not [path for path in corpus.folder.iterdir() if path.suffix == ".narrow"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        *(
            ({name: "x"}, f"'q1' in 'en': a column may not be named '{name}'")
            for name in sorted(RESERVED)
        ),
        ({"kind": " "}, "'q1' in 'en': the column 'kind' is ' '; a name and a text are expected"),
        ({"kind": 5}, "'q1' in 'en': the column 'kind' is 5; a name and a text are expected"),
        ({"": "x"}, "'q1' in 'en': the column '' is 'x'; a name and a text are expected"),
        ({"kind": "\ud800"}, "the column 'kind' holds half of a surrogate pair"),
    ],
)
def test_a_column_that_breaks_its_contract_is_refused(told_apart, tmp_path, columns, message):
    with pytest.raises(DataError, match=message):
        data.run(told_apart(columns, {}, {}), tmp_path)


def test_columns_are_no_part_of_a_query_s_hash_and_none_is_the_default():
    one, two = Query("q", "en", "Who?"), Query("q", "en", "Who?", columns={"kind": "who"})
    assert one.columns == {}
    assert one != two
    assert hash(one) == hash(two)


def test_items_without_a_relevant_passage_are_noted(toy, tmp_path):
    judged = (("q1", "en", "p1"), ("q2", "en", "p1", 0))
    facts = data.run(replace(toy, judged=judged), tmp_path)
    assert facts["notes"] == ["1 items have no relevant passage"]


def test_equal_judgements_count_once(toy, tmp_path):
    facts = data.run(replace(toy, judged=toy.judged * 2), tmp_path)
    assert facts["judgements"] == 4


def test_a_dataset_that_is_not_parallel_has_items_of_one_language(toy, stored):
    asked = (("en:q1", "en", "Who?"), ("de:q1", "de", "Wer?"))
    judged = (("en:q1", "en", "p1"), ("de:q1", "de", "p1"), ("de:q1", "en", "p2"))
    corpus = stored(replace(toy, asked=asked, judged=judged, parallel=False))
    assert not corpus.parallel
    assert corpus.query_items.tolist() == [1, 0]


def test_a_query_in_two_languages_is_refused_unless_parallel(toy, tmp_path):
    message = (
        "query 'q1' in 'de': the item has a query already, and the dataset is not parallel; "
        "make items unique over languages, as de:q1"
    )
    with pytest.raises(DataError, match=message):
        data.run(replace(toy, parallel=False), tmp_path)


def test_tables_have_only_what_came_before_a_refusal_and_are_closed(toy, tmp_path):
    with pytest.raises(DataError):
        data.run(replace(toy, asked=(*toy.asked, ("q3", "en", " "))), tmp_path)
    data.run(toy, tmp_path)  # no file is still open: it can be written again


TWICE = "is given twice"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": ()}, "the dataset has no languages"),
        ({"tags": ("en", "german")}, "'german' is no BCP 47 language tag"),
        ({"tags": ("en", "d")}, "'d' is no BCP 47 language tag"),
        ({"tags": ("en", "de_AT")}, "'de_AT' is no BCP 47 language tag"),
        ({"tags": ("en", "de", "de")}, "language 'de' is listed twice"),
        ({"tags": ("de",)}, "query 'q1' in 'en': the dataset lists only de"),
        ({"asked": [("q1", "en", "\t ")]}, "query 'q1' in 'en': the text is empty"),
        (
            {"asked": [("q1", "en", "Who?"), ("q1", "en", "Who?")]},
            f"query 'q1' in 'en' {TWICE}; an item has one query a language",
        ),
        (
            {"asked": [("q1", "en", "Who?", "a"), ("q1", "de", "Wer?", "b")]},
            "query 'q1' in 'de': cluster 'b', but elsewhere 'a'",
        ),
        (
            {"judged": [("q9", "en", "p1")]},
            r"judgement of 'p1' \(en\) for 'q9': no query has this item",
        ),
        (
            {"judged": [("q1", "fr", "p1")]},
            r"judgement of 'p1' \(fr\) for 'q1': the dataset does not list the language",
        ),
        (
            {"judged": [("q1", "en", "p1", 1), ("q1", "en", "p1", 2)]},
            r"judgement of 'p1' \(en\) for 'q1': judged twice, with grades 1 and 2",
        ),
        ({"judged": []}, "the dataset has no judgements"),
        (
            {"told": [("p1", "fr", "Anne.")]},
            "passage 'p1' in 'fr': the dataset lists only de, en",
        ),
        ({"told": [("p1", "en", "")]}, "passage 'p1' in 'en': the text is empty"),
        (
            {"told": [("p1", "de", "Anna."), ("p1", "en", "Ann."), ("p1", "en", "Ann!")]},
            f"passages-en: id 'p1' {TWICE}",
        ),
        (
            {"told": [("p1", "en", "Ann."), ("p2", "en", "In Rome.")]},
            "language 'de' has no passages",
        ),
        (
            {"judged": [("q2", "en", "p9"), ("q1", "en", "p8"), ("q1", "en", "p1")]},
            "2 judged passages are absent from the corpus, the first is 'p8' in 'en'",
        ),
    ],
)
def test_a_stream_that_breaks_its_contract_is_refused(toy, tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        data.run(replace(toy, **changes), tmp_path)


def test_an_id_given_twice_is_found_across_arrow_batches(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(tablefile, "ROWS", 2)
    told = (*toy.told, ("p3", "en", "x"), ("p1", "en", "y"))
    with pytest.raises(DataError, match=f"passages-en: id 'p1' {TWICE}"):
        data.run(replace(toy, told=told), tmp_path)


def test_tags_may_name_a_script_or_region(toy, tmp_path):
    told = [("p1", "zh-Hant", "安。")]
    asked = [("q1", "zh-Hant", "誰?")]
    dataset = replace(
        toy, tags=["zh-Hant"], asked=asked, told=told, judged=[("q1", "zh-Hant", "p1")]
    )
    assert data.run(dataset, tmp_path)["languages"] == ["zh-Hant"]
