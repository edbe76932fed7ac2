"""The rules of a dataset's queries, passages and judgements; only ids and sums are held."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from hbench.errors import shown
from hbench.records import RESERVED, Judgement, Passage, Query
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

RECORDS = Rule(
    "streams-hold-records",
    "`queries`, `passages` and `judgements` give the records of hbench.records, and at least one.",
    "Query, Passage and Judgement with texts in their fields; a grade is an int",
)
TEXTS = Rule(
    "texts-can-be-read",
    "Texts and ids are not blank, and hold no half of a surrogate pair.",
    "what has no text is left out, and `notes()` says how many",
)
COLUMNS = Rule(
    "columns-have-names-of-their-own",
    "`Query.columns` maps names that hbench does not need itself to texts that are not blank.",
    f"other names than {', '.join(sorted(RESERVED))}; a query without a value leaves it out",
)
LANGUAGES = Rule(
    "records-are-in-listed-languages",
    "Each record is in a language that `languages()` lists, and each of these has passages.",
    "the same spelling in records and in languages()",
)
QUERY_ONCE = Rule(
    "one-query-an-item-and-language",
    "An item has at most one query in a language.",
    "another item for another question",
)
UNIQUE = Rule(
    "items-are-unique-unless-parallel",
    "Where the dataset is not parallel, an item is a question of one language.",
    'items that name the language, as "sw:123"',
)
TRANSLATED = Rule(
    "parallel-items-are-translated",
    "Where it is parallel and has queries in two languages, some item has queries in both.",
    "one item for all translations of a question, or parallel = False",
)
CLUSTER = Rule(
    "one-cluster-an-item",
    "All queries of an item have one cluster.",
    "the article of the original question, also for its translations",
)
PASSAGE_ONCE = Rule(
    "passage-ids-are-unique",
    "A passage's id is unique inside its language.",
    "an id for each passage; translations may share one",
)
JUDGED_ITEMS = Rule(
    "judgements-speak-of-items",
    "A judgement's item is the item of some query.",
    "the same item in queries and judgements; judgements of other questions are left out",
)
JUDGED_PASSAGES = Rule(
    "judgements-speak-of-passages",
    "A judgement's passage is there, in its language; unless `may_dangle`: then some are.",
    "may_dangle: ClassVar[bool] = True, where the corpus lacks passages that were judged",
)
GRADES = Rule(
    "grades-count-from-0",
    "A grade is a whole number: 1 or more is relevant, 0 is not; a passage has one for an item.",
    "grade=1; of a number of numpy or pandas: int(...)",
)
ANSWERED = Rule(
    "every-item-has-a-relevant-passage",
    "Each query's item has a judgement with a grade of 1 or more.",
    "queries without one are left out",
)
AGAIN = Rule(
    "streams-are-the-same-again",
    "Each stream gives the same records in the same order whenever it is read.",
    "a function that starts anew at each call, as one that yields",
)
COUNTS = Rule(
    "counts-are-right",
    "`counts()`, if there, has by language how many queries, passages, judgements and relevant "
    "ones the streams hold.",
    '{"de": {"queries": 2, "passages": 5, "judgements": 3, "relevant": 2}}; any may be left out',
)
RULES = (
    RECORDS, TEXTS, COLUMNS, LANGUAGES, QUERY_ONCE, UNIQUE, TRANSLATED, CLUSTER, PASSAGE_ONCE,
    JUDGED_ITEMS, JUDGED_PASSAGES, GRADES, ANSWERED, AGAIN, COUNTS,
)  # fmt: skip
COUNTED = ("queries", "passages", "judgements", "relevant")
KINDS: Mapping[str, type] = {"queries": Query, "passages": Passage, "judgements": Judgement}
TEXT_FIELDS = {
    Query: ("item", "language", "text", "cluster"),
    Passage: ("id", "language", "text"),
    Judgement: ("item", "language", "passage"),
}


def check_streams(checked: Checked, languages: Sequence[str]) -> Mapping[str, str]:
    """Read all streams twice, and check what they hold; the digest of each, as of `digest`.

    Args:
        checked: the dataset.
        languages: that it lists.

    Raises:
        ContractError: a rule is broken.
    """
    streams = _Streams(checked, frozenset(languages))
    streams.read_queries()
    streams.read_passages()
    streams.read_judgements()
    for name in KINDS:
        streams.read_again(name)
    _check_counts(checked, streams.counts)
    return {name: _total(sums) for name, sums in streams.sums.items()}


def _check_counts(checked: Checked, held: Mapping[str, Mapping[str, int]]) -> None:
    """Of languages that are left out nothing is known, as where only some were chosen."""
    dataset: Any = checked.plugin
    if not hasattr(dataset, "counts"):
        return
    with checked.asked(COUNTS, "counts()"):
        counts = dataset.counts()
    is_mapping = isinstance(counts, Mapping) and all(
        isinstance(each, Mapping) for each in counts.values()
    )
    checked.require(is_mapping, COUNTS, given="counts()", found=shown(counts))
    for language, known in counts.items():
        for what, count in known.items():
            given = f"counts()[{language!r}][{what!r}]"
            found = f"{what!r} is none of {', '.join(COUNTED)}"
            checked.require(what in COUNTED, COUNTS, given=given, found=found)
            if language in held:
                found = f"{count!r}, and the streams hold {held[language].get(what, 0)}"
                is_right = count == held[language].get(what, 0)
                checked.require(is_right, COUNTS, given=given, found=found)


def digest(dataset: Any, name: str) -> str:  # noqa: ANN401 - any dataset
    """A sum over all records of a stream, in their order."""
    return _total(_sum(record) for record in getattr(dataset, name)())


def _total(sums: Iterable[bytes]) -> str:
    total = blake2b(digest_size=16)
    for each in sums:
        total.update(each)
    return total.hexdigest()


def _sum(record: Any) -> bytes:  # noqa: ANN401 - a record, or what stands in its place
    if isinstance(record, Query):
        columns = sorted(dict(record.columns).items())
        record = (record.item, record.language, record.text, record.cluster, columns)
    return blake2b(repr(record).encode(), digest_size=8).digest()


@dataclass
class _Streams:
    """What was read of a dataset so far.

    Args:
        checked: the dataset.
        languages: that it lists.
    """

    checked: Checked
    languages: frozenset[str]
    clusters: dict[str, str] = field(default_factory=dict)  # of each item
    asked: set[tuple[str, str]] = field(default_factory=set)  # (item, language)
    told: set[tuple[str, str]] = field(default_factory=set)  # (language, passage)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    sums: dict[str, list[bytes]] = field(default_factory=dict)  # of each stream's records

    def __post_init__(self) -> None:
        self.counts = {language: Counter() for language in self.languages}
        self.sums = {name: [] for name in KINDS}

    def records(self, name: str) -> Iterator[tuple[str, Any]]:
        """The records of a stream, each with where it stands and the rules that it keeps alone."""
        kind = KINDS[name]
        for where, record in self._numbered(name):
            found = repr(record)
            self.require(isinstance(record, kind), RECORDS, where, found)
            texts = [getattr(record, each) for each in TEXT_FIELDS[kind]]
            self.require(all(isinstance(text, str) for text in texts), RECORDS, where, found)
            readable = all(map(_encodes, texts))
            if kind is not Judgement:
                readable = readable and bool(texts[0].strip() and record.text.strip())
            self.require(readable, TEXTS, where, found)
            listed = f"{found}, listed are {', '.join(sorted(self.languages))}"
            self.require(record.language in self.languages, LANGUAGES, where, listed)
            named = kind is not Query or _are_columns(record.columns)
            self.require(named, COLUMNS, where, found)
            self.sums[name].append(_sum(record))
            yield where, record
        self.require(bool(self.sums[name]), RECORDS, f"{name}()", "no record")

    def _numbered(self, name: str) -> Iterator[tuple[str, Any]]:
        with self.checked.asked(RECORDS, f"{name}()"):
            for number, record in enumerate(getattr(self.checked.plugin, name)()):
                yield f"{name}(), record {number} (from 0)", record

    def require(self, holds: bool, rule: Rule, where: str, found: str) -> None:
        """Demand that a rule holds."""
        self.checked.require(holds, rule, given=where, found=found)

    def read_queries(self) -> None:
        """Queries: ids, clusters."""
        parallel = self.checked.plugin.parallel  # type: ignore[attr-defined]
        for where, query in self.records("queries"):
            key = (query.item, query.language)
            self.require(key not in self.asked, QUERY_ONCE, where, f"{query!r}, a second one")
            is_new = query.item not in self.clusters
            found = f"{query!r}, and the item has a query in another language"
            self.require(parallel or is_new, UNIQUE, where, found)
            cluster = query.cluster or query.item
            first = self.clusters.setdefault(query.item, cluster)
            self.require(cluster == first, CLUSTER, where, f"{query!r}, elsewhere {first!r}")
            self.asked.add(key)
            self.counts[query.language]["queries"] += 1
        languages = {language for _, language in self.asked}
        crosses = len(languages) < 2 or len(self.clusters) < len(self.asked)
        found = f"{len(self.asked)} items, each in one of {', '.join(sorted(languages))}"
        self.require(not parallel or crosses, TRANSLATED, "queries()", found)

    def read_passages(self) -> None:
        """Passages: ids, and that all languages have some."""
        for where, passage in self.records("passages"):
            key = (passage.language, passage.id)
            self.require(key not in self.told, PASSAGE_ONCE, where, f"{passage!r}, a second one")
            self.told.add(key)
            self.counts[passage.language]["passages"] += 1
        mute = sorted(self.languages - {language for language, _ in self.told})
        self.require(not mute, LANGUAGES, "passages()", f"none in {', '.join(mute)}")

    def read_judgements(self) -> None:
        """Judgements: that what they speak of is there, and that each item has an answer."""
        may_dangle = getattr(self.checked.plugin, "may_dangle", False)
        is_bool = isinstance(may_dangle, bool)
        self.require(is_bool, JUDGED_PASSAGES, "`may_dangle`", repr(may_dangle))
        grades: dict[tuple[str, str, str], int] = {}
        for where, judgement in self.records("judgements"):
            found, grade = repr(judgement), judgement.grade
            self.require(judgement.item in self.clusters, JUDGED_ITEMS, where, found)
            place = (judgement.language, judgement.passage)
            self.require(may_dangle or place in self.told, JUDGED_PASSAGES, where, found)
            is_count = isinstance(grade, int) and not isinstance(grade, bool) and grade >= 0
            self.require(is_count, GRADES, where, found)
            first = grades.setdefault((judgement.item, *place), grade)
            self.require(grade == first, GRADES, where, f"{found}, elsewhere grade {first}")
        unanswered = self.clusters.keys() - {item for (item, *_), grade in grades.items() if grade}
        found = f"none for {len(unanswered)} items, as {min(unanswered, default='')!r}"
        self.require(not unanswered, ANSWERED, "judgements()", found)
        present = {key: grade for key, grade in grades.items() if key[1:] in self.told}
        self.require(bool(present), JUDGED_PASSAGES, "judgements()", "no judged passage is there")
        for (_, language, _), grade in present.items():
            self.counts[language].update(judgements=1, relevant=int(grade > 0))

    def read_again(self, name: str) -> None:
        """Whether a stream gives the same as when it was read first."""
        sums, number = self.sums[name], -1
        for number, (where, record) in enumerate(self._numbered(name)):
            found = f"{record!r}, which is not what stood there the first time"
            same = number < len(sums) and _sum(record) == sums[number]
            self.require(same, AGAIN, f"{where}, read again", found)
        found = f"{number + 1} records, the first time {len(sums)}"
        self.require(number + 1 == len(sums), AGAIN, f"{name}(), read again", found)


def _encodes(text: str) -> bool:
    """Whether a text can be written: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _are_columns(columns: object) -> bool:
    return isinstance(columns, Mapping) and all(
        isinstance(text, str) and text.strip() and _encodes(text) and name not in RESERVED
        for name, value in columns.items()
        for text in (name, value)
    )
