"""Deterministic algorithms are on while a model trains, and what has none is told."""

import os
import warnings

import pytest
import torch

from hbench.repeatable import repeatable

UNREPEATABLE = (
    "cumsum_cuda_kernel does not have a deterministic implementation, but you set "
    "'torch.use_deterministic_algorithms(True, warn_only=True)'. You can file"
)


def test_deterministic_algorithms_are_on_inside_and_as_before_outside():
    assert not torch.are_deterministic_algorithms_enabled()
    with repeatable() as notes:
        assert torch.are_deterministic_algorithms_enabled()
        with repeatable(wanted=False):
            assert not torch.are_deterministic_algorithms_enabled()
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert notes == []


@pytest.mark.parametrize("only_warned", [False, True])
def test_whether_torch_only_warned_before_holds_again_outside(only_warned):
    torch.use_deterministic_algorithms(True, warn_only=only_warned)
    try:
        with repeatable():
            assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled() == only_warned
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    ("wanted", "before", "inside"),
    [(True, None, ":4096:8"), (True, ":16:8", ":16:8"), (False, None, None)],
)
def test_cublas_is_given_the_workspace_with_which_it_is_repeatable(
    monkeypatch, wanted, before, inside
):
    name = "CUBLAS_WORKSPACE_CONFIG"
    monkeypatch.setenv(name, "")  # so that what stood there is put back
    monkeypatch.delenv(name)
    if before is not None:
        monkeypatch.setenv(name, before)
    with repeatable(wanted=wanted):
        assert os.environ.get(name) == inside


def test_other_warnings_are_treated_as_the_users_filters_say():
    other = "a deterministic world is dull"
    with repeatable() as notes, warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*dull")
        with pytest.raises(UserWarning, match=other):
            warnings.warn(other, stacklevel=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warnings.filterwarnings("ignore")
        warnings.filterwarnings("always", module=__name__)
        with repeatable() as notes:
            warnings.warn(other, stacklevel=1)
            warnings.warn_explicit(other, UserWarning, "elsewhere.py", 1)
    assert [str(each.message) for each in caught] == [other]
    assert notes == []


def test_warnings_before_an_exception_are_not_lost():
    body = repeatable()
    with pytest.warns(UserWarning, match="something else"), pytest.raises(KeyError), body as notes:
        warnings.warn(UNREPEATABLE, stacklevel=1)
        warnings.warn("something else", stacklevel=1)
        raise KeyError
    assert len(notes) == 1


def test_an_operation_without_such_an_algorithm_is_told_once_and_other_warnings_go_on():
    with pytest.warns(UserWarning, match="something else"), repeatable() as notes:
        for _ in range(2):
            warnings.warn(UNREPEATABLE, stacklevel=1)
        warnings.warn("something else", stacklevel=1)
    (note,) = notes
    assert note == (
        "not repeatable on this device: cumsum_cuda_kernel does not have a deterministic "
        "implementation"
    )
