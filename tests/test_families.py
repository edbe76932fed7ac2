"""The table of families, and the scripts that langcodes knows."""

import pytest
from langcodes import Language

from hbench.families import FAMILIES, family, script


def test_a_language_stands_in_the_table_once_and_is_found_by_two_and_by_three_letters():
    codes = [code for codes in FAMILIES.values() for code in codes.split()]
    assert len(codes) == len(set(codes))
    for name, own in FAMILIES.items():
        assert {family(code) for code in own.split()} == {name}
        assert {family(Language.get(code).to_alpha3()) for code in own.split()} == {name}


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("arz", ("Afro-Asiatic", "Arab")),
        ("arb", ("Afro-Asiatic", "Arab")),
        ("pt-BR", ("Indo-European: Romance", "Latn")),
        ("swh", ("Atlantic-Congo", "Latn")),
        ("te", ("Dravidian", "Telu")),
        ("ja", ("Japonic", "Jpan")),
        ("zh-TW", ("Sino-Tibetan", "Hant")),
        ("sr-Latn", ("Indo-European: Slavic", "Latn")),
        ("sr", ("Indo-European: Slavic", "Cyrl")),
        ("acm", ("Afro-Asiatic", "unknown script")),
        ("acm-Arab", ("Afro-Asiatic", "Arab")),
        ("d", ("unknown family", "unknown script")),
    ],
)
def test_families_and_scripts_as_they_are_known(tag, expected):
    assert (family(tag), script(tag)) == expected
