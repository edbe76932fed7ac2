"""MLQA-R: a toy whose questions exist in some languages each, and the counts of the real files."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests import toy_corpora

from hbench import downloads
from hbench.errors import DataError
from hbench.protocols import Dataset
from hbench.ranks import ranks_in_pool
from hbench.records import Query
from hbench.settings import Component, components
from hbench_plugins.datasets.mlqa_r import MLQAR

# Question and answer spell their vectors. The English articles are A (q1, q2) and B (q3, q4); the
# German file has them in the other order, the Spanish one begins with an article of its own.
TEXTS = {"q1": "1 0", "q2": "0 1", "q3": "-1 0", "q4": "0 -1"}
ARTICLES = {
    "de": [["q4"], ["q1", "q2"]],
    "en": [["q1", "q2"], ["q3", "q4"]],
    "es": [[], ["q3"], ["q2"]],
}
# Of the questions of a language those with an answer in another: from q1 de en, q2 de en es,
# q3 en es, q4 de en.
ANSWERED = {
    "de": {"de": 3, "en": 3, "es": 1},
    "en": {"de": 3, "en": 4, "es": 2},
    "es": {"de": 1, "en": 2, "es": 2},
}
# Counted in the real files without hbench, by query language (row) and pool language.
REAL = """
    ar de en es hi vi zh
ar 517 207 517 161 186 163 188
de 207 512 512 196 163 182 190
en 517 512 1148 500 507 511 504
es 161 196 500 500 187 189 161
hi 186 163 507 187 507 177 189
vi 163 182 511 189 177 511 184
zh 188 190 504 161 189 184 504
"""
CANDIDATES = [2545, 2362, 6264, 1787, 2426, 2828, 2322]


def article(questions):
    """A paragraph of one sentence a question, and a sentence that answers nothing."""
    sentences = [*(TEXTS[name] for name in questions), "1 1"]
    starts = [sum(len(text) + 1 for text in sentences[:index]) for index in range(len(sentences))]
    asked = [
        {"id": name, "question": TEXTS[name], "answers": [{"text": "?", "answer_start": start}]}
        for name, start in zip(questions, starts, strict=False)
    ]
    breaks = [[at, at + len(text)] for at, text in zip(starts, sentences, strict=True)]
    context = " ".join(sentences)
    return {
        "title": context,
        "paragraphs": [
            {"context": context, "sentences": sentences, "sentence_breaks": breaks, "qas": asked}
        ],
    }


def write(folder, articles):
    """Write the files, and return what a release pins of them."""
    folder.mkdir(parents=True)
    files = {}
    for language, groups in articles.items():
        text = json.dumps({"version": 1.0, "data": [article(group) for group in groups]})
        (folder / f"{language}.json").write_text(text)
        files[language] = (len(text), hashlib.sha256(text.encode()).hexdigest())
    return files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The toy's files, pinned, in a folder below which datasets have their names."""
    files = write(tmp_path / "data" / "mlqa-r", ARTICLES)
    monkeypatch.setattr(MLQAR, "release", replace(MLQAR.release, files=files))
    monkeypatch.setenv("HBENCH_OFFLINE", "1")
    monkeypatch.setenv("HBENCH_DATA", str(tmp_path / "nothing here"))
    return tmp_path / "data" / "mlqa-r"


@pytest.fixture
def corpus(folder, tmp_path):
    return toy_corpora.stored(MLQAR(path=folder, context=False), tmp_path / "stored")


def test_queries_with_an_answer_are_counted_for_each_pair_of_languages(corpus):
    assert corpus.languages == ("de", "en", "es")
    assert corpus.answered().tolist() == [list(row.values()) for row in ANSWERED.values()]


def test_a_query_without_a_relevant_passage_is_left_out_of_that_pool_alone(corpus, tmp_path):
    beats = toy_corpora.ranked(corpus, toy_corpora.spelled(corpus), tmp_path)
    asked = [
        component
        for setting in ("mono", "cross", "multi")
        for component in components(setting, corpus.languages, parallel=True)
    ]
    counted = {}
    for component in asked:
        found = ranks_in_pool(corpus, beats, component)
        assert found is not None
        counted[component.query_language, component.pool_name] = len(found[0])
    pairs = {(a, b): count for a, row in ANSWERED.items() for b, count in row.items()}
    everywhere = {(language, "de+en+es"): count for language, count in
                  [("de", 3), ("en", 4), ("es", 2)]}  # fmt: skip
    assert counted == pairs | everywhere


def test_a_query_has_as_many_relevant_passages_as_its_question_has_languages(corpus, tmp_path):
    beats = toy_corpora.ranked(corpus, toy_corpora.spelled(corpus), tmp_path)
    found = ranks_in_pool(corpus, beats, Component("en", ("de", "en", "es")))
    assert found is not None
    assert found[1].relevant.tolist() == [2, 3, 2, 2]
    assert found[1].rank[:, 0].tolist() == [1, 1, 1, 1]
    only_others = ranks_in_pool(corpus, beats, Component("en", ("de", "es")))
    assert only_others is not None
    assert only_others[1].relevant.tolist() == [1, 2, 1, 1]


def test_an_items_cluster_is_its_english_article_in_every_language(folder):
    assert list(MLQAR(path=folder).queries()) == [
        Query("q4", "de", "0 -1", "article-001"),
        Query("q1", "de", "1 0", "article-000"),
        Query("q2", "de", "0 1", "article-000"),
        Query("q1", "en", "1 0", "article-000"),
        Query("q2", "en", "0 1", "article-000"),
        Query("q3", "en", "-1 0", "article-001"),
        Query("q4", "en", "0 -1", "article-001"),
        Query("q3", "es", "-1 0", "article-001"),
        Query("q2", "es", "0 1", "article-000"),
    ]


def test_passages_are_named_by_their_place_in_their_own_file(folder):
    judged = {(each.language, each.item): each.passage for each in MLQAR(path=folder).judgements()}
    assert judged["de", "q2"] == "001-000-001"
    assert judged["en", "q2"] == "000-000-001"
    assert judged["es", "q2"] == "002-000-000"


def test_a_question_that_is_not_asked_in_english_is_refused(tmp_path):
    write(tmp_path / "odd", ARTICLES | {"de": [["q4"]], "en": [["q1"]]})
    release = replace(MLQAR.release, files=dict.fromkeys(("de", "en"), (0, "")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MLQAR, "release", release)
        with pytest.raises(DataError, match=r"question q4 of de.json is not in en.json"):
            list(MLQAR(path=tmp_path / "odd").queries())


def test_it_is_a_parallel_dataset_of_seven_languages():
    dataset = MLQAR()
    assert isinstance(dataset, Dataset)
    assert dataset.parallel
    assert list(dataset.languages()) == ["ar", "de", "en", "es", "hi", "vi", "zh"]


def test_its_downloads_are_pinned_and_say_that_commerce_is_excluded():
    remotes = MLQAR().downloads()
    assert [each.name for each in remotes] == [f"mlqa-r/{tag}.json" for tag in MLQAR().languages()]
    assert sum(each.size for each in remotes) == 13_634_173
    assert all("not for commercial use" in each.licence for each in remotes)
    base = "https://raw.githubusercontent.com/google-research-datasets/lareqa"
    commit = "354d67d1cd066854cdfbf5ad0e6105528976141d"
    assert remotes[1].urls == (f"{base}/{commit}/mlqa-r/de.json",)


def test_a_folder_that_is_given_needs_no_download(folder):
    assert MLQAR(path=folder).downloads() == ()


def test_the_fingerprint_needs_no_files_unless_their_folder_is_given(folder):
    expected = MLQAR().fingerprint()
    assert MLQAR(path=folder).fingerprint() == expected
    (folder / "es.json").unlink()
    assert MLQAR().fingerprint() == expected
    with pytest.raises(DataError, match=r"dataset mlqa-r: .*es.json is missing; get the folder"):
        MLQAR(path=folder).fingerprint()


def test_without_a_path_files_come_from_the_data_folder(folder, monkeypatch):
    monkeypatch.setenv("HBENCH_DATA", str(folder.parent))
    assert list(MLQAR().queries()) == list(MLQAR(path=folder).queries())
    assert list(MLQAR().passages()) == list(MLQAR(path=folder).passages())
    assert list(MLQAR().judgements()) == list(MLQAR(path=folder).judgements())


def test_without_a_path_files_come_from_the_downloads_otherwise(folder, monkeypatch):
    monkeypatch.setattr(downloads, "_folder", folder.parent)
    assert list(MLQAR().queries()) == list(MLQAR(path=folder).queries())


def test_a_changed_file_in_the_data_folder_is_refused(folder, monkeypatch):
    monkeypatch.setenv("HBENCH_DATA", str(folder.parent))
    (folder / "en.json").write_text("{}")
    with pytest.raises(DataError, match=r"mlqa-r/en.json has sha256 [0-9a-f]{64}, expected"):
        list(MLQAR().queries())


def test_offline_a_missing_file_is_refused_with_where_to_put_it(folder):
    with pytest.raises(DataError, match=r"to \$HBENCH_DATA/mlqa-r/en.json"):
        list(MLQAR().queries())


@pytest.fixture(scope="module")
def real():
    """The folder of the real files."""
    base = os.environ.get("HBENCH_DATA")
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    for folder in ([Path(base) / "mlqa-r"] if base else []) + [beside / "mlqa-r"]:
        if folder.is_dir():
            return folder
    pytest.skip("no shared data")


def test_the_real_files_have_the_published_counts(real, tmp_path):
    dataset = MLQAR(path=real)
    assert dataset.fingerprint() == MLQAR().fingerprint()
    corpus = toy_corpora.stored(dataset, tmp_path)
    header, *rows = REAL.strip().splitlines()
    assert list(corpus.languages) == header.split()
    assert corpus.answered().tolist() == [list(map(int, row.split()[1:])) for row in rows]
    assert (corpus.passage_offsets[1:] - corpus.passage_offsets[:-1]).tolist() == CANDIDATES
    assert len(corpus.passage_ids) == 20_534
    assert len(corpus.item_clusters) == 1148
    assert len(set(corpus.item_clusters.tolist())) == 520
    languages_of_items = (corpus.first_relevant() >= 0).sum(axis=1).tolist()
    assert [languages_of_items.count(number) for number in (2, 3, 4)] == [65, 263, 820]
