"""A YAML text as a tree of nodes, within limits: no text takes longer than a second.

ruamel.yaml does the parsing. Its errors get an index into the text, and a word on what to do.
"""

import re
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scanner import Scanner

MAX_VALUES = 3_000
MAX_DEPTH = 50
LONGEST = 200  # characters of what ruamel.yaml says, which may quote half of the file
# What it says, and what helps; {line} is where the list, mapping or quote began.
HINTS = (
    (r"'\\t' that cannot start", "indent with spaces, not with tabs"),
    ("unexpected end of stream", "close the quote that opens in line {line}"),
    ("unexpected document separator", "close the quote that opens in line {line}"),
    ("unknown escape character", "write '\\\\' for a backslash, or use single quotes"),
    (r"expected ',' or", "put a comma, or close the bracket that opens in line {line}"),
    ("values are not allowed", "quote a text that holds ': '"),
    ("sequence entries are not", "begin the list in a line of its own"),
    ("block end", "indent this line as its neighbours"),
    ("expected ':'", "write 'key: value'; a key is at most 1,024 characters long"),
    ("undefined alias", "quote a text that begins with '*'"),
    ("tag handle", "quote a text that begins with '!'"),
    ("cannot start any token", "quote a text that begins with this sign"),
    ("single document", "keep one document"),
)
ELSE = "look at this line and the one before"


class Malformed(Exception):
    """The text is no YAML, or beyond the limits; ``index`` is where in the text."""

    def __init__(self, index: int, message: str) -> None:
        self.index = index
        super().__init__(message)


class _Scanner(Scanner):
    """Stops at brackets in brackets: looking ahead over them takes long."""

    def fetch_flow_collection_start(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        if self.flow_level >= MAX_DEPTH:
            raise _too_deep(self.reader.index)
        super().fetch_flow_collection_start(*args, **kwargs)


class _Composer(Composer):
    """Counts what it composes."""

    def __init__(self, loader: Any = None) -> None:  # noqa: ANN401
        super().__init__(loader=loader)
        self.warn_double_anchors = False  # the later one holds, as YAML says
        self._values = self._levels = 0

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401
        start = self.parser.peek_event().start_mark.index
        self._values += 1
        self._levels += 1
        if self._values > 2 * MAX_VALUES:  # a key and its value
            raise Malformed(start, f"more than {MAX_VALUES:,} values; split the file into several")
        if self._levels > MAX_DEPTH:
            raise _too_deep(start)
        node = super().compose_node(parent, index)
        self._levels -= 1
        if isinstance(node.value, str):
            node.value = _paired(node.value)
        return node


def _paired(text: str) -> str:
    """The text with each two escapes of a surrogate pair as one character, as JSON means them."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return text  # who reads it says that half of a pair is no text


def _too_deep(index: int) -> Malformed:
    return Malformed(index, f"nested too deeply; {MAX_DEPTH} levels are allowed")


def compose(text: str) -> Any:  # noqa: ANN401 - ruamel's nodes are untyped
    """The root node; None for a text without values.

    Raises:
        Malformed: the text is no YAML, nested more than 50 levels deep, or of more than 3,000
            values.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner, yaml.Composer = _Scanner, _Composer
    try:
        return yaml.compose(StringIO(text))
    except MarkedYAMLError as error:
        raise _explained(error) from None
    except ReaderError as error:
        sign = text[error.position]
        message = f"not valid YAML: character {sign!r} is not allowed; remove it"
        raise Malformed(error.position, message) from None
    except (YAMLError, ValueError) as error:
        what = " ".join(str(error).split())[:LONGEST]
        raise Malformed(yaml.reader.index, f"not valid YAML: {what}; {ELSE}") from None


def _explained(error: MarkedYAMLError) -> Malformed:
    """The error with its place, which is that of the opening for a quote that is never closed."""
    what = " ".join(part for part in (error.context, error.problem) if part)[:LONGEST]
    hint = next((hint for pattern, hint in HINTS if re.search(pattern, what)), ELSE)
    mark, opening = error.problem_mark or error.context_mark, error.context_mark
    if opening is not None and "end of stream" in what:
        mark = opening
    line = opening.line + 1 if opening is not None else 1
    message = f"not valid YAML: {what}; {hint.format(line=line)}"
    return Malformed(mark.index if mark is not None else 0, message)
