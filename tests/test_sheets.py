"""Tables of strata, pairs, differences and published figures, on toy entries."""

import re
import shutil
import subprocess

import pytest

from hbench.render import render
from hbench.sheets import differences, published, strata


def row(method, mean):
    return {
        "method": method, "mean": mean, "low": None, "high": None, "queries": 7, "items": 4,
        "clusters": 3, "seeds": 2, "seed_sd": 0.004,
    }  # fmt: skip


def pair(a, b, difference, **more):
    return {
        "a": a, "b": b, "difference": difference, "low": difference - 0.1, "high": difference + 0.2,
        "p": 0.01, "p_adjusted": 0.02, "significant": True, "primary": True, "item_error": 0.003,
        "seed_error": 0.004, "seed_sd_limit": None, **more,
    }  # fmt: skip


def table(means, pairs, **more):
    return {
        "dataset": "test", "setting": "mono", "metric": "map", "direction": "higher",
        "rows": [row(method, mean) for method, mean in means.items()], "comparisons": pairs, **more,
    }  # fmt: skip


def entry(*tables, **more):
    family = {"size": 1, "correction": "holm", "alpha": 0.05, "test": "clusters+seeds"}
    return {"benchmark": "toy", "family": family, "tables": list(tables), "matrix": [],
            "published": [], "notes": {}, **more}  # fmt: skip


PLAIN = table({"a": 0.5, "b": 0.4}, [pair("a", "b", 0.1)])


def by(name, *parts):
    return [
        table({"a": a, "b": b}, [pair("a", "b", a - b, primary=False)], by=name, stratum=stratum)
        for stratum, a, b in parts
    ]


def test_a_difference_shows_its_interval_and_where_its_error_comes_from():
    (sheet,) = differences(entry(PLAIN), None)
    assert list(sheet.rows[0]) == [
        "test", "mono", "map ↑", "a - b", "+0.100", "+0.000 to +0.300", "0.0030", "0.0040",
        "0.020*",
    ]  # fmt: skip


def test_differences_say_what_their_intervals_and_their_p_speak_of():
    (sheet,) = differences(entry(PLAIN), None)
    assert sheet.note == (
        "* significant: p adjusted by Holm; se: standard error from items (their clusters) and "
        "from seeds. Intervals are of each difference alone; p is adjusted for all of them, and "
        "sets the superscripts."
    )


def test_the_interval_has_the_coverage_that_was_asked_for():
    found = entry(PLAIN)
    found["family"]["alpha"] = 0.1
    assert differences(found, None)[0].headers[5] == "90 % interval"


def test_against_a_baseline_every_metric_is_shown_and_the_baseline_subtracted():
    other = table({"a": 1.0, "b": 3.0}, [pair("a", "b", -2.0, primary=False)])
    (sheet,) = differences(entry(PLAIN, other), "a")
    assert [(line[3], line[4], line[5], line[8]) for line in sheet.rows] == [
        ("b - a", "-0.100", "-0.300 to -0.000", "0.020*"),
        ("b - a", "+2.000", "+1.800 to +2.100", "0.020°"),
    ]


def test_models_trained_once_show_the_seed_sd_that_would_void_their_difference():
    once = pair("a", "b", 0.1, significant=False, seed_error=None, seed_sd_limit=0.0024)
    (sheet,) = differences(entry(table({"a": 0.5, "b": 0.4}, [once])), None)
    assert sheet.rows[0][7] == "s < 0.0024"
    assert "if the seed sd is below x" in sheet.note


def test_strata_are_rows_and_methods_columns():
    (sheet,) = strata(entry(*by("length", ("short", 0.5, 0.4), ("long", 0.2, 0.3))), None)
    assert list(sheet.headers) == ["Length", "Queries", "a a", "b b"]
    assert sheet.rows == [["short", "7", "0.500ᵇ", "0.400"], ["long", "7", "0.200", "0.300ᵃ"]]


def test_strata_against_a_baseline_are_differences_beside_its_figures():
    (sheet,) = strata(entry(*by("length", ("short", 0.5, 0.4), ("long", 0.2, 0.3))), "b")
    assert sheet.rows == [["short", "7", "+0.100°", "0.400"], ["long", "7", "-0.100°", "0.300"]]


def strata_note(baseline=None, seeds=2, **of_pair):
    """What stands below two strata in which no difference is significant."""
    tables = by("length", ("short", 0.5, 0.4), ("long", 0.2, 0.3))
    for each in tables:
        each["comparisons"][0].update(significant=False, **of_pair)
        each["rows"][0]["seeds"] = seeds
    (sheet,) = strata(entry(*tables), baseline)
    return sheet.note


def test_strata_say_what_their_marks_mean_only_if_there_are_any():
    tables = by("length", ("short", 0.5, 0.4), ("long", 0.2, 0.3))
    tables[0]["comparisons"][0]["significant"] = False
    assert [sheet.note for sheet in strata(entry(*tables), None)] == [
        "Superscripts: significantly better than that column's method."
    ]
    assert strata_note() == (
        "None of these 2 differences is significant (Benjamini-Hochberg, alpha 0.05)."
    )
    assert strata_note("b") == (
        "Differences to b, whose own figures are shown. None of these 2 differences is significant "
        "(Benjamini-Hochberg, alpha 0.05)."
    )


def test_strata_say_that_nothing_was_tested():
    assert strata_note(p=None, p_adjusted=None) == "No difference is tested."
    once = "No difference is tested: that needs several seeds of each method."
    assert strata_note(seeds=1) == once


def test_pairs_of_languages_are_a_grid_for_each_method():
    parts = [("de > en", 0.5, 0.4), ("en > de", 0.3, 0.2)]
    first, second = strata(entry(*by("pair", *parts)), None)
    assert first.headers == ["queries \\ passages", "de", "en"]
    assert first.rows == [["de", "", "0.500ᵇ"], ["en", "0.300ᵇ", ""]]
    assert second.rows == [["de", "", "0.400"], ["en", "0.200", ""]]


def test_pools_of_several_languages_are_no_grid():
    (sheet,) = strata(entry(*by("pair", ("de > de+en", 0.5, 0.4))), None)
    assert sheet.rows[0][0] == "de > de+en"


def test_many_methods_are_shown_eight_beside_each_other():
    means = {f"m{number}": 0.5 for number in range(40)}
    found = entry(table(means, [], by="length", stratum="short"))
    shown = list(strata(found, None))
    assert [len(sheet.headers) for sheet in shown] == [10] * 5
    assert shown[4].headers[-1] == "ao m39"


def figure(**more):
    return {
        "dataset": "test", "setting": "mono", "metric": "map", "method": "a",
        "query_language": None, "value": 0.45, "source": "Table 2", "measured": 0.5,
        "difference": 0.05, **more,
    }  # fmt: skip


def test_published_figures_stand_beside_the_measured_ones_untested():
    absent = figure(query_language="de", measured=None, difference=None)
    (sheet,) = published(entry(PLAIN, published=[figure(), absent]))
    assert sheet.rows == [
        ["test", "mono", "map", "a", "0.450", "0.500", "+0.050", "Table 2"],
        ["test", "mono, de", "map", "a", "0.450", "–", "–", "Table 2"],
    ]
    assert "not tested" in sheet.note


NASTY = r"50% of_$x & {y}#~^\z <b>"
STRANGE = entry(
    table({NASTY: 0.5, "b": 0.4}, [pair(NASTY, "b", 0.1)]),
    published=[figure(method=NASTY, source="Table 2, X & Y")],
)
EVERY = [
    STRANGE,
    entry(*by("length", ("short", 0.5, 0.4))),
    entry(*by("pair", ("de > en", 0.5, 0.4))),
    entry(table({f"m{n}": 0.5 for n in range(40)}, [pair("m0", "m30", 0.1)])),
]


def test_latex_knows_no_sign_that_it_takes_for_a_command():
    text = render([STRANGE], "latex")
    assert r"50\% of\_\$x \& \{y\}\#" in text
    assert not re.search(r"[↑↓°–ᵃ-ᶻ]", text)
    assert r"map $\uparrow$" in text and r"\textsuperscript{b}" in text


def test_latex_is_balanced():
    text = render(EVERY, "latex")
    for part in ("table", "tabular"):
        assert text.count(rf"\begin{{{part}}}") == text.count(rf"\end{{{part}}}") > 0


@pytest.mark.slow
def test_latex_compiles(tmp_path):
    engine = shutil.which("pdflatex") or shutil.which("tectonic")
    if engine is None:
        pytest.skip("skipped: neither pdflatex nor tectonic is installed")
    lines = [r"\documentclass{article}", r"\usepackage{booktabs,graphicx}", r"\begin{document}",
             render(EVERY, "latex"), r"\end{document}"]  # fmt: skip
    (tmp_path / "all.tex").write_text("\n".join(lines), encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in engine else []
    done = subprocess.run([engine, *options, "all.tex"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-3000:]
    assert (tmp_path / "all.pdf").stat().st_size > 10_000
