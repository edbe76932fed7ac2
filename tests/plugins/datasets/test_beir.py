"""BEIR's layout, read from folders made by hand."""

import gzip
import json

import pytest

from hbench.errors import DataError, OptionError
from hbench.protocols import Dataset
from hbench.records import Judgement, Passage, Query
from hbench_plugins.datasets.beir import Beir

CORPUS = (
    {"_id": "d1", "title": "Rome", "text": "A city."},
    {"_id": "d2", "title": "", "text": "A tale."},
    {"_id": "d3", "title": "Oslo", "text": ""},
)
QUERIES = ({"_id": "1", "text": "Which city?"}, {"_id": "2", "text": "Which tale?"})
HEADER = "query-id\tcorpus-id\tscore"


def json_lines(records):
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def folder(tmp_path):
    """A function that fills a folder; each argument is a file's content."""

    def fill(name="en", corpus=CORPUS, queries=QUERIES, qrels=("2\td2\t2", "2\td1\t0")):
        home = tmp_path / name
        (home / "qrels").mkdir(parents=True)
        (home / "corpus.jsonl").write_text(json_lines(corpus))
        (home / "queries.jsonl").write_text(json_lines(queries))
        (home / "qrels" / "test.tsv").write_text("\n".join([HEADER, *qrels]) + "\n")
        return home

    return fill


def streamed(dataset):
    return list(dataset.queries()), list(dataset.passages()), list(dataset.judgements())


def test_a_folder_is_read_as_it_stands_and_without_queries_that_are_not_judged(folder):
    dataset = Beir(path=folder(), language="eng")
    assert isinstance(dataset, Dataset)
    assert list(dataset.languages()) == ["en"]
    assert streamed(dataset) == (
        [Query("en:2", "en", "Which tale?")],
        [
            Passage("d1", "en", "Rome A city."),
            Passage("d2", "en", "A tale."),
            Passage("d3", "en", "Oslo"),
        ],
        [Judgement("en:2", "en", "d2", 2), Judgement("en:2", "en", "d1", 0)],
    )
    assert list(dataset.notes()) == []


def test_the_split_is_a_file_of_judgements(folder):
    home = folder()
    (home / "qrels" / "dev.tsv").write_text(f"{HEADER}\n1\td1\t1\n")
    dataset = Beir(path=home, language="en", split="dev")
    assert [query.item for query in dataset.queries()] == ["en:1"]
    assert dataset.fingerprint() != Beir(path=home, language="en").fingerprint()
    with pytest.raises(DataError, match=r"train.tsv: there is no such file; splits there are: dev"):
        list(Beir(path=home, language="en", split="train").queries())


def test_gzipped_files_hold_the_same(folder):
    home = folder()
    plain = streamed(Beir(path=home, language="en"))
    for name in ("corpus.jsonl", "queries.jsonl"):
        content = (home / name).read_bytes()
        (home / name).unlink()
        (home / f"{name}.gz").write_bytes(gzip.compress(content))
    assert streamed(Beir(path=home, language="en")) == plain


def test_several_folders_are_several_languages_whose_ids_mean_nothing_to_each_other(folder):
    folder("zho-CN")
    path = folder("deu").parent / "{lang}"
    dataset = Beir(path=path)
    assert list(dataset.languages()) == ["de", "zh"]
    assert not dataset.parallel
    assert [query.item for query in dataset.queries()] == ["de:2", "zh:2"]
    assert [(j.item, j.language) for j in dataset.judgements() if j.grade] == [
        ("de:2", "de"),
        ("zh:2", "zh"),
    ]
    assert [query.item for query in Beir(path=path, language="zh").queries()] == ["zh:2"]
    assert list(Beir(path=path, language=("zh", "de")).languages()) == ["de", "zh"]


def test_queries_that_are_parallel_are_one_item_if_one_language_judges_them(folder):
    folder("de", qrels=("1\td1\t1",))
    path = folder("en").parent / "{lang}"
    dataset = Beir(path=path, parallel=True)
    assert [(query.item, query.language) for query in dataset.queries()] == [
        ("1", "de"), ("2", "de"), ("1", "en"), ("2", "en"),
    ]  # fmt: skip
    assert list(dataset.judgements()) == [
        Judgement("1", "de", "d1"),
        Judgement("2", "en", "d2", 2),
        Judgement("2", "en", "d1", 0),
    ]


def test_judgements_of_queries_that_are_not_there_are_left_out_and_noted(folder):
    home = folder(qrels=("2\td2\t1", "8\td1\t1", "9\td1\t1", "9\td2\t1"))
    dataset = Beir(path=home, language="en")
    assert list(dataset.judgements()) == [Judgement("en:2", "en", "d2")]
    assert list(dataset.notes()) == [
        f"{home}/qrels/test.tsv: 3 judgements of 2 queries that are not there are left out"
    ]


def asked(folder, metadata):
    """The second query's columns, and the dataset."""
    home = folder(queries=(QUERIES[0], QUERIES[1] | {"metadata": metadata}))
    dataset = Beir(path=home, language="en")
    (query,) = dataset.queries()
    return query.columns, dataset


def test_texts_numbers_and_truth_values_of_a_query_s_metadata_are_its_columns(folder):
    metadata = {
        "kind": "who", "year": 2001, "share": 0.5, "hard": True, "easy": False, "none": None,
        "blank": " ", "tags": ["a"], "cited": {"a": 1}, "": "x", "inf": float("inf"),
        "huge": 10**400,
    }  # fmt: skip
    columns, dataset = asked(folder, metadata)
    assert columns == {
        "kind": "who", "year": "2001", "share": "0.5", "hard": "true", "easy": "false",
        "huge": str(10**400),
    }  # fmt: skip
    assert list(dataset.notes()) == []


@pytest.mark.parametrize("metadata", [None, {}, "who", 5, ["who"]])
def test_metadata_that_holds_no_named_values_brings_no_columns(folder, metadata):
    assert asked(folder, metadata)[0] == {}


def test_metadata_whose_names_are_taken_is_left_out_and_noted(folder):
    columns, dataset = asked(folder, {"kind": "who", "text": "x", "language": "en"})
    assert columns == {"kind": "who"}
    home = dataset.path
    (note,) = dataset.notes()
    assert note == (
        f"{home}/queries.jsonl: what metadata calls language, text is left out, since hbench needs "
        "such names itself"
    )


def test_metadata_of_queries_that_are_not_judged_is_not_noted(folder):
    home = folder(queries=(QUERIES[0] | {"metadata": {"text": "x"}}, QUERIES[1]))
    assert list(Beir(path=home, language="en").notes()) == []


def test_judgements_of_passages_that_are_not_there_stay(folder):
    dataset = Beir(path=folder(qrels=("2\td9\t1",)), language="en")
    assert list(dataset.judgements()) == [Judgement("en:2", "en", "d9")]


def corpus(*added):
    return {"corpus": (*CORPUS, *added)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            corpus({"_id": "d2", "text": "x"}),
            "corpus.jsonl, line 4: '_id' 'd2' is given twice, first in line 2",
        ),
        (
            {"queries": (*QUERIES, QUERIES[1])},
            "queries.jsonl, line 3: '_id' '2' is given twice, first in line 2",
        ),
        (corpus({"_id": "d4"}), "line 4: there is no field 'text': Allowed: _id"),
        (corpus({"text": "x"}), "line 4: there is no field '_id': Allowed: text"),
        (corpus({"_id": "d4", "title": "", "text": ""}), "line 4: 'text' is empty, where text is"),
        (corpus({"_id": "d4", "text": 5}), "line 4: 'text' is 5, where text is expected"),
        (corpus({"_id": "d4", "text": "\ud800"}), "line 4: the text holds half of a surrogate"),
        (corpus({"_id": None, "text": "x"}), "line 4: '_id' is None, where an id is expected"),
        (corpus({"_id": "", "text": "x"}), "line 4: '_id' is '', where an id is expected"),
        (corpus(["d4"]), r"line 4: \['d4'\], where an object is expected"),
        (
            {"queries": ({"_id": "2", "text": " "},)},
            "queries.jsonl, line 1: 'text' is empty, where text is expected",
        ),
        (
            {"queries": ({"_id": "2", "text": "a", "metadata": {"a": "\ud800"}},)},
            "queries.jsonl, line 1: the text holds half of a surrogate pair",
        ),
        (
            {"qrels": ("2\td1",)},
            "test.tsv, line 2: 2 columns, but the header has 3; columns are divided by tabs",
        ),
        (
            {"qrels": ("2\td1\tyes",)},
            "test.tsv, line 2: the score is 'yes', where a whole number is expected",
        ),
        (
            {"qrels": ("2\td1\t-1\x1f",)},  # blank for str.strip, and none for int
            r"test.tsv, line 2: the score is '-1\\x1f', where a whole number is expected",
        ),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(folder, content, message):
    with pytest.raises(DataError, match=message):
        streamed(Beir(path=folder(**content), language="en"))


def test_only_the_header_of_beir_is_taken(folder):
    home = folder()
    (home / "qrels" / "test.tsv").write_text("2\t0\td2\t1\n")
    message = "test.tsv, line 1: the header query-id corpus-id score is expected, divided by tabs"
    with pytest.raises(DataError, match=message):
        streamed(Beir(path=home, language="en"))


def test_a_line_that_is_no_json_is_told_with_what_is_wrong(folder):
    home = folder()
    with (home / "corpus.jsonl").open("a") as file:
        file.write("{'_id': 1}\n")
    message = "corpus.jsonl, line 4: is no JSON .*; one object a line is expected"
    with pytest.raises(DataError, match=message):
        streamed(Beir(path=home, language="en"))


def test_a_byte_that_is_no_utf_8_is_told_with_its_place(folder):
    home = folder()
    (home / "queries.jsonl").write_bytes(b'{"_id": "2", "text": "a"}\n{"_id": "\xff"}\n')
    with pytest.raises(DataError, match=r"queries.jsonl, line 2: byte 35 is no UTF-8"):
        streamed(Beir(path=home, language="en"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda packed: packed[:-9], "the gzip file is cut off; get it again"),
        (lambda packed: b"plain" + packed, "is no gzip file, or damaged"),
        (lambda packed: packed[:-8] + bytes(8), "is no gzip file, or damaged"),
    ],
)
def test_a_damaged_gzip_file_is_told(folder, damage, message):
    home = folder()
    packed = gzip.compress((home / "corpus.jsonl").read_bytes())
    (home / "corpus.jsonl").unlink()
    (home / "corpus.jsonl.gz").write_bytes(damage(packed))
    with pytest.raises(DataError, match=f"corpus.jsonl.gz: {message}"):
        streamed(Beir(path=home, language="en"))


def test_a_missing_file_is_told_by_both_of_its_names(folder):
    home = folder()
    (home / "corpus.jsonl").unlink()
    message = "corpus.jsonl: there is no such file, and no corpus.jsonl.gz either"
    with pytest.raises(DataError, match=message):
        Beir(path=home, language="en").fingerprint()


def test_two_folders_of_one_language_are_both_named(folder):
    folder("zh_cn")
    path = folder("zho").parent / "{lang}"
    message = r"zho \(zho\) and .*zh_cn \(zh_cn\) are both of the language 'zh'; keep one"
    with pytest.raises(DataError, match=message):
        Beir(path=path).languages()


def test_a_language_without_a_folder_is_named(folder):
    path = folder("deu").parent / "{lang}"
    with pytest.raises(DataError, match=r"\{lang\}: no fr is there; found de"):
        Beir(path=path, language=("de", "fra")).languages()
    with pytest.raises(DataError, match="nothing is there; found nothing"):
        Beir(path=path / "deeper").languages()


@pytest.mark.parametrize("language", [None, ("de", "en")])
def test_a_single_folder_needs_its_one_language(tmp_path, language):
    with pytest.raises(OptionError, match="language: give the one language of") as caught:
        Beir(path=tmp_path, language=language)
    assert caught.value.path == ("language",)


@pytest.mark.parametrize("language", ["german", ("de", "qqq1"), ()])
def test_what_is_no_language_is_refused(tmp_path, language):
    with pytest.raises(OptionError, match=r"^language: "):
        Beir(path=tmp_path / "{lang}", language=language)


def test_the_data_stage_takes_it(folder, stored):
    corpus = stored(Beir(path=folder(), language="en"))
    assert corpus.table("queries-en").to_pylist() == [{"item": 0, "text": "Which tale?"}]
    assert corpus.table("judgements").to_pylist() == [
        {"item": 0, "passage": 1, "grade": 2},
        {"item": 0, "passage": 0, "grade": 0},
    ]


def test_the_data_stage_stores_its_columns(folder, stored):
    queries = (QUERIES[0], QUERIES[1] | {"metadata": {"year": 2001}})
    corpus = stored(
        Beir(path=folder(queries=queries, qrels=("1\td1\t1", "2\td2\t1")), language="en")
    )
    assert corpus.columns == ("year",)
    assert corpus.query_column("year") == [None, "2001"]
