"""The contracts of the plugins, one Protocol a kind.

A plugin is a frozen dataclass, or a function that returns an object; its typed parameters are its
options in the spec. Building one is cheap: files, models and devices are touched by its methods.
Randomness comes from a ``seed`` argument alone.

What holds for all objects of a plugin is a ``ClassVar``, here and in the plugin. What may depend on
its options is a property here, and there a property or a field: no ``ClassVar``, for pyright.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from hbench.records import (
    Direction,
    FloatArray,
    Int32Array,
    Items,
    Judgement,
    Outcome,
    Passage,
    Query,
    Ranks,
    Side,
    TokenIds,
    Tokenized,
    Top,
)

if TYPE_CHECKING:
    import torch

Need = Literal[
    "query", "passage", "passage_in_query_language", "query_in_passage_language", "negatives"
]
"""A text of a training row that an objective may ask for."""


class Plugin(Protocol):
    """What the plugins of all kinds have."""

    version: ClassVar[int]
    """An integer that the author raises when outcomes change for the same options.

    Outcomes are batches, vectors, texts and judgements, the values of a loss or a metric, an
    executor's behaviour. It is part of the key under which results are stored.
    """


class Batches(Protocol):
    """An endless, stateless list of batches.

    It may have ``shares``, (sources,) float64: the share of the batches that each source has. One
    that has not is asked for some batches, to tell about what it will be.
    """

    def batch(self, step: int) -> Int32Array:
        """The rows of one global batch.

        Args:
            step: counts from 0; any step may be asked for in any order.

        Returns:
            (batch_size, 3) int32: item, query language, passage language (both as indices into
            ``Items.languages``). The same for the same (seed, step), whatever was asked before.
            No two items of a batch share a query or passage text in any language.
        """


@runtime_checkable
class Sampler(Plugin, Protocol):
    """Decides which training pairs meet in a batch and so are each other's negatives."""

    needs_parallel: ClassVar[bool]
    """Whether rows cross languages, so that the data must be parallel."""

    def prepare(self, items: Items, *, batch_size: int, seed: int) -> Batches:
        """Get ready to draw batches of ``batch_size`` rows from ``items``, by ``seed`` alone.

        Raises:
            DataError: there are too few items that may meet for one batch.
        """


class Model(Protocol):
    """A loaded encoder: a torch module that turns token ids into vectors.

    Its parameters are all that training changes: they are what a checkpoint holds.
    """

    def tokenizer_key(self, side: Side) -> str:
        """What identifies ``tokenize`` for a side: equal keys, equal ids; names a cache file."""

    def tokenize(self, texts: Sequence[str], side: Side) -> Tokenized:
        """Ids of ``texts``, with their ``side``'s prefix and special tokens, cut to its length."""

    def embed(
        self, tokens: Sequence[TokenIds], *, budget: int, recompute: bool = False
    ) -> "torch.Tensor":
        """Differentiable vectors, not normalised: (len(tokens), dim); row i belongs to text i.

        Args:
            tokens: the ids of each text.
            budget: tokens that are worked on at once, at most; a longer text goes alone.
            recompute: keep nothing for the gradients but what the micro-batches start from, and
                compute each anew when its gradients are due (gradient caching).
                ``hbench.packing.in_micro_batches`` does both for a model that cannot itself.
        """

    def parameters(self) -> "Iterator[torch.nn.Parameter]":
        """What the optimiser changes, in an order that never changes."""

    def to(self, device: "torch.device") -> Any:  # noqa: ANN401 - torch's own signature
        """Move to a device."""

    def train(self, mode: bool = True) -> Any:  # noqa: ANN401 - torch's own signature
        """Switch between training and inference."""

    def save(self, folder: Path) -> None:
        """Write everything that ``Encoder.load`` needs; nothing is pickled."""


@runtime_checkable
class Encoder(Plugin, Protocol):
    """Describes a model: where it comes from, how it pools, prefixes and cuts texts."""

    from_scratch: ClassVar[bool]
    """Whether ``create`` uses its arguments: random weights, a tokenizer of one's own."""

    def fingerprint(self) -> str:
        """What identifies the weights to start from: a revision or a checksum; "" if none.

        Raises:
            DataError: a local folder is missing or incomplete.
        """

    def create(self, texts: Iterable[str], *, seed: int) -> Model:
        """The untrained model, on the CPU.

        Args:
            texts: the distinct training texts; read only if ``from_scratch``.
            seed: of the random weights; used only if ``from_scratch``.
        """

    def load(self, folder: Path) -> Model:
        """A model that ``Model.save`` wrote, on the CPU."""


@runtime_checkable
class Dataset(Plugin, Protocol):
    """Queries, passages and judgements; streamed, so that a corpus need not fit into memory.

    ``parallel`` says that queries of one item are translations of each other. It may also have

    * ``downloads() -> Sequence[Remote]``: files that are fetched before its streams are read;
      ``fingerprint`` must not need them;
    * ``licence``, in a line, and ``counts()``: by language how many ``queries``, ``passages``,
      ``judgements`` and ``relevant`` ones it must have, for `hbench data` to check;
    * ``notes() -> Sequence[str]``: what is noteworthy, asked for when its streams were read;
    * ``may_dangle``: judgements of absent passages are counted and left out, and no error.
    """

    @property
    def parallel(self) -> bool:
        """Whether an item's queries are translations of each other."""

    def fingerprint(self) -> str:
        """What identifies the content: a revision, a checksum, or the generator's seed.

        Raises:
            DataError: the data is not here, or is not the data it should be.
        """

    def languages(self) -> Sequence[str]:
        """BCP 47 tags of all languages, known without reading the texts."""

    def queries(self) -> Iterable[Query]:
        """All queries, in an order that never changes; at most one per (item, language)."""

    def passages(self) -> Iterable[Passage]:
        """All candidates, in an order that never changes."""

    def judgements(self) -> Iterable[Judgement]:
        """Which passages answer which items; at least one relevant one for each query's item."""


@runtime_checkable
class Objective(Plugin, Protocol):
    """Turns the vectors of one batch into a loss; holds no model.

    It may also have ``negatives``, how many hard negatives a row gets (else 1, if ``needs`` names
    them), and ``learned``, the start values by name of numbers to train along, as a temperature.
    """

    @property
    def needs(self) -> Sequence[Need]:
        """The texts of each row that ``loss`` wants to see."""

    def loss(self, batch: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
        """The scalar to minimise.

        Args:
            batch: for each name in ``needs`` an (n, dim) tensor, not normalised; row i of each
                belongs to row i of the batch. ``negatives`` is (n x k, dim), row after row. For
                each name in ``learned`` a 0-d tensor. And, only if any of it is true:
                ``duplicate``, (n, n) bool, where row j is no negative of row i, since they share
                a text in some language; ``duplicate_negative``, (n, n x k), likewise.
        """


@runtime_checkable
class Metric(Plugin, Protocol):
    """A pure function of the ranks of a query's relevant passages; else it is a ``TopMetric``."""

    direction: ClassVar[Direction]
    """Whether a higher or a lower value is better."""

    def values(self, ranks: Ranks) -> FloatArray:
        """(n,) float64, one value a query; NaN where the query lacks what the metric needs."""


class TopMetric(Plugin, Protocol):
    """A metric that is given a ``Top``, the first ``k`` passages, in the place of ``Ranks``."""

    direction: ClassVar[Direction]
    """Whether a higher or a lower value is better."""
    needs: ClassVar[Literal["top"]]
    """What it is given."""

    @property
    def k(self) -> int:
        """How many passages it sees."""

    def values(self, top: Top) -> FloatArray:
        """(n,) float64, one value a query; NaN where the query lacks what the metric needs."""


@runtime_checkable
class Transform(Plugin, Protocol):
    """Changes the vectors of each language, after encoding and without training.

    The vector that a text gets does not depend on those it is transformed with.
    """

    def fit(self, vectors: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        """What ``apply`` needs: float64 arrays by name, stored as npz.

        Args:
            vectors: for each language (n, dim) float64, of passages, as the encoder gives them,
                not scaled to length 1; row i of every language is the same text.

        Raises:
            DataError: the texts cannot serve: the source language is missing, they are too few.
        """

    def apply(
        self, vectors: FloatArray, *, side: Side, language: str, fitted: Mapping[str, FloatArray]
    ) -> FloatArray:
        """(n, dim) float64 in the place of ``vectors``; the ranking scales them to length 1.

        ``vectors`` are (n, dim) float64 of one ``side`` and ``language``, as the encoder gives
        them, and never changed in place; ``fitted`` is what ``fit`` returned.

        Raises:
            DataError: ``fit`` did not see the language; a plugin whose source leaves the vectors
                of such languages as they are does so, and its docstring says it.
        """


class Job(Protocol):
    """What an executor sees of a job."""

    @property
    def key(self) -> str:
        """Identifies the job and, stored under it, its outcome."""

    @property
    def needs(self) -> "Sequence[Job]":
        """The jobs that must be done before."""

    @property
    def title(self) -> str:
        """One line for people."""


@runtime_checkable
class Executor(Plugin, Protocol):
    """Walks jobs in an order that respects their needs."""

    def execute(
        self, jobs: Sequence[Job], run: Callable[[Job], Outcome], *, fail_fast: bool
    ) -> Mapping[str, Outcome]:
        """Run all jobs; returns the outcome of each by its key.

        Args:
            jobs: in an order in which each comes after what it needs.
            run: does one job; never raises for a job's failure.
            fail_fast: stop at the first failure instead of going on with what does not need it.
        """
