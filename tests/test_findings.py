"""Which benchmarks of a results folder are read, and what of them may be damaged."""

import pytest
from tests.toy_results import resolved, write_benchmark

from hbench.errors import Damaged, OptionError, StoreError
from hbench.findings import read_results
from hbench.manifests import MANIFEST
from hbench.store import Store


@pytest.fixture
def two(tmp_path):
    """Two benchmarks; gives the second one's folder."""
    for name in ("first", "second"):
        write_benchmark(tmp_path, resolved() | {"benchmark": name})
    return tmp_path / "benchmarks" / "second"


def names(root, *wanted):
    return [detail["benchmark"] for detail in read_results(root, wanted).details]


def test_all_are_read_or_those_that_are_named_in_that_order(two, tmp_path):
    assert names(tmp_path) == ["first", "second"]
    assert names(tmp_path, "second", "first") == ["second", "first"]


@pytest.mark.parametrize("name", [MANIFEST, "resolved.json"])
def test_damage_is_named_where_it_is_asked_for_and_blocks_no_other(two, tmp_path, name):
    (two / name).write_text("{")
    assert names(tmp_path, "first") == ["first"]
    for wanted in ((), ("second",), ("first", "second")):
        with pytest.raises(Damaged, match=f"^{two}: damaged .{name}"):
            names(tmp_path, *wanted)
    with pytest.raises(OptionError, match=r"did you mean 'first'\? Allowed: first$"):
        names(tmp_path, "frist")


def test_a_resolved_spec_that_is_gone_is_damage(two, tmp_path):
    (two / "resolved.json").unlink()
    with pytest.raises(Damaged, match=f"^{two}: damaged .resolved.json: missing"):
        names(tmp_path)


def test_what_a_run_is_just_writing_is_not_there_yet(two, tmp_path):
    (two / MANIFEST).unlink()
    assert names(tmp_path) == names(tmp_path, "first") == ["first"]
    with pytest.raises(OptionError, match=f"^{two}: no such benchmark here; Allowed: first$"):
        names(tmp_path, "second")


def test_a_folder_has_another_name_than_a_benchmark_with_odd_signs(tmp_path):
    odd = "../a b?"
    store, text = Store(tmp_path), '{"benchmark": "../a b?"}'
    store.put(store.benchmark(odd), "resolved.json", text)
    assert names(tmp_path, odd) == names(tmp_path) == [odd]
    with pytest.raises(OptionError, match="no such benchmark here"):
        names(tmp_path, store.benchmark(odd).name)


def test_without_any_benchmark_it_is_told_how_one_comes_there(tmp_path):
    for wanted in ((), ("first",)):
        with pytest.raises(StoreError, match="holds no benchmark; run one with `hbench run"):
            names(tmp_path, *wanted)
