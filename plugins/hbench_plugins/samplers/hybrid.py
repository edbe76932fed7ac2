"""Hybrid batches: each batch is monolingual or cross-lingual, by the toss of a coin."""

from dataclasses import dataclass
from typing import ClassVar

from hbench.drawing import Drawer, Series
from hbench.errors import OptionError
from hbench.records import FloatArray, Int32Array, Items
from hbench_plugins.samplers.cross import CrossingOptions


@dataclass(frozen=True)
class Hybrid(CrossingOptions):
    """A batch is monolingual with probability ``alpha``, and else cross-lingual.

    Source: hybrid batch training (arXiv 2408.10536, section 2.2); 0.5 is its reported setting.

    Args:
        alpha: the probability that a batch is monolingual.
        pairs: how the pairs of cross-lingual batches are drawn: ``row``, ``batch`` or
            ``round-robin``, which monolingual batches leave gaps in; see ``CrossingOptions``.
        source_weight: as for all samplers; see ``hbench.drawing.DrawingOptions``.
        language_weight: p(language) or p(pair) is proportional to its items to this power.
        without: languages to leave out of training.
    """

    alpha: float = 0.5
    version: ClassVar[int] = 2
    needs_parallel: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.alpha <= 1:
            raise OptionError(
                f"alpha is a probability, from 0 to 1; found {self.alpha}", ("alpha",)
            )

    def prepare(self, items: Items, *, batch_size: int, seed: int) -> "HybridBatches":
        """Get ready to draw; see ``hbench.protocols.Sampler``."""
        drawer = Drawer(items, self, batch_size=batch_size, seed=seed)
        mono = drawer.series(drawer.menu(same_language=True), "batch")
        cross = drawer.series(drawer.menu(same_language=False), self.pairs)
        return HybridBatches(drawer, mono, cross, self.alpha)


@dataclass(frozen=True)
class HybridBatches:
    """Monolingual and cross-lingual batches."""

    drawer: Drawer
    mono: Series
    cross: Series
    alpha: float

    @property
    def shares(self) -> FloatArray:
        """(sources,) the share of the batches that each source has."""
        shares: FloatArray = self.alpha * self.mono.shares + (1 - self.alpha) * self.cross.shares
        return shares

    def batch(self, step: int) -> Int32Array:
        """(batch_size, 3) int32: item, query language, passage language."""
        rng = self.drawer.generator(step)
        series = self.mono if rng.random() < self.alpha else self.cross
        return series.draw(rng, step)
