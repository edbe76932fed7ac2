"""What may be asked of a comparison, and what is told besides; figures by hand."""

import numpy as np
import pytest
from pytest import approx
from tests import toy_results
from tests.toy_manifests import change_manifest
from tests.toy_results import (
    GOOD,
    METHODS,
    WORSE,
    pair,
    resolved,
    scores,
    table,
    write_scores,
)

from hbench.errors import DataError, StoreError
from hbench.evaluated import Evaluated
from hbench.published import beside_published
from hbench.stages import compare
from hbench.statistics import difference


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    write_scores(root)
    return root


@pytest.fixture(scope="module")
def entry(folder):
    return compare.run(resolved(), folder)


def asked(folder, **how):
    return compare.run(resolved(), folder, compare.Asked(**how))


def test_tables_of_strata_hold_the_rows_of_each_and_are_exploratory(folder):
    found = asked(folder, by="language")
    assert found["family"]["size"] == 0
    parts = [t for t in found["tables"] if (t["setting"], t["metric"]) == ("mono", "map")]
    assert [(t["by"], t["stratum"]) for t in parts] == [("language", "de"), ("language", "en")]
    german, english = parts
    assert [row["mean"] for row in german["rows"]] == approx([0.5, 0.2, 0.5])
    assert [row["mean"] for row in english["rows"]] == approx([0.8, 0.51, 0.8])
    assert {row["queries"] for row in german["rows"]} == {4}
    pairs = [p for t in found["tables"] for p in t["comparisons"]]
    assert pairs and not any(p["primary"] for p in pairs)


def test_alpha_widens_the_intervals_and_decides(folder, entry):
    found = asked(folder, alpha=1e-6)
    assert found["family"]["alpha"] == 1e-6
    assert not any(p["significant"] for t in found["tables"] for p in t["comparisons"])
    narrow, wide = (table(e, "mono", "map")["rows"][0] for e in (entry, found))
    assert wide["low"] < narrow["low"] and wide["mean"] == narrow["mean"]


def test_another_test_is_named_and_gives_other_p(folder, entry):
    found = asked(folder, test="paired-t")
    assert found["family"]["test"] == "paired-t"
    p = [pair(e, "multi", "rank_distance", "good", "worse")["p"] for e in (entry, found)]
    assert p[0] != p[1]


def test_errors_come_from_items_and_from_seeds(entry):
    found = pair(entry, "mono", "map", "good", "worse")
    expected = difference(scores(GOOD), scores(WORSE))
    assert found["item_error"] ** 2 == approx(expected.item_variance)
    assert found["seed_error"] ** 2 == approx(expected.seed_variance)
    assert found["seed_sd_limit"] is None
    row = table(entry, "mono", "map")["rows"][0]
    assert row["seed_sd"] == approx(0.01 * 2**0.5)  # of .66 and .64


def test_of_models_trained_once_it_is_told_which_seed_sd_would_void_their_difference(tmp_path):
    """s* = sqrt(((D / 1.96)^2 - V_item) / 2), with D = .295."""
    write_scores(tmp_path, seeds="1")
    found = pair(compare.run(resolved(seeds="1"), tmp_path), "mono", "map", "good", "worse")
    variance = difference(scores(GOOD), scores(WORSE)).item_variance
    assert found["seed_error"] is None and variance is not None
    assert found["seed_sd_limit"] == approx((((0.295 / 1.96) ** 2 - variance) / 2) ** 0.5, rel=1e-4)


def test_scores_of_other_data_are_refused(tmp_path):
    write_scores(tmp_path)
    folder = tmp_path / "systems" / "same2" / "e"
    change_manifest(folder, lambda manifest: manifest | {"data": "f" * 64})
    detail = resolved()
    detail["evaluations"]["test"]["data"] = "a" * 64
    with pytest.raises(StoreError, match=r"same2.*on data ffffffff, and the others are on data a"):
        compare.run(detail, tmp_path)


def test_from_one_item_nothing_can_be_said(tmp_path, monkeypatch):
    monkeypatch.setattr(toy_results, "QUESTIONS", [("de", 0), ("en", 0)])
    write_scores(tmp_path)
    with pytest.raises(DataError, match="test: only one item was evaluated"):
        compare.run(resolved(), tmp_path)


def test_the_order_of_methods_seeds_and_rows_changes_nothing_but_the_order(tmp_path, folder, entry):
    write_scores(tmp_path, backwards=True)
    detail = resolved(dict(reversed(METHODS.items())), "21")
    found = compare.run(detail, tmp_path)
    assert found["family"] == entry["family"]
    for one, other in zip(entry["tables"], found["tables"], strict=True):
        assert [r["method"] for r in other["rows"]] == [r["method"] for r in one["rows"][::-1]]
        for row, again in zip(one["rows"], other["rows"][::-1], strict=True):
            assert again == approx(row)
        pairs = {frozenset((p["a"], p["b"])): p for p in other["comparisons"]}
        for p in one["comparisons"]:
            again = pairs[frozenset((p["a"], p["b"]))]
            sign = 1 if again["a"] == p["a"] else -1
            assert (sign * again["difference"], again["p"], again["p_adjusted"]) == approx(
                (p["difference"], p["p"], p["p_adjusted"])
            )


PUBLISHED = {"metric": "map", "setting": "mono", "value": 0.6, "source": "Table 2"}


@pytest.mark.parametrize(
    ("figure", "method", "measured"),
    [
        ({"method": {"sampler": "good"}}, "good", 0.65),
        ({"method": "worse"}, "worse", 0.355),
        ({"method": "good", "query_language": "de"}, "good", 0.5),
        ({"method": "good", "query_language": "fr"}, "good", None),
    ],
)
def test_a_published_figure_stands_beside_what_was_measured(folder, figure, method, measured):
    detail = resolved()
    detail["spec"]["published"] = [PUBLISHED | figure]
    (found,) = compare.run(detail, folder)["published"]
    assert (found["dataset"], found["method"], found["source"]) == ("test", method, "Table 2")
    assert found["measured"] == (measured and approx(measured))
    assert found["difference"] == (measured and approx(measured - 0.6))


def test_a_method_without_any_value_is_left_out_and_leaves_the_others_as_they_are(folder):
    """As the run of another system that searched other pools."""
    detail = resolved()
    plain = Evaluated.read(detail["methods"], detail["evaluations"]["test"], folder)
    nothing = {name: np.full((1, 14), np.nan) for name in toy_results.METRICS}
    rows, scores = plain.joined_by("other", nothing).scores("mono", "map")
    assert rows is not None and len(rows.index) == 7
    assert list(scores) == ["good", "worse", "same"]
    alone = {"good": {**plain.values["good"], "map": np.full((2, 14), np.nan)}}
    assert Evaluated(plain.settings, alone, {"good": True}).scores("mono", "map") == (None, {})


def test_a_known_spread_of_seeds_counts_before_that_of_the_model_trained_once(tmp_path):
    """s* = sqrt((D / 1.96)^2 - V_item - V_seed of the other), one method being trained once."""
    write_scores(tmp_path)
    (tmp_path / "systems" / "worse2" / "e" / "manifest.json").unlink()
    found = pair(compare.run(resolved(), tmp_path), "mono", "map", "good", "worse")
    variance = difference(scores(GOOD), scores(WORSE)).item_variance
    assert variance is not None
    known = 0.0002 / 2  # of .66 and .64, over two seeds
    expected = (found["difference"] / 1.96) ** 2 - variance - known
    assert found["seed_sd_limit"] == approx(expected**0.5, rel=1e-4)


def test_only_the_evaluations_that_are_asked_for_are_split(folder):
    detail = resolved()
    detail["evaluations"]["other"] = detail["evaluations"]["test"]
    found = compare.run(detail, folder, compare.Asked(by="language", split=["other"]))
    assert {t["dataset"] for t in found["tables"]} == {"other"}
    whole = compare.run(detail, folder, compare.Asked(split=["other"]))
    assert {t["dataset"] for t in whole["tables"]} == {"test", "other"}


def test_without_any_scores_nothing_is_split(tmp_path):
    assert asked(tmp_path, by="language")["tables"] == []


def test_a_published_figure_of_a_language_is_the_mean_over_the_pools_of_its_setting():
    cells = [("de", "en", 0.2), ("de", "fr", 0.4), ("de", "de", 0.9), ("en", "de", 0.7)]
    matrix = [
        {"dataset": "test", "metric": "map", "method": "m", "query_language": language,
         "pool": pool, "mean": mean}
        for language, pool, mean in cells
    ]  # fmt: skip
    detail = {
        "methods": [{"name": "m", "axes": {}}],
        "evaluations": {"test": {"settings": {"cross": [c[:2] for c in cells if c[0] != c[1]]}}},
        "spec": {"published": [{**PUBLISHED, "setting": "cross", "method": "m",
                                "query_language": "de"}]},
    }  # fmt: skip
    (found,) = beside_published(detail, [], matrix)
    assert found["measured"] == approx(0.3)
