"""What the tests of pages share."""

import pytest
from tests.page.reading import Document
from tests.page.toy_told import told

from hbench.page import report_page
from hbench.page.drawing import Drawn


@pytest.fixture
def read(monkeypatch):
    """Reads the page of what is told, with figures left blank: drawing takes its time."""
    monkeypatch.setattr("hbench.page.page.draw", lambda picture: Drawn(picture, b"", b"", "", ()))
    return lambda **more: Document(report_page(told(**more)).html)


@pytest.fixture(scope="session")
def page():
    return Document(report_page(told()).html)
