"""The contracts of the plugins as checks, for the tests of whoever writes one.

    from hbench.testing import built, check_metric

    def test_my_metric_keeps_its_contract():
        check_metric(built("metric", "my-metric", k=5))

A check asks the plugin what hbench will ask of it, with small inputs of its own that are the same
each time. At the first rule that is broken it raises `ContractError`: which rule, what the plugin
was given, what it answered, and what a right answer looks like. An error of the plugin itself
keeps its traceback, and what cannot be checked is said by a warning. `RULES` lists what is checked.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hbench import registry
from hbench.registry import Kind
from hbench.testing import (
    common,
    dataset,
    encoder,
    executor,
    metric,
    objective,
    sampler,
    transform,
)
from hbench.testing.dataset import check_dataset
from hbench.testing.encoder import check_encoder
from hbench.testing.executor import check_executor
from hbench.testing.metric import check_metric
from hbench.testing.objective import check_objective
from hbench.testing.rules import ContractError, Rule
from hbench.testing.sampler import check_sampler
from hbench.testing.transform import check_transform

__all__ = [
    "CHECKS",
    "RULES",
    "ContractError",
    "Rule",
    "built",
    "check_dataset",
    "check_encoder",
    "check_executor",
    "check_metric",
    "check_objective",
    "check_sampler",
    "check_transform",
]

CHECKS: Mapping[Kind, Callable[..., None]] = {
    "sampler": check_sampler,
    "encoder": check_encoder,
    "dataset": check_dataset,
    "objective": check_objective,
    "metric": check_metric,
    "transform": check_transform,
    "executor": check_executor,
}
"""The check of each kind of plugin."""
RULES: Mapping[Kind, tuple[Rule, ...]] = {
    "sampler": (*common.RULES, *sampler.RULES),
    "encoder": (*common.RULES, *encoder.RULES),
    "dataset": (*common.RULES, *dataset.RULES),
    "objective": (*common.RULES, *objective.RULES),
    "metric": (*common.RULES, *metric.RULES),
    "transform": (*common.RULES, *transform.RULES),
    "executor": (*common.RULES, *executor.RULES),
}
"""What the check of each kind checks."""


def built(kind: Kind, name: str, **options: Any) -> Any:  # noqa: ANN401 - of any kind
    """A plugin as a spec would build it: found through its entry point, its options checked.

    Args:
        kind: as ``sampler``.
        name: under which it is registered, once its distribution is installed.
        options: as they would stand in the spec.

    Raises:
        PluginError: it is not installed, or cannot be imported.
        OptionError: an option is unknown, missing or wrong.
    """
    return registry.build(kind, name, options).plugin
