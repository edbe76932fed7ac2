"""Data stage: a dataset plugin's stream becomes checked, memory-mapped tables in the store.

Knows nothing of training or ranking. Texts are written as they come, so that a corpus need not
fit into memory; only judgements are held.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hbench.corpus import SHARD
from hbench.errors import DataError, shown
from hbench.numbering import write_numbers
from hbench.protocols import Dataset
from hbench.records import RESERVED
from hbench.tablefile import Table

VERSION = 2
TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def run(dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Write the tables of a dataset into ``folder``.

    Returns:
        What the manifest tells of it: languages, counts, and what is noteworthy.

    Raises:
        DataError: the plugin's stream breaks its contract; says which text and how.
    """
    languages = sorted(dataset.languages())
    _check_languages(languages)
    items, query_counts, columns = _write_queries(dataset, languages, folder)
    judged = _judgements(dataset, items, languages)
    passage_counts, rows = _write_passages(dataset, languages, folder, wanted=judged)
    present, notes = _present(judged, rows, may_dangle=getattr(dataset, "may_dangle", False))
    if not present:
        raise DataError("all judgements are of passages that the corpus lacks")
    answered = _write_judgements(present, items, rows, folder)
    _write_items(items, folder)
    shards = {
        side: {name: write_numbers(folder, f"{stem}-{name}", SHARD) for name in languages}
        for side, stem in (("query", "queries"), ("passage", "passages"))
    }
    facts: dict[str, Any] = {
        "parallel": dataset.parallel,
        "languages": languages,
        "queries": query_counts,
        "passages": passage_counts,
        "items": len(items),
        "clusters": len({cluster for _, cluster in items.values()}),
        "judgements": len(present),
        "shards": shards,
        **({"columns": columns} if columns else {}),
    }
    unanswered = len(items) - answered
    mute = [name for name, count in query_counts.items() if not count]
    notes += [f"no queries are in {', '.join(mute)}: settings are without them"] if mute else []
    notes += [f"{unanswered} items have no relevant passage"] if unanswered else []
    facts["notes"] = [*notes, *(dataset.notes() if hasattr(dataset, "notes") else ())]
    return facts


def _check_languages(languages: list[str]) -> None:
    if not languages:
        raise DataError("the dataset has no languages")
    for tag in languages:
        if not TAG.fullmatch(tag):
            raise DataError(f"{tag!r} is no BCP 47 language tag, such as 'de' or 'zh-Hant'")
    twice = [tag for tag, count in Counter(languages).items() if count > 1]
    if twice:
        raise DataError(f"language {twice[0]!r} is listed twice")


def _write_queries(
    dataset: Dataset, languages: list[str], folder: Path
) -> tuple[dict[str, tuple[int, str]], dict[str, int], list[str]]:
    """Write ``queries-<language>``.

    Returns:
        (number, cluster) by item; counts by language; the names of the columns that queries bring.
    """
    items: dict[str, tuple[int, str]] = {}
    seen: set[tuple[int, str]] = set()
    with ExitStack() as stack:
        tables = {
            name: stack.enter_context(
                Table(folder, f"queries-{name}", {"item": "int32", "text": "string"})
            )
            for name in languages
        }
        for query in dataset.queries():
            where = f"query {query.item!r} in {query.language!r}"
            _check_text(where, query.language, query.text, tables)
            _check_encodes(where, query.item + query.cluster)
            for name, value in query.columns.items():
                _check_column(where, name, value)
            known = query.item in items
            cluster = query.cluster or query.item
            number, first_cluster = items.setdefault(query.item, (len(items), cluster))
            if cluster != first_cluster:
                raise DataError(f"{where}: cluster {cluster!r}, but elsewhere {first_cluster!r}")
            if (number, query.language) in seen:
                raise DataError(f"{where} is given twice; an item has one query a language")
            if known and not dataset.parallel:
                raise DataError(
                    f"{where}: the item has a query already, and the dataset is not parallel; "
                    f"make items unique over languages, as {query.language}:{query.item}"
                )
            seen.add((number, query.language))
            tables[query.language].add(number, query.text, further=query.columns)
    columns = sorted({name for table in tables.values() for name in table.further})
    return items, {name: table.rows for name, table in tables.items()}, columns


def _judgements(
    dataset: Dataset, items: Mapping[str, object], languages: list[str]
) -> dict[tuple[str, str, str], int]:
    """Grade by (item, language, passage)."""
    judged: dict[tuple[str, str, str], int] = {}
    for judgement in dataset.judgements():
        where = f"judgement of {judgement.passage!r} ({judgement.language}) for {judgement.item!r}"
        if judgement.item not in items:
            raise DataError(f"{where}: no query has this item")
        if judgement.language not in languages:
            raise DataError(f"{where}: the dataset does not list the language")
        key = (judgement.item, judgement.language, judgement.passage)
        if judged.setdefault(key, judgement.grade) != judgement.grade:
            raise DataError(
                f"{where}: judged twice, with grades {judged[key]} and {judgement.grade}"
            )
    if not judged:
        raise DataError("the dataset has no judgements")
    return judged


def _write_passages(
    dataset: Dataset,
    languages: list[str],
    folder: Path,
    *,
    wanted: Mapping[tuple[str, str, str], int],
) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Write ``passages-<language>``; returns counts, and the number of each judged passage."""
    judged = {(language, passage) for _, language, passage in wanted}
    found: dict[tuple[str, str], int] = {}
    with ExitStack() as stack:
        tables = {
            name: stack.enter_context(
                Table(folder, f"passages-{name}", {"id": "string", "text": "string"})
            )
            for name in languages
        }
        for passage in dataset.passages():
            where = f"passage {passage.id!r} in {passage.language!r}"
            _check_text(where, passage.language, passage.text, tables)
            _check_encodes(where, passage.id)
            table = tables[passage.language]
            if (passage.language, passage.id) in judged:
                found[passage.language, passage.id] = table.rows
            table.add(passage.id, passage.text)
    for name, table in tables.items():
        table.check_distinct("id")
        if not table.rows:
            raise DataError(f"language {name!r} has no passages")
    counts = {name: table.rows for name, table in tables.items()}
    start = dict(zip(languages, _running_total(counts.values()), strict=False))
    return counts, {(name, key): row + start[name] for (name, key), row in found.items()}


def _present(
    judged: Mapping[tuple[str, str, str], int],
    rows: Mapping[tuple[str, str], int],
    *,
    may_dangle: bool,
) -> tuple[Mapping[tuple[str, str, str], int], list[str]]:
    """The judgements of passages that are there, and a note on the others, if there may be any."""
    absent = {(language, passage) for _, language, passage in judged} - rows.keys()
    if not absent:
        return judged, []
    language, passage = min(absent)
    first = f"the first is {passage!r} in {language!r}"
    if not may_dangle:
        raise DataError(f"{len(absent)} judged passages are absent from the corpus, {first}")
    present = {key: grade for key, grade in judged.items() if key[1:] not in absent}
    note = (
        f"left out, judgements of passages that the corpus lacks: {len(judged) - len(present):,}, "
        f"of {len(absent):,} passages, {first}"
    )
    return present, [note]


def _write_judgements(
    judged: Mapping[tuple[str, str, str], int],
    items: Mapping[str, tuple[int, str]],
    rows: Mapping[tuple[str, str], int],
    folder: Path,
) -> int:
    """Write ``judgements``, in the plugin's order; returns how many items have a relevant one."""
    with Table(folder, "judgements", dict.fromkeys(("item", "passage", "grade"), "int32")) as table:
        for (item, language, passage), grade in judged.items():
            table.add(items[item][0], rows[language, passage], grade)
    return len({item for (item, _, _), grade in judged.items() if grade > 0})


def _write_items(items: Mapping[str, tuple[int, str]], folder: Path) -> None:
    with Table(folder, "items", {"item": "string", "cluster": "string"}) as table:
        for item, (_, cluster) in items.items():
            table.add(item, cluster)


def _check_text(where: str, language: str, text: str, tables: Mapping[str, object]) -> None:
    if language not in tables:
        raise DataError(f"{where}: the dataset lists only {', '.join(tables)}")
    if not text.strip():
        raise DataError(f"{where}: the text is empty")
    _check_encodes(f"{where}: the text", text)


def _check_column(where: str, name: str, value: str) -> None:
    if name in RESERVED:
        raise DataError(
            f"{where}: a column may not be named {name!r}, which hbench needs itself; the plugin "
            f"must choose another name than {', '.join(sorted(RESERVED))}"
        )
    if not isinstance(value, str) or not value.strip() or not name.strip():
        raise DataError(
            f"{where}: the column {name!r} is {shown(value)}; a name and a text are expected, and "
            "a query that has none leaves the column out"
        )
    _check_encodes(f"{where}: the column {name!r}", name + value)


def _check_encodes(where: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError(f"{where} holds half of a surrogate pair; mend the file") from None


def _running_total(counts: Any) -> Iterator[int]:  # noqa: ANN401 - any iterable of int
    total = 0
    for count in counts:
        yield total
        total += count
