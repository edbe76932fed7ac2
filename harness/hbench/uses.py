"""How a spec names plugins: by name, with their options; alone, weighted, or in a list."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from hbench.errors import PRINTABLE, shown
from hbench.registry import Kind

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PRINTABLE)]
UNTRAINED = "none"  # the sampler of an encoder that is not trained, and the transform that is none
Model = TypeVar("Model", bound=BaseModel)
Use = TypeVar("Use", bound="PluginUse")


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


# Where a benchmark names plugins; a type stands for whatever a mapping or a list holds.
USES: Sequence[tuple[Kind, type[PluginUse], Sequence[str | type]]] = (
    ("encoder", PluginUse, ("encoders", dict)),
    ("sampler", PluginUse, ("samplers", dict)),
    ("objective", PluginUse, ("objectives", dict)),
    ("objective", WeightedUse, ("objectives", dict, list)),
    ("transform", TransformUse, ("transforms", dict)),
    ("dataset", PluginUse, ("transforms", dict, "data")),
    ("dataset", SourceUse, ("train", "data", dict)),
    ("dataset", PluginUse, ("train", "validation", "data")),
    ("dataset", PluginUse, ("evaluate", dict, "data")),
    ("metric", MetricUse, ("evaluate", dict, "metrics", list)),
)


def parts_at(
    value: object, steps: Sequence[str | type], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The path and value of whatever stands at some steps; nothing where the file is otherwise.

    Args:
        value: a part of a spec file, as it is there.
        steps: as in ``USES``.
        path: that led to the value.

    >>> list(parts_at({"a": [3, 4], "b": 1}, ["a", list]))
    [(('a', 0), 3), (('a', 1), 4)]
    """
    if not steps:
        yield path, value
        return
    first, *rest = steps
    parts: Mapping[Any, Any] = {}
    if isinstance(value, dict):
        parts = value if first is dict else {key: value[key] for key in (first,) if key in value}
    elif isinstance(value, list) and first is list:
        parts = dict(enumerate(value))
    for step, part in parts.items():
        yield from parts_at(part, rest, (*path, step))


def plugin_use(model: type[Use], value: object) -> Use | None:
    """What a value of a spec file says of a plugin, or None if it names none."""
    if isinstance(value, dict):
        use = what_is_right(model, value)
        return use if use.use is not None else None
    if not (issubclass(model, MetricUse) and isinstance(value, str)):
        return None
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def what_is_right(model: type[Model], value: Mapping[str, Any]) -> Model:
    """A mapping as a model, each key for itself: to look at what is right beside what is wrong.

    Args:
        model: whose own validators are left out; they judge the whole.
        value: as the file has it.

    Returns:
        What the mapping would be without its wrong keys, which are not in ``model_fields_set``;
        one that must be given is None then.
    """
    fields = model.model_fields
    right: dict[str, Any] = {}
    for key in fields.keys() & value.keys():
        with suppress(ValidationError):  # told where the file is read as a whole
            right[key] = _adapter(model, key).validate_json(json.dumps(value[key]), strict=True)
    needed = {key: None for key, field in fields.items() if field.is_required()}
    made = model.model_construct(set(right), **{**needed, **right})
    if made.model_extra is not None:  # the options of a plugin, whose names may be any
        made.model_extra.update({key: given for key, given in value.items() if key not in fields})
    return made


@cache
def _adapter(model: type[BaseModel], key: str) -> TypeAdapter[Any]:
    """What checks one key of a model."""
    return TypeAdapter(model.model_fields[key].rebuild_annotation())
