"""The nouns that stages and plugins exchange: immutable values, no behaviour beyond themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

Side = Literal["query", "passage"]
"""What a text is: a question, or a candidate answer."""
Direction = Literal["higher", "lower"]
"""Which values of a metric are better."""
Int32Array = npt.NDArray[np.int32]
"""A numpy array of int32; its shape is said where it is used."""
Int64Array = npt.NDArray[np.int64]
"""A numpy array of int64."""
FloatArray = npt.NDArray[np.float64]
"""A numpy array of float64."""
BoolArray = npt.NDArray[np.bool_]
"""A numpy array of bool."""
TokenIds = Sequence[int] | Int32Array
"""The tokens of one text: (tokens,) if it is an array."""


SCORE_KEYS = ("item", "cluster", "query", "query_language", "pool", "setting")
"""The columns of a scores file that say which row it is; all others are metrics."""
BUILT_IN = ("language", "pair", "family", "script", "seen", "length", "overlap")
"""What queries can be told apart by without the dataset's help: ``hbench compare --by``."""
RESERVED = frozenset({*BUILT_IN, "item", "text", "id"})
"""Names that no column of a query may have: ``BUILT_IN``, and what the tables call their own."""
NO_COLUMNS: Mapping[str, str] = MappingProxyType({})
"""What a dataset that knows nothing more of a query says of it."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question in one language.

    Args:
        item: the question, whatever its language: translations share it in a parallel dataset;
            elsewhere it must be unique over all languages, as in ``sw:123``.
        language: BCP 47 tag, as ``de`` or ``zh``.
        text: what is asked.
        cluster: what the item shares its source with (an article, say); "" means the item itself.
        columns: what the dataset knows of the query besides, by names of its own that are not in
            ``RESERVED``, as ``{"answer": "date"}``; a name is left out where there is no value.
    """

    item: str
    language: str
    text: str
    cluster: str = ""
    columns: Mapping[str, str] = field(default_factory=lambda: NO_COLUMNS, hash=False)


@dataclass(frozen=True, slots=True)
class Passage:
    """A candidate answer.

    Args:
        id: unique inside its language.
        language: BCP 47 tag.
        text: what is ranked.
    """

    id: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Passage ``passage`` of ``language`` answers ``item``, asked in any language.

    Args:
        item: a query's item.
        language: the passage's language.
        passage: the passage's id inside that language.
        grade: 1 or more is relevant, 0 was judged and is not.
    """

    item: str
    language: str
    passage: str
    grade: int = 1


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that a dataset needs, and where it can be had if it is not here.

    Args:
        name: its place below ``$HBENCH_DATA`` and below the downloads, as ``mlqa-r/ar.json``.
        urls: mirrors, in the order in which they are tried.
        sha256: of the content, in 64 hex digits.
        size: in bytes.
        licence: what its use is bound to, in a line.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str
    size: int
    licence: str


@dataclass(frozen=True, slots=True)
class Tokenized:
    """What a tokenizer makes of texts.

    Args:
        ids: the token ids of each text, with special tokens.
        cut: how many texts were longer than the model takes.
    """

    ids: list[list[int]]
    cut: int = 0


@dataclass(frozen=True)
class Negatives:
    """Passages that were judged not to answer an item: its hard negatives, by language.

    Args:
        starts: (items x L + 1,) where the negatives of cell (item, language), numbered through
            row by row, begin in ``numbers``.
        numbers: (negatives,) text numbers of passages, as in ``Items.passage``.
    """

    starts: Int64Array
    numbers: Int32Array


@dataclass(frozen=True)
class Items:
    """What a sampler draws from: which text each item has as query and as passage, by language.

    Args:
        languages: L language tags; a language is known by its index.
        query: (items, L) int32 text numbers, -1 where the item has no query in that language.
            Two items have one number exactly if their query is one string.
        passage: (items, L) int32 text numbers of the relevant passage, likewise, counted apart.
        source: (items,) int32, the training source that each item comes from.
        weights: (sources,) float64, the spec's weight of each source.
        negatives: the hard negatives, None if the data has none.
        names: of the sources, for messages.
        bounds: (sources, 2) float64, the least and the largest size that each is taken for in
            weighing; None leaves all as they are.
    """

    languages: tuple[str, ...]
    query: Int32Array
    passage: Int32Array
    source: Int32Array
    weights: FloatArray
    negatives: Negatives | None = None
    names: tuple[str, ...] = ()
    bounds: FloatArray | None = None


@dataclass(frozen=True)
class Ranks:
    """Where the relevant passages of n queries stand, all ranked against one pool.

    Args:
        rank: (n, R) float64, ascending in each row; 1 is the top. Where a query has fewer than R
            relevant passages the row ends in ``inf``.
        grade: (n, R) int64, in the order of ``rank``; 0 where ``rank`` is ``inf``.
        language: (n, R) int64, the index of the passage's language in ``pool``; -1 likewise.
        query_language: the language that all n queries are in.
        pool: the candidate languages.
        pool_sizes: (len(pool),) int64, candidates of each language.
    """

    rank: FloatArray
    grade: Int64Array
    language: Int64Array
    query_language: str
    pool: tuple[str, ...]
    pool_sizes: Int64Array

    @property
    def relevant(self) -> Int64Array:
        """(n,) how many relevant passages each query has in the pool; never 0."""
        counts: Int64Array = np.isfinite(self.rank).sum(axis=1)
        return counts


@dataclass(frozen=True)
class Top:
    """The languages of the first passages of n queries, all ranked against one pool.

    Args:
        language: (n, k) int64, the index in ``pool`` of the language at each rank, best first; -1
            where the pool ends before.
        query_language: the language that all n queries are in.
        pool: the candidate languages.
        pool_sizes: (len(pool),) int64, candidates of each language.
    """

    language: Int64Array
    query_language: str
    pool: tuple[str, ...]
    pool_sizes: Int64Array


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Args:
        state: ``done``, ``failed``, or ``skipped``, since something it needs was not done.
        seconds: that it took.
        message: why it failed or was skipped, in a line.
        detail: what the job tells of itself besides; JSON values.
    """

    state: Literal["done", "failed", "skipped"]
    seconds: float = 0.0
    message: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
