import json
import re
import unicodedata
from functools import cache
from importlib import resources
from string import Formatter

import pytest

from hbench.errors import OptionError
from hbench.protocols import Dataset
from hbench_plugins.datasets.babel import Babel

SPLITS = ("train", "test")
LANGUAGES = ["ar", "de", "el", "en", "es", "hi", "ru", "zh"]


@cache
def texts(split):
    """(query, passage) of each item and language."""
    data = Babel(split=split)
    return list(zip(data.queries(), data.passages(), strict=True))


@cache
def words(language):
    folder = resources.files("hbench_plugins.datasets") / "babel_words"
    return json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))


@cache
def name_of(language, cluster):
    """A pattern of all forms of a place's name, the longest first."""
    modifier, kind = cluster.split("-")
    content = words(language)
    forms = {p.format(content["modifiers"][modifier]) for p in content["kinds"][kind].values()}
    either = "|".join(sorted(forms, key=len, reverse=True))
    # Not inside a word: "obra la Torre" does not name "a la Torre".
    return re.compile(f"(?<![a-z])(?:{either})", re.IGNORECASE)


@cache
def masked(query):
    """The query without its place: what is left of its template."""
    return name_of(query.language, query.cluster).sub("_", query.text)


def test_babel_is_a_parallel_dataset():
    data: Dataset = Babel(split="train")
    assert isinstance(data, Dataset)
    assert (data.version, data.parallel) == (2, True)


def test_it_has_eight_languages_of_six_scripts():
    assert list(Babel(split="test").languages()) == LANGUAGES
    scripts = {
        unicodedata.name(letter).split()[0]
        for query, _ in texts("test")
        for letter in query.text
        if letter.isalpha()
    }
    assert scripts == {"ARABIC", "LATIN", "GREEK", "DEVANAGARI", "CYRILLIC", "CJK"}


@pytest.mark.parametrize(("split", "places"), [("train", 252), ("test", 84)])
def test_every_item_has_a_query_a_passage_and_a_judgement_in_every_language(split, places):
    judgements = list(Babel(split=split).judgements())
    asked = [(query.item, query.language) for query, _ in texts(split)]
    held = [(passage.id, passage.language) for _, passage in texts(split)]
    judged = [(judgement.item, judgement.language) for judgement in judgements]
    items = {item for item, _ in asked}
    assert len(items) == places * 6
    assert len(asked) == len(set(asked)) == len(items) * 8
    assert asked == held == judged
    assert all(one.passage == one.item and one.grade == 1 for one in judgements)


def test_six_items_share_a_place_as_their_cluster():
    facts = {query.item for query, _ in texts("test") if query.cluster == "iron-tower"}
    assert facts == {
        f"iron-tower:{attribute}"
        for attribute in ("built", "steps", "builder", "animal", "goods", "flag")
    }


def test_a_query_tells_its_attribute_and_whether_a_number_answers_it():
    for query, passage in texts("test"):
        assert query.columns["attribute"] == query.item.partition(":")[2]
        is_number = any(sign.isdigit() for sign in passage.text)
        assert query.columns["answer"] == ("number" if is_number else "word")
        assert len(query.columns) == 2


def test_no_place_is_in_train_and_in_test():
    train, test = ({query.cluster for query, _ in texts(split)} for split in SPLITS)
    assert not train & test


def test_another_seed_holds_out_the_same_places():
    assert {q.cluster for q in Babel(split="test", seed=5).queries()} == {
        query.cluster for query, _ in texts("test")
    }


def test_every_word_of_a_tested_name_is_trained_on():
    train, test = ([query.cluster.split("-") for query, _ in texts(split)] for split in SPLITS)
    for part in (0, 1):
        assert {name[part] for name in test} == {name[part] for name in train}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_question_template_is_in_train_and_in_test(language):
    train, test = (
        {masked(query) for query, _ in texts(split) if query.language == language}
        for split in SPLITS
    )
    # Exactly the templates of six attributes: so nothing of a name escaped the mask.
    assert (len(train), len(test)) == (6 * 4, 6 * 2)
    assert not train & test


def tokens(language, template):
    """A template's words (Chinese: characters), and its slots by their names."""
    word = r"[^\s{}?؟;？¿,،，.।。:—-]" + ("" if language == "zh" else "+")
    return re.findall(r"\{\w+\}|" + word, template.casefold())


def wordings(language, attribute):
    """An attribute's questions: (those of train, those of test)."""
    questions = words(language)["questions"][attribute]
    return questions[:4], questions[4:]


@cache
def trained_on(language):
    """For each attribute: every token of its training questions and of its answers."""
    content = words(language)
    return {
        attribute: {
            token
            for template in (*wordings(language, attribute)[0], *content["answers"][attribute])
            for token in tokens(language, template)
        }
        for attribute in content["questions"]
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_a_tested_question_is_trained_on(language):
    """What tells the fact is known from the same attribute, and function words from others."""
    trained = trained_on(language)
    unknown = [
        (attribute, template, token)
        for attribute, own in trained.items()
        for template in wordings(language, attribute)[1]
        for token in tokens(language, template)
        # A word of two other attributes tells neither: a function word.
        if token not in own and sum(token in other for other in trained.values()) < 2
    ]
    assert not unknown


def changed(one, other):
    """How many tokens of the longer differ, from the first difference to the last."""
    start = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        return abs(len(one) - len(other))
    one, other = one[start:], other[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_tested_question_is_no_trained_one_up_to_a_word(language):
    word = 2 if language == "zh" else 1  # in tokens
    for attribute in words(language)["questions"]:
        train, test = wordings(language, attribute)
        for new in test:
            for old in train:
                # Any form of the name, so that another slot alone is no new wording.
                asked, known = (
                    ["{}" if token[0] == "{" else token for token in tokens(language, template)]
                    for template in (new, old)
                )
                assert sorted(asked) != sorted(known), (new, old)
                assert changed(asked, known) > word, (new, old)


@pytest.mark.parametrize("split", SPLITS)
def test_texts_are_distinct_inside_a_language(split):
    queries = [(query.language, query.text) for query, _ in texts(split)]
    passages = [(passage.language, passage.text) for _, passage in texts(split)]
    assert len(set(queries)) == len(queries)
    assert len(set(passages)) == len(passages)


@pytest.mark.parametrize("split", SPLITS)
def test_texts_are_filled_and_clean(split):
    for query, passage in texts(split):
        for text in (query.text, passage.text):
            assert not set(text) & set("{}_")
            assert "  " not in text
            assert text == text.strip() == unicodedata.normalize("NFC", text)
            first = next(letter for letter in text if letter.isalnum())
            assert first == first.upper()
        assert query.text[-1] in "?؟;？"
        assert passage.text[-1] in ".।。"


def test_wordings_are_drawn_apart_in_each_language():
    """If German's wording followed English's, each of 4 wordings would meet one of 4."""
    flags = [query for query, _ in texts("train") if query.item.endswith(":flag")]
    english, german = ([masked(q) for q in flags if q.language == lang] for lang in ("en", "de"))
    assert len(set(zip(english, german, strict=True))) == 4 * 4


def test_two_instances_say_the_same_and_in_any_order():
    one, two = Babel(split="test", seed=3), Babel(split="test", seed=3)
    late = list(two.passages())
    assert list(one.queries()) == list(two.queries())
    assert list(one.passages()) == late


def test_another_seed_states_other_facts():
    assert list(Babel(split="test", seed=1).passages()) != [p for _, p in texts("test")]


def test_the_fingerprint_tells_seeds_and_splits_apart():
    babels = [Babel(split="train"), Babel(split="test"), Babel(split="train", seed=1)]
    prints = {babel.fingerprint() for babel in babels}
    assert len(prints) == 3
    assert Babel(split="train").fingerprint() in prints


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_the_users_mistake(seed):
    with pytest.raises(OptionError, match="from 0 to") as caught:
        Babel(split="train", seed=seed)
    assert caught.value.path == ("seed",)


@cache
def shape(language):
    """The keys of a language's file, in order, and how many templates it has."""
    content = words(language)
    return {
        "modifiers": list(content["modifiers"]),
        "kinds": list(content["kinds"]),
        "values": {name: list(values) for name, values in content["values"].items()},
        "questions": {name: len(said) for name, said in content["questions"].items()},
        "answers": {name: len(said) for name, said in content["answers"].items()},
    }


def test_the_files_of_all_languages_have_the_same_keys():
    english = words("en")
    for language in LANGUAGES:
        assert list(words(language)) == list(english)
        assert shape(language) == shape("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_that_mean_different_things_are_spelt_differently(language):
    content = words(language)
    for meanings in (content["modifiers"], *content["values"].values()):
        assert len(set(meanings.values())) == len(meanings)
    for attribute in content["questions"]:
        for templates in (content["questions"][attribute], content["answers"][attribute]):
            assert len(set(templates)) == len(templates)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_the_forms_that_the_templates_name(language):
    content = words(language)
    templates = [
        template
        for part in ("questions", "answers")
        for group in content[part].values()
        for template in group
    ]
    slots = {slot for t in templates for _, slot, _, _ in Formatter().parse(t) if slot}
    for forms in content["kinds"].values():
        assert set(forms) == slots - {"value"}


ANSWERS = [
    ("ar", "علم برج الحديد لونه أسود."),
    ("de", "Die Fahne des Eisenturms ist schwarz."),
    ("el", "Η σημαία του Πύργου του Σιδήρου είναι μαύρη."),
    ("en", "A black flag flies at the Iron Tower."),
    ("es", "En la Torre de Hierro ondea una bandera negra."),
    ("hi", "लोहे की मीनार का झंडा काला है।"),
    ("ru", "Над Башней Железа развевается чёрный флаг."),
    ("zh", "铁塔的旗帜是黑色的。"),
]


@pytest.mark.parametrize(("language", "answer"), ANSWERS)
def test_a_fact_reads_as_written_by_hand(language, answer):
    # Where this changes on purpose, so must `version`.
    passages = [p for _, p in texts("test") if (p.id, p.language) == ("iron-tower:flag", language)]
    assert [passage.text for passage in passages] == [answer]
