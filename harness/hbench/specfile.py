"""A YAML 1.2 file as plain values, and where in the file each of them stands.

Knows nothing of what the values mean. Scalars are YAML 1.2's: ``no`` is text (Norwegian), ``1e-5``
a number; a key given twice is a mistake; tags that would build objects are refused.
"""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from hbench.errors import Mistake, SpecError, shown

SpecPath = tuple[str | int, ...]
MAX_VALUES = 100_000  # aliases can make a small file mean an endless one
MAX_DIGITS = 100


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    if len(digits) > MAX_DIGITS:
        raise ValueError("too long")
    prefixed = digits.lstrip("+-")[:2].lower() in ("0o", "0x", "0b")
    return int(digits, 0) if prefixed else int(digits)


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


class SpecFile:
    """The values of one YAML text; ``locate`` gives the line and column of any of them.

    Raises:
        SpecError: the text is not YAML, has a key twice, or means more than 100,000 values.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._mistakes: list[Mistake] = []
        self._built: dict[int, tuple[Any, int]] = {}
        self._root = self._compose(text)
        self.data: Any = self._build(self._root)[0] if self._root is not None else None
        if self._mistakes:
            raise SpecError(self._mistakes)

    @classmethod
    def read(cls, path: Path) -> "SpecFile":
        """Read a file.

        Raises:
            SpecError: it cannot be read, is not UTF-8, or is not valid (see the class).
        """
        try:
            return cls(path.read_text(encoding="utf-8"), str(path))
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            message = f"byte {error.start} is not UTF-8; save the file as UTF-8"
            raise SpecError([Mistake(str(path), line, 1, message)]) from None
        except OSError as error:
            message = f"cannot be read: {error.strerror or error}; give the path of a spec file"
            raise SpecError([Mistake(str(path), 1, 1, message)]) from None

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
        return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)

    def mistake(self, path: SpecPath, message: str, *, key: bool = False) -> Mistake:
        """A mistake at ``path``, with the path in words in front of the message."""
        line, column = self.locate(path, key=key)
        where = ".".join(str(step) for step in path)
        return Mistake(self.name, line, column, f"{where}: {message}" if where else message)

    def _compose(self, text: str) -> Any:  # noqa: ANN401 - ruamel's nodes are untyped
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
        from ruamel.yaml.reader import ReaderError

        try:
            return YAML(typ="safe", pure=True).compose(StringIO(text))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            what = " ".join(part for part in (error.context, error.problem) if part)
            raise SpecError([Mistake(self.name, line, column, f"not valid YAML: {what}")]) from None
        except ReaderError as error:
            before = text[: error.position]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            message = f"not valid YAML: character {text[error.position]!r} is not allowed"
            raise SpecError([Mistake(self.name, line, column, message)]) from None
        except RecursionError:
            message = "not valid YAML: nested too deeply"
            raise SpecError([Mistake(self.name, 1, 1, message)]) from None
        except (YAMLError, ValueError) as error:
            what = " ".join(str(error).split())
            raise SpecError([Mistake(self.name, 1, 1, f"not valid YAML: {what}")]) from None

    def _child(self, node: Any, step: str | int) -> tuple[Any, Any] | None:  # noqa: ANN401
        if node is None or isinstance(node.value, str):
            return None
        if node.id == "mapping":
            return next(((k, v) for k, v in node.value if k.value == str(step)), None)
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
            self._refuse(node, f"tag {node.tag} is not allowed; write a plain value")
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
        size = 1
        for key, child in node.value:
            if key.id != "scalar":
                self._refuse(key, "a key must be a word, not a list or a mapping")
                continue
            if key.tag == "tag:yaml.org,2002:merge":
                self._refuse(key, "'<<' merges nothing in YAML 1.2; write the keys out")
                continue
            self._scalar(key)
            if key.value in values:
                self._refuse(key, f"key {key.value!r} is given twice; keep one")
            values[key.value], count = self._build(child)
            size += count
        return values, size

    def _scalar(self, node: Any) -> Any:  # noqa: ANN401
        build = SCALARS.get(str(node.tag))
        if build is None:
            self._refuse(node, f"tag {node.tag} is not allowed; write a plain value")
            return None
        try:
            return build(node.value)
        except ValueError:
            kind = str(node.tag).rpartition(":")[2]
            self._refuse(node, f"{shown(node.value)} cannot be read as a value of type {kind}")
            return None

    def _refuse(self, node: Any, message: str) -> None:  # noqa: ANN401
        mark = node.start_mark
        self._mistakes.append(Mistake(self.name, mark.line + 1, mark.column + 1, message))
