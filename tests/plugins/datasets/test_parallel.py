"""Aligned texts, from files made by hand and from four real downloads."""

import gzip
import json
from functools import partial
from pathlib import Path

import pytest

from hbench.errors import DataError, OptionError
from hbench.protocols import Dataset
from hbench.records import Judgement, Query
from hbench_plugins.datasets.parallel import Parallel

LANGUAGES = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]


@pytest.fixture
def write(tmp_path):
    """A function that writes files by name, and returns their folder."""

    def to_files(contents):
        for name, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            (tmp_path / name).write_bytes(data)
        return tmp_path

    return to_files


@pytest.fixture
def moses(write):
    return write({"x.en": "Hello.\nBye.\nYes.\n", "x.deu": "Hallo.\r\nTschüss.\r\nJa."})


def asked(dataset):
    return [(query.item, query.language, query.text) for query in dataset.queries()]


def told(dataset):
    return [(passage.id, passage.language, passage.text) for passage in dataset.passages()]


HELLO = [
    ("0", "de", "Hallo."),
    ("1", "de", "Tschüss."),
    ("2", "de", "Ja."),
    ("0", "en", "Hello."),
    ("1", "en", "Bye."),
    ("2", "en", "Yes."),
]


def test_line_n_of_each_file_is_item_n_as_query_and_as_passage(moses):
    dataset = Parallel(files=moses / "x.{lang}")
    assert isinstance(dataset, Dataset)
    assert dataset.parallel
    assert dataset.languages() == ["de", "en"]
    assert asked(dataset) == told(dataset) == HELLO
    assert next(dataset.judgements()) == Judgement("0", "de", "0")
    assert len(list(dataset.judgements())) == 6


def test_sentences_find_themselves_which_a_note_says(moses, write):
    (note,) = Parallel(files=moses / "x.{lang}").notes()
    assert note.endswith("of the settings only cross says something")
    home = write({"q.tsv": "q_en\ta_en\nWho?\tAnn."})
    answered = Parallel(files=home / "q.tsv", query="q_{lang}", passage="a_{lang}")
    assert answered.notes() == []


def test_a_path_may_be_relative(moses, monkeypatch):
    (moses / "below").mkdir()
    monkeypatch.chdir(moses / "below")
    assert asked(Parallel(files=Path("../x.{lang}"))) == HELLO


def test_files_may_be_given_by_language(moses):
    assert asked(Parallel(files={"en": moses / "x.en", "de_DE": moses / "x.deu"})) == HELLO
    with pytest.raises(OptionError, match="files: give a file for each language"):
        Parallel(files={})


def test_a_star_stands_for_what_differs(write):
    home = write({"n-src.eng.txt": "Yes.\n", "n-ref.zho-CN.txt": "是。\n", "n.readme.txt": "!"})
    dataset = Parallel(files=home / "n-*.{lang}.txt")
    assert asked(dataset) == [("0", "en", "Yes."), ("0", "zh", "是。")]


def test_sets_have_items_of_their_own(write):
    home = write({
        "t.deu-eng.deu": "Ja.\n", "t.deu-eng.eng": "Yes.\n",
        "t.tha-eng.tha": "ดี\n", "t.tha-eng.eng": "Good.\n",
    })  # fmt: skip
    dataset = Parallel(files=home / "t.{set}.{lang}")
    assert dataset.languages() == ["de", "en", "th"]
    assert asked(dataset) == [
        ("deu-eng:0", "de", "Ja."),
        ("deu-eng:0", "en", "Yes."),
        ("tha-eng:0", "en", "Good."),
        ("tha-eng:0", "th", "ดี"),
    ]


TABLE = "id\ten\tde\nx\tYes.\tJa.\ny\tNo.\t\n"
OBJECTS = [{"id": "x", "en": "Yes.", "de": "Ja."}, {"id": "y", "en": "No.", "de": None}]
CELLS = [("x", "de", "Ja."), ("x", "en", "Yes."), ("y", "en", "No.")]


@pytest.mark.parametrize(
    ("name", "content"), [("t.tsv", TABLE), ("t.jsonl", "\n".join(map(json.dumps, OBJECTS)))]
)
def test_one_file_has_a_field_for_each_language_which_may_be_empty(write, name, content):
    dataset = Parallel(files=write({name: content}) / name, id="id")
    assert dataset.languages() == ["de", "en"]
    assert asked(dataset) == told(dataset) == CELLS
    assert [(j.item, j.language) for j in dataset.judgements()] == [cell[:2] for cell in CELLS]


def test_fields_of_questions_and_answers_are_named_with_the_language(write):
    home = write({"t.tsv": "topic\tq_en\ta_en\tq_de\ta_de\nart\tWho?\tAnn.\tWer?\tAnna.\n"})
    dataset = Parallel(files=home / "t.tsv", query="q_{lang}", passage="a_{lang}")
    assert asked(dataset) == [("0", "de", "Wer?"), ("0", "en", "Who?")]
    assert told(dataset) == [("0", "de", "Anna."), ("0", "en", "Ann.")]


@pytest.fixture
def mkqa(write):
    """English has two questions, Chinese the second alone."""
    rows = {
        "en": [("7_en", "Who?", ["Ann", "Anna"]), ("8_en", "Where?", ["Rome"])],
        "zh_cn": [("8_zh_cn", "哪里?", ["罗马"])],
    }
    return write({
        f"mkqa-{code}.jsonl": "\n".join(
            json.dumps({"id": key, "question": question, "answers": answers})
            for key, question, answers in found
        )
        for code, found in rows.items()
    })  # fmt: skip


def test_ids_join_languages_without_the_language_that_they_end_in(mkqa):
    dataset = Parallel(
        files=mkqa / "mkqa-{lang}.jsonl", query="question", passage="answers", id="id"
    )
    assert asked(dataset) == [("7", "en", "Who?"), ("8", "en", "Where?"), ("8", "zh", "哪里?")]
    assert told(dataset) == [("7", "en", "Ann"), ("8", "en", "Rome"), ("8", "zh", "罗马")]


def test_items_choose_the_same_lines_or_ids_in_all_languages(moses, mkqa):
    lines = Parallel(files=moses / "x.{lang}", items="1-2")
    assert {query.item for query in lines.queries()} == {"1", "2"}
    assert len(list(lines.passages())) == len(list(lines.judgements())) == 4
    ids = Parallel(files=mkqa / "mkqa-{lang}.jsonl", query="question", id="id", items="1-1")
    assert asked(ids) == [("8", "en", "Where?"), ("8", "zh", "哪里?")]


def test_clusters_are_the_documents_of_the_lines(moses, write):
    write({"documents": "bbc\nbbc\ncnn\n"})
    dataset = Parallel(files=moses / "x.{lang}", clusters=moses / "documents", items="1-2")
    assert list(dataset.queries()) == [
        Query("1", "de", "Tschüss.", "bbc"),
        Query("2", "de", "Ja.", "cnn"),
        Query("1", "en", "Bye.", "bbc"),
        Query("2", "en", "Yes.", "cnn"),
    ]
    without = Parallel(files=moses / "x.{lang}", items="1-2").fingerprint()
    assert dataset.fingerprint() != without


def test_languages_may_be_chosen_and_then_other_files_do_not_matter(moses, write):
    write({"x.fr": "\n", "x.zzq": "?"})
    dataset = Parallel(files=moses / "x.{lang}", language=("eng", "de"))
    assert asked(dataset) == HELLO
    with pytest.raises(DataError, match=r"x\.zzq: 'zzq' is no language code .* choose with"):
        Parallel(files=moses / "x.{lang}").languages()


def test_gzipped_lines_are_read_and_other_separators_end_no_line(write):
    home = write({"x.en.gz": gzip.compress("a\u2028b\x0bc\n".encode())})
    assert asked(Parallel(files=home / "x.{lang}.gz")) == [("0", "en", "a\u2028b\x0bc")]


def test_a_byte_order_mark_is_no_text(moses, write):
    write({"x.en": b"\xef\xbb\xbfHello.\nBye.\nYes.\n"})
    assert told(Parallel(files=moses / "x.{lang}")) == HELLO


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"x.fr": "Salut.\n"}, r"x\.fr has 1 lines, but .*documents has 3; line n of each must be"),
        ({"x.en": "Hello.\n \nYes.\n"}, r"x\.en, line 2: is empty, where text is expected"),
        ({"x.de": "Hallo.\n"}, r"x\.deu \(deu\) and .*x\.de \(de\) are both of the language 'de'"),
        ({"x.en": b"Hello.\n\xff\n"}, r"x\.en, line 2: byte 7 is no UTF-8"),
        ({"documents": "a\nb\n"}, r"x\.deu has 3 lines, but .*documents has 2"),
    ],
)
def test_files_that_are_not_aligned_are_refused(moses, write, contents, message):
    write({"documents": "a\nb\nc\n", **contents})
    with pytest.raises(DataError, match=message):
        asked(Parallel(files=moses / "x.{lang}", clusters=moses / "documents"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.tsv", "id\ten\nx\n", "line 2: 1 columns, but the header has 2"),
        ("t.tsv", "id\ten\ten\n", "line 1: two columns have one name in 'id en en'"),
        ("t.tsv", "id\ten\nx\ta\nx\tb\n", "line 3: 'id' 'x' is given twice, first in line 2"),
        ("t.tsv", "id\ten\teng\nx\ta\tb\n", r"t.tsv \(eng\) and .*t.tsv \(en\) are both of the"),
        ("t.tsv", "id\tdomain\nx\ta\n", "'domain' is no language code .* choose with 'language'"),
        ("t.jsonl", '{"id": 1, "en": 2}', "line 1: 'en' is 2, where text is expected"),
        ("t.jsonl", '{"id": 1, "en": "a"}\n\n', "line 2: is no JSON"),
        ("t.txt", "a\n", "a file of all languages must be a table .* write {lang} where"),
    ],
)
def test_a_mistake_in_the_one_file_is_told(write, name, content, message):
    with pytest.raises(DataError, match=message):
        asked(Parallel(files=write({name: content}) / name, id="id"))


def test_two_files_of_different_length_are_told_with_both_lengths(moses, write):
    write({"x.en": "Hello.\nBye.\n"})
    with pytest.raises(DataError, match=r"x\.en has 2 lines, but .*x\.deu has 3"):
        asked(Parallel(files=moses / "x.{lang}"))


def test_a_missing_file_is_told(tmp_path):
    dataset = Parallel(files={"en": tmp_path / "x.en"})
    for call in (dataset.fingerprint, lambda: asked(dataset)):
        with pytest.raises(DataError, match=r"x\.en: there is no such file"):
            call()


def test_items_beyond_the_last_are_refused(moses):
    message = r"items: 0-3 is asked for, but .*x\.deu has 3, the last of which is 2"
    with pytest.raises(DataError, match=message):
        asked(Parallel(files=moses / "x.{lang}", items="0-3"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"files": "x.{lang}", "items": "9-3"}, "items: give first-last, counted from 0"),
        ({"files": "x.{lang}", "items": "5"}, "items: give first-last, counted from 0"),
        ({"files": "x.{lang}.jsonl.gz"}, "query: name the field that holds the text"),
        ({"files": "x.tsv", "query": "text"}, "query: one file holds all languages, so that {lang"),
        ({"files": "x.tsv", "passage": "a"}, "passage: one file holds all languages"),
        ({"files": "{set}.{lang}", "clusters": "x"}, "clusters: only for one set of files"),
        ({"files": "x.{lang}", "clusters": "x", "id": "id"}, "clusters: only for one set"),
        ({"files": "x.tsv", "clusters": "x", "cluster": "a"}, "clusters: only for one set"),
        ({"files": "x.{lang}", "cluster": "page"}, "cluster: plain lines have no fields; name"),
        ({"files": "x.{lang}", "language": "german"}, "language: 'german' is no language code"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, message):
    places = {name: tmp_path / options[name] for name in ("files", "clusters") if name in options}
    with pytest.raises(OptionError, match=message) as caught:
        Parallel(**options | places)
    assert caught.value.path == (message.partition(":")[0],)


def counts(corpus):
    """Of each language queries and passages."""
    sizes = (corpus.query_offsets, corpus.passage_offsets)
    rows = zip(*((ends[1:] - ends[:-1]).tolist() for ends in sizes), strict=True)
    return dict(zip(corpus.languages, rows, strict=True))


def test_ntrex_has_1997_sentences_of_123_documents_in_11_languages(shared_data, stored):
    home = shared_data / "ntrex"
    corpus = stored(
        Parallel(files=home / "newstest2019-*.{lang}.txt", clusters=home / "DOCUMENT_IDS.tsv")
    )
    assert counts(corpus) == dict.fromkeys(LANGUAGES, (1997, 1997))
    assert len(corpus.item_clusters) == 1997
    assert len(set(corpus.item_clusters.tolist())) == 123
    assert (corpus.first_relevant() >= 0).all()


def test_tatoeba_has_1000_pairs_of_each_language_and_548_of_thai(shared_data, stored):
    pairs = {tag: (1000, 1000) for tag in LANGUAGES if tag not in ("en", "th")}
    all_pairs = stored(Parallel(files=shared_data / "tatoeba" / "tatoeba.{set}.{lang}"))
    assert counts(all_pairs) == pairs | {"en": (9548, 9548), "th": (548, 548)}
    thai = stored(Parallel(files=shared_data / "tatoeba" / "tatoeba.tha-eng.{lang}"))
    assert counts(thai) == {"en": (548, 548), "th": (548, 548)}
    assert thai.texts("query", "en")[0] == "How many hours left till arrival?"
    assert thai.texts("passage", "th")[0] == "เหลือเวลาอีกกี่ชั่วโมงกว่าจะเดินทางไปถึง?"


def test_mkqa_has_1758_questions_in_each_of_12_languages(shared_data, stored):
    files = shared_data / "mkqa" / "dev" / "mkqa-{lang}.jsonl"
    mkqa = partial(Parallel, files=files, query="question", passage="answers", id="id")
    tags = ["ar", "en", "es", "fi", "ja", "km", "ko", "ms", "ru", "sv", "tr", "zh"]
    assert mkqa().languages() == tags
    corpus = stored(mkqa(language=("en", "km", "zh")))
    assert counts(corpus) == dict.fromkeys(("en", "km", "zh"), (1758, 1758))
    assert len(corpus.item_clusters) == 1758
    assert corpus.texts("passage", "en")[0] == "Dave Edmunds"


def items_of(dataset):
    return {(query.item, query.language): query.text for query in dataset.queries()}


def test_a_language_that_the_first_record_lacks_is_one_all_the_same(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"de": "a", "en": "b"}\n{"fr": "c", "en": "d", "de": ""}\n')
    found = items_of(Parallel(files=tmp_path / "x.jsonl"))
    assert found == {("0", "de"): "a", ("0", "en"): "b", ("1", "en"): "d", ("1", "fr"): "c"}


def test_ids_of_a_file_of_all_languages_are_taken_whole(tmp_path):
    (tmp_path / "x.tsv").write_text("id\tde\ten\n1-en\ta\tb\n2-de\tc\t \n")
    found = items_of(Parallel(files=tmp_path / "x.tsv", id="id"))
    assert found == {("1-en", "de"): "a", ("1-en", "en"): "b", ("2-de", "de"): "c"}


def test_a_column_of_ids_is_not_taken_for_indonesian(tmp_path):
    (tmp_path / "x.tsv").write_text("id\tde\ten\n1\ta\tb\n")
    with pytest.raises(DataError, match="'id' may be the ids or Indonesian; say id: id, or choose"):
        Parallel(files=tmp_path / "x.tsv").languages()
    chosen = Parallel(files=tmp_path / "x.tsv", language=("id", "de"))
    assert list(chosen.languages()) == ["de", "id"]


def test_packed_and_plain_files_are_found_together(tmp_path):
    (tmp_path / "u.de").write_text("eins\n")
    (tmp_path / "u.en.gz").write_bytes(gzip.compress(b"one\n"))
    expected = {("0", "de"): "eins", ("0", "en"): "one"}
    for pattern in ("u.{lang}", "u.{lang}*"):
        assert items_of(Parallel(files=tmp_path / pattern)) == expected
    (tmp_path / "u.de.gz").write_bytes(gzip.compress(b"eins\n"))
    with pytest.raises(DataError, match="both of the language 'de'"):
        Parallel(files=tmp_path / "u.{lang}").languages()
