"""What a spec states of its methods: claims that figures can decide, and figures of others."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from hbench.uses import Name, Strict

Comparison = Literal["better_than", "not_worse_than", "equal_to"]
COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)
FACTS = (
    "languages", "settings", "leakage", "evaluated", "metrics", "monolingual_batches",
)  # fmt: skip
Selector = Annotated[dict[str, str], Field(min_length=1)]


class Claim(Strict):
    """A sentence that figures can support or refute: a comparison, a fact, or a description.

    Args:
        says: the sentence.
        dataset: the evaluation that it speaks of; None speaks of all.
        metric: what a comparison is of, with the setting.
        setting: one of the evaluation's.
        method: what it speaks for, by axes.
        better_than: the rival or rivals that it must beat, by the margin if there is one.
        not_worse_than: likewise, by no more than the margin.
        equal_to: likewise, within the margin.
        margin: in the metric's own unit.
        by: a comparison must hold among the queries of each ``language``, say; as ``compare --by``.
        languages: a fact: how many languages are evaluated.
        settings: a fact: how many (query language, pool) a setting has.
        leakage: a fact: how many texts of the evaluation occur in training, word for word.
        evaluated: a fact: every method has its scores in these evaluations.
        metrics: a fact: these are computed for every method.
        monolingual_batches: a fact about ``method``: the share of batches in one language.
        description: no figure decides it.
    """

    says: str
    dataset: Name | None = None
    metric: str | None = None
    setting: Name | None = None
    method: Selector | None = None
    better_than: Selector | tuple[Selector, ...] | None = None
    not_worse_than: Selector | tuple[Selector, ...] | None = None
    equal_to: Selector | tuple[Selector, ...] | None = None
    margin: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    by: Name | None = None
    languages: int | None = None
    settings: dict[str, int] | None = None
    leakage: int | None = None
    evaluated: tuple[Name, ...] | None = Field(default=None, min_length=1)
    metrics: tuple[str, ...] | None = Field(default=None, min_length=1)
    monolingual_batches: float | None = Field(default=None, ge=0, le=1)
    description: bool = False

    @property
    def rivals(self) -> tuple[Selector, ...]:
        """The methods that ``method`` is compared with; empty for a fact."""
        rivals = self.better_than or self.not_worse_than or self.equal_to or ()
        return rivals if isinstance(rivals, tuple) else (rivals,)

    @model_validator(mode="after")
    def _is_one_kind_and_complete(self) -> "Claim":
        comparisons = [name for name in COMPARISONS if getattr(self, name)]
        facts = [name for name in FACTS if getattr(self, name) is not None]
        kinds = comparisons + facts + (["description"] if self.description else [])
        if len(kinds) != 1:
            raise ValueError(
                f"a claim needs exactly one of {', '.join((*COMPARISONS, *FACTS))}, description; "
                f"found {', '.join(kinds) or 'none'}"
            )
        if self.monolingual_batches is not None and self.method is None:
            raise ValueError("monolingual_batches also needs the method; add it")
        if self.by is not None and not comparisons:
            raise ValueError("'by' splits the queries of a comparison, and this is none; remove it")
        if comparisons:
            missing = [n for n in ("method", "metric", "setting") if getattr(self, n) is None]
            if missing:
                raise ValueError(f"a comparison also needs {', '.join(missing)}")
            if comparisons[0] != "better_than" and self.margin is None:
                raise ValueError(f"{comparisons[0]} needs a margin, fixed before the run")
        return self


class Published(Strict):
    """A figure that somebody else reported, to stand beside the measured one; it is never tested.

    Args:
        method: what it is of: axes that fit one method, or the name of one as tables print it.
        dataset: the evaluation; None if there is only one.
        setting: one of the evaluation's.
        metric: one of the evaluation's.
        query_language: the mean over this language's pools; None is the setting's macro average.
        value: as published, in the metric's unit (a percentage of .4054 is .4054, not 40.54).
        source: where it stands: paper, table, column.
    """

    method: Selector | Name
    dataset: Name | None = None
    setting: Name
    metric: str
    query_language: Name | None = None
    value: float = Field(allow_inf_nan=False)
    source: Name
