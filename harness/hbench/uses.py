"""How a spec names plugins: by name, with their options; alone, weighted, or in a list."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from hbench.errors import PRINTABLE, shown

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PRINTABLE)]
UNTRAINED = "none"  # the sampler of an encoder that is not trained, and the transform that is none


class Strict(BaseModel):
    """No unknown keys, no conversions, no changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PluginUse(BaseModel):
    """A plugin by name; every other key is an option of it."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    use: Name

    @property
    def options(self) -> Mapping[str, Any]:
        """The plugin's options as the file gives them."""
        return self.model_extra or {}


class WeightedUse(PluginUse):
    """One of several: a dataset to train on, a part of an objective."""

    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)


class SourceUse(WeightedUse):
    """One of several datasets to train on.

    Args:
        weight: its probability is proportional to this, and to a power of its size.
        cap: where it has more items than that, it is taken for one that has so many.
        minimum: where it has fewer, likewise.
    """

    cap: int | None = Field(default=None, ge=1)
    minimum: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _ascends(self) -> "SourceUse":
        if self.cap is not None and self.minimum is not None and self.minimum > self.cap:
            raise ValueError(f"the minimum, {self.minimum}, is above the cap, {self.cap}; lower it")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest size that it is taken for."""
        return (float(self.minimum or 0), float(self.cap) if self.cap else float("inf"))


class ObjectiveUse(Strict):
    """An objective, or a list of them, whose weighted sum is minimised.

    Only in a list is ``weight`` the spec's own key.
    """

    # Behind a validator a list is a list, which a strict tuple would refuse.
    model_config = ConfigDict(strict=False)
    one: PluginUse | None = None
    several: tuple[WeightedUse, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_one_or_list(cls, value: object) -> object:
        if value == []:
            raise ValueError("a list of objectives needs at least one; add it")
        return {"several" if isinstance(value, list) else "one": value}

    @property
    def parts(self) -> Sequence[PluginUse]:
        """The objectives."""
        return (self.one,) if self.one is not None else self.several

    @property
    def weights(self) -> Sequence[float]:
        """The weight of each."""
        return [part.weight for part in self.several] or [1.0]


class TransformUse(PluginUse):
    """A transform; ``data`` is what it is fitted on, not given: the training data."""

    data: PluginUse | None = None


class MetricUse(PluginUse):
    """A metric: ``ndcg@10`` is short for ``{use: ndcg, k: 10}``."""

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        name, at, cutoff = value.partition("@")
        if not at:
            return {"use": name}
        if not re.fullmatch("[1-9][0-9]{0,8}", cutoff):
            raise ValueError(
                f"{shown(value)}: the cut-off after '@' must be a whole number from 1, as ndcg@10"
            )
        return {"use": name, "k": int(cutoff)}

    @property
    def label(self) -> str:
        """The metric's name in tables and score files.

        >>> MetricUse.model_validate("ndcg@10").label
        'ndcg@10'
        """
        others = ",".join(f"{k}={v}" for k, v in sorted(self.options.items()) if k != "k")
        cutoff = f"@{self.options['k']}" if "k" in self.options else ""
        return self.use + cutoff + (f"[{others}]" if others else "")
