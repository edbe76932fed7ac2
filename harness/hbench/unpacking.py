"""Files that may be gzipped: what they hold, within what a text can be packed into."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from hbench.errors import DataError

# A packed file may hold so many times its size, or so many bytes: texts are packed 5 to 30 times.
DENSEST, PLAUSIBLE = 100, 2**21


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked if its name ends in ``.gz``.

    Args:
        path: of the file.

    Raises:
        DataError: it is missing, damaged, cut off, or may not be read; or it is packed and holds
            more than 100 times its size, and more than 2 MiB.
    """
    try:
        with path.open("rb") as file:
            yield io.BufferedReader(_Unpacked(path, file)) if path.suffix == ".gz" else file
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except EOFError:
        raise DataError(f"{path}: the gzip file is cut off; get it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: is no gzip file, or damaged ({error}); get it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, unless it is more than a text can be packed into so little."""

    def __init__(self, path: Path, packed: BinaryIO) -> None:
        self._path = path
        self._file = gzip.GzipFile(fileobj=packed)
        self._most = max(PLAUSIBLE, DENSEST * os.fstat(packed.fileno()).st_size)
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
