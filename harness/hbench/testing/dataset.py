"""The contract of datasets, as checks."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from hbench import downloads
from hbench.errors import DataError, shown
from hbench.languages import language_tag
from hbench.protocols import Dataset
from hbench.records import Remote
from hbench.testing import streams
from hbench.testing.common import check_common
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
REMOTES = Rule(
    "downloads-are-pinned",
    "`downloads()`, if there, lists a Remote for each file: its place, https addresses, sha256, "
    "size and licence.",
    'Remote("toy/de.json", ("https://...",), sha256="64 hex digits", size=1234, licence="CC0-1.0")',
)
COUNTS = Rule(
    "counts-are-right",
    "`counts()`, if there, has by language how many queries, passages, judgements and relevant "
    "ones the streams hold.",
    '{"de": {"queries": 2, "passages": 5, "judgements": 3, "relevant": 2}}; any may be left out',
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
    PARALLEL, LISTED, SPELLED, FINGERPRINT, REMOTES, *streams.RULES, COUNTS, TOLD, UNFETCHED,
    ELSEWHERE,
)  # fmt: skip
COUNTED = ("queries", "passages", "judgements", "relevant")
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
    remotes = _checked_remotes(checked)
    held = streams.check_streams(checked, languages)
    _check_counts(checked, held.counts)
    _check_told(checked)
    if other_processes and remotes:
        _check_unfetched(checked)
    if other_processes:
        _check_elsewhere(checked, held.digests)


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
    checked_tags: Sequence[str] = tags
    return checked_tags


def _check_fingerprint(checked: Checked) -> None:
    dataset: Any = checked.plugin
    with checked.asked(FINGERPRINT, "fingerprint()"):
        first, again = dataset.fingerprint(), dataset.fingerprint()
    holds = isinstance(first, str) and bool(first.strip()) and first == again
    found = f"{first!r}, and then {again!r}"
    checked.require(holds, FINGERPRINT, given="fingerprint()", found=found)


def _checked_remotes(checked: Checked) -> Sequence[Remote]:
    dataset: Any = checked.plugin
    if not hasattr(dataset, "downloads"):
        return ()
    with checked.asked(REMOTES, "downloads()"):
        remotes = dataset.downloads()
    found = shown(remotes)
    is_list = isinstance(remotes, Sequence) and not isinstance(remotes, str)
    checked.require(is_list, REMOTES, given="downloads()", found=found)
    for remote in remotes:
        wrong = _wrong_in(remote)
        found = f"{remote!r}: {wrong}"
        checked.require(not wrong, REMOTES, given="downloads()", found=found)
    names = [remote.name for remote in remotes]
    found = f"one name for two files in {names}"
    checked.require(len(set(names)) == len(names), REMOTES, given="downloads()", found=found)
    checked_remotes: Sequence[Remote] = remotes
    return checked_remotes


def _wrong_in(remote: object) -> str:
    """What is wrong with a file that is to be fetched; "" if nothing is."""
    if not isinstance(remote, Remote):
        return "no Remote"
    place = PurePosixPath(str(remote.name))
    is_inside = place.parts and not place.is_absolute() and ".." not in place.parts
    of_https = [isinstance(url, str) and url.startswith("https://") for url in remote.urls]
    is_size = isinstance(remote.size, int) and not isinstance(remote.size, bool)
    is_sum = SHA256.fullmatch(str(remote.sha256))
    is_named = isinstance(remote.licence, str) and remote.licence.strip()
    wrong = {
        "its name is no place below a folder": not is_inside,
        "its urls are not all https, or there is none": not of_https or not all(of_https),
        "its sha256 is not 64 hex digits in small letters": not is_sum,
        "its size is not a number of bytes": not is_size or remote.size < 1,
        "it has no licence": not is_named,
    }
    return "; ".join(what for what, is_wrong in wrong.items() if is_wrong)


def _check_counts(checked: Checked, held: Mapping[str, Mapping[str, int]]) -> None:
    """Of languages that are left out nothing is known, as where only some were chosen."""
    dataset: Any = checked.plugin
    if not hasattr(dataset, "counts"):
        return
    with checked.asked(COUNTS, "counts()"):
        counts = dataset.counts()
    is_mapping = isinstance(counts, Mapping) and all(
        isinstance(each, Mapping) for each in counts.values()
    )
    checked.require(is_mapping, COUNTS, given="counts()", found=shown(counts))
    for language, known in counts.items():
        for what, count in known.items():
            given = f"counts()[{language!r}][{what!r}]"
            found = f"{what!r} is none of {', '.join(COUNTED)}"
            checked.require(what in COUNTED, COUNTS, given=given, found=found)
            if language in held:
                found = f"{count!r}, and the streams hold {held[language].get(what, 0)}"
                is_right = count == held[language].get(what, 0)
                checked.require(is_right, COUNTS, given=given, found=found)


def _check_told(checked: Checked) -> None:
    dataset: Any = checked.plugin
    licence = getattr(dataset, "licence", None)
    is_line = licence is None or _is_line(licence)
    checked.require(is_line, TOLD, given="`licence`", found=shown(licence))
    if not hasattr(dataset, "notes"):
        return
    with checked.asked(TOLD, "notes()"):
        notes = dataset.notes()
    is_list = isinstance(notes, Sequence) and not isinstance(notes, str)
    holds = is_list and all(map(_is_line, notes))
    checked.require(holds, TOLD, given="notes(), after the streams were read", found=shown(notes))


def _is_line(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and len(text.splitlines()) == 1


def known_alone(dataset: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataset
    """What is known where nothing was or may be fetched, or the error that is raised there.

    Asked in a process of its own: it changes where downloads are looked for.
    """
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
