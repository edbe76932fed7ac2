"""The family and the script of a language, for tables that sum up many languages.

Families are Glottolog's highest groups, and of Indo-European, which half of most evaluations belong
to, its branches. Here are the languages of XLM-R, LaBSE, MIRACL, MKQA, NTREX-128, Belebele and
FLORES-200, and some more. Creoles stand, as there, with the language that their words are from.

Source: Glottolog 5.1 (Hammarström, Forkel, Haspelmath and Bank, 2024, https://glottolog.org).
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langcodes import Language

UNKNOWN_FAMILY = "unknown family"
UNKNOWN_SCRIPT = "unknown script"

# By family the codes of its languages, the shortest that ISO 639 has.
FAMILIES: Mapping[str, str] = {
    "Abkhaz-Adyge": "ab kbd",
    "Afro-Asiatic": (
        "acm acq aeb ajp am apc ar arq ars ary arz ber ha he kab mey mt om shi so taq ti tzm"
    ),
    "Athabaskan-Eyak-Tlingit": "nv",
    "Atlantic-Congo": (
        "ak bem cjk ee ff fon fuv ig kam kbp kg ki kmb lg ln lua mos nd nso ny rn rw sg sn ss st "
        "sw tn ts tum umb ve wo xh yo zu"
    ),
    "Austroasiatic": "km sat vi",
    "Austronesian": (
        "ace ban bjn bug ceb ch fil fj haw id ilo jv mg mi min ms pag pam sm su to ty war"
    ),
    "Aymaran": "ay",
    "Basque": "eu",
    "Dravidian": "kn ml ta tcy te",
    "Eskimo-Aleut": "iu kl",
    "Hmong-Mien": "hmn",
    "Indo-European: Albanian": "sq",
    "Indo-European: Armenian": "hy",
    "Indo-European: Baltic": "lt ltg lv",
    "Indo-European: Celtic": "br cy ga gd gv kw",
    "Indo-European: Germanic": (
        "af ang da de en fo fy gsw is ksh lb li nb nds nl nn no pcm sco sv swg tpi yi"
    ),
    "Indo-European: Greek": "el",
    "Indo-European: Indo-Aryan": (
        "as awa bho bn doi dv gom gu hi hif hne kok ks mag mai mr ne or pa raj rom sa sd si ur"
    ),
    "Indo-European: Iranian": "bal ckb fa ku os pbt ps tg",
    "Indo-European: Italic": "la",
    "Indo-European: Romance": (
        "an ast ca cbk co es fr frp fur gl ht it kea lij lmo oc pap pms pt ro sc scn vec wa"
    ),
    "Indo-European: Slavic": "be bg bs cs csb dsb hr hsb mk orv pl ru rue sh sk sl sr szl uk",
    "Iroquoian": "chr",
    "Japonic": "ja",
    "Kartvelian": "ka",
    "Koreanic": "ko",
    "Mande": "bm dyu",
    "Mongolic-Khitan": "mn xal",
    "Nakh-Daghestanian": "av ce inh lez",
    "Nilotic": "din luo nus",
    "Quechuan": "qu quy",
    "Saharan": "kr",
    "Sino-Tibetan": "bo brx dz hak kac lus mni my nan wuu yue zh",
    "Ta-Ne-Omotic": "wal",
    "Tai-Kadai": "lo shn th",
    "Tupian": "gn",
    "Turkic": "az azb ba crh cv kk ky sah tk tr tt tyv ug uz",
    "Uralic": "chm et fi hu mdf myv se udm vep",
    "artificial language": "eo ia lfn nov tzl",
}


def family(tag: str) -> str:
    """The family of a language, ``UNKNOWN_FAMILY`` if the table lacks it.

    >>> [family(tag) for tag in ("de", "cmn-Hant", "tlh")]
    ['Indo-European: Germanic', 'Sino-Tibetan', 'unknown family']
    """
    return _families().get(_meant(tag).language or "", UNKNOWN_FAMILY)


def script(tag: str) -> str:
    """The ISO 15924 code of a language's script, ``UNKNOWN_SCRIPT`` if nobody says.

    It is the one that the tag names, or else the likely one (Unicode TR 35, by langcodes).

    >>> [script(tag) for tag in ("de", "zh", "zh-TW", "sr", "sr-Latn", "tlh")]
    ['Latn', 'Hans', 'Hant', 'Cyrl', 'Latn', 'unknown script']
    """
    from langcodes.data_dicts import LIKELY_SUBTAGS

    meant = _meant(tag)
    if not meant.script and meant.language not in LIKELY_SUBTAGS:
        return UNKNOWN_SCRIPT  # langcodes would say Latin
    return meant.maximize().script or UNKNOWN_SCRIPT


def _meant(tag: str) -> "Language":
    """The language of a tag, whose code is the shortest; none if it is no tag."""
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    try:
        return langcodes.Language.get(langcodes.standardize_tag(tag, macro=True))
    except LanguageTagError:
        return langcodes.Language.make()


@cache
def _families() -> Mapping[str, str]:
    """The family by language code."""
    return {code: name for name, codes in FAMILIES.items() for code in codes.split()}
