"""Cross-lingual batches (X-Y): no row has its query and its passage in the same language."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from hbench.drawing import Drawer, Exponent, Menu
from hbench.records import Int32Array, Items


@dataclass(frozen=True)
class Cross:
    """Query language and passage language differ in every row.

    Source: LAReQA (arXiv 2004.05484) and hybrid batch training (arXiv 2408.10536, section 2.2),
    which does not say how the pair is drawn; its figure 2 shows many pairs in one batch.

    Args:
        pairs: ``row`` draws a pair of languages for each row, ``batch`` one for the whole batch.
        source_weight: p(source) is proportional to its weight x size to this power.
        language_weight: p(pair) is proportional to its items to this power; 0 is uniform.
    """

    pairs: Literal["row", "batch"] = "row"
    source_weight: Exponent = 1.0
    language_weight: Exponent = 0.0
    version: ClassVar[int] = 1
    needs_parallel: ClassVar[bool] = True

    def prepare(self, items: Items, *, batch_size: int, seed: int) -> "CrossBatches":
        """Get ready to draw; see ``hbench.protocols.Sampler``."""
        drawer = Drawer(
            items,
            batch_size=batch_size,
            seed=seed,
            source_weight=self.source_weight,
            language_weight=self.language_weight,
        )
        menu = drawer.menu(same_language=False)
        drawer.check(menu, one_pair=self.pairs == "batch")
        return CrossBatches(drawer, menu, self.pairs)


@dataclass(frozen=True)
class CrossBatches:
    """Batches whose rows cross languages."""

    drawer: Drawer
    menu: Menu
    pairs: Literal["row", "batch"]

    def batch(self, step: int) -> Int32Array:
        """(batch_size, 3) int32: item, query language, passage language."""
        rng = self.drawer.generator(step)
        draw = self.drawer.by_row if self.pairs == "row" else self.drawer.one_pair
        return draw(rng, self.menu)
