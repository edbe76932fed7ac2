"""What a user asks for: the spec's shape, and nothing of what plugins or data it names.

A mistake in one part must not hide those of others: what needs several parts is in ``validate.py``.

A spec is a file of named benchmarks; each is a matrix of methods (encoders x samplers x objectives
x transforms, with seeds), data to train on, data to evaluate on, and claims.
"""

import json
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from hbench.claims import Claim, Published
from hbench.errors import did_you_mean
from hbench.settings import MACRO
from hbench.uses import (
    UNTRAINED,
    MetricUse,
    Name,
    ObjectiveUse,
    PluginUse,
    SourceUse,
    Strict,
    TransformUse,
)

Axis = Literal["encoder", "sampler", "objective", "transform"]
AXES: tuple[Axis, ...] = ("encoder", "sampler", "objective", "transform")


def default_precision(device: str) -> Literal["float32", "bfloat16"]:
    """bfloat16 on a CUDA device, which has units for it, and float32 elsewhere."""
    return "bfloat16" if device.startswith("cuda") else "float32"


class Validation(Strict):
    """Data by whose loss the best weights of a training are chosen.

    Args:
        data: a dataset; its items are taken in each of their languages, in batches of one language.
        every: steps between two looks.
        patience: looks without a lower loss before training stops; None goes on to the last step.
    """

    data: PluginUse
    every: int = Field(default=100, ge=1)
    patience: int | None = Field(default=None, ge=1)


class Training(Strict):
    """How every trained method of a benchmark is trained.

    Args:
        data: what to train on, by names of one's own.
        steps: of the optimiser.
        batch_size: rows whose passages are each other's negatives.
        learning_rate: its peak.
        warmup: the share of the steps in which it rises.
        schedule: how it falls.
        weight_decay: of AdamW; biases and normalisation weights do not decay.
        clip: the largest norm of the gradients.
        precision: of the arithmetic; None is bfloat16 on CUDA and float32 elsewhere.
        token_budget: tokens worked on at once; None is the device's default.
        gradient_caching: embed twice and keep little: for batches that do not fit into memory.
        deterministic: use algorithms that give the same bits each time, where torch has them.
        validation: chooses the best weights, and may end the training early.
        leakage: what to do if texts of an evaluation occur in the training data, word for word or
            nearly: stop, say so under its tables, or leave out the items that they are texts of.
    """

    data: dict[Name, SourceUse] = Field(min_length=1)
    steps: int = Field(default=1000, ge=1)
    batch_size: int = Field(default=100, ge=2)
    learning_rate: float = Field(default=3e-5, gt=0, allow_inf_nan=False)
    warmup: float = Field(default=0.1, ge=0, le=1)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    clip: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    precision: Literal["float32", "bfloat16"] | None = None
    token_budget: int | None = Field(default=None, ge=1)
    gradient_caching: bool = False
    deterministic: bool = True
    validation: Validation | None = None
    leakage: Literal["error", "warn", "drop"] = "warn"

    def precision_on(self, device: str) -> Literal["float32", "bfloat16"]:
        """What is asked for, or the device's default."""
        return self.precision or default_precision(device)


class Setting(Strict):
    """A setting: one of the four, or a pool of one's own under a name."""

    # Behind a validator a pool is a list, which a strict tuple would refuse.
    model_config = ConfigDict(strict=False)
    name: Name
    pool: tuple[Name, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_known_or_has_pool(self) -> "Setting":
        if len(set(self.pool)) < len(self.pool):
            raise ValueError(f"pool {self.name!r} names a language twice; keep one")
        if self.pool and self.name in MACRO:
            raise ValueError(f"{self.name!r} is a setting already; give the pool another name")
        if not self.pool and self.name not in MACRO:
            raise ValueError(
                f"no setting is named {self.name!r}: {did_you_mean(self.name, MACRO)}; "
                "or name a pool of your own: {name: nordic, pool: [da, sv]}"
            )
        return self


def setting_of(value: object) -> Setting | None:
    """A setting as a spec file gives it, or None if it is none."""
    try:
        return Setting.model_validate_json(json.dumps(value))
    except ValidationError:
        return None


class Evaluation(Strict):
    """A dataset to evaluate on.

    Args:
        data: the dataset.
        settings: which queries are ranked against which passages.
        metrics: the first is the headline.
        top_k: passages that are kept for each query and candidate language.
        precision: of the arithmetic of encoding; None is bfloat16 on CUDA and float32 elsewhere.
        vectors: the precision in which they are stored and compared.
        index: a string for ``faiss.index_factory``, as ``HNSW32``: approximate search for the first
            ``top_k`` of each language; what it does not find is ranked last.
    """

    data: PluginUse
    settings: tuple[Setting, ...] = Field(min_length=1)
    metrics: tuple[MetricUse, ...] = Field(min_length=1)
    top_k: int = Field(default=10, ge=1)
    precision: Literal["float32", "bfloat16"] | None = None
    vectors: Literal["float32", "float16"] = "float32"
    index: Name | None = None

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the tables must know of how vectors were compared."""
        half = ["vectors are stored and compared in float16"] if self.vectors == "float16" else []
        index = [f"approximate search by a faiss index, {self.index}"] if self.index else []
        return [*half, *index]

    def precision_on(self, device: str) -> Literal["float32", "bfloat16"]:
        """What is asked for, or the device's default."""
        return self.precision or default_precision(device)


class Benchmark(Strict):
    """One matrix of methods on the same data.

    Args:
        says: what it is to find out.
        default: whether it runs without being named with ``--only``.
        train: how every method is trained, and on what.
        encoders: the first axis, by names of one's own.
        samplers: the second; ``{use: none}`` is the encoder before training.
        objectives: the third; a list is a weighted sum.
        transforms: the fourth, if there is one; ``{use: none}`` leaves vectors as they are.
        seeds: each method is trained once with each.
        evaluate: what to evaluate on, by names of one's own.
        claims: sentences that `hbench verify` judges by the figures.
        published: figures of others, to stand beside the measured ones.
    """

    says: str = ""
    default: bool = True
    train: Training | None = None
    encoders: dict[Name, PluginUse] = Field(min_length=1)
    samplers: dict[Name, PluginUse] = Field(min_length=1)
    objectives: dict[Name, ObjectiveUse] = Field(default_factory=dict)
    transforms: dict[Name, TransformUse] = Field(default_factory=dict)
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = (1,)
    evaluate: dict[Name, Evaluation] = Field(min_length=1)
    claims: tuple[Claim, ...] = ()
    published: tuple[Published, ...] = ()

    @property
    def trains(self) -> bool:
        """Whether some method is trained."""
        return any(sampler.use != UNTRAINED for sampler in self.samplers.values())

    def axis(self, name: str) -> Mapping[str, Sequence[PluginUse]]:
        """The plugins of each value of an axis, by its singular name: ``axis("sampler")``."""
        values: Mapping[str, PluginUse | ObjectiveUse] = getattr(self, f"{name}s")
        return {
            label: value.parts if isinstance(value, ObjectiveUse) else (value,)
            for label, value in values.items()
        }

    @field_validator("seeds")
    @classmethod
    def _differ(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) < len(seeds):
            raise ValueError(f"seeds must be given, each once; found {list(seeds)}")
        return seeds


class Spec(Strict):
    """A spec file.

    Args:
        version: of the format; 1.
        benchmarks: by names of one's own.
    """

    version: int = Field(ge=1, le=1)
    benchmarks: dict[Name, Benchmark] = Field(min_length=1)


def keys_at(path: Sequence[str | int]) -> list[str]:
    """The keys that a spec allows at ``path``, read off its models."""
    annotation: Any = Spec
    for step in path:
        annotation = _inside(annotation, step)
    return list(_model(annotation).model_fields)


def _inside(annotation: Any, step: str | int) -> Any:  # noqa: ANN401 - types have no common type
    model = _model(annotation)
    if model is not None:
        return model.model_fields[str(step)].annotation
    return next(arg for arg in reversed(get_args(annotation)) if arg is not Ellipsis)


def _model(annotation: Any) -> Any:  # noqa: ANN401
    """The model that an annotation is, or offers beside None."""
    offered = get_args(annotation) if get_origin(annotation) is UnionType else ()
    return next((c for c in (annotation, *offered) if hasattr(c, "model_fields")), None)
