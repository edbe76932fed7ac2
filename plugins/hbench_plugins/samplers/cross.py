"""Cross-lingual batches (X-Y): no row has its query and its passage in the same language."""

from dataclasses import dataclass
from typing import ClassVar

from hbench.drawing import Drawer, DrawingOptions, Pairs, Series
from hbench.errors import OptionError
from hbench.records import Items


@dataclass(frozen=True, kw_only=True)
class CrossingOptions(DrawingOptions):
    """The options of samplers that cross languages.

    Args:
        pairs: ``row`` draws an ordered pair of languages for each row, ``batch`` one for the
            whole batch. ``round-robin`` draws none: row r of batch t gets pair number
            (t * batch_size + r) mod P of the source's P pairs, in an order that depends on the
            seed. So any N rows on end hold each pair floor(N / P) or ceil(N / P) times: exactly,
            if there is one source, all batches are cross-lingual, and no pair runs out of items
            inside a batch (MIMO, arXiv 2605.31171).
    """

    pairs: Pairs = "row"

    def __post_init__(self) -> None:
        if self.pairs == "round-robin" and self.language_weight:
            raise OptionError(
                "with pairs: round-robin all pairs come equally often, so language_weight must be "
                f"0; found {self.language_weight}. Leave one of the two out",
                ("language_weight",),
            )


@dataclass(frozen=True)
class Cross(CrossingOptions):
    """Query language and passage language differ in every row.

    Source: LAReQA (arXiv 2004.05484) and hybrid batch training (arXiv 2408.10536, section 2.2),
    which does not say how the pair is drawn; its figure 2 shows many pairs in one batch.

    Args:
        query_language: the language of all queries, as English in arXiv 2604.05684; None is any.
        pairs: how pairs of languages are drawn: ``row``, ``batch`` or ``round-robin``; see
            ``CrossingOptions``.
        source_weight: as for all samplers; see ``hbench.drawing.DrawingOptions``.
        language_weight: p(pair) is proportional to its items to this power; 0 is uniform.
        without: languages to leave out of training.
    """

    query_language: str | None = None
    version: ClassVar[int] = 2
    needs_parallel: ClassVar[bool] = True

    def prepare(self, items: Items, *, batch_size: int, seed: int) -> Series:
        """Get ready to draw; see ``hbench.protocols.Sampler``.

        Raises:
            DataError: also if the data lacks the query language.
        """
        drawer = Drawer(items, self, batch_size=batch_size, seed=seed)
        menu = drawer.menu(same_language=False, query_language=self.query_language)
        return drawer.series(menu, self.pairs)
