"""Tables that a spreadsheet has saved: what is refused, and that what is advised works."""

import csv
import json
import shlex
import subprocess
import sys

import pytest

from hbench.errors import DataError
from hbench_plugins.datasets import files
from hbench_plugins.datasets.parallel import Parallel


@pytest.fixture
def read(tmp_path):
    """A function that reads the rows of a table with this content."""

    def rows(content):
        path = tmp_path / "de.tsv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [dict(record.fields) for record in files.read(path)]

    return rows


@pytest.mark.parametrize(
    "cell",
    [
        '"Hello."',  # a text that stands in quotation marks
        '"Hi" said he',
        'He said "Hi"',
        '"Yes" or "no"',
        '"Hi" and ""',
        'a 5" screen',
        '""',
        '""Hi""',
        '"It went on.',  # a quotation that a later text closes
    ],
)
def test_quotation_marks_of_a_text_are_read_as_they_are(read, cell):
    assert read(f"id\ttext\n1\t{cell}\n") == [{"id": "1", "text": cell}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('id\ttext\n1\t"He: ""Hi."""\n', 'line 2: the cell \'"He: ""Hi."""\' is quoted, with'),
        ('id\ttext\n1\t"""Hi"" he said"\n', "line 2: .* is quoted, with doubled quotes, as sp"),
        ('id\ttext\tmore\n1\t"a\nb"\tc\n', "line 2: the cell '\"a' has a quoted line break, as sp"),
        ('id\ttext\n1\t"a\nb"\n', "line 3: the cell '\"a' has a quoted line break, as sp"),
        ("id\ttext\n1\ta\nb\n", "line 3: 1 columns, but the header has 2; columns are"),
        ('"id"\t"text"\n1\ta\n', "line 1: the cell '\"id\"' is quoted, as spreadsheets write it"),
        ("id;text\n1;a\n", "line 1: columns are divided by tabs, and this header has semicolons"),
        ("id,text\n1,a\n", "line 1: columns are divided by tabs, and this header has commas"),
        ("id\ttext\n1\ta\n".encode("utf-16"), r"de\.tsv: is UTF-16; save the file as UTF-8"),
    ],
)
def test_what_a_spreadsheet_writes_is_refused(read, content, message):
    with pytest.raises(DataError, match=message):
        read(content)


@pytest.mark.parametrize(("dialect", "divider"), [("excel-tab", "\t"), ("excel", ";")])
def test_the_command_of_the_message_makes_readable_lines_of_it(tmp_path, read, dialect, divider):
    wanted = [{"id": "007", "text": 'He: "Hi."'}, {"id": "NA", "text": "two\nlines"}]
    with (tmp_path / "saved").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["id", "text"], dialect=dialect, delimiter=divider)
        writer.writeheader()
        writer.writerows(wanted)
    with pytest.raises(DataError) as caught:
        read((tmp_path / "saved").read_bytes())
    program, *arguments = shlex.split(str(caught.value).rpartition("\n")[2])
    assert program == "python"
    subprocess.run([sys.executable, *arguments], check=True)
    lines = (tmp_path / "de.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(map(json.loads, lines)) == wanted
    assert [dict(record.fields) for record in files.read(tmp_path / "de.jsonl")] == wanted


@pytest.fixture
def shop(tmp_path):
    """Eight rows, of which seven have no answer."""
    rows = [f"{n}\twhy {n}\t{'so' if n == 3 else ' '}" for n in range(8)]
    for tag in ("de", "en"):
        (tmp_path / f"{tag}.tsv").write_text("\n".join(["id\tq\ta", *rows]), encoding="utf-8")
    return tmp_path / "{lang}.tsv"


def test_all_empty_cells_are_told_at_once(shop):
    message = (
        r"de\.tsv, line 2: 'a' is empty, where text is expected; lines where it is: "
        r"2, 3, 4, 6, 7, \.\.\. \(7 in all\); fill them, or remove them"
    )
    with pytest.raises(DataError, match=message + "$"):
        list(Parallel(files=shop, query="q", passage="a", id="id").queries())
    with pytest.raises(DataError, match=message + " from the file of every language$"):
        list(Parallel(files=shop, query="q", passage="a").queries())


def test_tables_of_different_length_may_be_joined_by_a_column(shop):
    for tag, count in (("de", 2), ("en", 3)):
        lines = ["id\tq", *(f"{n}\twhy {n}" for n in range(count))]
        shop.with_name(f"{tag}.tsv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match="the same item; or name the column that joins them, as id"):
        list(Parallel(files=shop, query="q").queries())
    joined = Parallel(files=shop, query="q", id="id")
    assert [query.item for query in joined.queries()] == ["0", "1", "0", "1", "2"]
