"""Deterministic algorithms are on while a model trains, and what has none is told."""

import warnings

import pytest
import torch

from hbench.repeatable import repeatable


def test_deterministic_algorithms_are_on_inside_and_as_before_outside():
    assert not torch.are_deterministic_algorithms_enabled()
    with repeatable() as notes:
        assert torch.are_deterministic_algorithms_enabled()
        with repeatable(wanted=False):
            assert not torch.are_deterministic_algorithms_enabled()
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert notes == []


def test_an_operation_without_such_an_algorithm_is_told_once_and_other_warnings_go_on():
    with pytest.warns(UserWarning, match="something else"), repeatable() as notes:
        for _ in range(2):
            warnings.warn(
                "cumsum_cuda_kernel does not have a deterministic implementation, but you set "
                "'torch.use_deterministic_algorithms(True, warn_only=True)'. You can file",
                stacklevel=1,
            )
        warnings.warn("something else", stacklevel=1)
    (note,) = notes
    assert note == (
        "not repeatable on this device: cumsum_cuda_kernel does not have a deterministic "
        "implementation"
    )
