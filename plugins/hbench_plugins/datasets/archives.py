"""Archives that another library unpacks: nothing leaves their folder, and none is a bomb."""

import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from hbench.errors import DataError

GROWTH = 100  # times an archive's size; texts unpack to 3 to 20 times


def forbid_leaving() -> None:
    """Have tarfile refuse members and links that lead elsewhere, as it does from Python 3.14 on.

    zipfile never writes elsewhere, and makes no links.

    Raises:
        DataError: this Python is too old to know how.
    """
    safe = getattr(tarfile, "data_filter", None)
    if safe is None:
        raise DataError("Python 3.11.4 is the first to unpack archives safely; update Python")
    tarfile.TarFile.extraction_filter = staticmethod(safe)


def check_growth(archive: Path) -> None:
    """Refuse an archive that says it holds a hundred times its own size.

    What an archive says is what is unpacked at most: zipfile and tarfile stop there.

    Raises:
        DataError: it does.
    """
    limit, held = GROWTH * archive.stat().st_size, 0
    for size in _sizes(archive):
        held += size
        if held > limit:
            raise DataError(
                f"{archive}: would unpack to {held:,} bytes or more, over {GROWTH} times its size; "
                "it was made to fill disks: remove it, and get the file from its origin"
            )


def _sizes(archive: Path) -> Iterator[int]:
    """The sizes that an archive's members have by its own account, without unpacking them.

    One file can be a zip and a tar, and its reader decides which: so both count. Where it cannot be
    read, its reader stops too, and says so.
    """
    with suppress(BadZipFile), ZipFile(archive) as packed:
        yield from (member.file_size for member in packed.infolist())
    with suppress(tarfile.ReadError), tarfile.open(archive, "r|*") as stream:
        yield from (member.size for member in stream)
