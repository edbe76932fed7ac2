"""Aligned tables whose rows name the page that they are from, and columns that are not there."""

from typing import Any

import pytest

from hbench.errors import DataError
from hbench.records import Query
from hbench_plugins.datasets.parallel import Parallel

HEADER = "id\tpage\tquestion\tanswer\n"
GERMAN = f"{HEADER}7\tpay\tWie viel?\tZehn.\n8\tpay\tWomit?\tBar.\n9\tsend\tWann?\tMorgen.\n"
ENGLISH = f"{HEADER}9\tsend\tWhen?\tTomorrow.\n7\tpay\tHow much?\tTen.\n"
FIELDS: dict[str, Any] = {
    "query": "question", "passage": "answer", "id": "id", "cluster": "page",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Two languages, of which one lacks an item."""
    (tmp_path / "de.tsv").write_text(GERMAN, encoding="utf-8")
    (tmp_path / "en.tsv").write_text(ENGLISH, encoding="utf-8")
    return tmp_path


def test_items_are_of_the_cluster_that_their_column_names(folder):
    assert list(Parallel(files=folder / "{lang}.tsv", **FIELDS).queries()) == [
        Query("7", "de", "Wie viel?", "pay"),
        Query("8", "de", "Womit?", "pay"),
        Query("9", "de", "Wann?", "send"),
        Query("9", "en", "When?", "send"),
        Query("7", "en", "How much?", "pay"),
    ]


def test_the_data_stage_counts_such_clusters(folder, stored):
    corpus = stored(Parallel(files=folder / "{lang}.tsv", **FIELDS))
    assert len(set(corpus.item_clusters.tolist())) == 2


def test_one_table_of_all_languages_has_one_column_of_clusters(folder):
    (folder / "all.tsv").write_text("de\tsv\ten\nHallo.\tgreet\tHello.\n", encoding="utf-8")
    dataset = Parallel(files=folder / "all.tsv", cluster="sv")  # which would be Swedish
    assert list(dataset.queries()) == [
        Query("0", "de", "Hallo.", "greet"),
        Query("0", "en", "Hello.", "greet"),
    ]


def test_json_lines_may_number_their_clusters(folder):
    for tag in ("de", "en"):
        (folder / f"{tag}.jsonl").write_text('{"q": "a", "page": 3}\n', encoding="utf-8")
    dataset = Parallel(files=folder / "{lang}.jsonl", query="q", cluster="page")
    assert {query.cluster for query in dataset.queries()} == {"3"}


def test_an_item_of_two_clusters_is_told_with_both_lines(folder):
    (folder / "en.tsv").write_text(ENGLISH.replace("7\tpay", "7\tsend"), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        list(Parallel(files=folder / "{lang}.tsv", **FIELDS).queries())
    assert str(caught.value) == (
        f"{folder}/en.tsv, line 3: 'page' is 'send', and in {folder}/de.tsv, line 2, of the same "
        "item, 'pay'; an item is of one cluster: give it one value in every language"
    )


def test_the_same_id_in_two_sets_is_two_items_which_may_be_of_two_clusters(folder):
    for name, page in (("old", "pay"), ("new", "send")):
        for tag in ("de", "en"):
            (folder / f"{name}.{tag}.tsv").write_text(f"id\tq\tpage\n7\ta\t{page}\n")
    dataset = Parallel(files=folder / "{set}.{lang}.tsv", query="q", id="id", cluster="page")
    found = {query.item: query.cluster for query in dataset.queries()}
    assert found == {"old:7": "pay", "new:7": "send"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"query": "questoin"}, "'questoin': did you mean 'question'? Allowed: answer, id, page, "),
        ({"id": "nr"}, "'nr': Allowed: answer, id, page, question"),
        ({"cluster": "pag"}, "'pag': did you mean 'page'? Allowed: answer, id, page, question"),
    ],
)
def test_a_column_that_is_not_there_is_told_with_the_header(folder, wrong, message):
    with pytest.raises(DataError) as caught:
        list(Parallel(files=folder / "{lang}.tsv", **FIELDS | wrong).queries())
    told = f"{folder}/de.tsv, line 1: there is no column {message}"
    assert str(caught.value).startswith(told)
