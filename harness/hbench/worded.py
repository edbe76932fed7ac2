"""What pydantic finds wrong with values, in a user's words.

A value that may be of several types has an error for each: they become one, ``must be a mapping or
a list``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hbench.errors import PRINTABLE, shortened, shown

Path = tuple[str | int, ...]
# By the type of pydantic's error; in braces what it says of the bounds.
WANTED: Mapping[str, str] = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "enum": "{expected}",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "a mapping",
    "multiple_of": "a multiple of {multiple_of}",
    "path_type": "a path",
    "string_too_long": "a text of at most {max_length} characters",
    "string_too_short": "a text of {min_length} or more characters",
    "string_type": "a text",
    "tuple_type": "a list",
}
NUMBERS = ("a whole number", "a number")


@dataclass(frozen=True)
class Finding:
    """A mistake: the path of the value that it is about, or of its key, and what is wrong."""

    path: Path
    message: str
    is_key: bool = False


def worded(errors: Iterable[Any], data: Any) -> list[Finding]:  # noqa: ANN401 - any JSON
    """The mistakes that pydantic's errors tell of.

    Args:
        errors: pydantic's.
        data: what was validated.
    """
    wanted: dict[Path, list[Any]] = {}
    found: list[Finding] = []
    for error in errors:
        path, is_key = existing(data, error["loc"]), error["loc"][-1:] == ("[key]",)
        if error["type"] in WANTED and not is_key:
            wanted.setdefault(path, []).append(error)
        else:
            found.append(Finding(path, _message(error), is_key))
    deeper = {path[:depth] for path in (*wanted, *(each.path for each in found))
              for depth in range(len(path))}  # fmt: skip
    # If one of several types fits so far that its parts have mistakes, it is the one that is meant.
    return found + [
        Finding(path, _wanted(each)) for path, each in wanted.items() if path not in deeper
    ]


def existing(data: Any, location: Path) -> Path:  # noqa: ANN401 - any JSON
    """The steps of a location that ``data`` has; pydantic adds the names of its own types."""
    path: Path = ()
    for step in location:
        if isinstance(data, dict) and str(step) in data:
            path, data = (*path, step), data[str(step)]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            path, data = (*path, step), data[step]
    return path


def kind_of(value: object) -> str:
    """What a value of a YAML file is.

    >>> kind_of({}), kind_of(None), kind_of(True), kind_of("x")
    ('a mapping', 'nothing', 'true', "'x'")
    """
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else shown(value)


def _wanted(errors: Sequence[Any]) -> str:
    value, facts = errors[0]["input"], [_facts(error) for error in errors]
    names = dict.fromkeys(
        WANTED[each["type"]].format(**told) for each, told in zip(errors, facts, strict=True)
    )
    message = f"must be {' or '.join(names)}; found {kind_of(value)}"
    if isinstance(value, str) and _is_number(value) and any(name in names for name in NUMBERS):
        return f"{message}: remove the quotes"
    if isinstance(value, int | float) and "a text" in names:
        return f"{message}: put it in quotes"
    is_plugin = any(str(told.get("class_name")).endswith("Use") for told in facts)
    if is_plugin and isinstance(value, str) and value.isprintable():
        return f"{message}: write {{use: {shortened(value)}}}"
    if "a mapping" in names and isinstance(value, list):
        return f"{message}: write NAME: VALUE, without '-' and brackets"
    if "a list" in names and not isinstance(value, list):
        return f"{message}: {_in_brackets(value)}"
    return message


def _in_brackets(value: object) -> str:
    """What to write where a list is wanted."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"write [{value}], or several as [1, 2, 3]"
    words = value if isinstance(value, str) and shortened(value) == value else ""
    if re.fullmatch(r"[\w@.-]+(, *[\w@.-]+)*", words):
        return f"write [{words}]"
    return "write it in brackets, as [a, b]"


def _facts(error: Any) -> dict[str, Any]:  # noqa: ANN401 - pydantic's ErrorDetails
    """What an error says beside its type; a bound of 1.0 is 1."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in error.get("ctx", {}).items()
    }


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _message(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """An error that stands alone."""
    kind, facts = error["type"], _facts(error)
    if kind in WANTED:
        return _wanted([error])
    if kind == "missing":
        return f"the key {error['loc'][-1]!r} is missing; add it"
    if kind == "string_pattern_mismatch" and facts["pattern"] == PRINTABLE:
        return f"must be of characters that can be printed; found {shown(error['input'])}"
    if kind == "string_pattern_mismatch":
        return f"must match {facts['pattern']}; found {shown(error['input'])}"
    if kind == "too_short":
        return f"must have at least {_entries(facts['min_length'])}"
    if kind == "too_long":
        return f"must have at most {_entries(facts['max_length'])}"
    return str(error["msg"].removeprefix("Value error, "))


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
