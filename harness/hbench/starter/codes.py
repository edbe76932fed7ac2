"""Languages' codes in the names of columns and of files, or beside them."""

import re
from collections.abc import Iterable, Mapping
from glob import escape
from pathlib import Path

from hbench.errors import DataError
from hbench.languages import language_tag
from hbench.starter.peeking import CODE, LANG, matching

SIGNS = r"[_\-.: ]"
# Registered as languages, and yet in a header hardly ever meant so.
WORDS_NOT_CODES = {"id", "url", "doc", "ref", "src", "key", "tag", "row", "num", "set", "ans", "nr"}


def patterns(names: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    """Names with ``{lang}`` for the language, with at least two languages, in the file's order.

    Returns:
        By name what each language, as a tag, is called in it: ``{"{lang}": {"de": "DE", ...}}``.
    """
    found: dict[str, dict[str, str]] = {}
    for name in names:
        for pattern, code in _readings(name):
            tag = _tag(code)
            if tag:
                found.setdefault(pattern, {}).setdefault(tag, code)
    return {pattern: codes for pattern, codes in found.items() if len(codes) > 1}


def named_files(pattern: str) -> Mapping[str, str]:
    """The files that are named one by one, by their languages' codes; none if it is a pattern.

    Raises:
        DataError: a code is there twice.

    >>> named_files("es=data/spanish.tsv,hi=data/hindi.tsv")
    {'es': 'data/spanish.tsv', 'hi': 'data/hindi.tsv'}
    """
    parts = re.split(rf",\s*(?={CODE}=)", pattern)
    found = [match for part in parts if (match := re.fullmatch(rf"({CODE})=(.+)", part))]
    if len(found) < len(parts) or LANG in pattern or Path(pattern).exists():
        return {}
    named: dict[str, str] = {}
    for match in found:
        code, path = match.groups()
        if code in named:
            raise DataError(
                f"{pattern}: two files are of {code}, {named[code]} and {path}; keep one of them"
            )
        named[code] = path
    return named


def advice(option: str, path: Path) -> str:
    """How to name a file of each language, for somebody who has named one, or none that is there.

    Args:
        option: that names them.
        path: what was named.
    """
    if likely := beside(path):
        return f"for a file of each language write {LANG} where their names differ, as {likely}"
    usual = path if LANG in path.name else path.with_name(LANG + path.suffix)
    found = sorted(path.parent.glob(f"*{escape(path.suffix)}"))[:2]
    one_by_one = ",".join(f"CODE={each}" for each in found if each.is_file())
    return (
        f"for a file of each language write {LANG} where their names have its code, as {usual}, or "
        f"name each with its code: {option} {one_by_one or f'CODE={path}'},..."
    )


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
