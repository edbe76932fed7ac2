"""The page in a real browser: Chromium, if it is installed; run with ``pytest -m slow``."""

import pytest
from tests.page.browser import CHROMIUM, browser
from tests.page.reading import Document
from tests.page.toy_told import EVIL, claim, data, entry, pair, row, told

from hbench.page import report_page, tables_page
from hbench.stages.report import Language

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed (apt install chromium)"),
]
NINE = {f"{tag}": f"{tag}" for tag in ("ar", "de", "el", "en", "es", "hi", "th", "tr", "zh")}
POOL = "+".join(NINE)
CELLS = {
    "mono": [(tag, tag) for tag in NINE],
    "cross": [(a, b) for a in NINE for b in NINE if a != b],
    "multi": [(tag, POOL) for tag in NINE],
}
LONG = "a-very-long-name-of-an-encoder/of-a-sampler/of-an-objective/of-a-transform"
METHODS = ("mono", "cross", LONG, "हाइब्रिड", EVIL)
EXAMPLES = {
    "ar": "ما هي أكبر مدينة في فلوريدا من حيث عدد السكان؟",
    "hi": "फ्लोरिडा के किस शहर में जनसंख्या सबसे अधिक है?",
    "th": "เมืองไหนของรัฐฟลอริด้าที่มีประชากรมากที่สุด" * 4,
    "zh": "哪个佛罗里达城市的人口最多?" * 12,
    "en": "Which Florida city has the biggest population?",
}

# What sticks out of the page; and texts of one block that lie on each other.
OVERFLOWS = """
[...document.querySelectorAll("body *:not(.frame *):not(pre *):not(.skip):not(.spoken)")]
  .filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width && (box.right > innerWidth + 1 || box.left < -1);
  })
  .map((e) => `${e.tagName}.${e.getAttribute("class")}`)
"""
OVERLAPS = """
(() => {
  const blocks = [...document.querySelectorAll(
    "h1, h2, h3, p, li, caption, td, th, dt, dd, summary, figcaption, figure svg text, pre"
  )].filter((e) => e.checkVisibility() && e.textContent.trim());
  const texts = blocks.map((e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    return { e, box: e.closest("svg") ? e.getBoundingClientRect() : range.getBoundingClientRect() };
  });
  const found = [];
  texts.forEach((a, i) => texts.slice(i + 1).forEach((b) => {
    if (a.e.contains(b.e) || b.e.contains(a.e)) return;
    const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
    if (wide > 1.5 && high > 1.5)
      found.push(`${a.e.textContent.trim().slice(0, 40)} | ${b.e.textContent.trim().slice(0, 40)}`);
  }));
  return found;
})()
"""
COLUMN = """
[...document.querySelectorAll("table")[%d].tBodies[0].rows]
  .map((row) => row.cells[%d].innerText.split("\\n")[0].trim())
"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page with much in it."""
    languages = [Language(tag, 1190, 1204, text) for tag, text in EXAMPLES.items()]
    page = report_page(
        told(
            METHODS,
            comparison=entry(METHODS, cells=CELLS),
            cells={"test": CELLS},
            claims=[claim(LONG.replace("-", " "), "supported", 0.1)],
            spec={"claims": [{"says": LONG, "metric": "map", "setting": "mono"}], "long": LONG},
            data=[data(languages=languages)],
        )
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page.html, encoding="utf-8")
    return path.as_uri()


def asked_for(tab):
    """Addresses that the browser has asked for."""
    return [
        event["params"]["request"]["url"]
        for event in tab.events
        if event["method"] == "Network.requestWillBeSent"
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_fits_its_screen_and_asks_for_nothing_else(tab, address, width, scheme):
    tab.open(address, width=width, scheme=scheme)
    tab.run("document.querySelectorAll('details').forEach((e) => { e.open = true })")
    assert tab.run("document.documentElement.scrollWidth") == width
    assert tab.run(OVERFLOWS) == []
    tab.run("document.querySelectorAll('.spoken').forEach((e) => e.remove())")
    assert tab.run(OVERLAPS) == []
    assert asked_for(tab) == [address]
    complaints = [
        event for event in tab.events
        if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown",
                               "Runtime.consoleAPICalled")
    ]  # fmt: skip
    assert complaints == []


def test_the_theme_follows_the_system(tab, address):
    grounds = []
    for scheme in ("light", "dark"):
        tab.open(address, scheme=scheme)
        grounds.append(tab.run("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]


def test_a_figures_text_has_the_colour_of_the_page(tab, address):
    tab.open(address, scheme="dark")
    colours = tab.run(
        "[...document.querySelectorAll('figure svg text')].map((e) => getComputedStyle(e).fill)"
    )
    assert set(colours) == {tab.run("getComputedStyle(document.querySelector('main')).color")}


def click(tab, table, column):
    tab.run(f"document.querySelectorAll('table')[{table}].tHead.rows[0].cells[{column}]"
            ".querySelector('button').click()")  # fmt: skip


def sorts(tab, table):
    return tab.run(
        f"[...document.querySelectorAll('table')[{table}].tHead.rows[0].cells]"
        ".map((e) => e.getAttribute('aria-sort'))"
    )


def test_a_column_sorts_best_first_then_the_other_way_and_what_is_absent_stays_last(tab, tmp_path):
    found = entry(("a", "b", "c", "d"))
    means = [9.5, None, -0.5, 10.25]
    found["tables"] = found["tables"][:1]
    found["tables"][0]["rows"] = [row(m, v) for m, v in zip("abcd", means, strict=True)]
    found["tables"][0]["comparisons"] = []
    path = tmp_path / "tables.html"
    path.write_text(tables_page([found], [{}]), encoding="utf-8")
    tab.open(path.as_uri())
    assert tab.run(COLUMN % (0, 2)) == ["9.500", "–", "−0.500", "10.250"]
    click(tab, 0, 2)
    assert tab.run(COLUMN % (0, 2)) == ["10.250", "9.500", "−0.500", "–"]
    assert sorts(tab, 0) == [None, None, "descending"]
    click(tab, 0, 2)
    assert tab.run(COLUMN % (0, 2)) == ["−0.500", "9.500", "10.250", "–"]
    click(tab, 0, 0)
    assert tab.run(COLUMN % (0, 1)) == ["a", "b", "c", "d"]
    assert sorts(tab, 0) == ["ascending", None, None]


def test_cells_of_text_are_sorted_by_the_numbers_that_they_show(tab, tmp_path):
    found = entry(("a", "b", "c"))
    found["tables"] = found["tables"][:1]
    found["tables"][0]["comparisons"] = [
        pair("a", "b", 0.5, p_adjusted=0.5),
        pair("a", "c", -0.25, p_adjusted=0.0001),
        pair("b", "c", 0.125, p_adjusted=None),
    ]
    path = tmp_path / "tables.html"
    path.write_text(tables_page([found], [{}]), encoding="utf-8")
    tab.open(path.as_uri())
    click(tab, 1, 5)
    assert tab.run(COLUMN % (1, 5)) == ["−0.250", "+0.125", "+0.500"]
    click(tab, 1, 9)
    assert tab.run(COLUMN % (1, 9)) == ["<0.001", "0.500", "–"]


@pytest.mark.parametrize(("key", "text"), [("Enter", "\r")])
def test_the_keyboard_reaches_the_content_and_sorts(tab, address, key, text):
    tab.open(address)
    tab.press("Tab")
    assert tab.run("document.activeElement.className") == "skip"
    assert tab.run("document.activeElement.getBoundingClientRect().left") >= 0
    tab.press(key, text)
    assert tab.run("location.hash") == "#content"
    for _ in range(200):
        tab.press("Tab")
        if tab.run("document.activeElement.closest('th')?.cellIndex") == 2:
            break
    outline = tab.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    tab.press(key, text)
    assert sorts(tab, 0)[2] == "descending"
    assert tab.run(COLUMN % (0, 1))[0] == EVIL


def test_only_a_frame_that_scrolls_is_a_stop_of_the_keyboard(tab, address):
    stops = "document.querySelectorAll('.frame[tabindex]').length"
    tab.open(address, width=390)
    narrow = tab.run(stops)
    tab.open(address, width=1280)
    assert tab.run(stops) < narrow


def test_on_paper_everything_is_unfolded(tab, address):
    tab.open(address)
    tab.run("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.run("[...document.querySelectorAll('details')].every((e) => e.open)")
    assert tab.ask("Page.printToPDF", printBackground=False)["data"]


def test_a_script_that_slips_in_would_not_run(tab, address, tmp_path):
    html = report_page(told()).html.replace("<h1>", "<script>document.title = 'gone'</script><h1>")
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    assert len(Document(html).all("script")) == 2
    tab.open(path.as_uri())
    assert tab.run("document.title") == "toy: report"
