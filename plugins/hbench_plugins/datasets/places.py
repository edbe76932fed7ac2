"""Where the files of each language are: a path in which ``{lang}`` stands for a language's code."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from hbench.errors import DataError, OptionError, shortened
from hbench.languages import language_tag

LANG, SET = "{lang}", "{set}"
CODE = r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*"
Choice = str | tuple[str, ...] | None  # of languages; None is all that there are


@dataclass(frozen=True, slots=True)
class Place:
    """The file or folder of one language.

    Args:
        language: its tag.
        code: what its name calls the language.
        path: of the file or folder.
        group: what ``{set}`` stands for.
    """

    language: str
    code: str
    path: Path
    group: str = ""


def check(option: str, path: Path, language: Choice) -> None:
    """Whether it is known of which language each file is.

    Raises:
        OptionError: the path of option ``option`` has no ``{lang}``, and no one language is given;
            or what is given is no language.
    """
    tags = chosen(language)
    if LANG not in str(path) and (tags is None or len(tags) != 1):
        raise OptionError(
            f"language: give the one language of {path}, or write {LANG} where {option!r} names "
            "the language of each",
            ("language",),
        )


def chosen(language: Choice) -> tuple[str, ...] | None:
    """The tags of the languages that the option asks for; None for all.

    Raises:
        OptionError: one is no language, or none is given.
    """
    if language is None:
        return None
    codes = (language,) if isinstance(language, str) else language
    if not codes:
        raise OptionError("language: give at least one", ("language",))
    try:
        return tuple(dict.fromkeys(map(language_tag, codes)))
    except DataError as error:
        raise OptionError(f"language: {error}", ("language",)) from None


def find(path: Path, language: Choice) -> Sequence[Place]:
    """What there is below a path, sorted by group and language.

    Args:
        path: with ``{lang}`` and perhaps ``{set}`` in it, and ``*`` for what does not matter; a
            path without ``{lang}`` is of the one language.
        language: those to find; codes of other languages are passed over.

    Raises:
        DataError: nothing is there, a language is missing, two paths are of one, or a code is none.
    """
    tags = chosen(language)
    if LANG not in str(path):
        return [Place(tag, tag, path) for tag in tags or ()]
    wild, root = _wildcards(path), Path(path.anchor)
    paths = sorted({str(found) for end in ("", ".gz") for found in root.glob(wild + end)})
    matches = list(filter(None, map(_expression(path).fullmatch, paths)))
    names = [(match["lang"], Path(match[0]), match.groupdict().get("set", "")) for match in matches]
    return of_codes(names, tags, str(path))


def of_codes(
    names: Iterable[tuple[str, Path, str]], tags: Collection[str] | None, what: str
) -> Sequence[Place]:
    """The places of languages that go by codes.

    Args:
        names: code, path and group of each.
        tags: those to keep; None keeps all.
        what: they are found in, for messages.

    Raises:
        DataError: as ``find``.
    """
    found: dict[tuple[str, str], Place] = {}
    there: set[str] = set()
    for code, path, group in names:
        try:
            tag = language_tag(shortened(code))
        except DataError as error:
            if tags is None:
                raise DataError(
                    f"{path}: {error}; or choose with 'language' what to read"
                ) from None
            continue
        there.add(tag)
        if tags is None or tag in tags:
            first = found.setdefault((group, tag), Place(tag, code, path, group))
            if (first.code, first.path) != (code, path):
                raise DataError(
                    f"{path} ({code}) and {first.path} ({first.code}) are both of the language "
                    f"{tag!r}; keep one of them"
                )
    absent = set(tags or ()) - {tag for _, tag in found}
    if absent or not found:
        lacking = f"no {', '.join(sorted(absent))}" if absent else "nothing"
        all_there = ", ".join(sorted(there)) or "nothing"
        raise DataError(f"{what}: {lacking} is there; found {all_there}")
    return [found[key] for key in sorted(found)]


def number_range(option: str, text: str) -> range:
    """The numbers that an option names as ``first-last``.

    Raises:
        OptionError: it does not.

    >>> number_range("items", "0-999")
    range(0, 1000)
    """
    match = re.fullmatch(r"(\d{1,9})-(\d{1,9})", text)
    first, last = map(int, match.groups()) if match else (1, 0)
    if first > last:
        raise OptionError(
            f"{option}: give first-last, counted from 0, such as 0-999; found {text!r}", (option,)
        )
    return range(first, last + 1)


def _wildcards(path: Path) -> str:
    """The path below its root, with ``*`` where anything may stand."""
    parts = _parts(path.relative_to(path.anchor))
    text = "".join("*" if part in (LANG, SET, "*") else escape(part) for part in parts)
    return re.sub(r"\*\*+", "*", text)  # two side by side would mean any number of folders


def _expression(path: Path) -> re.Pattern[str]:
    """What the path stands for, packed or not; a second ``{lang}`` is the same code again."""
    known = {LANG: f"(?P<lang>{CODE})", SET: "(?P<set>[^/]+)", "*": "[^/]*"}
    again = {LANG: "(?P=lang)", SET: "(?P=set)", "*": "[^/]*"}
    text, seen = "", set[str]()
    for part in _parts(path):
        text += (again if part in seen else known).get(part, re.escape(part))
        seen.add(part)
    return re.compile(text + r"(?:\.gz)?")


def _parts(path: Path) -> list[str]:
    return re.split(r"(\{lang\}|\{set\}|\*)", str(path))
