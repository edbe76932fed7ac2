"""Aligned texts as columns: where each language of a set of items stands, and its rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hbench.errors import DataError, shown
from hbench_plugins.datasets import files, places
from hbench_plugins.datasets.files import LINE, Line, Record
from hbench_plugins.datasets.places import LANG, Choice, Place

SHOWN = 5  # numbers of lines
Files = Path | dict[str, Path]  # one place or a pattern, or a file for each language


@dataclass(frozen=True, slots=True)
class Row:
    """An item in one language.

    Args:
        item: its key, unique inside its column.
        number: of the row, from 0.
        query: what is asked.
        passage: what answers it.
        cluster: what its item shares with others; "" if no field says.
        line: where it is.
    """

    item: str
    number: int
    query: str
    passage: str
    cluster: str
    line: Line


@dataclass(frozen=True, slots=True)
class Column:
    """One language of one set of items.

    Args:
        place: its language and file.
        query: the field that holds the query.
        passage: the field that holds the passage.
        key: the field that holds the item's id; "" numbers the rows.
        cluster: the field that holds what the item shares with others; "" if there is none.
        has_gaps: the file holds all languages, and where a field is blank the item is not there.
    """

    place: Place
    query: str
    passage: str
    key: str
    cluster: str
    has_gaps: bool

    def rows(self, lengths: dict[Path, int]) -> Iterator[Row]:
        """The rows, in the file's order; at the end their number is noted in ``lengths``.

        Raises:
            DataError: the file is damaged, a text is empty, or an id is given twice.
        """
        first: dict[str, Line] = {}
        count = 0
        for count, record in enumerate(files.read(self.place.path), start=1):
            item = self._item(record) if self.key else str(count - 1)
            if self.key and first.setdefault(item, record.line) != record.line:
                raise DataError(
                    f"{record.line}: {self.key!r} {shown(item)} is given twice, first in line "
                    f"{first[item].number}; ids must be distinct: remove one of the two rows, or "
                    "name another column with 'id'"
                )
            blank = [name for name in (self.query, self.passage) if record.is_blank(name)]
            if blank and self.has_gaps:
                continue
            if blank and blank[0] in record.fields:
                raise DataError(f"{record.line}: {self._blank(blank[0])}")
            query, passage = record.text(self.query), record.text(self.passage)
            cluster = record.id(self.cluster) if self.cluster else ""
            yield Row(item, count - 1, query, passage, cluster, record.line)
        lengths[self.place.path] = count

    def _blank(self, name: str) -> str:
        """What is said of a field that is empty somewhere: where else it is, and what to do."""
        records = files.read(self.place.path)
        numbers = [record.line.number for record in records if record.is_blank(name)]
        some = ", ".join(map(str, numbers[:SHOWN]))
        more = ", ..." if len(numbers) > SHOWN else ""
        what = "" if name == LINE else f"{name!r} "
        where = "" if self.key else " from the file of every language"
        return (
            f"{what}is empty, where text is expected; lines where it is: {some}{more} "
            f"({len(numbers):,} in all); fill them, or remove them{where}"
        )

    def _item(self, record: Record) -> str:
        """The id; in a file of one language without that: ``17_zh_cn`` is 17 in ``zh_cn``."""
        name = record.id(self.key)
        if self.has_gaps:
            return name
        for sign in "_-.:":
            name = name.removesuffix(f"{sign}{self.place.code}") or name
        return name


def columns(
    where: Files, language: Choice, *, query: str, passage: str, key: str, cluster: str
) -> Sequence[Column]:
    """The columns that the options of ``Parallel`` name, sorted by set and language.

    Raises:
        DataError: a file or a language is missing, or two columns are of one language.
    """
    tags = places.chosen(language)
    if isinstance(where, Path) and LANG not in str(where):
        return _of_one_file(where, tags, query=query, passage=passage, key=key, cluster=cluster)
    if isinstance(where, Path):
        found = places.find(where, language)
    else:
        names = [(code, path, "") for code, path in where.items()]
        found = places.of_codes(names, tags, "files")
    return [Column(place, query, passage, key, cluster, has_gaps=False) for place in found]


def check_cluster(field: str, item: str, row: Row, known: dict[str, tuple[str, Line]]) -> None:
    """Whether an item is of one cluster in every language.

    Args:
        field: that holds the cluster.
        item: its name.
        row: the next one.
        known: by item the cluster and where it was first found; the row is added.

    Raises:
        DataError: it is not; names both lines.
    """
    cluster, line = known.setdefault(item, (row.cluster, row.line))
    if cluster != row.cluster:
        raise DataError(
            f"{row.line}: {field!r} is {shown(row.cluster)}, and in {line}, of the same item, "
            f"{shown(cluster)}; an item is of one cluster: give it one value in every language"
        )


def check_lengths(lengths: Mapping[Path, int]) -> None:
    """Whether aligned files have equally many lines.

    Raises:
        DataError: they do not; names the two and their lengths.
    """
    (first, count), *others = lengths.items()
    for path, other in others:
        if other != count:
            has_fields = "lines" not in map(files.kind_of, (first, path))
            joined = "; or name the column that joins them, as id: COLUMN" if has_fields else ""
            raise DataError(
                f"{path} has {other} lines, but {first} has {count}; line n of each must be "
                f"the same item{joined}"
            )


def _of_one_file(
    path: Path, tags: Sequence[str] | None, *, query: str, passage: str, key: str, cluster: str
) -> Sequence[Column]:
    """The columns of a file that holds all languages: one for each field of a query."""
    fields = _fields(path)
    before, _, after = query.partition(LANG)
    codes = [
        field[len(before) : len(field) - len(after)]
        for field in fields
        if field not in (key, cluster) and field.startswith(before) and field.endswith(after)
    ]
    if "id" in codes and not key and tags is None:
        raise DataError(
            f"{path}: 'id' may be the ids or Indonesian; say id: id, or choose with 'language'"
        )
    names = [(code, path, "") for code in codes]
    found = places.of_codes(names, tags, str(path))
    return [
        Column(
            place,
            query.replace(LANG, place.code),
            passage.replace(LANG, place.code),
            key,
            cluster,
            has_gaps=True,
        )
        for place in found
    ]


def _fields(path: Path) -> Sequence[str]:
    """The fields of a table, or all that some record of a JSONL file has."""
    kind = files.kind_of(path)
    found: dict[str, None] = {}
    for record in files.read(path):
        if LINE in record.fields and kind == "lines":
            break
        found |= dict.fromkeys(record.fields)
        if kind != "jsonl":
            break
    if found:
        return list(found)
    raise DataError(
        f"{path}: a file of all languages must be a table (.tsv) or JSON lines (.jsonl) with a "
        f"field for each; for a file of each, write {LANG} where the names differ"
    )
