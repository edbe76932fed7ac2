import json

import pytest

from hbench.errors import OptionError
from hbench.matrix import methods
from hbench.spec import Benchmark


def benchmark(encoders="e", samplers="mono cross", objectives="o", none=""):
    """A benchmark of these axis values; the samplers in ``none`` leave the encoder untrained."""
    axes = {
        "encoders": {name: {"use": "x"} for name in encoders.split()},
        "samplers": {name: {"use": "x"} for name in samplers.split()}
        | {name: {"use": "none"} for name in none.split()},
        "objectives": {name: {"use": "x"} for name in objectives.split()},
    }
    data = {"use": "d"}
    return Benchmark.model_validate_json(
        json.dumps(
            axes
            | {"train": {"data": {"d": data}}}
            | {"evaluate": {"d": {"data": data, "settings": ["mono"], "metrics": ["map"]}}}
        )
    )


@pytest.mark.parametrize(
    ("axes", "names"),
    [
        ({}, ["mono", "cross"]),
        ({"samplers": "mono"}, ["mono"]),
        ({"samplers": "mono", "objectives": "p q"}, ["p", "q"]),
        ({"samplers": "mono", "encoders": "f e"}, ["f", "e"]),
        (
            {"encoders": "f e", "objectives": "p q"},
            ["f/mono/p", "f/mono/q", "f/cross/p", "f/cross/q",
             "e/mono/p", "e/mono/q", "e/cross/p", "e/cross/q"],
        ),
        ({"samplers": "", "none": "none", "objectives": "p q"}, ["none"]),
        ({"samplers": "", "none": "none", "encoders": "f e", "objectives": ""}, ["f", "e"]),
        ({"samplers": "mono", "none": "raw", "objectives": "p q"}, ["mono/p", "mono/q", "raw"]),
    ],
)  # fmt: skip
def test_methods_are_named_by_the_axes_that_vary_in_the_order_of_the_spec(axes, names):
    assert [method.name for method in methods(benchmark(**axes))] == names


def test_an_untrained_encoder_is_one_method_without_objective():
    *_, raw = methods(benchmark(none="none", objectives="p q"))
    assert (raw.name, raw.axes) == ("none", {"encoder": "e", "sampler": "none"})


def test_two_methods_cannot_share_a_name():
    with pytest.raises(OptionError, match="two methods are both named 'a/b/c'; use no '/'"):
        methods(benchmark(encoders="a a/b", samplers="c b/c"))
