"""Any dataset of ir_datasets, or one multilingual dataset out of a family of its ids."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hbench.errors import DataError, OptionError, did_you_mean
from hbench.languages import language_tag
from hbench.manifests import key_of
from hbench.records import Judgement, Passage, Query
from hbench_plugins.datasets import irds_library as library
from hbench_plugins.datasets.irds_library import PLACE

# What ids call a language by another code than a registered one.
CODES = {"dt": "nl"}
UNJUDGED = "queries without a judgement"
UNTOLD = "queries whose text is empty"
UNASKED = "judgements of queries that are not there"
EMPTY = "passages whose text is empty"


@dataclass(frozen=True)
class IRDatasets:
    """Ids of ir_datasets as one dataset, streamed; its document stores are pickles, and unread.

    A passage's text is what the library calls the document's default text: title, a blank, text
    for MIRACL and NeuCLIR; Mr. TyDi and MS MARCO have one field. Grades are as in the judgements.

    An item is a query that has a judgement: ``<language>:<id>``, or where ``parallel`` is true the
    id alone. What is no part of the dataset for this, and what has no text, is counted: ``notes()``
    tells of it after queries, judgements and passages were read to their ends.

    ``fingerprint`` is made of the ids and the library's md5 sums of their files. The library checks
    them when it downloads, but takes a file that lies at its place in its folder for right.

    Args:
        id: as in `ir_datasets`, which also describes the others.
        codes: the languages to put into the id; None for all that are registered.
        language: of a single id.
        also: ids by language, which join or replace those of the family.
        query_field: of the queries; None for their default text.
        parallel: whether an id of a query means the same in all languages.
        licence: in a line, if it is known.
        known: what ``counts`` tells.
    """

    id: str
    codes: tuple[str, ...] | None = None
    language: str | None = None
    also: Mapping[str, str] = field(default_factory=dict)
    query_field: str | None = None
    parallel: bool = False
    licence: str | None = None
    known: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    version: ClassVar[int] = 1
    may_dangle: ClassVar[bool] = True
    _left_out: Counter[tuple[str, str]] = field(
        default_factory=Counter, init=False, repr=False, compare=False
    )

    def fingerprint(self) -> str:
        """A sum over ids and pinned sums; with the library's version if a file has none."""
        ids = self._ids
        for name in ids.values():
            self._check_one_language(name)
        sums = [file.md5 for name in ids.values() for file in library.files(name)]
        pinned = sums if sums and all(sums) else [*sums, library.version()]
        return key_of({"ids": ids, "files": pinned})

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """What is known of each language."""
        return self.known

    def languages(self) -> Sequence[str]:
        """The tags of all ids."""
        return tuple(self._ids)

    def queries(self) -> Iterator[Query]:
        """Language by language, in the files' order; those that have a judgement."""
        self._require_files()
        for tag, name in self._ids.items():
            judged = {judgement.query_id for judgement in library.judgements(name)}
            left_out = Counter[str]()
            for query in library.queries(name):
                text = self._text(query)
                if query.query_id not in judged:
                    left_out[UNJUDGED] += 1
                elif not text.strip():
                    left_out[UNTOLD] += 1
                else:
                    yield Query(self._item(tag, query.query_id), tag, text)
            self._note(tag, left_out, (UNJUDGED, UNTOLD))

    def judgements(self) -> Iterator[Judgement]:
        """Language by language, in the files' order; those whose query is there."""
        self._require_files()
        for tag, name in self._ids.items():
            asked = {q.query_id for q in library.queries(name) if self._text(q).strip()}
            left_out = Counter[str]()
            for each in library.judgements(name):
                if each.query_id in asked:
                    item = self._item(tag, each.query_id)
                    yield Judgement(item, tag, each.doc_id, each.relevance)
                else:
                    left_out[UNASKED] += 1
            self._note(tag, left_out, (UNASKED,))

    def passages(self) -> Iterator[Passage]:
        """Language by language, in the files' order."""
        self._require_files()
        for tag, name in self._ids.items():
            left_out = Counter[str]()
            for document in library.documents(name):
                text = _default_text(document)
                if text.strip():
                    yield Passage(document.doc_id, tag, text)
                else:
                    left_out[EMPTY] += 1
            self._note(tag, left_out, (EMPTY,))

    def notes(self) -> Sequence[str]:
        """What was left out, a line for each reason with the count of each language."""
        lines = []
        for reason in (UNJUDGED, UNTOLD, UNASKED, EMPTY):
            counts = {tag: self._left_out[tag, reason] for tag in sorted(self._ids)}
            told = ", ".join(f"{tag} {count:,}" for tag, count in counts.items() if count)
            if told:
                lines.append(f"left out, {reason}: {sum(counts.values()):,} ({told})")
        return lines

    @property
    def _ids(self) -> dict[str, str]:
        """The id of each language, by tag, in a fixed order."""
        if PLACE not in self.id:
            return {self._single_language: self.id}
        registered = library.family(self.id)
        found = {_tag(code): code for code in registered if _is_language(code)}
        if self.codes is None:
            tags = found
        else:  # a code may be given as the id spells it, or as the language's tag
            tags = {_tag(code): found.get(_tag(code), code) for code in self.codes}
        also = {_tag(code): name for code, name in self.also.items()}
        ids = {tag: self.id.replace(PLACE, code) for tag, code in tags.items()} | also
        if not ids:
            raise DataError(
                f"no id that ir_datasets lists fits {self.id!r}; name its languages with "
                "'languages:', or see https://ir-datasets.com"
            )
        return ids

    @property
    def _single_language(self) -> str:
        dataset = library.load(self.id)
        code = self.language or dataset.docs_lang() or dataset.queries_lang()
        if not code:
            raise DataError(
                f"{self.id}: ir_datasets does not say in which language it is; give 'language:'"
            )
        return _tag(code)

    def _check_one_language(self, name: str) -> None:
        dataset = library.load(name)
        asked, told = dataset.queries_lang(), dataset.docs_lang()
        if asked and told and asked != told and self.query_field is None:
            raise DataError(
                f"{name}: its queries are in {asked!r}, its documents in {told!r}; a dataset needs "
                "both in one language: choose another id, or with 'query_field:' a field of the "
                f"queries that is in {told!r} ({', '.join(dataset.queries_cls()._fields)})"
            )

    def _require_files(self) -> None:
        """Fail at once where a download would be needed and is not allowed."""
        from hbench.downloads import is_offline

        if not is_offline():
            return
        absent = dict.fromkeys(
            file for name in self._ids.values() for file in library.missing(name)
        )
        if absent:
            size = sum(file.size for file in absent) / 1e6
            raise DataError(
                f"{self.id}: files are missing, and --offline or HBENCH_OFFLINE forbids to "
                "download them; allow it, or put them there by hand (ir_datasets' folder is "
                f"{library.home()}; IR_DATASETS_HOME names another). "
                f"Missing: {len(absent)}, about {size:,.1f} MB\n"
                f"{library.listed(list(absent))}"
            )

    def _item(self, tag: str, query: str) -> str:
        return query if self.parallel else f"{tag}:{query}"

    def _text(self, query: Any) -> str:  # noqa: ANN401 - the library has no types
        if self.query_field is None:
            return _default_text(query)
        if not hasattr(query, self.query_field):
            raise DataError(
                f"{self.id}: its queries have no field {self.query_field!r}: "
                f"{did_you_mean(self.query_field, query._fields)}"
            )
        return str(getattr(query, self.query_field))

    def _note(self, tag: str, left_out: Counter[str], reasons: Sequence[str]) -> None:
        for reason in reasons:  # set, not added: a stream that is read twice counts once
            self._left_out[tag, reason] = left_out[reason]


def ir_datasets(
    id: str,
    languages: tuple[str, ...] | None = None,
    language: str | None = None,
    also: dict[str, str] | None = None,
    query_field: str | None = None,
    parallel: bool = False,
) -> IRDatasets:
    """Any dataset of ir_datasets (https://ir-datasets.com) with queries, documents and judgements.

    The library downloads to ``$IR_DATASETS_HOME``. Queries without a judgement are left out, and
    counted.

    Args:
        id: as ``beir/...``; or a family, with ``{lang}`` for the language: ``miracl/{lang}/dev``,
            ``mmarco/v2/{lang}/train``, ``neuclir/1/{lang}/trec-2023``.
        languages: of a family, as its ids spell them, or as tags; not given: all whose ids
            ir_datasets lists.
        language: of a single id; not given: what ir_datasets says.
        also: of a family, ids of languages that do not follow it, as
            ``{en: msmarco-passage/train}``.
        query_field: the field of the queries to ask with; not given: their default text, which in
            NeuCLIR is English (``ht_title`` is in the documents' language).
        parallel: the id of a query is the same text in all languages, as in mMARCO.
    """
    lone = {"languages": languages, "also": also}
    if PLACE in id and language is not None:
        raise OptionError(f"language: {id!r} has {PLACE}, so give 'languages'", ("language",))
    for name, value in lone.items():
        if PLACE not in id and value is not None:
            raise OptionError(f"{name}: {id!r} is one dataset, without {PLACE}", (name,))
    return IRDatasets(id, languages, language, also or {}, query_field, parallel)


def chosen(languages: Sequence[str] | None, allowed: Collection[str]) -> tuple[str, ...]:
    """The languages that a preset was asked for, all if none were named.

    Raises:
        OptionError: one is not among those allowed.
    """
    for language in languages or ():
        if language not in allowed:
            raise OptionError(
                f"languages: {language!r} is not there: {did_you_mean(language, allowed)}",
                ("languages",),
            )
    return tuple(allowed if languages is None else languages)


def _default_text(record: Any) -> str:  # noqa: ANN401 - the library has no types
    """A document or query as one string; the few classes that do not say how have a ``text``."""
    told = record.default_text() if hasattr(record, "default_text") else record.text
    return str(told or "")


def _tag(code: str) -> str:
    return language_tag(CODES.get(code, code))


def _is_language(code: str) -> bool:
    """Whether what stands at the place of the language is one: ``multi`` and ``v2`` are not."""
    try:
        return bool(_tag(code))
    except DataError:
        return False
