import hypothesis.strategies as st
import pytest
from hypothesis import given
from pytest import approx

from hbench.design import half_width


@pytest.mark.parametrize(
    ("seeds", "sd", "simulated"),
    [(3, 0, 0.0091), (3, 0.002, 0.0097), (3, 0.005, 0.0132), (3, 0.01, 0.0238),
     (5, 0, 0.0087), (5, 0.002, 0.0091), (5, 0.005, 0.0109), (5, 0.01, 0.0163)],
)  # fmt: skip
def test_half_widths_are_about_those_of_a_simulation_on_xquad_r(seeds, sd, simulated):
    assert half_width(1190, 48, seeds, sd) == approx(simulated, rel=0.08)


@given(
    items=st.integers(200, 10_000),
    share=st.floats(0.1, 1),
    seeds=st.integers(3, 10),
    sd=st.floats(0, 0.05),
)
def test_more_of_anything_but_seed_variance_narrows_the_interval(items, share, seeds, sd):
    clusters = int(items * share)
    width = half_width(items, clusters, seeds, sd)
    # Fewer degrees of freedom may cost what the smaller variance gains, nearly.
    assert half_width(2 * items, 2 * clusters, seeds, sd) <= 1.02 * width
    assert half_width(items, clusters, seeds + 1, sd) < width
    assert half_width(items, clusters, seeds, sd + 0.01) > width
    assert half_width(items, clusters, seeds, sd, alpha=0.01) > width
