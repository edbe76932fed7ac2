"""The page of a benchmark, read as a browser reads it."""

import hashlib
import re
from base64 import b64encode
from itertools import pairwise

from tests.page import toy_told
from tests.page.reading import Document, tables
from tests.page.toy_told import EVIL, claim, data, entry, system, told

from hbench.page import report_page


def test_nothing_of_a_page_reaches_out(page):
    for _, attributes, _ in page.elements:
        for name in ("src", "href", "xlink:href", "action", "srcset", "data"):
            assert (attributes.get(name) or "#").startswith("#")
        assert not re.search(r"url\((?!#)", attributes.get("style") or "")
    (style,) = page.texts("style")
    assert not re.search(r"@import|url\(|https?:", style)
    (policy,) = [a["content"] for a, _ in page.all("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none';")


def test_the_policy_admits_this_script_and_no_other(page):
    (script,) = ["".join(texts) for tag, _, texts in page.elements if tag == "script"]
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [a["content"] for a, _ in page.all("meta") if "http-equiv" in a]
    assert re.findall(r"script-src (.*)$", policy) == [f"'sha256-{digest}'"]


def test_every_section_is_there_and_reached_by_its_link(page):
    assert page.texts("h1") == ["toy"]
    assert page.texts("h2") == [
        "Summary", "Tables", "Differences", "Published figures", "Language pairs",
        "Query languages", "Language bias", "Mono against multi", "Loss curves", "Cost", "Data",
        "What was run", "Not covered", "Cite and rerun",
    ]  # fmt: skip
    ids = [a["id"] for _, a, _ in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    links = [a["href"].removeprefix("#") for a, _ in page.all("a")]
    assert len(links) == 15
    assert set(links) <= set(ids)
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_a_name_that_is_a_script_is_text_everywhere():
    evil = report_page(
        told(
            (EVIL, "hybrid"),
            benchmark=EVIL,
            says=EVIL,
            comparison=entry((EVIL, "hybrid"), dataset=EVIL, name=EVIL),
            cells={EVIL: toy_told.CELLS},
            claims=[claim(EVIL, "supported", 0.1, notes=[EVIL])],
            missing=[EVIL],
            notes={EVIL: [EVIL]},
            systems=[system(EVIL, "1", notes=[EVIL])],
            data=[data(name=EVIL, licence=EVIL, use=EVIL, notes=[EVIL])],
            surroundings={EVIL: {EVIL: [EVIL], "b": [EVIL]}},
            gaps=[EVIL],
            spec={"claims": [{"says": EVIL, "metric": EVIL}], EVIL: EVIL},
        )
    )
    page = Document(evil.html)
    assert len(page.all("script")) == 1
    assert page.texts("h1") == [EVIL]
    assert EVIL in page.texts("text")  # of a figure
    (specification,) = page.texts("pre", **{"aria-label": "Specification"})
    assert EVIL in specification
    assert evil.html.count("<script>alert") == 0
    for name, content in evil.files.items():
        assert "<" not in name
        assert b"<script" not in content


def test_signs_that_html_has_no_place_for_are_replaced():
    found = report_page(told(says="a\x00b\x1bc\ud800d", methods=("e\x07f", "g")))
    page = Document(found.html)
    assert page.texts("p", _class="says") == ["a\ufffdb\ufffdc\ufffdd"]
    assert "e\ufffdf" in page.texts("text")


def test_claims_have_their_verdict_as_word_and_shape_and_their_figures(page):
    words = [t for a, t in page.all("span") if (a.get("class") or "").startswith("verdict ")]
    assert words == ["supported", "refuted", "inconclusive", "description"]
    claims = page.texts("p", _class="claim")
    assert claims[0] == "supported hybrid is better"
    effects = page.texts("p", _class="effect")
    assert effects[0] == (
        "map, mono, margin 0.02: difference +0.100, 95 % interval [0.000, +0.200], Holm’s p <0.001"
    )
    assert effects[1].startswith("map, cross, by language: difference −0.100, 95 % interval [−0.2")
    assert "why refuted" in page.texts("li")
    assert (
        "Of 4 claims, 1 is supported, 1 is refuted, 1 is inconclusive, 1 can be decided by no "
        "figure (description)."
    ) in page.texts("p")


def test_every_verdict_has_a_shape_of_its_own():
    html = report_page(told()).html
    shapes = re.findall(r'<span class="verdict \w+"><svg.*?</svg>', html, re.S)
    assert len({re.sub(r"verdict \w+", "", shape) for shape in shapes}) == 4


def test_tables_hold_figures_intervals_and_letters(page):
    figures = [t for t, (a, _) in zip(tables(page), page.all("table"), strict=True)
               if (a["class"] or "").startswith("figures")]  # fmt: skip
    assert [t["caption"] for t in figures] == ["test, mono", "test, cross", "test, multi"]
    assert figures[2]["rows"] == [
        [
            "a", "mono", "0.500 [0.490, 0.510] sd 0.004",
            "500.0better than b [500.0, 500.0] sd 0.0",
        ],
        [
            "b", "hybrid", "0.600better than a [0.590, 0.610] sd 0.004",
            "600.0 [600.0, 600.0] sd 0.0",
        ],
    ]  # fmt: skip
    assert figures[0]["rows"][0][3] == "–"
    assert figures[2]["heads"] == [
        "#", "Method", "map ↑, higher is better", "rank_distance ↓, lower is better°"
    ]  # fmt: skip


def test_what_is_absent_has_no_value_to_sort_by(page):
    values = [a["data-value"] for a, text in page.all("td") if text == "–" and "data-value" in a]
    assert values == [""] * 4


def test_heads_are_buttons_that_say_which_end_comes_first(page):
    first = {text: a["data-first"] for a, text in page.all("button")}
    assert first["map ↑, higher is better"] == "descending"
    assert first["rank_distance ↓, lower is better°"] == "ascending"
    heads = [a for a, _ in page.all("th", scope="col")]
    heat = sum(len(t["heads"]) - 1 for t in tables(page) if "\\" in t["heads"][0])
    examples = 2
    assert len(page.all("button")) == len(heads) - heat - examples


def test_wide_tables_scroll_in_a_frame_with_a_name_that_the_keyboard_reaches(page):
    frames = page.all("div", _class="frame")
    assert len(frames) == len(page.all("table"))
    assert all(a["tabindex"] == "0" and a["aria-label"].startswith("Table: ") for a, _ in frames)
    assert all(table["caption"] for table in tables(page))
    assert page.elements[[e[0] for e in page.elements].index("a")][1]["class"] == "skip"


def test_the_unit_line_and_the_corrections_stand_below(page):
    units = page.texts("p", _class="unit")
    assert sum("Unit: 4 items in 3 clusters" in text for text in units) == 3
    assert any("Holm within the primary family of 3 tests" in text for text in units)
