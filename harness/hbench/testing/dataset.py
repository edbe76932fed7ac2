"""The contract of datasets, as checks."""

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from itertools import accumulate, chain
from pathlib import Path, PurePosixPath
from shutil import copyfile, copytree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from hbench import downloads, options
from hbench.errors import DataError, HBenchError, shown
from hbench.languages import language_tag
from hbench.protocols import Dataset
from hbench.records import Remote
from hbench.testing import streams
from hbench.testing.common import check_common, options_of, rebuilt
from hbench.testing.elsewhere import answers
from hbench.testing.rules import Checked, Rule

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin

PARALLEL = Rule(
    "parallel-is-a-bool",
    "`parallel` says whether the queries of one item are translations of each other.",
    "a property: def parallel(self) -> bool",
)
LISTED = Rule(
    "languages-are-listed",
    "`languages()` lists at least one tag, each once, and the same whenever it is asked.",
    '("de", "en")',
)
SPELLED = Rule(
    "languages-are-spelled-as-tags",
    "Languages are spelled as by all datasets: the shortest BCP 47 tag that means the same.",
    "hbench.languages.language_tag(code), as 'de' for 'deu' and 'zh' for 'zh-CN'",
)
FINGERPRINT = Rule(
    "fingerprint-tells-the-content",
    "`fingerprint()` is a text that is not empty, and the same whenever it is asked.",
    "a revision, a checksum of the files, or the generator's seed",
)
FOLLOWS = Rule(
    "fingerprint-follows-the-content",
    "`fingerprint()` is the same for a copy of the files that the options name, and another for a "
    "copy in which all are changed.",
    "a checksum of each file that is read; neither where it lies nor what it is called",
)
REMOTES = Rule(
    "downloads-are-pinned",
    "`downloads()`, if there, lists a Remote for each file: its place, https addresses, sha256, "
    "size and licence.",
    'Remote("toy/de.json", ("https://...",), sha256="64 hex digits", size=1234, licence="CC0-1.0")',
)
TOLD = Rule(
    "licence-and-notes-are-texts",
    "`licence`, if there, is a line of text; `notes()`, if there, lists lines of text.",
    'licence: ClassVar[str] = "CC-BY-4.0"; def notes(self) -> Sequence[str]',
)
UNFETCHED = Rule(
    "planned-without-downloads",
    "`fingerprint()` and `languages()` are known before anything of `downloads()` is fetched.",
    "a fingerprint of the pinned sums in place of the files, and languages that need no file",
)
ELSEWHERE = Rule(
    "same-in-another-process",
    "Fingerprint, languages and streams are the same in another process, whatever its "
    "PYTHONHASHSEED.",
    "no hash() of texts, and no order of a set or of a folder, in what is given",
)
RULES = (
    PARALLEL, LISTED, SPELLED, FINGERPRINT, FOLLOWS, REMOTES, *streams.RULES, TOLD, UNFETCHED,
    ELSEWHERE,
)  # fmt: skip
MOST = 2**26  # bytes that are copied to see whether the fingerprint follows them
NO_LETTER = bytes(each for each in range(256) if not (each < 128 and chr(each).isalnum()))
SHA256 = re.compile("[0-9a-f]{64}")


def check_dataset(plugin: object, *, other_processes: bool = True) -> None:
    """Check all rules of datasets.

    Its streams are read twice here, and once in each of two other processes: give a small dataset,
    or a small part of one. The files of ``downloads()`` must be here or within reach. Of texts no
    more than one is held at a time.

    Args:
        plugin: the dataset.
        other_processes: False leaves out the last two rules, for a dataset that reads what is in
            this process alone.

    Raises:
        ContractError: a rule is broken.
    """
    checked = Checked(plugin)
    check_common(checked, Dataset)
    dataset: Any = plugin
    found = shown(dataset.parallel)
    checked.require(isinstance(dataset.parallel, bool), PARALLEL, given="`parallel`", found=found)
    languages = _checked_languages(checked)
    _check_fingerprint(checked)
    _check_follows(checked)
    remotes = _checked_remotes(checked)
    digests = streams.check_streams(checked, languages)
    _check_told(checked)
    if other_processes and remotes:
        _check_unfetched(checked)
    if other_processes:
        _check_elsewhere(checked, digests)


def _checked_languages(checked: Checked) -> Sequence[str]:
    dataset: Any = checked.plugin
    with checked.asked(LISTED, "languages()"):
        tags, again = dataset.languages(), dataset.languages()
    is_list = isinstance(tags, Sequence) and not isinstance(tags, str)
    holds = is_list and all(isinstance(tag, str) for tag in tags) and len(set(tags)) == len(tags)
    checked.require(bool(holds and tags), LISTED, given="languages()", found=shown(tags))
    found = f"{tags!r}, and then {again!r}"
    checked.require(tags == again, LISTED, given="languages()", found=found)
    for tag in tags:
        try:
            right = language_tag(tag)
        except DataError as error:
            found = f"{tag!r}: {error}"
            checked.require(False, SPELLED, given="languages()", found=found, cause=error)
            raise
        found = f"{tag!r}, which is {right!r}"
        checked.require(tag == right, SPELLED, given="languages()", found=found)
    return tuple(tags)


def _check_fingerprint(checked: Checked) -> None:
    dataset: Any = checked.plugin
    with checked.asked(FINGERPRINT, "fingerprint()"):
        first, again = dataset.fingerprint(), dataset.fingerprint()
    holds = isinstance(first, str) and bool(first.strip()) and first == again
    found = f"{first!r}, and then {again!r}"
    checked.require(holds, FINGERPRINT, given="fingerprint()", found=found)


def _check_follows(checked: Checked) -> None:
    """With copies of what the options of type Path name; nothing where they name nothing."""
    dataset: Any = checked.plugin
    original, given = dataset.fingerprint(), "fingerprint() of a copy of its files"
    with TemporaryDirectory() as folder:
        try:
            same, changed = (_in_copies(dataset, Path(folder, each)) for each in ("a", "b"))
            with checked.asked(FOLLOWS, given):
                told = same.fingerprint()
        except (HBenchError, OSError) as error:
            warnings.warn(f"{FOLLOWS.name!r} is not checked of {dataset!r}: {error}", stacklevel=3)
            return
        found = f"{told!r}, and of the original {original!r}"
        checked.require(told == original, FOLLOWS, given=given, found=found)
        files = [path for path in Path(folder, "b").rglob("*") if path.is_file()]
        for file in files:
            _change(file)
        try:
            told = changed.fingerprint()
        except Exception:
            return  # what it refuses, it noticed
        given, found = f"{given}, each with another last letter", f"{told!r}, as before"
        checked.require(not files or told != original, FOLLOWS, given=given, found=found)


def _in_copies(dataset: Any, folder: Path) -> Any:  # noqa: ANN401 - any dataset
    """The dataset of copies, below a folder, of what its options name."""
    kind = type(dataset)
    folder.mkdir()
    if not is_dataclass(kind):
        return dataset
    written = options_of(dataset)
    places = [each.name for each in options.parameters(kind) if each.is_location]
    return rebuilt(kind, {**written, **{name: _copied(written[name], folder) for name in places}})


def _copied(value: Any, folder: Path) -> Any:  # noqa: ANN401 - JSON
    """An option that names copies; of a pattern, as ``{lang}``, the folder above is copied."""
    if isinstance(value, dict):
        return {name: _copied(each, folder) for name, each in value.items()}
    if isinstance(value, list):
        return [_copied(each, folder) for each in value]
    is_text = isinstance(value, str)
    path = Path(value if is_text else "").absolute()
    source = next(each for each in (path, *path.parents) if not set("{*") & set(str(each)))
    if not is_text or not source.exists():
        return value
    sizes = accumulate(each.stat().st_size for each in chain([source], source.rglob("*")))
    if any(size > MOST for size in sizes):  # asked as they come: a folder may hold very much
        raise OSError(f"{source} holds more than {MOST} bytes; check a smaller one")
    target = Path(mkdtemp(dir=folder), source.name)
    (copytree if source.is_dir() else copyfile)(source, target)
    return str(target / path.relative_to(source))


def _change(file: Path) -> None:
    """Another last letter or digit, with which most text files can still be read."""
    content = file.read_bytes()
    end = len(content.rstrip(NO_LETTER)) or len(content)
    letter = b"b" if content[end - 1 : end] == b"a" else b"a"
    file.write_bytes(content[: max(end - 1, 0)] + letter + content[end:])


def _checked_remotes(checked: Checked) -> Sequence[Remote]:
    dataset: Any = checked.plugin
    if not hasattr(dataset, "downloads"):
        return ()
    with checked.asked(REMOTES, "downloads()"):
        remotes = dataset.downloads()
    is_list = isinstance(remotes, Sequence) and not isinstance(remotes, str)
    checked.require(is_list, REMOTES, given="downloads()", found=shown(remotes))
    for remote in remotes:
        wrong = _wrong_in(remote)
        found = f"{remote!r}: {wrong}"
        checked.require(not wrong, REMOTES, given="downloads()", found=found)
    names = [remote.name for remote in remotes]
    found = f"one name for two files in {names}"
    checked.require(len(set(names)) == len(names), REMOTES, given="downloads()", found=found)
    return tuple(remotes)


def _wrong_in(remote: object) -> str:
    """What is wrong with a file that is to be fetched; "" if nothing is."""
    if not isinstance(remote, Remote):
        return "no Remote"
    place = PurePosixPath(str(remote.name))
    is_inside = place.parts and not place.is_absolute() and ".." not in place.parts
    of_https = [isinstance(url, str) and url.startswith("https://") for url in remote.urls]
    is_size = isinstance(remote.size, int) and not isinstance(remote.size, bool)
    wrong = {
        "its name is no place below a folder": not is_inside,
        "its urls are not all https, or there is none": not of_https or not all(of_https),
        "its sha256 is not 64 hex digits in small letters": not SHA256.fullmatch(
            str(remote.sha256)
        ),
        "its size is not a number of bytes": not is_size or remote.size < 1,
        "it has no licence": not (isinstance(remote.licence, str) and remote.licence.strip()),
    }
    return "; ".join(what for what, is_wrong in wrong.items() if is_wrong)


def _check_told(checked: Checked) -> None:
    dataset: Any = checked.plugin
    licence = getattr(dataset, "licence", None)
    is_line = licence is None or _is_line(licence)
    checked.require(is_line, TOLD, given="`licence`", found=shown(licence))
    if not hasattr(dataset, "notes"):
        return
    with checked.asked(TOLD, "notes()"):
        notes = dataset.notes()
    holds = isinstance(notes, Sequence) and not isinstance(notes, str) and all(map(_is_line, notes))
    checked.require(holds, TOLD, given="notes(), after the streams were read", found=shown(notes))


def _is_line(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and len(text.splitlines()) == 1


def known_alone(dataset: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataset
    """What is known, or the error, without downloads; changes the process that it is asked in."""
    with TemporaryDirectory() as folder:
        os.environ.update(HBENCH_DATA=folder, HBENCH_OFFLINE="1")
        downloads.settle(Path(folder))
        try:
            return _facts(dataset)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}


def _check_unfetched(checked: Checked) -> None:
    here = _facts(checked.plugin)
    for alone in answers(checked.plugin, known_alone):
        given = "fingerprint() and languages() in a process that has no file of downloads()"
        found = f"{alone}, and with the files {here}"
        checked.require(alone == here, UNFETCHED, given=given, found=found)


def told(dataset: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataset
    """What a dataset gives, in short; asked in other processes."""
    digests = {name: streams.digest(dataset, name) for name in streams.KINDS}
    return {**_facts(dataset), **digests}


def _facts(dataset: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataset
    return {"fingerprint": dataset.fingerprint(), "languages": list(dataset.languages())}


def _check_elsewhere(checked: Checked, digests: Mapping[str, str]) -> None:
    here = {**_facts(checked.plugin), **digests}
    for there in answers(checked.plugin, told):
        for name, value in here.items():
            given, found = f"{name}() in another process", f"{there[name]!r}, here {value!r}"
            if name in digests:
                found = "other records, or the same in another order"
            checked.require(there[name] == value, ELSEWHERE, given=given, found=found)
