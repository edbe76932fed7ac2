"""Which columns hold the query, the passage and the id: guessed by their names, then asked."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hbench.errors import DataError, OptionError, did_you_mean, shown
from hbench.starter import shipped
from hbench.starter.answers import Answers
from hbench.starter.codes import advice, beside, patterns
from hbench.starter.peeking import CODE, LANG, Column, columns, count_rows

NONE = "-"  # the answer that there is no such column
WORDS = re.compile(r"[^\W_]+")


def of_each_file(paths: Sequence[Path], answers: Answers) -> dict[str, Any]:
    """The options of aligned files with one language each, all with the first one's columns.

    Raises:
        DataError: no column holds text, or it is not clear which does what.
        OptionError: a column is asked for that is not there.
    """
    tables, place = [columns(path) for path in paths], str(paths[0])
    found = tables[0]
    key = _id(found, place, answers, _joining(tables))
    if not key and answers.given("id") is None:
        key = _id_of_unequal(found, paths, answers)
    cluster = _cluster(found, place, answers)
    used = (key, cluster)
    texts = {column.name: column for column in found if column.is_text and column.name not in used}
    if not texts:
        names = _listed([column.name for column in found])
        raise DataError(f"{place}: no column holds text; its columns are {names}")
    query, passage = _query_and_passage(texts, found, place, answers)
    return {"query": query} | _given(passage=passage, id=key, cluster=cluster)


def of_one_file(path: Path, answers: Answers) -> dict[str, Any]:
    """The options of one file with columns for each language.

    Raises:
        DataError: the columns name no two languages, or it is not clear which hold what.
        OptionError: a column is asked for that is not there.
    """
    found, place = columns(path), str(path)
    names = [column.name for column in found]
    key, cluster = _id(found, place, answers), _cluster(found, place, answers)
    others = [name for name in names if name not in (key, cluster)]
    by_language = patterns(others)
    if not by_language and LANG not in (answers.given("query") or ""):
        others_there = ", and other languages' files lie beside it" if beside(path) else ""
        raise DataError(
            f"{place}: no two columns are called by languages, as 'de' and 'en' or 'question_de' "
            f"and 'question_en'{others_there}; its columns are {_listed(names)}; "
            f"{advice('--data', path)}"
        )
    texts: dict[str, Column] = {}
    for pattern, codes in by_language.items():
        name = pattern.replace(LANG, next(iter(codes.values())))
        texts[pattern] = next(column for column in found if column.name == name)
    query, passage = _query_and_passage(texts, found, place, answers)
    languages = by_language.get(query, ())
    matching = [name for name in others if re.fullmatch(_expression(query, ".+"), name)]
    chosen = list(languages) if len(matching) > len(languages) > 1 else None
    given = _given(passage=passage, id=key, cluster=cluster, language=chosen)
    return {"query": query} | given


def _query_and_passage(
    texts: Mapping[str, Column], found: Sequence[Column], place: str, answers: Answers
) -> tuple[str, str]:
    """The two columns, the second "" if texts have no answers.

    Raises:
        DataError: neither names nor values tell which they are, and there is nobody to ask.
        OptionError: one is asked for that is not there.
    """
    names = [column.name for column in found]
    guess, is_clear = _likely_query(texts)
    if not is_clear:
        _ask_or_refuse("query", found, place, answers)
    query = answers.get("query", f"{place} has {_listed(list(texts))}. Which is the query?", guess)
    _check("query", query, names, place)
    rest = {name: column for name, column in texts.items() if name != query}
    if not rest:
        passage = answers.given("passage") or NONE
    else:
        guess, is_clear = _likely_passage(rest)
        if not is_clear:
            _ask_or_refuse("passage", found, place, answers)
        question = f"Which is the passage that answers it ({NONE}: none, they are sentences)?"
        passage = answers.get("passage", question, guess)
    if passage in (NONE, query):
        return query, ""
    _check("passage", passage, names, place)
    return query, passage


def _likely_query(texts: Mapping[str, Column]) -> tuple[str, bool]:
    """The column that is likely the query, and whether that is clear."""
    telling = [name for name, column in texts.items() if column.tells_apart]
    named = _guess(telling, shipped.QUERY_NAMES) or _guess(list(texts), shipped.QUERY_NAMES)
    if named:
        return named, True
    # What is called by a passage's name is no query, unless there is nothing else.
    passage = _guess(list(texts), shipped.PASSAGE_NAMES)
    others = [name for name in texts if name != passage] or list(texts)
    likely = max(others, key=lambda name: texts[name].rank, default="")
    return likely, len(others) <= 1


def _likely_passage(texts: Mapping[str, Column]) -> tuple[str, bool]:
    """The column that likely holds the answers, or that there is none, and whether it is clear."""
    named = _guess(list(texts), shipped.PASSAGE_NAMES)
    if named:
        return named, True
    telling = [name for name, column in texts.items() if column.tells_apart]
    return (telling[0] if len(telling) == 1 else NONE), len(telling) <= 1


def _ask_or_refuse(option: str, found: Sequence[Column], place: str, answers: Answers) -> None:
    """Let the user see what the columns hold.

    Raises:
        DataError: the option is not given, and there is nobody to ask.
    """
    if answers.given(option) is not None:
        return
    cells = "".join(
        f"\n  {column.name}: {shown(column.values[0]) if column.values else 'empty'}"
        for column in found
    )
    if not answers.can_ask:
        raise DataError(
            f"{place}: which column is the query, and which the passage that answers it? Name "
            f"them with --query and --passage ({NONE}: there is none); its columns begin with"
            f"{cells}"
        )
    answers.tell(f"{place} has these columns, which begin with{cells}")


def _id(found: Sequence[Column], place: str, answers: Answers, joining: Sequence[str] = ()) -> str:
    """The column that joins languages; "" joins them line by line.

    Args:
        found: the columns.
        place: of the file.
        answers: the user's.
        joining: columns whose values say that they join files, whatever they are called.
    """
    likely = [column.name for column in found if column.may_be_ids]
    guess = _guess(likely, shipped.ID_NAMES, whole=True) or next(iter(joining), "")
    key = answers.assume("id", guess)
    if key == NONE or not key:
        return ""
    _check("id", key, [column.name for column in found], place)
    return key


def _cluster(found: Sequence[Column], place: str, answers: Answers) -> str:
    """The column of what items share, as their page; "" if none is given."""
    name = answers.given("cluster") or ""
    if name:
        _check("cluster", name, [column.name for column in found], place)
    return name


def _joining(tables: Sequence[Sequence[Column]]) -> list[str]:
    """The columns whose values are distinct in each file, and mostly the same in all of them."""
    by_name = [{column.name: column for column in table} for table in tables]
    texts = (*shipped.QUERY_NAMES, *shipped.PASSAGE_NAMES)  # an answer may be one and the same name
    names = []
    for name, first in by_name[0].items():
        if _guess([name], texts, whole=True):
            continue
        others = [table[name] for table in by_name[1:] if name in table]
        if others and all(column.may_be_ids for column in (first, *others)):
            shared = [len(set(first.values) & set(other.values)) for other in others]
            if min(shared) > len(first.values) / 2:
                names.append(name)
    return names


def _id_of_unequal(found: Sequence[Column], paths: Sequence[Path], answers: Answers) -> str:
    """The column that joins files which have not equally many rows; "" if they have.

    Raises:
        DataError: there is nobody to ask.
        OptionError: the answer is no column.
    """
    first, *others = [(path, count_rows(path)) for path in paths]
    for path, count in others:
        if count == first[1]:
            continue
        names = [column.name for column in found]
        why = f"{path} has {count:,} rows, but {first[0]} has {first[1]:,}"
        if not answers.can_ask:
            raise DataError(
                f"{why}, so that row n of each is not the same item; name the column that joins "
                f"them with --id; there are {_listed(names)}"
            )
        key = answers.get("id", f"{why}. Which column joins them, as an id?", "")
        _check("id", key, names, str(first[0]))
        return key
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


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
