"""Figures as files, and inside a page."""

import re
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.font_manager import findSystemFonts
from tests.page.toy_told import CELLS, EVIL, entry, system

from hbench.page import figures
from hbench.page.drawing import INK, PALETTE, draw, looks
from hbench.page.fonts import BASE, families

HINDI = "हिन्दी"
NOWHERE = "\ue123"  # of Unicode's private use: no font has it
pytestmark = pytest.mark.filterwarnings("error")


def pictures(*methods, cells=CELLS):
    told = entry(methods, cells=cells)
    systems = [system(method, seed) for method in methods for seed in "12"]
    return [
        *figures.bias(told, {"test": cells}), *figures.trade_off(told), *figures.loss(systems)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    return [draw(picture) for picture in pictures("mono", EVIL)]


def texts(svg):
    return [
        "".join(element.itertext())
        for element in ElementTree.fromstring(svg).iter()
        if element.tag.endswith("text")
    ]


def test_there_is_one_of_bias_one_of_the_settings_and_one_of_the_losses(drawn):
    assert [each.picture.name for each in drawn] == [
        "bias-test-rank_distance", "mono-multi-test", "loss"
    ]  # fmt: skip


def test_svg_holds_its_text_as_text_and_every_method(drawn):
    for each in drawn:
        assert {"mono", EVIL} <= set(texts(each.svg))
        assert b"<script" not in each.svg


def test_pdf_embeds_truetype_and_tells_no_time(drawn):
    for each in drawn:
        assert each.pdf.startswith(b"%PDF-")
        assert b"/FontFile2" in each.pdf
        assert b"/Type3" not in each.pdf
        assert b"CreationDate" not in each.pdf
        assert b"<dc:date>" not in each.svg


def test_a_figure_in_a_page_takes_its_colours_from_the_theme(drawn):
    for each in drawn:
        assert "currentColor" in each.inline
        assert "var(--series-0)" in each.inline
        assert re.findall(r"#[0-9a-f]{6}", each.inline) == []
        assert not re.search("font-family|<style|<metadata|http", each.inline)


def test_ids_in_a_page_are_unique_and_what_refers_to_them_finds_them(drawn):
    html = "".join(each.inline for each in drawn)
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'href="#([^"]*)"', html) + re.findall(r"url\(#([^)]*)\)", html)
    assert wanted
    assert set(wanted) <= set(ids)


def test_equal_figures_have_equal_bytes():
    for picture in pictures("mono", "hybrid"):
        assert draw(picture) == draw(picture)


def test_the_users_own_settings_change_nothing_and_stay(drawn):
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        assert draw(pictures("mono", EVIL)[2]).svg == drawn[2].svg
        assert matplotlib.rcParams["font.size"] == 30


def test_names_of_other_scripts_get_a_font_that_has_them():
    if not any("NotoSansDevanagari" in path for path in findSystemFonts()):
        pytest.skip("no font for Hindi is installed")
    (picture,) = figures.loss([system(HINDI, "1")])
    found = draw(picture)
    assert found.notes == []
    assert HINDI in texts(found.svg)
    assert b"Devanagari" in found.pdf


def test_signs_that_no_font_has_are_told():
    (picture,) = figures.loss([system(f"a{NOWHERE}", "1")])
    assert draw(picture).notes == [f"loss.pdf: no installed font has the signs {NOWHERE}"]


def test_latin_needs_no_other_font():
    assert families(["hybrid", "a ↑ – °"]) == [BASE]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("_hidden", "_hidden"),
        ("$x_1$", "$x_1$"),
        ("a\nb", "a b"),
        ("a" * 50 + "b" * 50, "a" * 20 + "…" + "b" * 20),
    ],
)
def test_names_that_matplotlib_would_obey_are_shown(name, shown):
    (picture,) = figures.loss([system(name, "1"), system("other", "1")])
    found = draw(picture)
    assert found.notes == []
    assert shown in [text.strip() for text in texts(found.svg)]


def test_forty_methods_are_all_in_the_legend_and_look_different():
    methods = [f"m{number}" for number in range(40)]
    for picture in pictures(*methods):
        assert set(methods) <= set(texts(draw(picture).svg))
    found = looks(methods).values()
    assert len({(look.colour, look.marker) for look in found}) == 40


def test_the_first_methods_differ_in_marker_and_line_when_printed_in_grey():
    found = list(looks([f"m{number}" for number in range(5)]).values())
    assert len({look.marker for look in found}) == 5
    assert len({str(look.line) for look in found}) == 5
    assert INK not in PALETTE[:6]


def test_a_wide_range_is_on_a_logarithmic_scale_with_plain_numbers():
    told = entry(("a", "b"))
    for cell in told["matrix"]:
        if cell["metric"] == "rank_distance" and cell["mean"]:
            cell["mean"] = {"a": 20.0, "b": 3000.0}[cell["method"]]
    (picture,) = figures.bias(told, {"test": CELLS})
    found = texts(draw(picture).svg)
    assert {"20", "100", "1,000"} <= set(found)
    assert "rank_distance ↓ (logarithmic scale)" in found


def test_a_metric_that_one_language_has_and_more_is_better_is_no_bias():
    names = [picture.name for picture in figures.bias(entry(), {"test": CELLS})]
    assert names == ["bias-test-rank_distance"]


def test_without_an_interval_there_is_a_point():
    told = entry(("a", "b"))
    for table in told["tables"]:
        for row in table["rows"]:
            row["low"] = row["high"] = None
    (picture,) = figures.trade_off(told)
    assert draw(picture).svg


def test_validation_has_a_curve_of_its_own():
    one = system("a", "1")
    log = [*one.log, {"step": 20, "validation_loss": 0.5}]
    (picture,) = figures.loss([type(one)("a", "1", one.detail, log, "cpu")])
    assert "validation loss" in texts(draw(picture).svg)
