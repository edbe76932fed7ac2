"""LAReQA's layout, read from a file made by hand."""

import json

import pytest

from hbench.errors import DataError
from hbench.records import Judgement, Passage, Query
from hbench_plugins.datasets import lareqa


def asked(key, question, start):
    return {"id": key, "question": question, "answers": [{"text": "...", "answer_start": start}]}


def toy():
    """Two articles; the second has two paragraphs. "Bo ran.\\nHe fell." breaks at 8.

    q3's answer begins at 4, in the first sentence, and may end where it likes.
    """
    ran = {
        "context": "Bo ran.\nHe fell.",
        "sentences": ["Bo ran.\n", "He fell."],
        "sentence_breaks": [[0, 8], [8, 16]],
    }
    return {
        "data": [
            {
                "paragraphs": [
                    {
                        "context": "It is red.",
                        "sentences": ["It is red."],
                        "sentence_breaks": [[0, 10]],
                        "qas": [asked("q1", "Which colour?", 6)],
                    }
                ]
            },
            {
                "paragraphs": [
                    {**ran, "qas": [asked("q3", "What then?", 7), asked("q2", "Who fell?", 8)]},
                    {**ran, "qas": []},
                ]
            },
        ]
    }


@pytest.fixture
def write(tmp_path):
    def to_file(content):
        path = tmp_path / "en.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return to_file


@pytest.fixture
def paragraphs(write):
    return list(lareqa.read(write(toy()), None))


def test_an_item_is_a_question_id_and_a_cluster_the_article_it_is_told(paragraphs):
    assert list(lareqa.queries("en", paragraphs, {"q1": 7, "q2": 0, "q3": 0})) == [
        Query("q1", "en", "Which colour?", "article-007"),
        Query("q3", "en", "What then?", "article-000"),
        Query("q2", "en", "Who fell?", "article-000"),
    ]


def test_a_question_of_no_article_is_refused(paragraphs):
    with pytest.raises(DataError, match=r"question q3 of de.json is not in en.json"):
        list(lareqa.queries("de", paragraphs, {"q1": 0, "q2": 0}))


def test_a_candidate_is_a_sentence_named_by_its_place(paragraphs):
    assert list(lareqa.passages("en", paragraphs, context=False)) == [
        Passage("000-000-000", "en", "It is red."),
        Passage("001-000-000", "en", "Bo ran.\n"),
        Passage("001-000-001", "en", "He fell."),
        Passage("001-001-000", "en", "Bo ran.\n"),
        Passage("001-001-001", "en", "He fell."),
    ]


def test_with_context_the_paragraph_follows_without_line_breaks(paragraphs):
    texts = [passage.text for passage in lareqa.passages("en", paragraphs, context=True)]
    assert texts[:3] == [
        "It is red.It is red.",
        "Bo ran.Bo ran.He fell.",
        "He fell.Bo ran.He fell.",
    ]


def test_the_relevant_sentence_is_that_in_which_the_answer_starts(paragraphs):
    # Breaks exclude their end: 7 is the last place of the first sentence, 8 begins the second.
    assert list(lareqa.judgements("en", paragraphs)) == [
        Judgement("q1", "en", "000-000-000", 1),
        Judgement("q3", "en", "001-000-000", 1),
        Judgement("q2", "en", "001-000-001", 1),
    ]


def test_articles_keep_their_number_when_only_some_are_read(write):
    path = write(toy())
    chosen = list(lareqa.read(path, range(1, 2)))
    assert [(paragraph.article, paragraph.number) for paragraph in chosen] == [(1, 0), (1, 1)]
    assert [name for paragraph in chosen for name in paragraph.ids] == ["q3", "q2"]
    assert list(lareqa.read(path, range(2, 9))) == []


def test_offsets_count_characters_not_bytes(write):
    content = toy()
    content["data"] = content["data"][:1]
    content["data"][0]["paragraphs"][0] |= {
        "context": "Ü😀. Ja.",
        "sentences": ["Ü😀.", "Ja."],
        "sentence_breaks": [[0, 3], [4, 7]],
        "qas": [asked("q1", "?", 4)],
    }
    read = list(lareqa.read(write(content), None))
    assert read[0].answers == (1,)


def test_sentences_are_as_their_field_has_them_whatever_the_breaks_say(write):
    content = toy()
    content["data"][0]["paragraphs"][0]["sentence_breaks"] = [[1, 9]]
    assert next(lareqa.read(write(content), None)).sentences == ("It is red.",)


def broken(**fields):
    """The toy, its first paragraph changed."""
    content = toy()
    content["data"][0]["paragraphs"][0] |= fields
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"is not readable as JSON \(Expecting"),
        ("[]", "is not laid out as LAReQA's files are .TypeError"),
        ({}, "is not laid out as LAReQA's files are .KeyError: 'data'"),
        ({"data": [{}]}, "KeyError: 'paragraphs'"),
        (broken(qas=[{"id": "q1"}]), "KeyError: 'question'"),
        (broken(qas=[asked("q1", "?", 0) | {"answers": []}]), "is not laid out .*IndexError"),
        (broken(qas=[asked("q1", "?", "0")]), "is not laid out .*TypeError"),
        (broken(sentences=[]), "article 0, paragraph 0: 0 sentences, but 1 breaks"),
        (broken(qas=[asked("q1", "?", 10)]), r"question q1: its answer starts in no sentence \(10"),
        (broken(sentence_breaks=[[0]]), "is not laid out .*ValueError"),
    ],
)
def test_a_malformed_file_is_refused_with_its_place(write, content, message):
    path = write(content)
    with pytest.raises(DataError, match=message) as caught:
        list(lareqa.read(path, None))
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"en.json: there is no such file"):
        list(lareqa.read(tmp_path / "en.json", None))


def test_a_file_that_is_no_utf_8_is_refused(tmp_path):
    path = tmp_path / "en.json"
    path.write_bytes(b'{"data": "\xff"}')
    with pytest.raises(DataError, match="is not readable as JSON"):
        list(lareqa.read(path, None))
