"""A YAML 1.2 file as plain values, and where in the file each of them stands.

Knows nothing of what the values mean. Scalars are YAML 1.2's: ``no`` is text (Norwegian), ``1e-5``
a number; a key given twice is a mistake; tags that would build objects are refused.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hbench.errors import Mistake, SpecError, shortened, shown

SpecPath = tuple[str | int, ...]
# A file within these is judged in a second.
MAX_BYTES = 200_000
MAX_VALUES = 3_000  # aliases can make a small file mean an endless one
MAX_DIGITS = 100
MAX_BITS = 63


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    if len(digits) > MAX_DIGITS:
        raise ValueError("too long")
    prefixed = digits.lstrip("+-")[:2].lower() in ("0o", "0x", "0b")
    value = int(digits, 0) if prefixed else int(digits)
    if value.bit_length() > MAX_BITS:
        raise ValueError("too large")
    return value


def _decimal(text: str) -> float:
    plain = text.replace("_", "").lower()
    return float(plain.replace(".inf", "inf").replace(".nan", "nan"))


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text.lower() == "true"


def _text(text: str) -> str:
    text.encode()  # an escape can spell half of a surrogate pair, which no file can hold
    return text


SCALARS: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": _text,
    "tag:yaml.org,2002:timestamp": str,  # YAML 1.2's core schema has no dates
    "tag:yaml.org,2002:value": str,
    "tag:yaml.org,2002:int": _integer,
    "tag:yaml.org,2002:float": _decimal,
    "tag:yaml.org,2002:bool": _truth,
    "tag:yaml.org,2002:null": lambda text: None,
}


COLLECTIONS = {"sequence": "tag:yaml.org,2002:seq", "mapping": "tag:yaml.org,2002:map"}
KINDS = {
    "str": "a text (an escape spells half of a character)",
    "int": f"a whole number of at most {MAX_BITS} bits",
    "float": "a number",
    "bool": "true or false",
}


class SpecFile:
    """The values of one YAML text; ``locate`` gives the line and column of any of them.

    Raises:
        SpecError: the text is not YAML, has a key twice, or means more than 3,000 values.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.changed: list[tuple[str, ...]] = []  # paths whose values are no longer the file's
        self._mistakes: list[Mistake] = []
        self._built: dict[int, tuple[Any, int]] = {}
        self._parts: dict[int, dict[str, tuple[Any, Any]]] = {}
        text = text.removeprefix("\ufeff")
        self._starts = [0, *(end.end() for end in re.finditer(r"\r\n|\r|\n", text))]
        self._root = self._compose(text)
        self.data: Any = self._build(self._root)[0] if self._root is not None else None
        if self._mistakes:
            raise SpecError(self._mistakes)

    @classmethod
    def read(cls, path: Path) -> "SpecFile":
        """Read a file.

        Raises:
            SpecError: it cannot be read, is too large or not UTF-8, or not valid (see the class).
        """
        line = column = 1
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) <= MAX_BYTES:
                return cls(content.decode(), str(path))
            message = f"is larger than {MAX_BYTES:,} bytes; split it into several files"
        except UnicodeDecodeError as error:
            *before, last = re.split(r"\r\n|\r|\n", content[: error.start].decode())
            line, column = len(before) + 1, len(last) + 1
            message = f"byte {error.start} is not UTF-8; save the file as UTF-8"
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or error
            message = f"cannot be read: {cause}; give the path of a spec file"
        raise SpecError([Mistake(str(path), line, column, message)])

    def locate(self, path: SpecPath, *, key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value at ``path`` (with ``key``: of its key).

        A path that leads nowhere gives the place of the deepest value on it that exists.
        """
        node, mark = self._root, getattr(self._root, "start_mark", None)
        for depth, step in enumerate(path):
            found = self._child(node, step)
            if found is None:
                break
            name, node = found
            mark = name.start_mark if key and depth == len(path) - 1 else node.start_mark
        return self._place(mark.index) if mark is not None else (1, 1)

    def mistake(self, path: SpecPath, message: str, *, key: bool = False) -> Mistake:
        """A mistake at ``path``, with the path in words in front of the message."""
        steps = tuple(map(str, path))
        where = ".".join(map(shortened, steps))
        if any(steps[: len(each)] == each for each in self.changed):
            message += " (from --set)"
        line, column = self.locate(path, key=key)
        return Mistake(self.name, line, column, f"{where}: {message}" if where else message)

    def _place(self, index: int) -> tuple[int, int]:
        """Line and column of a character."""
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1

    def _compose(self, text: str) -> Any:  # noqa: ANN401 - ruamel's nodes are untyped
        from hbench.yamltree import Malformed, compose

        try:
            return compose(text)
        except Malformed as error:
            raise SpecError([Mistake(self.name, *self._place(error.index), str(error))]) from None

    def _child(self, node: Any, step: str | int) -> tuple[Any, Any] | None:  # noqa: ANN401
        if node is None or isinstance(node.value, str):
            return None
        if node.id == "mapping":
            if id(node) not in self._parts:
                self._parts[id(node)] = {key.value: (key, value) for key, value in node.value}
            return self._parts[id(node)].get(str(step))
        if isinstance(step, int) and 0 <= step < len(node.value):
            return node.value[step], node.value[step]
        return None

    def _build(self, node: Any) -> tuple[Any, int]:  # noqa: ANN401
        """The plain value of a node, and how many values it means with its aliases written out."""
        if id(node) in self._built:
            return self._built[id(node)]
        self._built[id(node)] = (None, MAX_VALUES + 1)  # what a node that holds itself would find
        if node.id == "scalar":
            value, size = self._scalar(node), 1
        elif str(node.tag) != COLLECTIONS[node.id]:
            self._refuse(
                node, f"tag {shortened(str(node.tag))} is not allowed; write a plain value"
            )
            value, size = None, 1
        elif node.id == "sequence":
            parts = [self._build(child) for child in node.value]
            value, size = [part for part, _ in parts], 1 + sum(count for _, count in parts)
        else:
            value, size = self._mapping(node)
        if size > MAX_VALUES:
            self._refuse(node, f"means more than {MAX_VALUES:,} values; write fewer aliases")
            value, size = None, 1
        self._built[id(node)] = (value, size)
        return value, size

    def _mapping(self, node: Any) -> tuple[dict[str, Any], int]:  # noqa: ANN401
        values: dict[str, Any] = {}
        first: dict[str, Any] = {}
        size = 1
        for key, child in node.value:
            if key.id != "scalar":
                self._refuse(key, "a key must be a word, not a list or a mapping")
                continue
            if key.tag == "tag:yaml.org,2002:merge":
                self._refuse(key, "'<<' merges nothing in YAML 1.2; write the keys out")
                continue
            self._scalar(key)
            if first.setdefault(key.value, key) is not key:
                line, _ = self._place(first[key.value].start_mark.index)
                self._refuse(
                    key, f"key {shown(key.value)} is given twice, first in line {line}; keep one"
                )
            values[key.value], count = self._build(child)
            size += count
        return values, size

    def _scalar(self, node: Any) -> Any:  # noqa: ANN401
        build = SCALARS.get(str(node.tag))
        if build is None:
            self._refuse(
                node, f"tag {shortened(str(node.tag))} is not allowed; write a plain value"
            )
            return None
        try:
            return build(node.value)
        except ValueError:
            kind = KINDS[str(node.tag).rpartition(":")[2]]
            self._refuse(node, f"{shown(node.value)} cannot be read as {kind}")
            return None

    def _refuse(self, node: Any, message: str) -> None:  # noqa: ANN401
        place = self._place(node.start_mark.index)
        self._mistakes.append(Mistake(self.name, *place, message))
