"""A benchmark as one self-contained HTML page, with figures; nothing of it reaches out.

Reads what the report stage tells. jinja2 and matplotlib are imported when a page is made.
"""

from hbench.page.page import Page, report_page, tables_page

__all__ = ["Page", "report_page", "tables_page"]
