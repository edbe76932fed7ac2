"""Archives of ir_datasets, which alone unpacks any; hbench's own readers know gzip alone.

Each attack is an archive that lies where the library looks for it, read by the library's classes.
"""

import ast
import gzip
import io
import tarfile
import zipfile

import pytest
from tests.security.attacks import files_below
from tests.test_architecture import FILES, imports, tree

from hbench.errors import DataError
from hbench_plugins.datasets import irds_library as library

GIGABYTE = 10**9
QUERIES = b"1\twho built the tower\n"


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """A function that registers a dataset whose queries come from an archive; reads them."""
    import ir_datasets
    from ir_datasets import util
    from ir_datasets.formats import JsonlDocs, TrecQrels, TsvQueries

    home = tmp_path / "home"
    home.mkdir()

    def read(archive):
        is_zip = archive.suffix == ".zip"
        unpack = util.ZipExtractCache if is_zip else util.TarExtractAll
        mirrors = [util.RequestsDownload("https://example.org/a")]
        folder = unpack(util.Download(mirrors, cache_path=archive), home / "unpacked")
        file = util.LocalDownload(tmp_path / "empty")
        dataset = ir_datasets.Dataset(
            JsonlDocs(file, lang="en"),
            TsvQueries(util.RelativePath(folder, "queries"), lang="en"),
            TrecQrels(file, {}),
        )
        monkeypatch.setitem(ir_datasets.registry._registered, "toy", dataset)
        return [(query.query_id, query.text) for query in library.queries("toy")]

    return read


def tar(path, *members, content=QUERIES):
    """A gzipped tar: each member is a name, or a TarInfo that says something strange."""
    with tarfile.open(path, "w:gz") as archive:
        for member in ("queries", *members):
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_an_honest_archive_is_read(packed, tmp_path):
    assert packed(tar(tmp_path / "a.tgz", "more/queries")) == [("1", "who built the tower")]
    assert files_below(tmp_path / "home/unpacked") == ["more", "more/queries", "queries"]


LEAVING = {
    "above": "../gone",
    "far above": "a/../../../gone",
    "a link": link("out", "../../gone"),
    "an absolute link": link("out", "/etc/passwd"),
    "a hard link": link("out", "../gone", tarfile.LNKTYPE),
    "a device": link("out", "", tarfile.CHRTYPE),
}


@pytest.mark.parametrize("member", LEAVING.values(), ids=LEAVING)
def test_a_member_that_leaves_the_folder_is_refused_and_nothing_stays(packed, tmp_path, member):
    archive = tar(tmp_path / "a.tgz", member)
    before = files_below(tmp_path)
    with pytest.raises(DataError) as caught:
        packed(archive)
    assert str(caught.value).startswith("toy: ir_datasets failed (")
    assert "remove it from " in str(caught.value) and "\n" not in str(caught.value)
    assert files_below(tmp_path) == before


def test_a_file_behind_a_link_that_leaves_is_not_written(packed, tmp_path):
    (tmp_path / "target").mkdir()
    with pytest.raises(DataError, match="toy: ir_datasets failed"):
        packed(tar(tmp_path / "a.tgz", link("in", str(tmp_path / "target")), "in/gone"))
    assert files_below(tmp_path / "target") == []


@pytest.mark.parametrize("name", ["../gone", "a/../../gone", "/gone"])
def test_a_zip_writes_below_its_folder_whatever_its_members_are_called(packed, tmp_path, name):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("queries", QUERIES)
        file.writestr(name, "x")
    assert packed(archive) == [("1", "who built the tower")]
    below = {"home/unpacked", "home/unpacked/queries", "home/unpacked/gone", "home/unpacked/a",
             "home/unpacked/a/gone"}  # fmt: skip
    assert {*files_below(tmp_path)} <= {"a.zip", "home", *below}


def test_a_link_in_a_zip_is_a_file_that_leads_nowhere(packed, tmp_path):
    info = zipfile.ZipInfo("out")
    info.external_attr = 0o120777 << 16  # a symbolic link, by Unix's account
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("queries", QUERIES)
        file.writestr(info, "/etc/passwd")
    packed(tmp_path / "a.zip")
    out = tmp_path / "home/unpacked/out"
    assert not out.is_symlink() and out.read_text() == "/etc/passwd"


def zip_bomb(path):
    """Says that it holds 10 GB; so much would be written if it did."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("queries", QUERIES)
        file.writestr("bomb", bytes(10**6))
        file.infolist()[1].file_size = 10 * GIGABYTE
    return path


def tar_bomb(path):
    """Holds 100 MB of zeros, and says so."""
    info = tarfile.TarInfo("bomb")
    info.size = 10**8
    zeros = gzip.compress(bytes(10**6), 1)
    with path.open("wb") as file:
        file.write(gzip.compress(info.tobuf()))
        for _ in range(100):
            file.write(zeros)
        file.write(gzip.compress(bytes(10240)))
    return path


@pytest.mark.parametrize("bomb", [zip_bomb, tar_bomb])
def test_a_bomb_is_told_and_nothing_of_it_unpacked(packed, tmp_path, bomb):
    archive = bomb(tmp_path / ("a.zip" if bomb is zip_bomb else "a.tgz"))
    assert archive.stat().st_size < 10**6
    with pytest.raises(DataError, match="over 100 times its size; it was made to fill disks"):
        packed(archive)
    assert files_below(tmp_path / "home") == []


def test_a_bomb_with_a_small_zip_behind_it_is_told_too(packed, tmp_path):
    with zipfile.ZipFile(tmp_path / "small.zip", "w") as file:
        file.writestr("queries", QUERIES)
    archive = tar_bomb(tmp_path / "a.tgz")
    with archive.open("ab") as file:
        file.write((tmp_path / "small.zip").read_bytes())
    assert zipfile.is_zipfile(archive)
    with pytest.raises(DataError, match="over 100 times its size; it was made to fill disks"):
        packed(archive)
    assert files_below(tmp_path / "home") == []


def test_a_zip_bomb_behind_a_small_tar_is_told_too(packed, tmp_path):
    archive = tar(tmp_path / "a.zip")
    with archive.open("ab") as file:
        file.write(zip_bomb(tmp_path / "bomb.zip").read_bytes())
    with pytest.raises(DataError, match="over 100 times its size; it was made to fill disks"):
        packed(archive)
    assert files_below(tmp_path / "home") == []


def test_an_honest_tar_that_is_a_zip_as_well_is_read(packed, tmp_path):
    archive = tar(tmp_path / "a.tgz")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("other", QUERIES)
    assert packed(archive) == [("1", "who built the tower")]


def test_what_is_no_archive_is_told(packed, tmp_path):
    for archive in (tmp_path / "a.tgz", tmp_path / "a.zip"):
        archive.write_bytes(b"no archive")
        with pytest.raises(DataError, match=r"toy: ir_datasets failed .*; a file is damaged"):
            packed(archive)
    assert files_below(tmp_path / "home") == []


def test_a_zip_that_lies_about_its_size_unpacks_to_no_more_than_it_says(packed, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("queries", QUERIES)
        file.writestr("bomb", bytes(10**6))
        file.infolist()[1].file_size = 1000
    with pytest.raises(DataError, match="toy: ir_datasets failed"):
        packed(tmp_path / "a.zip")
    assert files_below(tmp_path / "home") == []


def test_no_other_module_unpacks_archives():
    unpackers = {"tarfile", "zipfile", "shutil.unpack_archive"}
    users = {
        name
        for name in FILES
        if any({each, each.partition(".")[0]} & unpackers for each in imports(ast.walk(tree(name))))
    }
    looked_into = "hbench/testing/saved.py"  # whether a model's archive holds a pickle; in memory
    assert users == {"hbench_plugins/datasets/archives.py", looked_into}
