"""What ``ir-datasets`` asks of the library of that name: ids, records, and the files they need.

The library's document stores are pickles, and are never read: see `documents`. Where the files of
a dataset lie, and their sums, is known to objects that the library hides in its readers; `_walk`
finds them there, so nothing of it is written down twice.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hbench.errors import DataError, HBenchError
from hbench_plugins.datasets.archives import check_growth, forbid_leaving

PLACE = "{lang}"
SHOWN = 20  # files that a message lists
# Where the library's wrappers keep what they made of a file; once it is there, the file is not
# needed again.
MADE = ("_path", "_extract_path", "extract_path", "_output_file")


@dataclass(frozen=True)
class File:
    """A file that a dataset is made from.

    Args:
        url: where the library gets it.
        md5: what the library checks it against; "" if against nothing.
        size: in bytes, 0 if not known; the library's hint, which is wrong for some small files.
        place: where it is looked for before it is downloaded; None if nowhere.
    """

    url: str
    md5: str
    size: int
    place: Path | None


class _NoStore:
    """Stands where the library looks for a document store: there is none, and none is made."""

    def __init__(self, name: str) -> None:
        self.name = name

    def built(self) -> bool:
        """Whether documents can be read from here."""
        return False

    def __getattr__(self, _: str) -> Any:  # noqa: ANN401 - stands for anything
        raise self._refusal()

    def __iter__(self) -> Iterator[Any]:
        raise self._refusal()

    def _refusal(self) -> DataError:
        return DataError(
            f"{self.name}: ir_datasets reads these documents from a pickled store alone, and "
            "hbench opens no pickles; export the texts to files, and use them as data of your own"
        )


def load(name: str) -> Any:  # noqa: ANN401 - the library has no types
    """The library's object for an id; nothing is downloaded but the lists that some ids stand in.

    Raises:
        DataError: no dataset has the id, or it lacks queries, documents or judgements.
    """
    import ir_datasets

    try:
        dataset = ir_datasets.load(name)
    except KeyError:
        near = get_close_matches(name, ir_datasets.registry, n=3)
        hint = f"near are {', '.join(near)}" if near else "see https://ir-datasets.com"
        raise DataError(f"ir_datasets knows no dataset {name!r}; {hint}") from None
    except Exception as error:  # some ids stand in lists that are downloaded
        raise DataError(
            f"{name}: ir_datasets cannot look it up ({_cause(error)}); its list of such ids "
            f"must be downloaded once, into {home()}"
        ) from error
    parts = {"docs": "documents", "queries": "queries", "qrels": "judgements"}
    lacking = [words for part, words in parts.items() if not getattr(dataset, f"has_{part}")()]
    if lacking:
        raise DataError(
            f"{name}: ir_datasets has no {' and no '.join(lacking)} for it; choose an id with "
            "documents, queries and judgements"
        )
    return dataset


def family(pattern: str) -> dict[str, str]:
    """Of all registered ids that fit the pattern: what stands at its place, and the whole id."""
    import ir_datasets

    first, *rest = map(re.escape, pattern.split(PLACE))
    fits = re.compile(first + "([^/]+)" + r"\1".join(rest))
    matches = map(fits.fullmatch, sorted(ir_datasets.registry))
    return {match[1]: match[0] for match in matches if match}


def documents(name: str) -> Iterator[Any]:
    """Stream the documents, from the source files even where a document store was built.

    Raises:
        DataError: they cannot be had, or cannot be read without a document store.
    """
    from copy import copy

    handler = copy(load(name).docs_handler())
    # Its docs_iter looks here for a store, to read that in place of the files.
    handler.docs_store = lambda *_, **__: _NoStore(name)
    with reading(name):
        yield from handler.docs_iter()


def queries(name: str) -> Iterator[Any]:
    """Stream the queries."""
    with reading(name):
        yield from load(name).queries_iter()


def judgements(name: str) -> Iterator[Any]:
    """Stream the judgements."""
    with reading(name):
        yield from load(name).qrels_iter()


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Have archives unpacked safely, and turn what goes wrong in the library into one message.

    Raises:
        DataError: says of which id, why, and what to do.
    """
    try:
        forbid_leaving()
        for archive in _to_unpack(name):
            check_growth(archive)
        yield
    except HBenchError:
        raise
    except Exception as error:  # the library raises whatever a file or connection makes it raise
        absent = missing(name)
        if absent:
            advice = f"try again, or put these files there by hand:\n{listed(absent)}"
        else:
            advice = (
                f"a file is damaged, or laid out in another way: remove it from {home()} and run "
                "again, or update ir_datasets"
            )
        raise DataError(f"{name}: ir_datasets failed ({_cause(error)}); {advice}") from error


def home() -> Path:
    """The library's folder, ``$IR_DATASETS_HOME`` or ``~/.ir_datasets``."""
    import ir_datasets

    return Path(ir_datasets.util.home_path())


def version() -> str:
    """The library's version."""
    import ir_datasets

    return str(ir_datasets.__version__)


def files(name: str) -> list[File]:
    """All files that the documents, queries and judgements of an id are made from."""
    return _distinct(map(_file, _walk(name, skip_made=False)))


def missing(name: str) -> list[File]:
    """Those that are needed and not here."""
    needed = map(_file, _walk(name, skip_made=True))
    return _distinct(file for file in needed if file.place is None or not file.place.exists())


def listed(absent: Sequence[File]) -> str:
    """Files, one a line: where to put them, how large they are, where they come from."""
    lines = [
        f"  {file.place or '(only by download)'} <- {file.url}"
        + (f" (about {file.size / 1e6:,.2f} MB)" if file.size else "")
        for file in absent[:SHOWN]
    ]
    if len(absent) > SHOWN:
        lines.append(f"  and {len(absent) - SHOWN} more")
    return "\n".join(lines)


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _walk(name: str, *, skip_made: bool) -> list[Any]:
    """The download objects in the library's readers of an id."""
    from ir_datasets.util import Download

    parts = _parts(_readers(name), skip_made=skip_made)
    return [part for part in parts if isinstance(part, Download)]


def _readers(name: str) -> list[Any]:
    dataset = load(name)
    return [dataset.docs_handler(), dataset.queries_handler(), dataset.qrels_handler()]


def _to_unpack(name: str) -> list[Path]:
    """The archives of an id that are here, and that the library will unpack into a folder."""
    from ir_datasets.util import Download, TarExtractAll, ZipExtractCache

    packed = [
        part
        for part in _parts(_readers(name), skip_made=True)
        if isinstance(part, (TarExtractAll, ZipExtractCache)) and not _is_made(part)
    ]
    files = [part for part in _parts(packed, skip_made=True) if isinstance(part, Download)]
    places = [file.place for file in map(_file, files)]
    return [place for place in places if place is not None and place.is_file()]


def _parts(readers: list[Any], *, skip_made: bool) -> list[Any]:
    """All objects of the library that readers hold."""
    from ir_datasets.util import Download

    waiting = list(readers)
    seen: dict[int, Any] = {}
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, tuple)):
            waiting += part
        elif type(part).__module__.startswith("ir_datasets.") and id(part) not in seen:
            seen[id(part)] = part
            if not isinstance(part, Download) and not (skip_made and _is_made(part)):
                waiting += vars(part).values()
    return list(seen.values())


def _is_made(part: Any) -> bool:  # noqa: ANN401 - the library has no types
    places = [vars(part).get(name) for name in MADE]
    return any(Path(place).exists() for place in places if isinstance(place, (str, Path)))


def _file(download: Any) -> File:  # noqa: ANN401 - the library has no types
    """What the library knows of a file; of two places it checks the sum only in the first."""
    from ir_datasets.util import LocalDownload

    mirrors = download.mirrors
    own = [mirror.path(force=False) for mirror in mirrors if isinstance(mirror, LocalDownload)]
    cached = download._cache_path
    urls = [mirror.url for mirror in mirrors if hasattr(mirror, "url")]
    places = [Path(place) for place in (*own, cached) if place]
    present = [place for place in places if place.exists()]
    return File(
        url=urls[0] if urls else "see the dataset's page on https://ir-datasets.com",
        md5=download.expected_md5 or "",
        size=download._size_hint or 0,
        place=next(iter(present or places), None),
    )


def _distinct(found: Iterable[File]) -> list[File]:
    """Each file once, in an order that does not change from run to run."""
    return sorted(set(found), key=lambda file: (file.url, file.md5))
