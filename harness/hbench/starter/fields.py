"""Which columns hold the query, the passage and the id: guessed by their names, then asked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hbench.errors import DataError, OptionError, did_you_mean
from hbench.languages import language_tag
from hbench.starter import shipped
from hbench.starter.answers import Answers
from hbench.starter.peeking import CODE, LANG, Column

NONE = "-"  # the answer that there is no such column
WORDS = re.compile(r"[^\W_]+")
SIGNS = r"[_\-.: ]"
# Registered as languages, and yet in a header hardly ever meant so.
WORDS_NOT_CODES = {"id", "url", "doc", "ref", "src", "key", "tag", "row", "num", "set", "ans", "nr"}


def of_each_file(columns: Sequence[Column], place: str, answers: Answers) -> dict[str, Any]:
    """The options of aligned files with one language each, all with these columns.

    Raises:
        DataError: no column holds text.
        OptionError: a column is asked for that is not there.
    """
    names = [column.name for column in columns]
    key = _id(columns, place, answers)
    texts = [column.name for column in columns if column.is_text and column.name != key]
    if not texts:
        raise DataError(f"{place}: no column holds text; its columns are {_listed(names)}")
    query, passage = _query_and_passage(texts, names, place, answers)
    return {"query": query} | _given(passage=passage, id=key)


def of_one_file(columns: Sequence[Column], place: str, answers: Answers) -> dict[str, Any]:
    """The options of one file with columns for each language.

    Raises:
        DataError: the columns name no two languages.
        OptionError: a column is asked for that is not there.
    """
    names = [column.name for column in columns]
    key = _id(columns, place, answers)
    others = [name for name in names if name != key]
    patterns = _patterns(others)
    if not patterns and answers.given("query") is None:
        raise DataError(
            f"{place}: no two columns are called by languages, as 'de' and 'en' or 'question_de' "
            f"and 'question_en'; its columns are {_listed(names)}. For a file of each language "
            f"write {LANG} where their names differ, as {_sibling(Path(place))}"
        )
    query, passage = _query_and_passage(list(patterns), names, place, answers)
    languages = patterns.get(query, ())
    matching = [name for name in others if re.fullmatch(_expression(query, ".+"), name)]
    chosen = list(languages) if len(matching) > len(languages) > 1 else None
    return {"query": query} | _given(passage=passage, id=key, language=chosen)


def _query_and_passage(
    texts: Sequence[str], names: Sequence[str], place: str, answers: Answers
) -> tuple[str, str]:
    """The two columns, the second "" if texts have no answers."""
    shown = _listed(texts)
    guess = _guess(texts, shipped.QUERY_NAMES)
    if not guess:
        # What is called by a passage's name is no query, unless there is nothing else.
        likely = _guess(texts, shipped.PASSAGE_NAMES)
        guess = next((name for name in texts if name != likely), texts[0] if texts else "")
    query = answers.get("query", f"{place} has {shown}. Which is the query?", guess)
    _check("query", query, names, place)
    rest = [name for name in texts if name != query]
    guess = _guess(rest, shipped.PASSAGE_NAMES) or (rest[0] if len(rest) == 1 else NONE)
    if not rest:
        passage = answers.given("passage") or NONE
    else:
        question = f"Which is the passage that answers it ({NONE}: none, they are sentences)?"
        passage = answers.get("passage", question, guess)
    if passage in (NONE, query):
        return query, ""
    _check("passage", passage, names, place)
    return query, passage


def _id(columns: Sequence[Column], place: str, answers: Answers) -> str:
    """The column that joins languages; "" joins them line by line."""
    likely = [column.name for column in columns if column.may_be_ids]
    found = _guess(likely, shipped.ID_NAMES, whole=True)
    key = answers.assume("id", found)
    if key == NONE or not key:
        return ""
    _check("id", key, [column.name for column in columns], place)
    return key


def _patterns(names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Names with ``{lang}`` for the language, with at least two languages, in the file's order."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        for pattern, code in _readings(name):
            tag = _tag(code)
            if tag:
                found.setdefault(pattern, {}).setdefault(tag, code)
    return {pattern: list(codes) for pattern, codes in found.items() if len(codes) > 1}


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


def _guess(names: Sequence[str], hints: Sequence[str], *, whole: bool = False) -> str:
    """The name that is such a hint, or has it as a word; "" if there is none."""
    for hint in hints:
        for name in names:
            words = WORDS.findall(name.replace(LANG, "").lower())
            if name.lower() == hint or (not whole and hint in words):
                return name
    return ""


def _check(option: str, name: str, names: Sequence[str], place: str) -> None:
    """Whether a column is there, or with ``{lang}`` some that fit."""
    if LANG in name:
        is_there = any(re.fullmatch(_expression(name, CODE), each) for each in names)
    else:
        is_there = name in names
    if not is_there:
        raise OptionError(f"--{option} {name}: {place} has no such column; "
                          f"{did_you_mean(name, names)}")  # fmt: skip


def _expression(pattern: str, code: str) -> str:
    before, _, after = pattern.partition(LANG)
    return f"{re.escape(before)}{code}{re.escape(after)}"


def _given(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - values of a spec
    return {name: value for name, value in options.items() if value}


def _sibling(path: Path) -> str:
    """The pattern of files that lie beside one, by their languages."""
    return str(path.with_name(f"{LANG}{path.suffix}"))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
