"""Batches of the source language (En-En): what a model learns without any other language."""

from dataclasses import dataclass
from typing import ClassVar

from hbench.drawing import Drawer, DrawingOptions, Series
from hbench.records import Items


@dataclass(frozen=True)
class Source(DrawingOptions):
    """All rows of all batches are in one language.

    Source: En-En of LAReQA (arXiv 2004.05484): zero-shot transfer to the other languages.

    Args:
        language: of all queries and passages.
        source_weight: as for all samplers; see ``hbench.drawing.DrawingOptions``.
        language_weight: as for all samplers; of no consequence where there is one language.
        without: as for all samplers.
    """

    language: str = "en"
    version: ClassVar[int] = 1
    needs_parallel: ClassVar[bool] = False

    def prepare(self, items: Items, *, batch_size: int, seed: int) -> Series:
        """Get ready to draw; see ``hbench.protocols.Sampler``.

        Raises:
            DataError: also if the data lacks the language.
        """
        drawer = Drawer(items, self, batch_size=batch_size, seed=seed)
        menu = drawer.menu(same_language=True, query_language=self.language)
        return drawer.series(menu, "batch")
