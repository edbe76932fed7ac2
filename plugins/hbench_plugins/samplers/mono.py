"""Monolingual batches (X-X-mono): queries, passages and so negatives all in one language."""

from dataclasses import dataclass
from typing import ClassVar

from hbench.drawing import Drawer, Exponent, Menu
from hbench.records import Int32Array, Items


@dataclass(frozen=True)
class Mono:
    """Every row of a batch is in one language, drawn per batch.

    Source: LAReQA (arXiv 2004.05484) and hybrid batch training (arXiv 2408.10536, section 2.2).

    Args:
        source_weight: p(source) is proportional to its weight x size to this power.
        language_weight: p(language) is proportional to its items to this power; 0 is uniform.
    """

    source_weight: Exponent = 1.0
    language_weight: Exponent = 0.0
    version: ClassVar[int] = 1
    needs_parallel: ClassVar[bool] = False

    def prepare(self, items: Items, *, batch_size: int, seed: int) -> "MonoBatches":
        """Get ready to draw; see ``hbench.protocols.Sampler``."""
        drawer = Drawer(
            items,
            batch_size=batch_size,
            seed=seed,
            source_weight=self.source_weight,
            language_weight=self.language_weight,
        )
        menu = drawer.menu(same_language=True)
        drawer.check(menu, one_pair=True)
        return MonoBatches(drawer, menu)


@dataclass(frozen=True)
class MonoBatches:
    """Batches of one language each."""

    drawer: Drawer
    menu: Menu

    def batch(self, step: int) -> Int32Array:
        """(batch_size, 3) int32: item, query language, passage language."""
        return self.drawer.one_pair(self.drawer.generator(step), self.menu)
