import pytest

from hbench.errors import DataError
from hbench.settings import Component, components

XQUAD = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]


def names(setting, languages, *, parallel=True, pool=()):
    found = components(setting, languages, parallel=parallel, pool=pool)
    return [f"{part.query_language} in {part.pool_name}" for part in found]


@pytest.mark.parametrize(("setting", "count"), [("mono", 11), ("cross", 110), ("multi", 11)])
def test_eleven_languages_give_so_many_components(setting, count):
    found = names(setting, XQUAD)
    assert len(found) == len(set(found)) == count


def test_mono_ranks_against_the_own_language():
    assert names("mono", ["en", "de"]) == ["de in de", "en in en"]


def test_cross_ranks_against_one_other_language():
    assert names("cross", ["en", "de", "ar"]) == [
        "ar in de",
        "ar in en",
        "de in ar",
        "de in en",
        "en in ar",
        "en in de",
    ]


def test_multi_ranks_against_all_languages():
    assert names("multi", ["en", "de", "ar"]) == [
        "ar in ar+de+en",
        "de in ar+de+en",
        "en in ar+de+en",
    ]


def test_pair_is_english_and_one_other_asked_in_both():
    assert names("pair", ["vi", "en", "de"]) == [
        "de in de+en",
        "en in de+en",
        "en in en+vi",
        "vi in en+vi",
    ]
    assert len(names("pair", XQUAD)) == 20


def test_a_pool_of_ones_own_is_asked_in_its_languages():
    assert names("nordic", ["sv", "da", "en"], pool=["sv", "da"]) == ["da in da+sv", "sv in da+sv"]


def test_the_order_of_the_languages_does_not_matter():
    for setting in ("mono", "cross", "multi", "pair"):
        assert names(setting, XQUAD) == names(setting, XQUAD[::-1])


def test_pool_names_are_sorted_whatever_the_order_of_the_pool():
    assert Component("de", ("zh", "de", "ar")).pool_name == "ar+de+zh"


@pytest.mark.parametrize("setting", ["mono", "multi"])
def test_data_that_is_not_parallel_offers(setting):
    assert len(names(setting, ["de", "en"], parallel=False)) == 2


@pytest.mark.parametrize(
    ("setting", "languages", "options", "message"),
    [
        ("cross", ["de", "en"], {"parallel": False}, "'cross' needs parallel data.*mono or multi"),
        ("pair", ["de", "en"], {"parallel": False}, "'pair' needs parallel data"),
        ("cross", ["de"], {}, r"'cross' needs two languages, and the dataset has \['de'\]"),
        ("pair", ["en"], {}, r"'pair' needs two languages, and the dataset has \['en'\]"),
        ("pair", ["de", "ar"], {}, r"needs English \('en'\), and the dataset has \['ar', 'de'\]"),
        ("baltic", ["lv"], {"pool": ["lv", "lt"]}, "'baltic': no language 'lt'.*Allowed: lv"),
        ("baltic", ["lv"], {"pool": ["lv", "lv"]}, "'baltic': a language is named twice"),
        ("crosss", ["de", "en"], {}, "no setting is named 'crosss': did you mean 'cross'"),
    ],
)
def test_what_a_dataset_cannot_offer_is_refused(setting, languages, options, message):
    with pytest.raises(DataError, match=message):
        names(setting, languages, **options)
