"""The samplers, metrics and executors that ship with hbench keep the contracts of their kinds.

`datasets/test_contract.py` asks the same of datasets, which need files.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hbench import registry
from hbench.registry import Kind
from hbench.testing import built, check_executor, check_metric, check_sampler

Options = Mapping[str, Any]
# A plugin that is not listed is checked with its defaults; those that are, with each of these.
SAMPLERS: Mapping[str, Sequence[Options]] = {
    "cross": [
        {},
        {"pairs": "batch"},
        {"pairs": "round-robin"},
        {"query_language": "en"},
        {"language_weight": 1, "without": ["ar", "zh"]},
    ],
    "hybrid": [{}, {"alpha": 0.95}, {"alpha": 0, "pairs": "batch"}],
    "mixed": [{}, {"source_weight": 0, "language_weight": 0.5}],
    "mono": [{}, {"source_weight": 0}],
    "source": [{}, {"language": "zh", "without": ["en"]}],
}
K = [{"k": 1}, {"k": 2}, {"k": 100}]
METRICS: Mapping[str, Sequence[Options]] = {
    **dict.fromkeys(
        ["complete", "language_skew", "ndcg", "precision", "recall", "same_language_recall",
         "success", "tlr"],
        K,
    ),
    "language_share": [*K, {"k": 3, "language": "de"}, {"k": 3, "language": "fr"}],
}  # fmt: skip
EXECUTORS: Mapping[str, Sequence[Options]] = {}


def shipped(kind: Kind) -> list[str]:
    """The names that hbench itself registers, whatever else is installed."""
    offered = registry.entries(kind)
    return [name for name, found in offered.items() if found[0].distribution == "hbench"]


def cases(kind: Kind, table: Mapping[str, Sequence[Options]]) -> list[tuple[str, Options]]:
    """(name, options) of every shipped plugin."""
    return [(name, options) for name in shipped(kind) for options in table.get(name, [{}])]


@pytest.mark.parametrize(("name", "options"), cases("sampler", SAMPLERS))
def test_samplers_keep_their_contract(name, options):
    check_sampler(built("sampler", name, **options), other_processes=not options)


@pytest.mark.parametrize(("name", "options"), cases("metric", METRICS))
def test_metrics_keep_their_contract(name, options):
    check_metric(built("metric", name, **options))


@pytest.mark.parametrize(("name", "options"), cases("executor", EXECUTORS))
def test_executors_keep_their_contract(name, options):
    check_executor(built("executor", name, **options))


@pytest.mark.parametrize(
    ("kind", "table"), [("sampler", SAMPLERS), ("metric", METRICS), ("executor", EXECUTORS)]
)
def test_every_shipped_plugin_is_checked_and_none_that_is_gone(kind, table):
    names = {name for name, _ in cases(kind, table)}
    assert names == set(shipped(kind))
    assert names
    assert names >= table.keys()
