"""Files that may be gzipped: what they hold, within what a text can be packed into."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from hbench.errors import DataError

# A packed file may hold so many times its size, or so many bytes: texts are packed 5 to 30 times.
DENSEST, PLAUSIBLE = 100, 2**21


def packed_or_not(path: Path) -> Path:
    """The file, or if it is not there the one with ``.gz`` behind its name.

    Raises:
        DataError: neither is there.
    """
    packed = path.with_name(f"{path.name}.gz")
    for each in (path, packed):
        if each.is_file():
            return each
    raise DataError(f"{path}: there is no such file, and no {packed.name} either")


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, unless it is more than a text can be packed into so little."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = gzip.open(path)  # noqa: SIM115 - closed by ``close``
        self._most = max(PLAUSIBLE, DENSEST * path.stat().st_size)
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - what bytes can be written into
        count = self._file.readinto(buffer)
        self._count += count
        if self._count > self._most:
            raise DataError(
                f"{self._path}: unpacks to more than {DENSEST} times its size, as no text does; "
                "get it again, or unpack it yourself"
            )
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked if its name ends in ``.gz``.

    Raises:
        DataError: it is missing, damaged, cut off, or may not be read; or it is packed and holds
            more than 100 times its size.
    """
    try:
        with (
            io.BufferedReader(_Unpacked(path)) if path.suffix == ".gz" else path.open("rb") as file
        ):
            yield cast(BinaryIO, file)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except EOFError:
        raise DataError(f"{path}: the gzip file is cut off; get it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: is no gzip file, or damaged ({error}); get it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
