"""Languages' codes in the names of columns and of files."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hbench.errors import DataError
from hbench.languages import language_tag
from hbench.starter.peeking import CODE, LANG, matching

SIGNS = r"[_\-.: ]"
# Registered as languages, and yet in a header hardly ever meant so.
WORDS_NOT_CODES = {"id", "url", "doc", "ref", "src", "key", "tag", "row", "num", "set", "ans", "nr"}


def patterns(names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Names with ``{lang}`` for the language, with at least two languages, in the file's order."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        for pattern, code in _readings(name):
            tag = _tag(code)
            if tag:
                found.setdefault(pattern, {}).setdefault(tag, code)
    return {pattern: list(codes) for pattern, codes in found.items() if len(codes) > 1}


def beside(path: Path) -> str:
    """The pattern of the files that lie beside one and are named alike by other languages.

    "" if there are none.
    """
    stem, dot, rest = path.name.partition(".")
    names = {path.name: "", stem: dot + rest, path.stem: path.suffix}
    for name, end in names.items():
        for pattern, _ in _readings(name):
            whole = path.with_name(pattern + end)
            before, _, after = whole.name.partition(LANG)
            others = [each.name.removesuffix(".gz") for each in matching(str(whole))]
            codes = [each.removeprefix(before).removesuffix(after) for each in others]
            if sum(bool(_tag(code)) for code in codes) > 1:
                return str(whole)
    return ""


def _readings(name: str) -> Iterable[tuple[str, str]]:
    """How a name may be made of a language's code and what is around it.

    >>> list(_readings("question_de"))
    [('question_{lang}', 'de')]
    """
    if re.fullmatch(CODE, name) and name.lower() not in WORDS_NOT_CODES:
        yield LANG, name
    behind = re.fullmatch(rf"(.*?{SIGNS})({CODE})", name)
    if behind:
        yield behind[1] + LANG, behind[2]
    before = re.fullmatch(rf"({CODE}?)({SIGNS}.*)", name)
    if before:
        yield LANG + before[2], before[1]


def _tag(code: str) -> str:
    try:
        return language_tag(code)
    except DataError:
        return ""
