"""A page as a browser reads it: its elements, and its tables."""

from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "br"}


class Document(HTMLParser):
    """The elements of a page: (tag, attributes, text inside), in the order of their starts."""

    def __init__(self, html):
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any], list[str]]] = []
        self.open: list[tuple[str, dict[str, Any], list[str]]] = []
        self.feed(html)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attrs):
        element: tuple[str, dict[str, Any], list[str]] = (tag, dict(attrs), [])
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for _, _, texts in self.open:
            texts.append(data)

    def all(self, tag, **wanted):
        return [
            (attributes, " ".join("".join(texts).split()))
            for name, attributes, texts in self.elements
            if name == tag and all(attributes.get(k.strip("_")) == v for k, v in wanted.items())
        ]

    def texts(self, tag, **wanted):
        return [text for _, text in self.all(tag, **wanted)]


def tables(page):
    """Caption, heads and rows of each table."""
    found: list[dict[str, Any]] = []
    for tag, _, texts in page.elements:
        text = " ".join("".join(texts).split())
        if tag == "table":
            found.append({"caption": "", "heads": [], "rows": []})
        elif tag == "caption":
            found[-1]["caption"] = text
        elif tag == "tr":
            found[-1]["rows"].append([])
        elif tag in ("td", "th") and found:
            found[-1]["rows"][-1].append(text)
    for each in found:
        each["heads"], *each["rows"] = each["rows"]
    return found
