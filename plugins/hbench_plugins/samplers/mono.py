"""Monolingual batches (X-X-mono): queries, passages and so negatives all in one language."""

from dataclasses import dataclass
from typing import ClassVar

from hbench.drawing import Drawer, DrawingOptions, Series
from hbench.records import Items


@dataclass(frozen=True)
class Mono(DrawingOptions):
    """Every row of a batch is in one language, drawn per batch.

    Source: LAReQA (arXiv 2004.05484) and hybrid batch training (arXiv 2408.10536, section 2.2).

    Args:
        source_weight: as for all samplers; see ``hbench.drawing.DrawingOptions``.
        language_weight: p(language) is proportional to its items to this power; 0 is uniform.
        without: languages to leave out of training.
    """

    version: ClassVar[int] = 2
    needs_parallel: ClassVar[bool] = False

    def prepare(self, items: Items, *, batch_size: int, seed: int) -> Series:
        """Get ready to draw; see ``hbench.protocols.Sampler``."""
        drawer = Drawer(items, self, batch_size=batch_size, seed=seed)
        return drawer.series(drawer.menu(same_language=True), "batch")
