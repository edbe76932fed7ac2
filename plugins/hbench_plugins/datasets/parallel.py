"""Aligned texts: sentences or questions that were translated, as they are downloaded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import ClassVar

from hbench.errors import DataError, OptionError
from hbench.manifests import file_record, key_of
from hbench.records import Judgement, Passage, Query
from hbench_plugins.datasets import columns, files, places
from hbench_plugins.datasets.columns import Column, Row
from hbench_plugins.datasets.files import LINE, Line
from hbench_plugins.datasets.places import LANG, SET


@dataclass(frozen=True, slots=True)
class _Text:
    """A row with its language and the name of its item."""

    item: str
    language: str
    row: Row


@dataclass(frozen=True, kw_only=True)
class Parallel:
    """Items in many languages from aligned files: line n of each file, or one id, is one item.

    ``files`` is one of three:

    * a path with ``{lang}`` in it, which stands for a language's code: a file for each language.
      ``*`` stands for anything: ``ntrex/newstest2019-*.{lang}.txt``. With ``{set}`` there are
      several sets, each with items of its own: ``tatoeba/tatoeba.{set}.{lang}`` reads all pairs,
      ``tatoeba/tatoeba.tha-eng.{lang}`` one.
    * a mapping of languages to files.
    * one table (``.tsv``, the header names the columns) or one file of JSON lines with a field
      for each language. Where it is empty, the item is not there in that language.

    Files are plain lines, or by their suffix ``.tsv`` or ``.jsonl``, each perhaps with ``.gz``.
    In tables quotes are text; cells that a spreadsheet has quoted are refused.
    Codes may be any of a language, as ``zho-CN`` or ``zh_cn`` for ``zh``. All files have equally
    many lines, unless ``id`` joins them: then an item may lack languages.

    Sentences have no answers: without ``passage``, the text of an item is both its query and its
    passage, so that a sentence of one language looks for its translation in another. Where the
    candidates are of its own language, it finds itself. So evaluate on ``cross``, where they are
    not, and train with the sampler ``cross``: ``mono`` is won by every encoder and teaches next to
    nothing (a text and itself, which differ in dropout), and in ``pair`` and ``multi`` one relevant
    passage of each query is a gift.

    Each line is a passage of its own, also where two are equal, as in the scorers of sentence
    retrieval. Where one answer serves several questions, its copies would be wrong answers to each
    other's question: with ``merge_passages`` they are one.

    Args:
        files: where the texts are.
        language: the languages to read; not given: all there are.
        query: the field of the query in JSON lines and tables; if one file holds all languages,
            with ``{lang}``, as in ``question_{lang}`` (not given: the code alone).
        passage: likewise the field of the answer, of which a list gives its first; not given: the
            query.
        id: the field that joins languages; what a file's ids end in, as ``_en``, is no part of
            it if it is the language. Not given: files are joined line by line.
        cluster: the field with the name of what an item shares with others, as the page that it
            is from; the same in every language.
        clusters: a file with the name of the document that each line is from.
        merge_passages: whether equal passages of a language are one, which answers all of their
            items. It has the name of the first of these.
        items: such as ``0-999``: only these, counted from 0 in the order of the lines, in each
            set; with ``id``, in the order in which ids first occur. Not given: all.
    """

    files: Path | dict[str, Path]
    language: str | tuple[str, ...] | None = None
    query: str | None = None
    passage: str | None = None
    id: str | None = None
    cluster: str | None = None
    clusters: Path | None = None
    merge_passages: bool = False
    items: str | None = None
    version: ClassVar[int] = 1
    parallel: ClassVar[bool] = True

    def __post_init__(self) -> None:
        places.chosen(self.language)
        if self.items is not None:
            places.number_range("items", self.items)
        if self.clusters and (self.id or self.cluster or SET in str(self.files)):
            raise OptionError(
                f"clusters: only for one set of files that are joined line by line, without 'id', "
                f"'cluster' and {SET}; for others name the column with the cluster, as "
                "cluster: page",
                ("clusters",),
            )
        self._check_fields()

    def fingerprint(self) -> str:
        """A sum over the languages, what they are called, and the content of their files."""
        found = self._columns()
        paths = {column.place.path for column in found} | ({self.clusters} - {None})
        sums = {path: _sum(path) for path in paths if path is not None}
        return key_of(
            {
                "columns": [
                    [place.group, place.language, place.code, sums[place.path]]
                    for place in (column.place for column in found)
                ],
                "clusters": sums[self.clusters] if self.clusters else "",
            }
        )

    def languages(self) -> Sequence[str]:
        """The tags of all files or columns."""
        return sorted({column.place.language for column in self._columns()})

    def queries(self) -> Iterator[Query]:
        """Set by set, language by language, in the files' order."""
        documents = self._documents()
        known: dict[str, tuple[str, Line]] = {}
        for text in self._texts(documents):
            if self.cluster is not None:
                columns.check_cluster(self.cluster, text.item, text.row, known)
            cluster = documents.get(text.row.number, text.row.cluster)
            yield Query(text.item, text.language, text.row.query, cluster)

    def passages(self) -> Iterator[Passage]:
        """In the order of the queries; a passage has its item's name."""
        for text, owner in self._owned():
            if owner == text.item:
                yield Passage(owner, text.language, text.row.passage)

    def judgements(self) -> Iterator[Judgement]:
        """One for each item and language."""
        for text, owner in self._owned():
            yield Judgement(text.item, text.language, owner)

    def notes(self) -> Sequence[str]:
        """Which figures of sentences mean something."""
        if self.passage is not None:
            return []
        note = "query and passage are one text, which finds itself in its own language: of the"
        return [f"{note} settings only cross says something"]

    def _check_fields(self) -> None:
        paths = self.files.values() if isinstance(self.files, dict) else (self.files,)
        has_fields = any(files.kind_of(path) != "lines" for path in paths)
        if isinstance(self.files, dict) and not self.files:
            raise OptionError("files: give a file for each language", ("files",))
        if has_fields and not self._is_one_file and self.query is None:
            raise OptionError("query: name the field that holds the text", ("query",))
        if self.cluster is not None and not has_fields:
            raise OptionError(
                "cluster: plain lines have no fields; name a file with the document of each line "
                "by 'clusters'",
                ("cluster",),
            )
        for name, field in (("query", self.query), ("passage", self.passage)):
            if self._is_one_file and field is not None and LANG not in field:
                raise OptionError(
                    f"{name}: one file holds all languages, so that {LANG} must stand in the "
                    f"field's name; found {field!r}",
                    (name,),
                )

    @property
    def _is_one_file(self) -> bool:
        return isinstance(self.files, Path) and LANG not in str(self.files)

    def _columns(self) -> Sequence[Column]:
        query = self.query or (LANG if self._is_one_file else LINE)
        return columns.columns(
            self.files,
            self.language,
            query=query,
            passage=self.passage or query,
            key=self.id or "",
            cluster=self.cluster or "",
        )

    def _texts(self, documents: Mapping[int, str] | None = None) -> Iterator[_Text]:
        """All items in all languages; files are checked for equal length as they end."""
        for group, found in groupby(self._columns(), key=lambda column: column.place.group):
            members = list(found)
            lengths = {}
            if self.clusters is not None and documents is not None:
                lengths[self.clusters] = len(documents)
            wanted = self._wanted(members)
            for column in members:
                for row in column.rows(lengths):
                    if wanted is None or (row.item if self.id else row.number) in wanted:
                        name = f"{group}:{row.item}" if group else row.item
                        yield _Text(name, column.place.language, row)
                if not self.id:
                    columns.check_lengths(lengths)
                    self._check_range(column, lengths[column.place.path])

    def _owned(self) -> Iterator[tuple[_Text, str]]:
        """All items in all languages, with the item whose name their passage has."""
        first: dict[tuple[str, bytes], str] = {}
        for text in self._texts():
            owner = text.item
            if self.merge_passages:
                mark = (text.language, sha256(text.row.passage.encode()).digest())
                owner = first.setdefault(mark, owner)
            yield text, owner

    def _wanted(self, members: Sequence[Column]) -> range | set[str] | None:
        """The numbers or, with ``id``, the ids that ``items`` chooses of one set."""
        if self.items is None:
            return None
        numbers = places.number_range("items", self.items)
        if not self.id:
            return numbers
        names = list(dict.fromkeys(row.item for column in members for row in column.rows({})))
        self._check_range(members[0], len(names))
        return set(names[numbers.start : numbers.stop])

    def _check_range(self, column: Column, count: int) -> None:
        if self.items is not None and places.number_range("items", self.items).stop > count:
            raise DataError(f"items: {self.items} is asked for, but {column.place.path} has "
                            f"{count}, the last of which is {count - 1}")  # fmt: skip

    def _documents(self) -> Mapping[int, str]:
        """The document of each line."""
        if self.clusters is None:
            return {}
        return {row: record.text(LINE) for row, record in enumerate(_plain(self.clusters))}


def _plain(path: Path) -> Iterator[files.Record]:
    """A file's lines, whatever its suffix: NTREX calls a list of names a table."""
    for line, text in files.lines(path):
        yield files.Record(line, {LINE: text})


def _sum(path: Path) -> str:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    return str(file_record(path)["sha256"])
