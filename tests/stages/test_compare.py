import json
from pathlib import Path

import pytest
from pytest import approx
from tests import toy_results
from tests.toy_manifests import change_manifest
from tests.toy_results import (
    GOOD,
    METHODS,
    WORSE,
    means,
    pair,
    resolved,
    scores,
    table,
    write_scores,
)

from hbench.errors import StoreError
from hbench.stages import compare
from hbench.statistics import difference, level


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    write_scores(root)
    return root


@pytest.fixture(scope="module")
def entry(folder):
    return compare.run(resolved(), folder)


def test_the_entry_has_exactly_the_keys_that_programs_rely_on(entry):
    assert set(entry) == {"benchmark", "family", "tables", "matrix", "published", "notes"}
    assert entry["benchmark"] == "toy"
    assert set(entry["family"]) == {"size", "correction", "alpha", "test"}
    for found in entry["tables"]:
        assert set(found) == {"dataset", "setting", "metric", "direction", "rows", "comparisons"}
        for row in found["rows"]:
            assert set(row) == {
                "method", "mean", "low", "high", "queries", "items", "clusters", "seeds", "seed_sd",
            }  # fmt: skip
        for compared in found["comparisons"]:
            assert set(compared) == {
                "a", "b", "difference", "low", "high", "p", "p_adjusted", "significant", "primary",
                "item_error", "seed_error", "seed_sd_limit",
            }  # fmt: skip
    for cell in entry["matrix"]:
        assert set(cell) == {
            "dataset", "metric", "method", "query_language", "pool", "mean", "queries",
        }  # fmt: skip


def test_there_is_a_table_for_each_setting_and_metric_in_the_order_of_the_spec(entry):
    assert [(t["dataset"], t["setting"], t["metric"], t["direction"]) for t in entry["tables"]] == [
        ("test", setting, metric, direction)
        for setting in ("mono", "multi")
        for metric, direction in toy_results.METRICS.items()
    ]


def test_means_are_over_queries_then_languages_then_seeds(entry):
    for setting in ("mono", "multi"):
        expected = {"good": approx(0.65), "worse": approx(0.355), "same": approx(0.65)}
        assert means(entry, setting, "map") == expected
    assert means(entry, "multi", "rank_distance") == {
        "good": approx(2.25),  # (2.5 + 2) / 2
        "worse": approx(8.25),  # (8.5 + 8) / 2
        "same": approx(2.25),
    }


def test_rows_say_what_was_sampled(entry):
    for row in table(entry, "mono", "map")["rows"]:
        counted = {name: row[name] for name in ("queries", "items", "clusters", "seeds")}
        assert counted == {"queries": 7, "items": 4, "clusters": 3, "seeds": 2}


def test_intervals_and_p_are_those_of_the_test_of_clusters_and_seeds(entry):
    row = table(entry, "mono", "map")["rows"][0]
    expected = level(scores(GOOD))
    assert (row["low"], row["high"]) == (approx(expected.low), approx(expected.high))
    found = pair(entry, "mono", "map", "good", "worse")
    expected = difference(scores(GOOD), scores(WORSE))
    assert found["difference"] == approx(0.295)
    for name in ("low", "high", "p"):
        assert found[name] == approx(getattr(expected, name))


def test_each_pair_of_methods_is_compared_once_in_the_order_of_the_spec(entry):
    for found in entry["tables"]:
        pairs = [(p["a"], p["b"]) for p in found["comparisons"]]
        assert pairs in ([("good", "worse"), ("good", "same"), ("worse", "same")], [])


def test_the_primary_family_is_the_first_metric_in_all_settings_and_what_claims_name(entry):
    """3 pairs x (map in mono, map in multi, the claim's rank_distance in multi) = 9."""
    assert entry["family"] == {
        "size": 9, "correction": "holm", "alpha": 0.05, "test": "clusters+seeds",
    }  # fmt: skip
    primary = {(t["setting"], t["metric"]) for t in entry["tables"] for p in t["comparisons"]
               if p["primary"]}  # fmt: skip
    assert primary == {("mono", "map"), ("multi", "map"), ("multi", "rank_distance")}


def test_a_pool_of_ones_own_joins_the_family_only_through_a_claim():
    detail = resolved()
    settings = detail["evaluations"]["test"]["settings"]
    settings["nordic"] = settings["multi"]
    assert ("test", "nordic", "map") not in compare.primary_tests(detail)
    claim = {"says": "x", "metric": "map", "setting": "nordic"}
    detail["spec"]["claims"].append(claim)
    assert ("test", "nordic", "map") in compare.primary_tests(detail)


def test_holm_corrects_the_family_and_benjamini_hochberg_the_rest(entry):
    every = [p for t in entry["tables"] for p in t["comparisons"]]
    family = sorted((p for p in every if p["primary"]), key=lambda p: p["p"])
    running = 0.0
    for number, found in enumerate(family):
        running = max(running, min(1.0, found["p"] * (9 - number)))
        assert found["p_adjusted"] == approx(running)
    rest = [p for p in every if not p["primary"]]
    assert len(rest) == 6
    assert {p["p_adjusted"] for p in rest} == {1.0}  # mrr is the same for all methods


def test_benjamini_hochberg_is_applied_over_all_exploratory_tests(folder, tmp_path):
    slightly = [
        v - d for v, d in zip(GOOD, (0.06, 0.06, 0.06, 0.07, 0.06, 0.06, 0.06), strict=True)
    ]
    methods = METHODS | {"worse": METHODS["worse"] | {"mrr": slightly}}
    write_scores(tmp_path, methods)
    entry = compare.run(resolved(methods), tmp_path)
    p = pair(entry, "mono", "mrr", "good", "worse")["p"]
    found = pair(entry, "multi", "mrr", "worse", "same")
    # Four of six tests have this p, two have 1: the fourth smallest is multiplied by 6 / 4.
    assert found["p_adjusted"] == approx(p * 6 / 4)
    assert p < 0.05 < found["p_adjusted"]
    assert not found["significant"]


def test_significance_is_the_adjusted_p_and_says_nothing_of_the_direction(entry):
    better, equal, worse = table(entry, "mono", "map")["comparisons"]
    assert (better["significant"], equal["significant"], worse["significant"]) == (
        True,
        False,
        True,
    )
    assert (better["difference"], worse["difference"]) == (approx(0.295), approx(-0.295))
    assert (equal["difference"], equal["p"], equal["p_adjusted"]) == (0, 1, 1)


def test_a_metric_that_lacks_what_it_needs_is_absent_and_outside_the_family(entry):
    found = table(entry, "mono", "rank_distance")
    assert found["comparisons"] == []
    for row in found["rows"]:
        assert [row[name] for name in ("mean", "low", "high", "queries", "items", "clusters")] == [
            None, None, None, 0, 0, 0,
        ]  # fmt: skip
        assert row["seeds"] == 2
    cells = [c for c in entry["matrix"] if (c["metric"], c["pool"]) == ("rank_distance", "de")]
    assert [(c["mean"], c["queries"]) for c in cells] == [(None, 0)] * 3


def test_a_query_counts_only_if_all_methods_have_a_value(tmp_path):
    missing = {**METHODS["worse"], "map": [0.7, 0.2, 0.2, None, 0.7, 0.5, 0.33]}
    methods = METHODS | {"worse": missing}
    write_scores(tmp_path, methods)
    entry = compare.run(resolved(methods), tmp_path)
    rows = table(entry, "mono", "map")["rows"]
    assert [(row["queries"], row["items"], row["clusters"]) for row in rows] == [(6, 3, 2)] * 3
    # German without question 3: 2 / 3 for good, 1.1 / 3 for worse
    assert means(entry, "mono", "map")["good"] == approx((2 / 3 + 0.8) / 2)
    assert means(entry, "mono", "map")["worse"] == approx((1.1 / 3 + 0.51) / 2)
    cells = {c["method"]: c for c in entry["matrix"]
             if (c["metric"], c["pool"]) == ("map", "de")}  # fmt: skip
    assert (cells["good"]["queries"], cells["worse"]["queries"]) == (4, 3)
    assert cells["good"]["mean"] == approx(0.5)


def test_the_matrix_holds_each_language_and_pool_of_each_method(entry):
    cells = {
        (c["method"], c["query_language"], c["pool"]): (c["mean"], c["queries"])
        for c in entry["matrix"]
        if c["metric"] == "map"
    }
    assert len(cells) == 3 * 4
    assert cells["good", "de", "de"] == (approx(0.5), 4)
    assert cells["good", "en", "de+en"] == (approx(0.8), 3)
    assert cells["worse", "en", "en"] == (approx(0.51), 3)


def test_a_pool_of_two_settings_stands_in_the_matrix_once(tmp_path, monkeypatch):
    monkeypatch.setitem(toy_results.SETTINGS, "german", {"de": "de"})
    write_scores(tmp_path)
    entry = compare.run(resolved(), tmp_path)
    cells = [(c["metric"], c["method"], c["query_language"], c["pool"]) for c in entry["matrix"]]
    assert len(cells) == len(set(cells)) == 3 * 3 * 4
    assert means(entry, "german", "map")["good"] == approx(0.5)


def test_one_cluster_tells_means_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(toy_results, "CLUSTERS", "xxxx")
    write_scores(tmp_path)
    entry = compare.run(resolved(), tmp_path)
    found = pair(entry, "mono", "map", "good", "worse")
    assert found["difference"] == approx(0.295)
    assert [found[name] for name in ("low", "high", "p", "p_adjusted")] == [None] * 4
    assert not found["significant"]
    assert entry["family"]["size"] == 0


def test_with_one_seed_nothing_is_significant(tmp_path):
    write_scores(tmp_path, seeds="1")
    entry = compare.run(resolved(seeds="1"), tmp_path)
    found = pair(entry, "mono", "map", "good", "worse")
    assert found["p_adjusted"] < 0.05
    assert not any(p["significant"] for t in entry["tables"] for p in t["comparisons"])
    assert means(entry, "mono", "map")["good"] == approx(0.66)


def test_a_fixed_checkpoint_needs_no_second_seed(tmp_path):
    write_scores(tmp_path, seeds="1")
    detail = resolved(seeds="1")
    for method in detail["methods"]:
        method["seeded"] = False
    assert pair(compare.run(detail, tmp_path), "mono", "map", "good", "worse")["significant"]


def test_a_method_without_scores_is_left_out_and_named(tmp_path):
    write_scores(tmp_path, {"good": METHODS["good"], "same": METHODS["same"]})
    (tmp_path / "systems" / "same2" / "e" / "manifest.json").unlink()
    entry = compare.run(resolved(), tmp_path)
    rows = table(entry, "mono", "map")["rows"]
    assert [(row["method"], row["seeds"]) for row in rows] == [("good", 2), ("same", 1)]
    assert len(table(entry, "mono", "map")["comparisons"]) == 1
    assert entry["family"]["size"] == 3
    assert compare.missing(resolved(), tmp_path) == [
        "worse (seed 1) on test", "worse (seed 2) on test", "same (seed 2) on test",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "damage",
    [
        lambda manifest: manifest | {"key": "other"},
        lambda manifest: manifest | {"scores": {}},
        lambda manifest: manifest["scores"]["map"].update(key="older") or manifest,
        lambda manifest: manifest["scores"]["map"]["cells"].update(multi=["de>de+en"]) or manifest,
    ],
)
def test_scores_of_another_job_metric_or_setting_are_not_taken(damage, tmp_path):
    write_scores(tmp_path)
    change_manifest(tmp_path / "systems" / "good1" / "e", damage)
    assert compare.missing(resolved(), tmp_path) == ["good (seed 1) on test"]


def test_without_any_scores_there_are_tables_without_rows(tmp_path):
    entry = compare.run(resolved(), tmp_path)
    assert [(t["rows"], t["comparisons"]) for t in entry["tables"]] == [([], [])] * 6
    assert (entry["family"]["size"], entry["matrix"]) == (0, [])


def test_the_order_of_stored_rows_changes_no_byte_and_nothing_is_nan(entry, tmp_path):
    write_scores(tmp_path, backwards=True)
    again = compare.run(resolved(), tmp_path)
    assert json.dumps(again, allow_nan=False) == json.dumps(entry, allow_nan=False)


def test_scores_of_other_queries_are_not_compared(tmp_path, monkeypatch):
    write_scores(tmp_path)
    monkeypatch.setattr(toy_results, "CLUSTERS", "xyyz")
    write_scores(tmp_path, {"same": METHODS["same"]})
    with pytest.raises(StoreError, match=r"same1.*holds other queries than its neighbours"):
        compare.run(resolved(), tmp_path)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("damaged")])
def test_a_damaged_scores_file_is_a_store_error(damage, tmp_path):
    write_scores(tmp_path)
    damage(tmp_path / "systems" / "good1" / "e" / "scores.parquet")
    with pytest.raises(StoreError, match=r"good1/e: damaged \(scores.parquet: .*makes it anew"):
        compare.run(resolved(), tmp_path)
