"""SQuAD's format, from files made by hand, XQuAD, and XQuAD-R against its own plugin."""

import json

import pytest

from hbench.errors import DataError, OptionError
from hbench.protocols import Dataset
from hbench.records import Judgement, Passage, Query
from hbench_plugins.datasets import squad_file
from hbench_plugins.datasets.squad import Squad


def question(key, text, *starts, **more):
    answers = [{"text": "...", "answer_start": start} for start in starts]
    return {"id": key, "question": text, "answers": answers, **more}


def paragraph(context, *questions, **more):
    return {"context": context, "qas": list(questions), **more}


def article(title, *paragraphs):
    return {"title": title, "paragraphs": list(paragraphs)}


ENGLISH = (
    article("Ann", paragraph("Ann ran. She fell. ", question("q1", "Who?", 0),
                             question("q2", "What then?", 13, 9, 4))),
    article("Bo", paragraph("Bo ate.", question("q3", "Who?", 0)),
            paragraph("Ann ran. She fell. ", question("q4", "Who ran?", 0))),
)  # fmt: skip
GERMAN = (
    article("Anna", paragraph("Anna lief.", question("q1", "Wer?", 0)),
            paragraph("Sie fiel.", question("q5", "Wer?", 0))),
)  # fmt: skip


@pytest.fixture
def write(tmp_path):
    """A function that writes a file of articles for each language, and returns their pattern."""

    def to_files(**contents):
        for code, articles in contents.items():
            text = json.dumps({"version": "1.1", "data": articles}, ensure_ascii=False)
            (tmp_path / f"toy-{code}.json").write_text(text)
        return tmp_path / "toy-{lang}.json"

    return to_files


def test_a_question_is_answered_by_its_paragraph_and_equal_paragraphs_are_one(write):
    dataset = Squad(path=write(en=ENGLISH).with_name("toy-en.json"), language="en")
    assert isinstance(dataset, Dataset)
    assert not dataset.parallel
    assert list(dataset.queries()) == [
        Query("q1", "en", "Who?", "Ann"),
        Query("q2", "en", "What then?", "Ann"),
        Query("q3", "en", "Who?", "Bo"),
        Query("q4", "en", "Who ran?", "Bo"),
    ]
    assert list(dataset.passages()) == [
        Passage("000-000", "en", "Ann ran. She fell. "),
        Passage("001-000", "en", "Bo ate."),
    ]
    assert [(j.item, j.passage) for j in dataset.judgements()] == [
        ("q1", "000-000"), ("q2", "000-000"), ("q3", "001-000"), ("q4", "000-000"),
    ]  # fmt: skip


def test_a_sentence_is_relevant_if_an_answer_starts_in_it(write):
    dataset = Squad(path=write(en=ENGLISH[:1]), language="en", unit="sentence")
    assert [(p.id, p.text) for p in dataset.passages()] == [
        ("000-000-000", "Ann ran."),
        ("000-000-001", "She fell."),
    ]
    assert set(dataset.judgements()) == {
        Judgement("q1", "en", "000-000-000"),
        Judgement("q2", "en", "000-000-000"),
        Judgement("q2", "en", "000-000-001"),
    }


def test_sentences_that_a_file_lists_are_taken_as_they_stand(write):
    listed = {"sentences": ["Ann ran. She ", "fell."], "sentence_breaks": [[0, 13], [13, 18]]}
    told = article("Ann", paragraph("Ann ran. She fell.", question("q1", "Who?", 9), **listed))
    dataset = Squad(path=write(en=[told]), language="en", unit="sentence")
    assert [p.text for p in dataset.passages()] == ["Ann ran. She ", "fell."]
    assert list(dataset.judgements()) == [Judgement("q1", "en", "000-000-000")]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four…", ["One. ", "Two! ", "Three? ", "Four…"]),
        ('He said "Go." Then left.', ['He said "Go." ', "Then left."]),
        ("About 3.5 m, i.e. little.", ["About 3.5 m, i.e. little."]),
        ("By J. R. Smith, U.S. Army.", ["By J. R. Smith, U.S. Army."]),
        ("他来了。她呢？“走了。”好", ["他来了。", "她呢？", "“走了。”", "好"]),
        ("वह आया। वह गई।", ["वह आया। ", "वह गई।"]),
        ("هل جاء؟ نعم.", ["هل جاء؟ ", "نعم."]),
        ("A line\nand another", ["A line\n", "and another"]),
        ("ไปแล้ว มาแล้ว", ["ไปแล้ว มาแล้ว"]),
    ],
)
def test_sentences_end_where_the_rule_says(text, sentences):
    assert squad_file.split(text) == sentences


def test_languages_are_joined_by_question_and_clusters_are_the_same_in_all(write):
    """German comes first: its q1 and q5 are of "Anna", and so is all of English's first article."""
    dataset = Squad(path=write(eng=ENGLISH, deu=GERMAN))
    assert dataset.parallel
    assert dataset.languages() == ["de", "en"]
    assert [(q.item, q.language, q.cluster) for q in dataset.queries()] == [
        ("q1", "de", "Anna"), ("q5", "de", "Anna"),
        ("q1", "en", "Anna"), ("q2", "en", "Anna"), ("q3", "en", "Bo"), ("q4", "en", "Bo"),
    ]  # fmt: skip
    assert not Squad(path=write(), language="de").parallel


def test_an_article_without_a_title_is_known_by_its_number(write):
    articles = [{"paragraphs": each["paragraphs"]} for each in ENGLISH]
    dataset = Squad(path=write(en=articles), language="en")
    assert [q.cluster for q in dataset.queries()] == [*["article-000"] * 2, *["article-001"] * 2]


def test_a_code_that_stands_twice_is_the_same_twice(write, tmp_path):
    write(de=GERMAN)
    for name in ("c-en-q-en", "c-en-q-de", "c-de-q-de"):
        (tmp_path / f"{name}.json").write_text((tmp_path / "toy-de.json").read_text())
    found = squad_places(tmp_path / "c-{lang}-q-{lang}.json")
    assert found == {"de": "c-de-q-de.json", "en": "c-en-q-en.json"}


def squad_places(path):
    from hbench_plugins.datasets import places

    return {place.language: place.path.name for place in places.find(path, None)}


def test_articles_are_chosen_by_number(write):
    dataset = Squad(path=write(en=ENGLISH), language="en", articles="1-1")
    assert [q.item for q in dataset.queries()] == ["q3", "q4"]
    assert [p.id for p in dataset.passages()] == ["001-000", "001-001"]
    with pytest.raises(DataError, match=r"toy-en.json: 2 articles, but 1-2 are asked for"):
        list(Squad(path=write(), language="en", articles="1-2").queries())
    with pytest.raises(OptionError, match="articles: give first-last"):
        Squad(path=write(), articles="2-1")


def test_questions_without_an_answer_are_left_out_and_noted(write):
    asked = paragraph(
        "Ann ran.",
        question("q1", "Who?", 0),
        question("q2", "Why?"),
        question("q3", "How?", 0, is_impossible=True),
    )
    dataset = Squad(path=write(en=[article("Ann", asked)]), language="en")
    assert [q.item for q in dataset.queries()] == ["q1"]
    assert [j.item for j in dataset.judgements()] == ["q1"]
    assert dataset.notes() == ["2 questions without an answer are left out"]
    assert Squad(path=write(en=ENGLISH), language="en").notes() == []


def broken(*questions, **more):
    return [article("Ann", paragraph("Ann ran.", *questions, **more))]


@pytest.mark.parametrize(
    ("articles", "message"),
    [
        ([{}], r"data\[0\]: has no 'paragraphs', as SQuAD's format asks for"),
        (["Ann"], r"data\[0\]: has no 'paragraphs'"),
        ({"a": 1}, "'data' is {'a': 1}, which is of another type"),
        ([article("Ann", {"qas": []})], r"data\[0\].paragraphs\[0\]: has no 'context'"),
        ([article("Ann", paragraph(" "))], r"paragraphs\[0\]: 'context' is empty"),
        (broken({"id": "q1"}), r"paragraphs\[0\].qas\[0\]: has no 'question'"),
        (broken(question("q1", " ", 0)), r"qas\[0\]: 'question' is empty"),
        (broken(question("q1", "?", "0")), r"answers\[0\]: 'answer_start' is '0', which is of"),
        (broken(question("q1", "?", 0), question("q1", "!", 0)), r"qas\[1\]: the id 'q1' is given"),
        (broken(sentences=[], sentence_breaks=[[0, 8]]), "0 sentences, but 1 breaks"),
        (broken(sentences=["Ann"], sentence_breaks=[[0]]), r"the break \[0\] or its sentence"),
        (broken(question("q1", "?", 8)), "an answer starts at 8, and the context has 8 characters"),
    ],
)
def test_a_mistake_is_told_with_its_place(write, articles, message):
    dataset = Squad(path=write(en=articles), language="en", unit="sentence")
    with pytest.raises(DataError, match=message):
        list(dataset.judgements())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", r"toy-en.json: is no JSON \(.*line 1 column 2"),
        (b'{"data": "\xff"}', "toy-en.json: byte 10 is no UTF-8"),
        (None, "toy-en.json: there is no such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path, content, message):
    path = tmp_path / "toy-en.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(Squad(path=path, language="en").queries())


def counts(offsets):
    return (offsets[1:] - offsets[:-1]).tolist()


def test_xquad_has_1190_questions_and_240_paragraphs_in_each_language(shared_data, stored):
    corpus = stored(Squad(path=shared_data / "xquad" / "xquad.{lang}.json"))
    assert corpus.languages == ("en", "ro", "th")
    assert counts(corpus.query_offsets) == [1190] * 3
    assert counts(corpus.passage_offsets) == [240] * 3
    assert len(set(corpus.item_clusters.tolist())) == 48
    assert (corpus.first_relevant() >= 0).all()


def test_xquad_r_has_the_same_answers_as_in_its_own_plugin(shared_data, stored, xquad_r):
    """Its candidates are fewer by the sentences that occur twice: 2 in Arabic, 4 in Chinese."""
    path, tags = shared_data / "xquad-r" / "{lang}.json", ("ar", "th", "zh")
    corpus = stored(Squad(path=path, unit="sentence", language=tags))
    assert counts(corpus.passage_offsets) == [1222 - 2, 852, 1196 - 4]
    ours = answers(corpus)
    assert ours == {tag: found for tag, found in answers(xquad_r).items() if tag in tags}


def answers(corpus):
    """The text of each item's answer in each language."""
    names = corpus.table("items")["item"].to_pylist()
    found = {}
    for index, tag in enumerate(corpus.languages):
        texts = corpus.texts("passage", tag)
        rows = corpus.first_relevant()[:, index] - corpus.passage_offsets[index]
        found[tag] = {name: texts[row] for name, row in zip(names, rows.tolist(), strict=True)}
    return found


def test_untitled_articles_of_another_order_are_no_cluster_of_their_number(tmp_path):
    def article(*names):
        asked = [{"id": n, "question": f"{n}?", "answers": [{"text": "A", "answer_start": 0}]}
                 for n in names]  # fmt: skip
        return {"paragraphs": [{"context": f"A {' '.join(names)}.", "qas": asked}]}

    told = {
        "de": [article("q0"), article("q1"), article("q2")],
        "en": [article("q2"), article("q3")],
    }
    for code, articles in told.items():
        (tmp_path / f"{code}.json").write_text(json.dumps({"data": articles}))
    queries = list(Squad(path=tmp_path / "{lang}.json").queries())
    assert {(query.item, query.cluster) for query in queries} == {
        ("q0", "article-000"),
        ("q1", "article-001"),
        ("q2", "article-002"),  # in English too, where it is the first
        ("q3", "en-article-001"),
    }
