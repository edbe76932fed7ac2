"""Which dataset plugin reads the files that a pattern stands for, and with which options."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hbench.errors import DataError, OptionError
from hbench.starter import shipped
from hbench.starter.answers import Answers
from hbench.starter.codes import advice, beside, named_files
from hbench.starter.fields import of_each_file, of_one_file
from hbench.starter.peeking import LANG, columns, kind_of, matching

SET = "{set}"
CORPUS, JUDGED = ("corpus.jsonl", "corpus.jsonl.gz"), "qrels"
LEARNT, ASKED = ("train",), ("test", "dev", "validation")  # splits, the likeliest first


@dataclass(frozen=True)
class Layout:
    """A dataset plugin with options, and how its data can be divided.

    Args:
        use: the plugin's name.
        options: as a spec gives them.
        counted: the option that takes a part, as ``0-399``; "" if there is none.
        notes: sentences on how the data is read.
        splits: the parts that the data itself has names for.
        articles: how many each of the files has, if they have such.
    """

    use: str
    options: Mapping[str, Any]
    counted: str = field(compare=False, default="")
    notes: Sequence[str] = field(compare=False, default=())
    splits: Sequence[str] = field(compare=False, default=())
    articles: int = field(compare=False, default=0)

    def merging(self) -> "Layout":
        """The same aligned files, in which equal passages are one."""
        note = "Equal passages are taken for one ('merge_passages'), right for all their questions."
        return replace(self.with_options(merge_passages=True), notes=[*self.notes, note])

    def with_options(self, **more: Any) -> "Layout":  # noqa: ANN401 - values of a spec
        """The same files with further options."""
        return replace(self, options={**self.options, **more})


def recognise(option: str, pattern: str, answers: Answers) -> Layout:
    """The layout of the files that a pattern stands for.

    Args:
        option: that gave the pattern, for messages.
        pattern: a path, with ``{lang}`` where the language's code stands, or ``de=PATH,en=PATH``.
        answers: the user's.

    Raises:
        DataError: nothing is there, or nothing that could be read.
        OptionError: a column is asked for that is not there.
    """
    if named := named_files(pattern):
        layout = _of_named(option, named, answers)
    else:
        found = matching(pattern)
        if not found:
            wanted = Path(pattern)
            raise DataError(f"{option} {pattern}: {_nothing(wanted)}; {advice(option, wanted)}")
        layout = _of(option, pattern, found, answers)
    if answers.given("cluster") and "cluster" not in layout.options:
        raise OptionError(
            f"--cluster: {pattern} has no columns, as tables and JSON lines have; leave it out"
        )
    languages = [code.strip() for code in (answers.given("language") or "").split(",")]
    chosen = [code for code in languages if code]
    return layout.with_options(language=chosen) if chosen else layout


def files_of(pattern: str) -> Sequence[str]:
    """The patterns of files that what an option gives is made of."""
    return list(named_files(pattern).values()) or [pattern]


def _of_named(option: str, named: Mapping[str, str], answers: Answers) -> Layout:
    """Aligned files that are named one by one."""
    found = [Path(path) for path in named.values()]
    for path in found:
        if not path.is_file():
            raise DataError(f"{option}: {path}: {_nothing(path)}; give the path of one")
    kinds = {kind_of(path) for path in found}
    if "json" in kinds:
        raise DataError(
            f"{option}: files of SQuAD's JSON are named by one pattern, as data/{LANG}.json; give "
            "them names that have their languages' codes"
        )
    options = {} if kinds == {"lines"} else _options_of_each(found, answers)
    return Layout(
        shipped.ALIGNED, {"files": named, **options}, counted="items", notes=_notes(options)
    )


def _options_of_each(found: Sequence[Path], answers: Answers) -> dict[str, Any]:
    """The options of aligned files with columns, one language in each."""
    if any(kind_of(path) == "table" for path in found):
        _check_headers(found)
    return of_each_file(found, answers)


def _of(option: str, pattern: str, found: Sequence[Path], answers: Answers) -> Layout:
    first = found[0]
    if first.is_dir():
        return _folders(option, pattern, found)
    kind = kind_of(first)
    if kind == "json":
        if LANG not in pattern:
            usual = beside(first) or Path("data", f"{LANG}{first.suffix}")
            raise DataError(
                f"{option} {pattern}: is one file of SQuAD's JSON, so of one language; write "
                f"{LANG} where the names of the files differ by language, as {usual}"
            )
        notes = ["A passage is the paragraph that answers; 'unit: sentence' takes its sentence."]
        count = min(map(_articles, found))
        return Layout(
            shipped.ARTICLES, {"path": pattern}, counted="articles", notes=notes, articles=count
        )
    counted = "" if SET in pattern else "items"
    if LANG not in pattern:
        if kind == "lines":
            raise DataError(
                f"{option} {pattern}: is one file of plain lines, so of one language; "
                f"{advice(option, first)}"
            )
        options = of_one_file(first, answers)
    elif kind == "lines":
        options = {}
    else:
        options = _options_of_each(found, answers)
    return Layout(
        shipped.ALIGNED, {"files": pattern, **options}, counted=counted, notes=_notes(options)
    )


def _check_headers(found: Sequence[Path]) -> None:
    """Whether the first lines name columns; in files without a header each has texts of its own.

    Raises:
        DataError: they have no name in common.
    """
    names = [{column.name for column in columns(path)} for path in found]
    for path, own in zip(found, names, strict=True):
        if not any(sign.isalpha() for name in own & names[0] for sign in name):
            raise DataError(
                f"{path}: its first line and that of {found[0]} have no name in common; the first "
                "line of a table names its columns: put the same above each file, with tabs "
                "between the names, as 'question' and 'answer'"
            )


def _notes(options: Mapping[str, Any]) -> list[str]:
    """How aligned texts are read."""
    notes = []
    if "id" in options:
        notes.append(f"Rows with one {options['id']!r} are the same item.")
    else:
        notes.append("Line n of each language is the same item.")
    if "cluster" in options:
        notes.append(
            f"Items of one {options['cluster']!r} are a cluster, which tests count as one."
        )
    if "passage" not in options:
        notes.append(
            "There are no answers: a sentence of one language looks for its translation in "
            "another; batches of one language pair it with itself, and teach next to nothing."
        )
    return notes


def _folders(option: str, pattern: str, found: Sequence[Path]) -> Layout:
    """BEIR's folders; two that judge the very same pairs hold translations."""
    if not any((found[0] / name).is_file() for name in CORPUS):
        inside = sorted(path.name for path in found[0].iterdir())
        first = next((name for name in inside if not name.startswith(".")), "de.tsv")
        raise DataError(
            f"{option} {pattern}: {found[0]} is a folder without {CORPUS[0]}, which BEIR's have; "
            f"name what it holds, with {LANG} where the names differ by language, as "
            f"{found[0] / f'{LANG}{Path(first).suffix}'}; it holds {_some(inside)}"
        )
    judged = [
        {path.stem: path.read_bytes() for path in (each / JUDGED).glob("*.tsv")} for each in found
    ]
    splits = sorted(set.intersection(*map(set, judged)))
    if not splits:
        raise DataError(
            f"{option} {pattern}: no file of {JUDGED}/ is there for every language; "
            f"{JUDGED}/{LEARNT[0]}.tsv and {JUDGED}/{ASKED[0]}.tsv say which passages answer which "
            "queries"
        )
    is_parallel = len(judged) > 1 and all(judged[0] == other for other in judged[1:])
    note = (
        "The languages' judgements are the same, so that queries of one id are taken for "
        "translations ('parallel: true')."
        if is_parallel
        else "The languages' judgements differ, so that an id means nothing beyond its language; "
        "if queries of one id are translations, write 'parallel: true'."
    )
    likely = LEARNT if option == "--data" else ASKED
    split = next(name for name in (*likely, *splits) if name in splits)
    options = {"path": pattern, "split": split} | ({"parallel": True} if is_parallel else {})
    return Layout(shipped.FOLDERS, options, notes=[note], splits=splits)


def _articles(path: Path) -> int:
    """How many articles a file of SQuAD's format has; 0 if it has another format."""
    try:
        content = json.loads(path.read_bytes())
        return len(content["data"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0  # the plugin that reads it says what is wrong


def _nothing(path: Path) -> str:
    """What is there in place of what a pattern asks for."""
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    inside = sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
    what = "no file matches" if LANG in str(path) else "there is no such file"
    hint = f" ({LANG} stands for a language's code, as de or zh-CN)" if "{" in str(path) else ""
    return f"{what}{hint}; {folder.resolve()} holds {_some(inside)}"


def _some(names: Sequence[str]) -> str:
    shown = [name for name in names if not name.startswith(".")]
    more = f" and {len(shown) - 6} more" if len(shown) > 6 else ""
    return ", ".join(shown[:6]) + more if shown else "nothing"
