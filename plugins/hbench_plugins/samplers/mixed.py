"""Mixed batches (X-X): each row in one language, the batch in many."""

from dataclasses import dataclass
from typing import ClassVar

from hbench.drawing import Drawer, DrawingOptions, Series
from hbench.records import Items


@dataclass(frozen=True)
class Mixed(DrawingOptions):
    """Query and passage of a row are in one language, drawn per row.

    Most negatives are then in another language than the query, so that a model can tell them by
    their language alone.

    Source: X-X of LAReQA (arXiv 2004.05484); many call it the multilingual InfoNCE baseline.

    Args:
        source_weight: as for all samplers; see ``hbench.drawing.DrawingOptions``.
        language_weight: p(language) is proportional to its items to this power; 0 is uniform.
        without: languages to leave out of training.
    """

    version: ClassVar[int] = 1
    needs_parallel: ClassVar[bool] = False

    def prepare(self, items: Items, *, batch_size: int, seed: int) -> Series:
        """Get ready to draw; see ``hbench.protocols.Sampler``."""
        drawer = Drawer(items, self, batch_size=batch_size, seed=seed)
        return drawer.series(drawer.menu(same_language=True), "row")
