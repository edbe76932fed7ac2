import sys

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.toy_results import resolved, write_scores

from hbench.directed import report
from hbench.findings import Results
from hbench.render import markdown, render
from hbench.tables import SUPERSCRIPTS, groups, letter, superscript


def row(method, mean, low=None, high=None, seeds=2):
    counted = {"queries": 7, "items": 4, "clusters": 3, "seeds": seeds}
    if mean is None:
        counted |= {"queries": 0, "items": 0, "clusters": 0}
    return {"method": method, "mean": mean, "low": low, "high": high, **counted}


def pair(a, b, difference, significant=True, primary=True):
    return {
        "a": a, "b": b, "difference": difference, "low": None, "high": None, "p": 0.01,
        "p_adjusted": 0.02, "significant": significant, "primary": primary,
    }  # fmt: skip


def table(metric, direction, rows, comparisons=(), setting="mono"):
    return {
        "dataset": "test", "setting": setting, "metric": metric, "direction": direction,
        "rows": rows, "comparisons": list(comparisons),
    }  # fmt: skip


def entry(*found, name="toy"):
    cells = [
        {"dataset": "test", "query_language": language, "queries": 7} for language in ("de", "en")
    ]
    family = {"size": 9, "correction": "holm", "alpha": 0.05}
    return {"benchmark": name, "family": family, "tables": list(found), "matrix": cells}


MAP = table(
    "map", "higher",
    [row("mono", 0.4, 0.39, 0.41), row("cross", 0.3), row("hybrid", 0.5)],
    [pair("mono", "cross", 0.1), pair("mono", "hybrid", -0.1), pair("cross", "hybrid", -1, False)],
)  # fmt: skip
BIAS = table(
    "rank_distance", "lower",
    [row("mono", 400.0), row("cross", 300.0), row("hybrid", None)],
    [pair("mono", "cross", 100.0, primary=False)],
)  # fmt: skip


def terminal(group):
    return str(report(group, "a test", 0.05))


def lines(text):
    return [line.split() for line in text.splitlines()]


def test_superscripts_name_the_rows_that_are_beaten_whichever_direction_is_better():
    methods = ["mono", "cross", "hybrid"]
    assert [superscript(m, MAP, methods) for m in methods] == ["ᵇ", "", "ᵃ"]
    assert [superscript(m, BIAS, methods) for m in methods] == ["", "ᵃ", ""]


def test_the_terminal_shows_means_with_their_zeros_dashes_and_superscripts():
    (group,) = groups([(entry(MAP, BIAS), {})])
    assert lines(terminal(group)) == [
        ["#", "Method", "map", "↑", "rank_distance", "↓°"],
        ["---", "--------", "-------", "------------------"],
        ["a", "mono", "0.400ᵇ", "400.000"],
        ["b", "cross", "0.300", "300.000ᵃ"],
        ["c", "hybrid", "0.500ᵃ", "–"],
    ]


def test_the_terminal_table_is_a_report_of_ranx(monkeypatch):
    from ranx.data_structures.report import Report

    made = []

    def text(self):
        made.append(self)
        return ""

    monkeypatch.setattr(Report, "__str__", text)
    (group,) = groups([(entry(MAP), {})])
    terminal(group)
    (report,) = made
    assert report.results["mono"]["map ↑"] == 0.4
    assert report.comparisons["hybrid", "mono"]["map ↑"] == {"p_value": 0.02, "significant": True}


def test_a_value_below_zero_keeps_its_sign():
    found = entry(table("gain", "higher", [row("mono", -0.25), row("cross", 0.0)]))
    assert "-0.250" in render([found], "table")
    assert "-0.250" in render([found], "markdown")


def test_markdown_adds_the_interval():
    (group,) = groups([(entry(MAP, BIAS), {})])
    assert markdown(group).splitlines() == [
        "| # | Method | map ↑ | rank_distance ↓° |",
        "| --- | --- | --- | --- |",
        "| a | mono | 0.400 [0.390, 0.410]ᵇ | 400.000 |",
        "| b | cross | 0.300 | 300.000ᵃ |",
        "| c | hybrid | 0.500ᵃ | – |",
    ]


def test_each_evaluation_and_setting_is_a_table_with_its_title_and_unit():
    found = entry(MAP, table("map", "higher", [row("mono", 0.1)], setting="multi"))
    text = render([found, entry(MAP, name="other")], "markdown")
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == ["## toy: test, mono", "## toy: test, multi", "## other: test, mono"]
    assert text.count("Holm within the primary family of 9 tests, alpha 0.05.") == 2
    assert text.count("Unit: 4 items in 3 clusters, 2 languages fixed, 2 seeds per method.") == 3
    assert "exploratory" not in text
    assert "° exploratory: Benjamini-Hochberg" in render([entry(BIAS)], "markdown")


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ((2, 2), "2 seeds per method. Few clusters: intervals are rough. Claim: the method"),
        (
            (1, 1),
            "1 seed per method. Few clusters: intervals are rough. Model-level only",
        ),
        (
            (1, 3),
            "rough. Model-level only, trained once: a; this speaks of the trained",
        ),
        ((1, 3), "1-3 seeds per method. "),
        ((1, 3), "not of the methods. Claim: the method, on new clusters"),
        ((2, 3), "2-3 seeds per method. Few clusters: intervals are rough. Claim: the method"),
        ((0, 3), "3 seeds per method. Few clusters: intervals are rough. Fixed checkpoint, no"),
        ((0, 3), "no seeds: a. Claim: the method"),
    ],
)
def test_the_unit_line_says_what_the_claim_may_be(seeds, words):
    rows = [row(name, 0.5, seeds=n) for name, n in zip("ab", seeds, strict=True)]
    assert words in render([entry(table("map", "higher", rows))], "markdown")


def test_the_primary_differences_stand_below_with_interval_and_p():
    text = render([entry(MAP, BIAS)], "markdown")
    (line,) = [line for line in text.splitlines() if "mono - cross" in line and "map" in line]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    found = next(p for p in MAP["comparisons"] if (p["a"], p["b"]) == ("mono", "cross"))
    assert cells[:4] == ["test", "mono", "map ↑", "mono - cross"]
    assert cells[4] == f"{found['difference']:+.3f}"
    assert cells[8] == f"{found['p_adjusted']:.3f}\\*"
    assert "rank_distance ↓ |" not in text.split("p adjusted", 1)[1]  # exploratory ones stay out


def test_many_clusters_need_no_warning_and_no_queries_no_unit():
    many = row("a", 0.5) | {"clusters": 20, "items": 1234}
    assert "1,234 items in 20 clusters, 2 languages fixed, 2 seeds per method. Claim" in render(
        [entry(table("map", "higher", [many]))], "markdown"
    )
    none = render([entry(table("map", "higher", [row("a", None)]))], "markdown")
    assert "No query has what these metrics need." in none


def test_an_evaluation_without_scores_is_a_line_and_the_others_keep_their_tables(tmp_path):
    write_scores(tmp_path)
    alone = resolved()
    (before,) = Results(tmp_path, [alone]).write_tables()
    detail = resolved()
    failed = resolved()["evaluations"]["test"]
    for by_seed in failed["scores"].values():
        for each in by_seed.values():
            each["folder"] = "nowhere"
    detail["evaluations"]["o_[k]"] = failed
    (after,) = Results(tmp_path, [detail]).write_tables()
    line, _, rest = after.partition("\n\n")
    assert line == "toy: o_[k]: no system has been evaluated; see what failed"
    assert rest == before
    marked = (tmp_path / "benchmarks" / "toy" / "tables" / "tables.md").read_text(encoding="utf-8")
    assert marked.startswith(r"toy: o_\[k\]: no system")


def test_forty_methods_have_forty_names():
    names = [f"m{number}" for number in range(40)]
    pairs = [pair(names[39], other, 0.1) for other in names[:39]]
    found = entry(table("map", "higher", [row(name, 0.5) for name in names], pairs))
    for style in ("table", "markdown"):
        text = render([found], style)
        last = next(line for line in text.splitlines() if " m39 " in line)
        assert last.count(",") == 38
        assert "ᶻ,ᵃᵃ,ᵃᵇ" in last


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_rows_have_different_letters_and_no_q(a, b):
    assert (letter(a) == letter(b)) == (a == b)
    assert "q" not in letter(a)
    assert len(letter(a).translate(SUPERSCRIPTS)) == len(letter(a))
    assert letter(a).translate(SUPERSCRIPTS) != letter(a)


EVIL = "<script>alert(1)</script>|a\x1b[2J\n[x](y) *b* &lt;"


@pytest.mark.parametrize("style", ["table", "markdown"])
def test_names_obey_neither_terminal_nor_browser(style):
    found = table("map", "higher", [row(EVIL, 0.5), row("b", 0.4)], [pair(EVIL, "b", 0.1)])
    metric = table("x[<b>|]", "higher", [row(EVIL, 0.5), row("b", 0.4)])
    text = render([entry(found, metric, name=EVIL)], style)
    assert "\x1b" not in text
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    if style == "markdown":
        assert "<" not in text
        assert r"&lt;script&gt;alert(1)&lt;/script&gt;\|a?\[2J \[x\](y) \*b\* &amp;lt;" in text
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert [line.replace(r"\|", "").count("|") for line in rows] == [5] * 4 + [10] * 3


def test_markdown_needs_no_ranx(monkeypatch):
    monkeypatch.setitem(sys.modules, "ranx", None)
    assert render([entry(MAP)], "markdown")


@pytest.mark.parametrize(
    ("seeds", "seed_error", "is_told"), [(3, 0.02, True), (5, 0.02, False), (3, 0.01, False)]
)
def test_few_seeds_that_differ_much_are_told_to_make_holms_p_too_small(seeds, seed_error, is_told):
    errors = {"item_error": 0.01, "seed_error": seed_error}
    found = table(
        "map", "higher", [row("a", 0.5, seeds=seeds), row("b", 0.4, seeds=seeds)],
        [pair("a", "b", 0.1) | errors],
    )  # fmt: skip
    assert ("Holm's p is too small" in render([entry(found)], "markdown")) == is_told


@pytest.mark.parametrize("style", ["table", "markdown", "latex"])
def test_what_comparing_brought_up_stands_once_below_all_tables(style):
    settings = [table("map", "higher", [row("a", 0.5)], setting=name) for name in ("mono", "multi")]
    found = entry(*settings) | {"notes": {"test": ["x is not listed"], "unshown": ["y"]}}
    assert render([found], style).count("test: x is not listed.") == 1
    assert "unshown" not in render([found], style)
