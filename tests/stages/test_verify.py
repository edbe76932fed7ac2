"""Claims judged from stored scores; figures by hand, see ``toy_results``."""

import json

import pytest
from tests.toy_manifests import write_manifest
from tests.toy_results import METHODS, resolved, write_benchmark, write_scores
from typer.testing import CliRunner

from hbench.cli import app
from hbench.stages import compare, verify

GOOD, WORSE, SAME = ({"sampler": name} for name in ("good", "worse", "same"))
MAP = {"metric": "map", "setting": "mono"}  # good - worse = 0.295; good - same = 0
DISTANCE = {"metric": "rank_distance", "setting": "multi"}  # good - worse = -6


@pytest.fixture
def judge(tmp_path):
    """Judges claims of the toy's methods."""
    write_scores(tmp_path)

    def go(*claims, **changes):
        detail = resolved()
        detail["spec"]["claims"] = [{"says": "so", **claim} for claim in claims]
        detail["evaluations"]["test"] |= changes
        return verify.run(detail, compare.run(detail, tmp_path), tmp_path)

    return go


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (MAP | {"method": GOOD, "better_than": WORSE}, "supported"),
        (MAP | {"method": WORSE, "better_than": GOOD}, "refuted"),
        (MAP | {"method": GOOD, "better_than": SAME}, "inconclusive"),
        (DISTANCE | {"method": GOOD, "better_than": WORSE}, "supported"),  # lower is better
        (DISTANCE | {"method": WORSE, "better_than": GOOD}, "refuted"),
        (MAP | {"method": GOOD, "better_than": WORSE, "margin": 0.2}, "supported"),
        (MAP | {"method": GOOD, "better_than": WORSE, "margin": 0.4}, "refuted"),
        (MAP | {"method": GOOD, "not_worse_than": SAME, "margin": 0.1}, "supported"),
        (MAP | {"method": WORSE, "not_worse_than": GOOD, "margin": 0.1}, "refuted"),
        (MAP | {"method": GOOD, "not_worse_than": SAME, "margin": 0.0}, "inconclusive"),
        (MAP | {"method": GOOD, "equal_to": SAME, "margin": 0.1}, "supported"),
        (MAP | {"method": GOOD, "equal_to": WORSE, "margin": 0.1}, "refuted"),
        (MAP | {"method": GOOD, "equal_to": SAME, "margin": 0.001}, "inconclusive"),
        (MAP | {"method": GOOD, "better_than": [WORSE, SAME]}, "inconclusive"),
        (MAP | {"method": WORSE, "better_than": [GOOD, SAME]}, "refuted"),
        ({"languages": 2}, "supported"),
        ({"languages": 3}, "refuted"),
        ({"settings": {"mono": 2, "multi": 2}}, "supported"),
        ({"settings": {"mono": 2, "cross": 2}}, "refuted"),
        ({"leakage": 0}, "supported"),  # nothing is trained
        ({"evaluated": ["test"]}, "supported"),
        ({"metrics": ["map", "mrr"]}, "supported"),
        ({"metrics": ["map", "ndcg@10"]}, "refuted"),
        (MAP | {"method": GOOD, "better_than": WORSE, "by": "language"}, "supported"),
        (MAP | {"method": WORSE, "better_than": GOOD, "by": "language"}, "refuted"),
        (MAP | {"method": GOOD, "equal_to": WORSE, "margin": 0.5, "by": "pair"}, "supported"),
        ({"description": True}, "description"),
    ],
)
def test_every_kind_of_claim_is_judged(judge, claim, verdict):
    (found,) = judge(claim)
    assert (found["benchmark"], found["claim"]) == ("toy", "so")
    assert found["verdict"] == verdict


def test_the_figures_are_those_of_the_comparison_that_decides(judge, tmp_path):
    (found,) = judge(MAP | {"method": GOOD, "better_than": [WORSE, SAME]})
    assert found["effect"] == pytest.approx(0, abs=1e-12)
    assert found["notes"][0] == "2 comparisons; the one that decides: good against same on test"
    (found,) = judge(MAP | {"method": WORSE, "better_than": GOOD})
    assert found["effect"] == pytest.approx(-0.295)
    detail = resolved()
    detail["spec"]["claims"] = []  # map in mono is in the primary family in any case
    pair = compare.run(detail, tmp_path)["tables"][0]["comparisons"][0]
    assert (found["low"], found["high"]) == (-pair["high"], -pair["low"])
    assert found["p"] == pair["p_adjusted"]
    assert "3 clusters, 2 seeds a method" in found["notes"]


def test_a_claim_holds_for_each_value_of_an_axis_that_it_does_not_name(tmp_path):
    methods = {f"{e}/{s}": METHODS[s] for e in ("x", "y") for s in ("good", "worse")}
    methods["y/good"] = METHODS["worse"]
    detail = resolved(methods)
    for method in detail["methods"]:
        encoder, sampler = method["name"].split("/")
        method["axes"] = {"encoder": encoder, "sampler": sampler}
    write_scores(tmp_path, methods)
    detail["spec"]["claims"] = [{"says": "so", **MAP, "method": GOOD, "better_than": WORSE}]
    (found,) = verify.run(detail, compare.run(detail, tmp_path), tmp_path)
    assert found["verdict"] == "inconclusive"
    assert found["notes"][0].endswith("the one that decides: y/good against y/worse on test")
    detail["spec"]["claims"][0]["method"] = {"encoder": "x", "sampler": "good"}
    detail["spec"]["claims"][0]["better_than"] = {"encoder": "x", "sampler": "worse"}
    (found,) = verify.run(detail, compare.run(detail, tmp_path), tmp_path)
    assert found["verdict"] == "supported"


def test_a_claim_of_every_language_is_decided_by_the_one_that_fits_it_least(judge, tmp_path):
    """Good is better by .3 in German and by .29 in English."""
    claim = MAP | {"method": GOOD, "better_than": WORSE, "margin": 0.2, "by": "language"}
    (found,) = judge(claim)
    assert found["effect"] == pytest.approx(0.29)
    assert found["notes"][0].endswith("the one that decides: good against worse on test, en")
    split = compare.run(resolved(), tmp_path, compare.Asked(by="language"))["tables"][:2]
    german, english = (table["comparisons"][0]["p"] for table in split)
    expected = min(1.0, 2 * english) if english < german else max(english, 2 * german)
    assert found["p"] == pytest.approx(expected)  # Holm's, of the two languages


def test_evaluated_is_what_every_system_has_scores_of(tmp_path):
    write_scores(tmp_path, {"good": METHODS["good"]})
    detail = resolved()
    detail["spec"]["claims"] = [{"says": "so", "evaluated": ["test"]}]
    (found,) = verify.run(detail, compare.run(detail, tmp_path), tmp_path)
    assert found["verdict"] == "refuted"
    assert found["notes"] == ["test: 2 of 6 systems have scores"]


@pytest.mark.parametrize(
    ("claimed", "verdict"),
    [(0.5, "supported"), (0.4, "supported"), (0.2, "refuted"), (0.0, "refuted")],
)
def test_the_share_of_monolingual_batches_is_known_to_three_standard_errors(
    judge, tmp_path, claimed, verdict
):
    """45 and 50 of 100; .4 is known to 3 x .049, .2 to 3 x .04."""
    for seed, own in (("1", 45), ("2", 50)):
        batches = {"de-de": own - 20, "zh-Hant-zh-Hant": 20, "de-en": 60 - own,
                   "several mixed pairs": 40}  # fmt: skip
        detail = {"drawn": {"rows": {}, "batches": batches}}
        write_manifest(tmp_path / "systems" / f"good{seed}", {"detail": detail})
    (found,) = judge({"method": GOOD, "monolingual_batches": claimed})
    assert found["verdict"] == verdict
    assert found["notes"] == ["0.450 to 0.500 of the batches, in 2 models"]


def test_without_scores_nothing_is_supported(tmp_path):
    detail = resolved()
    detail["spec"]["claims"] = [{"says": "so", **MAP, "method": GOOD, "better_than": WORSE}]
    (found,) = verify.run(detail, compare.run(detail, tmp_path), tmp_path)
    assert (found["verdict"], found["effect"]) == ("inconclusive", None)
    assert "there are no scores of it; run the benchmark" in found["notes"]


def leakage(tmp_path, exact, near):
    """A comparison with the training data, as it is stored."""
    queries = {"all": 4, "exact": exact, "near": near}
    detail = {"queries": queries, "passages": {"all": 9, "exact": 0, "near": 0}}
    write_manifest(tmp_path / "l", {"detail": detail})
    return {"key": "k", "folder": "l", "action": "warn"}


@pytest.mark.parametrize(("exact", "verdict"), [(0, "supported"), (2, "refuted")])
def test_leakage_is_what_occurs_word_for_word(judge, tmp_path, exact, verdict):
    (found,) = judge({"leakage": 0}, leakage=leakage(tmp_path, exact, 1))
    assert found["verdict"] == verdict
    (note,) = found["notes"]
    assert note.startswith(f"test: {exact} of 4 questions and 0 of 9 passages also occur")
    assert note.endswith("1 near; near ones are not counted")


def test_leakage_that_was_not_looked_for_is_not_known(judge):
    (found,) = judge({"leakage": 0}, leakage={"key": "k", "folder": "no", "action": "warn"})
    assert found["verdict"] == "inconclusive"


def test_the_command_prints_each_claim_and_ends_with_1_unless_all_are_supported(tmp_path):
    write_scores(tmp_path)
    detail = resolved()
    better = {"says": "less bias", **DISTANCE, "method": GOOD, "better_than": WORSE}
    detail["spec"]["claims"] = [better, {"says": "words", "description": True}]
    write_benchmark(tmp_path, detail)
    done = CliRunner().invoke(app, ["verify", "--results", str(tmp_path)])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "toy: less bias"
    assert lines[1].startswith("  SUPPORTED: -6.000, 95 % interval -")
    assert "Holm's p " in lines[1]
    assert lines[-2:] == ["toy: words", "  DESCRIPTION"]
    detail["spec"]["claims"].append(better | {"method": WORSE, "better_than": GOOD})
    write_benchmark(tmp_path, detail)
    failed = CliRunner().invoke(app, ["verify", "--results", str(tmp_path), "--format", "json"])
    assert failed.exit_code == 1
    found = json.loads(failed.stdout)
    assert [each["verdict"] for each in found] == ["supported", "description", "refuted"]
    keys = {"benchmark", "claim", "verdict", "effect", "low", "high", "p"}
    assert all(keys <= set(each) for each in found)


def test_the_command_says_where_claims_are_written_if_there_are_none(tmp_path):
    write_scores(tmp_path)
    detail = resolved()
    detail["spec"]["claims"] = []
    write_benchmark(tmp_path, detail)
    done = CliRunner().invoke(app, ["verify", "--results", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (
        0,
        "no claims; write some under 'claims:' in the benchmark's file\n",
    )


def test_what_is_dropped_does_not_leak(judge, tmp_path):
    found = leakage(tmp_path, 2, 1) | {"action": "drop"}
    (judged,) = judge({"leakage": 0}, leakage=found)
    assert judged["verdict"] == "supported"
    assert judged["notes"][0].endswith("1 near; none of that is trained on")
