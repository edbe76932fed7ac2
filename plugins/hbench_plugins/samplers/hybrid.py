"""Hybrid batches: each batch is monolingual or cross-lingual, by the toss of a coin."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from hbench.drawing import Drawer, Exponent, Menu
from hbench.errors import OptionError
from hbench.records import Int32Array, Items


@dataclass(frozen=True)
class Hybrid:
    """A batch is monolingual with probability ``alpha``, and else cross-lingual.

    Source: hybrid batch training (arXiv 2408.10536, section 2.2); 0.5 is its reported setting.

    Args:
        alpha: the probability that a batch is monolingual.
        pairs: in cross-lingual batches, ``row`` draws a pair of languages for each row, ``batch``
            one for the whole batch.
        source_weight: p(source) is proportional to its weight x size to this power.
        language_weight: p(language) or p(pair) is proportional to its items to this power.
    """

    alpha: float = 0.5
    pairs: Literal["row", "batch"] = "row"
    source_weight: Exponent = 1.0
    language_weight: Exponent = 0.0
    version: ClassVar[int] = 1
    needs_parallel: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise OptionError(
                f"alpha is a probability, from 0 to 1; found {self.alpha}", ("alpha",)
            )

    def prepare(self, items: Items, *, batch_size: int, seed: int) -> "HybridBatches":
        """Get ready to draw; see ``hbench.protocols.Sampler``."""
        drawer = Drawer(
            items,
            batch_size=batch_size,
            seed=seed,
            source_weight=self.source_weight,
            language_weight=self.language_weight,
        )
        mono, cross = drawer.menu(same_language=True), drawer.menu(same_language=False)
        drawer.check(mono, one_pair=True)
        drawer.check(cross, one_pair=self.pairs == "batch")
        return HybridBatches(drawer, mono, cross, self.alpha, self.pairs)


@dataclass(frozen=True)
class HybridBatches:
    """Monolingual and cross-lingual batches."""

    drawer: Drawer
    mono: Menu
    cross: Menu
    alpha: float
    pairs: Literal["row", "batch"]

    def batch(self, step: int) -> Int32Array:
        """(batch_size, 3) int32: item, query language, passage language."""
        rng = self.drawer.generator(step)
        if rng.random() < self.alpha:
            return self.drawer.one_pair(rng, self.mono)
        draw = self.drawer.by_row if self.pairs == "row" else self.drawer.one_pair
        return draw(rng, self.cross)
