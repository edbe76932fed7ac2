"""What a gzip file holds is given, or a message says why not; no more than a text can be."""

import gzip

import pytest

from hbench.errors import DataError
from hbench.starter import peeking
from hbench.unpacking import opened
from hbench_plugins.datasets import files, squad_file

TEXT = b"eins\nzwei\n"
FIRST = 2**21  # bytes that any file may hold, however small it is


def taken(path):
    with opened(path) as file:
        return b"".join(iter(lambda: file.read(100_000), b""))


def written(path, content):
    path.write_bytes(content)
    return path


def test_a_file_is_unpacked_by_its_name(tmp_path):
    packed = gzip.compress(TEXT)
    assert taken(written(tmp_path / "a.gz", packed + packed)) == TEXT + TEXT
    assert taken(written(tmp_path / "a", packed)) == packed
    assert taken(written(tmp_path / "b", TEXT)) == TEXT


def test_a_small_file_may_hold_2_mib_and_no_byte_more(tmp_path):
    assert len(taken(written(tmp_path / "a.gz", gzip.compress(bytes(FIRST))))) == FIRST
    with pytest.raises(DataError, match=r"b\.gz: unpacks to more than 100 times its size"):
        taken(written(tmp_path / "b.gz", gzip.compress(bytes(FIRST + 1))))


def test_a_larger_file_may_hold_100_times_its_size_and_no_byte_more(tmp_path):
    packed = gzip.compress(bytes(3_000_000))
    path = written(tmp_path / "a.gz", packed.ljust(30_000, b"\0"))  # zeros may follow
    assert len(taken(path)) == 3_000_000
    path = written(tmp_path / "b.gz", packed.ljust(29_999, b"\0"))
    with pytest.raises(DataError, match="get it again, or unpack it yourself"):
        taken(path)


def test_a_bomb_is_told_before_more_is_unpacked_than_allowed(tmp_path):
    path = written(tmp_path / "a.gz", gzip.compress(bytes(10**6)) * 300)  # 300 MB in 300 kB
    with opened(path) as file:
        got = 0
        with pytest.raises(DataError, match="unpacks to more than 100 times its size"):
            while block := file.read(10**5):
                got += len(block)
    assert FIRST < got <= 100 * path.stat().st_size


def test_a_plain_file_has_no_bound(tmp_path):
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(FIRST + 1)
    assert len(taken(path)) == FIRST + 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda packed: packed[:-9], "the gzip file is cut off; get it again"),
        (lambda packed: b"plain" + packed, "is no gzip file, or damaged"),
        (lambda packed: packed[:-8] + bytes(8), "is no gzip file, or damaged"),
        (lambda packed: packed[:10] + b"\xff" + packed[11:], "is no gzip file, or damaged"),
    ],
)
def test_a_damaged_file_is_told(tmp_path, damage, message):
    path = written(tmp_path / "a.gz", damage(gzip.compress(TEXT)))
    with pytest.raises(DataError, match=rf"a\.gz: {message}"):
        taken(path)


def test_what_is_no_file_is_told(tmp_path):
    with pytest.raises(DataError, match=r"none\.gz: there is no such file"):
        taken(tmp_path / "none.gz")
    (tmp_path / "folder.gz").mkdir()
    with pytest.raises(DataError, match=r"folder\.gz: cannot be read \(Is a directory\)"):
        taken(tmp_path / "folder.gz")


READERS = {
    "hbench init, columns": peeking.columns,
    "hbench init, rows": peeking.count_rows,
    "lines": lambda path: list(files.lines(path)),
    "squad": lambda path: list(squad_file.read(path, None)),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_whatever_reads_packed_texts_is_held_to_this(tmp_path, read):
    path = written(tmp_path / "a.tsv.gz", gzip.compress(bytes(FIRST + 1)))
    with pytest.raises(DataError, match=r"a\.tsv\.gz: unpacks to more than 100 times its size"):
        read(path)
