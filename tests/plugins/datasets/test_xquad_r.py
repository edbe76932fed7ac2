"""XQuAD-R, against the counts that its authors and ours took of the files."""

import hashlib
import json
from dataclasses import replace
from itertools import chain

import pytest

from hbench.errors import DataError, OptionError
from hbench.manifests import file_record
from hbench.protocols import Dataset
from hbench_plugins.datasets.xquad_r import XQuADR

# The table of LAReQA's README.
CANDIDATES = {
    "ar": 1222,
    "de": 1276,
    "el": 1234,
    "en": 1180,
    "es": 1215,
    "hi": 1244,
    "ru": 1219,
    "th": 852,
    "tr": 1167,
    "vi": 1209,
    "zh": 1196,
}
# Distinct answer sentences, and answers that run past the end of the sentence they start in.
ANSWERS = {
    "ar": (790, 10),
    "de": (818, 8),
    "el": (798, 13),
    "en": (787, 3),
    "es": (796, 12),
    "hi": (798, 11),
    "ru": (787, 2),
    "th": (603, 9),
    "tr": (764, 20),
    "vi": (794, 13),
    "zh": (784, 11),
}


@pytest.fixture(scope="module")
def folder(shared_data):
    return shared_data / "xquad-r"


@pytest.fixture(scope="module")
def raw(folder):
    """Of each language the paragraphs as the file has them, with their numbers."""
    return {
        tag: [
            ((article, number), paragraph)
            for article, group in enumerate(
                json.loads((folder / f"{tag}.json").read_text())["data"]
            )
            for number, paragraph in enumerate(group["paragraphs"])
        ]
        for tag in CANDIDATES
    }


def test_every_language_has_all_questions_and_its_candidates(xquad_r):
    counted = dict(zip(xquad_r.languages, zip(
        (xquad_r.query_offsets[1:] - xquad_r.query_offsets[:-1]).tolist(),
        (xquad_r.passage_offsets[1:] - xquad_r.passage_offsets[:-1]).tolist(),
        strict=True), strict=True))  # fmt: skip
    assert counted == {tag: (1190, count) for tag, count in CANDIDATES.items()}
    assert len(xquad_r.passage_ids) == 13_014


def test_items_are_parallel_and_clusters_are_the_48_articles(xquad_r):
    assert xquad_r.parallel
    assert len(xquad_r.item_clusters) == 1190
    assert sorted(set(xquad_r.item_clusters.tolist())) == list(range(48))
    assert (xquad_r.first_relevant() >= 0).all()


def test_each_question_has_one_answer_sentence_a_language_and_many_share_theirs(xquad_r):
    item, _, grade = xquad_r.judgements
    assert len(item) == 13_090
    assert set(grade.tolist()) == {1}
    sentences = {tag: xquad_r.texts("passage", tag) for tag in xquad_r.languages}
    for index, tag in enumerate(xquad_r.languages):
        column = xquad_r.first_relevant()[:, index] - xquad_r.passage_offsets[index]
        assert len({sentences[tag][row] for row in column.tolist()}) == ANSWERS[tag][0]


def test_answers_that_run_past_their_sentence_are_kept(xquad_r, raw):
    relevant = xquad_r.first_relevant()
    items = {name: row for row, name in enumerate(xquad_r.table("items")["item"].to_pylist())}
    ids = xquad_r.passage_ids.to_pylist()
    past_the_end = dict.fromkeys(CANDIDATES, 0)
    for column, tag in enumerate(xquad_r.languages):
        for (article, number), paragraph in raw[tag]:
            for question in paragraph["qas"]:
                passage = ids[relevant[items[question["id"]], column]]
                language, place = passage.split(":")
                *where, sentence = map(int, place.split("-"))
                assert (language, where) == (tag, [article, number])
                start, end = paragraph["sentence_breaks"][sentence]
                answer = question["answers"][0]
                assert start <= answer["answer_start"] < end
                past_the_end[tag] += answer["answer_start"] + len(answer["text"]) > end
    assert past_the_end == {tag: count for tag, (_, count) in ANSWERS.items()}
    assert sum(past_the_end.values()) == 112


def test_sentences_are_read_from_their_field_not_cut_from_the_paragraph(xquad_r, raw):
    differ = []
    for tag, paragraphs in raw.items():
        texts = iter(xquad_r.texts("passage", tag))
        for place, paragraph in paragraphs:
            for index, sentence in enumerate(paragraph["sentences"]):
                assert next(texts) == sentence
                start, end = paragraph["sentence_breaks"][index]
                if paragraph["context"][start:end] != sentence:
                    differ.append((tag, *place, index))
    assert differ == [("tr", 9, 3, 2), ("tr", 9, 3, 3)]


def test_passage_ids_are_sorted_in_the_files_order(xquad_r):
    ids = xquad_r.passage_ids.to_pylist()
    assert ids[0] == "ar:000-000-000"
    assert ids == sorted(ids)


def test_article_ranges_partition_the_dataset(folder, xquad_r, monkeypatch):
    files = {tag: XQuADR.release.files[tag] for tag in ("th", "tr")}
    monkeypatch.setattr(XQuADR, "release", replace(XQuADR.release, files=files))
    parts = [XQuADR(path=folder, articles=articles) for articles in ("0-31", "32-47")]
    asked = [list(part.queries()) for part in parts]
    clusters = [{query.cluster for query in queries} for queries in asked]
    assert [len(found) for found in clusters] == [32, 16]
    assert not clusters[0] & clusters[1]
    queries = [(query.item, query.language) for query in chain(*asked)]
    assert len(queries) == len(set(queries)) == 2 * 1190
    ids = [f"{p.language}:{p.id}" for p in chain(*(part.passages() for part in parts))]
    whole = [name for name in xquad_r.passage_ids.to_pylist() if name.startswith(("th", "tr"))]
    assert sorted(ids) == whole
    judged = {judgement.item for judgement in parts[1].judgements()}
    assert judged == {query.item for query in asked[1]}


def test_context_is_appended_by_default(folder):
    first = next(iter(XQuADR(path=folder, articles="0-0").passages()))
    sentence = next(iter(XQuADR(path=folder, articles="0-0", context=False).passages()))
    assert first.text.startswith(sentence.text)
    assert first.text.count(sentence.text) == 2
    assert first.id == sentence.id


def test_the_fingerprint_stands_for_the_content_not_for_its_place(folder, tmp_path):
    linked = tmp_path / "elsewhere"
    linked.symlink_to(folder)
    assert XQuADR(path=folder).fingerprint() == XQuADR(path=linked).fingerprint()


def test_it_is_a_parallel_dataset_of_eleven_languages():
    dataset = XQuADR()
    assert isinstance(dataset, Dataset)
    assert dataset.parallel
    assert list(dataset.languages()) == sorted(CANDIDATES)


PAGE = {"data": [{"paragraphs": [{"context": "Ja.", "sentences": ["Ja."],
        "sentence_breaks": [[0, 3]], "qas": [{"id": "q", "question": "Ja?",
        "answers": [{"text": "Ja", "answer_start": 0}]}]}]}]}  # fmt: skip


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder of eleven tiny files with checksums of their own."""
    home = tmp_path / "data" / "xquad-r"
    home.mkdir(parents=True)
    text = json.dumps(PAGE)
    for tag in CANDIDATES:
        (home / f"{tag}.json").write_text(text)
    files = dict.fromkeys(CANDIDATES, (len(text), hashlib.sha256(text.encode()).hexdigest()))
    monkeypatch.setattr(XQuADR, "release", replace(XQuADR.release, files=files))
    monkeypatch.setenv("HBENCH_OFFLINE", "1")
    return home


def test_files_with_the_right_sums_have_a_fingerprint(tiny):
    fingerprint = XQuADR(path=tiny).fingerprint()
    assert len(fingerprint) == 64
    assert [query.language for query in XQuADR(path=tiny).queries()] == sorted(CANDIDATES)


def test_a_changed_file_is_refused_with_both_sums(tiny):
    (tiny / "th.json").write_text("{}")
    found = hashlib.sha256(b"{}").hexdigest()
    expected = XQuADR.release.files["th"][1]
    with pytest.raises(DataError, match=f"th.json has sha256 {found}, expected {expected}; it is"):
        XQuADR(path=tiny).fingerprint()


def test_a_missing_file_is_refused_with_where_to_get_it(tiny):
    (tiny / "zh.json").unlink()
    with pytest.raises(DataError, match=r"zh.json is missing; get the folder from github.com"):
        XQuADR(path=tiny).fingerprint()


def test_a_missing_folder_is_refused_likewise(tmp_path):
    with pytest.raises(DataError, match=r"nowhere/ar.json is missing; .* give its place"):
        XQuADR(path=tmp_path / "nowhere").fingerprint()


def test_without_a_path_the_data_folder_is_looked_into(tiny, monkeypatch):
    monkeypatch.setenv("HBENCH_DATA", str(tiny.parent))
    assert list(XQuADR().passages()) == list(XQuADR(path=tiny).passages())


def test_the_path_goes_before_the_data_folder(tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("HBENCH_DATA", str(tmp_path / "nowhere"))
    assert [query.language for query in XQuADR(path=tiny).queries()] == sorted(CANDIDATES)
    assert XQuADR(path=tiny).downloads() == ()


def test_without_a_path_the_fingerprint_needs_no_files(tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("HBENCH_DATA", str(tmp_path / "nowhere"))
    assert XQuADR().fingerprint() == XQuADR(path=tiny).fingerprint()


def test_the_fingerprint_is_the_one_of_results_that_are_stored():
    assert XQuADR().fingerprint() == (
        "174ec00f2dd3b5adad48f30a1473eca9ed80595cdf46664cdaa10b938aa351e8"
    )


def test_its_downloads_are_pinned():
    remotes = XQuADR().downloads()
    assert [each.name for each in remotes] == [f"xquad-r/{tag}.json" for tag in sorted(CANDIDATES)]
    assert {each.licence for each in remotes} == {"CC BY-SA 4.0"}
    base = "https://raw.githubusercontent.com/google-research-datasets/lareqa"
    commit = "9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c"
    assert remotes[1].urls == (f"{base}/{commit}/xquad-r/de.json",)


def test_the_real_files_are_those_of_the_downloads(folder):
    for each in XQuADR().downloads():
        assert file_record(folder.parent / each.name) == {"bytes": each.size, "sha256": each.sha256}


@pytest.mark.parametrize("articles", ["", "5", "0-48", "9-3", "-3", "0-31 ", "a-b", "1-2-3"])
def test_articles_that_make_no_sense_are_refused(articles):
    with pytest.raises(OptionError, match="first-last within 0-47, such as 0-31; found") as caught:
        XQuADR(articles=articles)
    assert repr(articles) in str(caught.value)
    assert caught.value.path == ("articles",)


@pytest.mark.parametrize("articles", [None, "0-0", "0-47", "32-47"])
def test_articles_that_make_sense_are_accepted(articles):
    assert XQuADR(articles=articles).articles == articles
