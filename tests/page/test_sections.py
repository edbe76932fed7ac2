"""The sections of a report, and the page of tables alone."""

import re
import sys

import pytest
from ruamel.yaml import YAML
from tests.page import toy_told
from tests.page.reading import Document, tables
from tests.page.toy_told import EVIL, bare, entry, system, told

from hbench.page import report_page, tables_page
from hbench.page.heat import SCALES, colours, contrast

RUN = "hbench run a-b.yaml --only 'a b'"


def test_differences_name_who_is_better_whichever_direction_is(read, page):
    (found,) = [t for t in tables(page) if t["caption"] == "Differences of the primary family"]
    assert found["rows"][0] == [
        "test", "mono", "map ↑", "mono", "hybrid", "−0.100", "[−0.200, 0.000]", "0.0030",
        "0.0040", "0.020", "hybrid",
    ]  # fmt: skip
    other = entry()
    for table in other["tables"]:
        for each in table["comparisons"]:
            each["primary"] = table["metric"] == "rank_distance"
    (found,) = [t for t in tables(read(comparison=other)) if "Differences" in t["caption"]]
    assert [line[-1] for line in found["rows"]] == ["mono"]


def test_a_difference_that_is_not_significant_is_for_neither(read):
    other = entry()
    other["tables"][0]["comparisons"][0] |= {"significant": False, "seed_error": None,
                                             "seed_sd_limit": 0.0024}  # fmt: skip
    (found,) = [t for t in tables(read(comparison=other)) if "Differences" in t["caption"]]
    assert found["rows"][0][-3:] == ["s < 0.0024", "0.020", "neither"]


def test_published_figures_stand_beside_the_measured(page):
    (found,) = [t for t in tables(page) if "published" in t["caption"]]
    assert found["rows"] == [
        ["test", "mono", "map", "mono", "0.550", "0.500", "−0.050", "Somebody 2024"]
    ]


def test_language_pairs_are_coloured_by_value_and_by_difference_to_the_first(page):
    found = {t["caption"]: t["rows"] for t in tables(page)}
    assert found["hybrid"] == [["de", "0.600", "0.600"], ["en", "0.600", "0.600"]]
    assert found["hybrid minus mono"] == [["de", "+0.100", "+0.100"], ["en", "+0.100", "+0.100"]]
    steps = {text: a["class"] for a, text in page.all("td") if a.get("class", "")[0:1] == "s"}
    assert {text: step.split()[0] for text, step in steps.items()} == {
        "0.500": "s0",
        "0.600": "s20",
    }
    assert {a["class"].split()[0] for a, t in page.all("td") if t == "+0.100"} == {"d20"}


def test_where_less_is_better_a_smaller_value_is_on_the_better_side(read):
    turned = entry()
    for table in turned["tables"]:
        table["direction"] = "lower"
    page = read(comparison=turned)
    assert {a["class"].split()[0] for a, t in page.all("td") if t == "+0.100"} == {"d0"}


def test_query_languages_have_a_column_each_where_passages_compete(page):
    found = {t["caption"]: t for t in tables(page)}
    assert found["test, multi: map ↑"]["heads"] == ["method \\ query", "de", "en"]
    assert found["test, multi: map ↑"]["rows"] == [
        ["mono", "0.500", "0.500"], ["hybrid", "0.600", "0.600"]
    ]  # fmt: skip


def test_a_language_that_is_asked_in_several_pools_has_a_column_for_each(read):
    cells = {"pair": [("en", "de+en"), ("en", "en+fr"), ("fr", "en+fr")]}
    found = read(comparison=entry(cells=cells), cells={"test": cells})
    (table,) = [t for t in tables(found) if t["caption"] == "test, pair: map ↑"]
    assert table["heads"][1:] == ["en in de+en", "en in en+fr", "fr in en+fr"]


def test_examples_say_their_language_and_run_their_own_way(page):
    examples = [(a["lang"], a["dir"], t) for a, t in page.all("td") if "lang" in a]
    assert examples == [("ar", "auto", "من؟"), ("de", "auto", "Wer?")] * 2


def test_cost_is_over_the_seeds_and_notes_are_told_once(page):
    (found,) = [t for t in tables(page) if t["caption"].startswith("Training")]
    assert found["rows"][0] == [
        "mono", "2", "0.63 M", "20", "90.0 s", "1,010", "20 %", "cpu", "float32"
    ]  # fmt: skip
    assert "mono, hybrid: 26 texts were cut." in page.texts("p", _class="unit")


def test_seeds_that_differ_show_their_range(read):
    found = read(systems=[system("mono", "1", seconds=60.0), system("mono", "2", seconds=7200.0)])
    (cost,) = [t for t in tables(found) if t["caption"].startswith("Training")]
    assert cost["rows"][0][4] == "60.5 min (60.0 s to 2.0 h)"


def test_where_jobs_ran_is_told_and_who_differs(page):
    facts = dict(zip(page.texts("dt"), page.texts("dd"), strict=True))
    assert facts["device"] == "cpu"
    assert facts["torch"] == "2.1 (training mono (seed 1)); 2.2 (training hybrid (seed 1))"


def test_what_is_lacking_is_told(page):
    told_of = page.texts("li")
    assert "mono (seed 3) on test: no complete scores" in told_of
    assert "hybrid (seed 2): its loss curve (train.jsonl) cannot be read" in told_of


def test_the_specification_is_a_benchmark_file_of_equal_meaning(page):
    (text,) = [
        "".join(texts) for tag, a, texts in page.elements if a.get("aria-label") == "Specification"
    ]
    assert YAML(typ="safe", pure=True).load(text) == {
        "version": 1, "benchmarks": {"toy": told().spec}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("surroundings", "line"),
    [
        (
            {"device": ["cpu"], "threads": ["2"], "processes": ["1"]},
            f"OMP_NUM_THREADS=2 {RUN} --device cpu",
        ),
        (
            {"device": ["cuda:0"], "threads": ["16"], "processes": ["4"]},
            f"torchrun --no-python --nproc-per-node 4 {RUN} --device cuda",
        ),
        (
            {"device": ["cpu", "cuda"], "threads": ["2"], "processes": ["1"]},
            RUN,
        ),
        ({}, RUN),
    ],
)
def test_the_command_runs_it_on_the_same_hardware(read, surroundings, line):
    held = {name: {v: ["x"] for v in values} for name, values in surroundings.items()}
    page = read(benchmark="a b", surroundings=held)
    assert page.texts("pre", **{"aria-label": "Command"}) == [line]


def test_bibtex_escapes_what_latex_would_obey(read):
    page = read(benchmark="50% {of} a_b\\c")
    (text,) = page.texts("pre", **{"aria-label": "BibTeX"})
    assert text.startswith("@misc{hbench-50-of-a-b-c-01234567,")
    assert r"{{Benchmark 50\% \{of\} a\_b\textbackslash{}c}}" in text


def test_a_benchmark_of_which_nothing_is_left_has_a_page():
    page = Document(report_page(bare()).html)
    assert page.texts("h2") == [
        "Summary",
        "Tables",
        "What was run",
        "Not covered",
        "Cite and rerun",
    ]
    assert "The benchmark states no claims." in page.texts("p")
    assert "There are no tables." in page.texts("p")
    assert "It is not known where the jobs ran." in page.texts("p")


def test_figures_that_are_absent_are_dashes_and_nothing_fails(read):
    empty = entry()
    for table in empty["tables"]:
        table["comparisons"] = []
        table["rows"] = [toy_told.row(r["method"], None) for r in table["rows"]]
    for cell in empty["matrix"]:
        cell["mean"] = None
    page = read(comparison=empty)
    assert "Language pairs" not in page.texts("h2")
    assert {line[2] for t in tables(page)[:3] for line in t["rows"]} == {"–"}


def test_one_language_alone_has_no_pairs(read):
    cells = {"mono": [("de", "de")], "multi": [("de", "de")]}
    page = read(comparison=entry(cells=cells), cells={"test": cells})
    assert not {"Language pairs", "Query languages", "Language bias"} & set(page.texts("h2"))


def test_untrained_methods_cost_nothing_and_have_no_curve(read):
    still = system("mono", "0")
    still = type(still)("mono", "0", {"parameters": 10**8, "notes": []}, [], "")
    page = read(systems=[still, type(still)("gone", "0", {}, [], "")])
    (cost,) = [t for t in tables(page) if t["caption"].startswith("Training")]
    assert cost["rows"] == [
        ["mono", "not trained", "100.00 M", *"––––––"], ["gone", "not trained", *"–––––––"]
    ]  # fmt: skip
    assert "Loss curves" not in page.texts("h2")


def test_forty_methods_fit_and_letters_make_room():
    methods = tuple(f"method {number}" for number in range(40))
    page = report_page(told(methods))
    read_back = Document(page.html)
    assert len(tables(read_back)[0]["rows"]) == 40
    assert "better than a,b,c" in tables(read_back)[0]["rows"][39][2]
    summaries = read_back.texts("summary")
    assert "Differences of the primary family: 2,340 rows" in summaries
    assert "34 more methods" in summaries
    assert page.notes == []


def test_equal_names_do_not_fail():
    assert report_page(told(("same", "same"))).html


def test_equal_benchmarks_have_equal_pages():
    first, second = report_page(told()), report_page(told())
    assert first == second


def test_tables_alone_need_no_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = Document(tables_page([entry(), entry(name=EVIL)], [{}, {}]))
    assert page.texts("h2") == ["toy", EVIL]
    assert len(page.all("script")) == 1
    assert [t["caption"] for t in tables(page)][:4] == [
        "test, mono", "test, cross", "test, multi", "Differences of the primary family"
    ]  # fmt: skip


def test_tables_may_show_differences_to_a_baseline():
    page = Document(tables_page([entry()], [{}], "mono"))
    (found,) = [t for t in tables(page) if t["caption"] == "Against mono"]
    assert found["rows"][0][3:5] == ["hybrid - mono", "+0.100"]


def test_split_queries_are_shown_by_stratum():
    split = entry()
    split["tables"] = [table | {"by": "language", "stratum": "de"} for table in split["tables"][:1]]
    page = Document(tables_page([split], [{"test": ["a note"]}]))
    (found,) = tables(page)
    assert found["heads"] == ["Language", "Queries", "a mono", "b hybrid"]
    assert any("a note." in text for text in page.texts("p", _class="unit"))


@pytest.mark.parametrize("theme", SCALES)
def test_numbers_are_read_on_every_step_of_a_scale(theme):
    found = colours(theme)
    assert len(found) == 42
    assert min(contrast(ground, text) for ground, text in found.values()) >= 4.5
    for kind in "sd":
        assert len({ground for step, (ground, _) in found.items() if step[0] == kind}) == 21


def variables(style):
    """The colours of the two themes, by the names of their variables."""
    light, dark = re.findall(r":root \{(.*?)\}", style, re.S)[:2]
    sets = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part)) for part in (light, dark)]
    return {"light": sets[0], "dark": sets[0] | sets[1]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_series_are_seen_on_their_ground(page, theme):
    (style,) = page.texts("style")
    found = variables(style)[theme]
    for name in ("ink", "quiet", "link", "good", "bad"):
        assert contrast(found[name], found["ground"]) >= 4.5
        assert contrast(found[name], found["raised"]) >= 4.5
    series = [found[f"series-{number}"] for number in range(6)]
    assert min(contrast(colour, found["ground"]) for colour in series) >= 3
