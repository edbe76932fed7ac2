import math

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.timing import SECOND, timed

from hbench.errors import SpecError
from hbench.specfile import SpecFile

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)


def mistakes(text):
    with pytest.raises(SpecError) as caught:
        SpecFile(text, "f")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("NO", "NO"), ("y", "y"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("1e-5", 1e-5), ("2.0e-3", 2e-3), ("1E5", 1e5), ("1.", 1.0), ("-.5", -0.5),
        ("-.inf", -math.inf), ("012", 12), ("0o17", 15), ("0x1F", 31), ("-3", -3), ("0o9", "0o9"),
        ("2020-01-01", "2020-01-01"), ("1:30", "1:30"), ("'3'", "3"), ("=", "="), ("1e", "1e"),
        ("!!str 3", "3"), ("!!float 3", 3.0), ("语: é", {"语": "é"}), ("1: a", {"1": "a"}),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text, value):
    found = SpecFile(text, "f").data
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2", "f:4:3: key 'c' is given twice, first in line 3; keep one"),
        ("a: 1\n'a': 2", "f:2:1: key 'a' is given twice, first in line 1; keep one"),
        ("b:\n  <<: {a: 1}", "f:2:3: '<<' merges nothing in YAML 1.2; write the keys out"),
        ("? [1]\n: 2", "f:1:3: a key must be a word, not a list or a mapping"),
        ("a:\n  - [1\nb: 2", "f:3:2: not valid YAML: while parsing a flow sequence expected ','"),
        ("a: b: c", "f:1:5: not valid YAML: mapping values are not allowed here"),
        ("a\n---\nb", "f:2:1: not valid YAML: expected a single document in the stream"),
        ("a:\n  - *x", "f:2:5: not valid YAML: found undefined alias 'x'"),
        ("a: 1\nb: c\x07", "f:2:5: not valid YAML: character '\\x07' is not allowed"),
        ('a: "\\ud800"', "f:1:4: '\\ud800' cannot be read as a text (an escape spells half"),
        ('a: 1\n"\\ud800": 1', "f:2:1: '\\ud800' cannot be read as a text (an escape spells half"),
        ("a: !!int x", "f:1:4: 'x' cannot be read as a whole number of at most 63 bits"),
        ("%YAML 1.1\n---\na: no", "f:3:4: 'no' cannot be read as true or false"),
        ("%YAML 9.9\n---\na", "f:1:1: not valid YAML: found incompatible YAML document"),
        ("a: 0x" + "f" * 5000, "f:1:4: '0xfff"),
        ("a: " + "9" * 5000, "f:1:4: '999"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_column(text, expected):
    (message,) = mistakes(text)
    assert message.startswith(expected)
    assert len(message) < 200


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object:os.system x", "!!python/object:os.system {a: 1}",
        "!!python/object/apply:os.system [x]", "!!binary aGk=", "!!set {a}", "!!omap [a: 1]",
        "!own [1]", "!own 1", "!!str [1]", "!!map [1]", "!!seq x",
    ],
)  # fmt: skip
def test_a_tag_that_would_build_something_is_refused_wherever_it_stands(value):
    for text in (f"a: {value}", f"a: 1\nb: [{value}]"):
        (message,) = mistakes(text)
        assert "is not allowed; write a plain value" in message
    assert mistakes(f"b: {value}\nb: 1\nb: 2")[1:] == [
        "f:2:1: key 'b' is given twice, first in line 1; keep one",
        "f:3:1: key 'b' is given twice, first in line 1; keep one",
    ]


def test_an_alias_bomb_is_refused_at_once():
    found, took = timed(lambda: mistakes(BOMB))
    assert took < SECOND
    # a2 means 9^3 = 729 words and a3 6,561; above what was refused, counting begins again.
    assert found == [
        f"f:{place}: means more than 3,000 values; write fewer aliases"
        for place in ("4:5", "8:5", "12:6")
    ]


@pytest.mark.parametrize("text", ["a: &x [*x]", "&x {a: {b: *x}}", "- &x [[[*x]], 1]"])
def test_what_holds_itself_is_refused(text):
    assert "means more than 3,000 values" in mistakes(text)[0]


def test_an_alias_means_a_copy():
    assert SpecFile("a: &x {b: [1]}\nc: *x", "f").data == {"a": {"b": [1]}, "c": {"b": [1]}}


@pytest.mark.parametrize(("opening", "closing"), [("{a: ", "}"), ("[", "]")])
def test_deep_nesting_is_refused_with_a_message(opening, closing):
    text = opening * 700 + closing * 700
    column = 50 * len(opening) + 1
    assert mistakes(text) == [f"f:1:{column}: nested too deeply; 50 levels are allowed"]
    assert "f:1:" + str(column) in mistakes(opening * 100_000)[0]


def test_every_value_and_key_is_located():
    file = SpecFile("a: 1\nb:\n  - x\n  - {c: 2, d: [3]}\n", "f")
    assert file.locate(("a",)) == (1, 4)
    assert file.locate(("a",), key=True) == (1, 1)
    assert file.locate(("b", 0)) == (3, 5)
    assert file.locate(("b", 1, "d")) == (4, 15)
    assert file.locate(("b", 1, "d"), key=True) == (4, 12)
    assert file.locate(("b", 1, "d", 0)) == (4, 16)


def test_what_is_not_there_is_located_at_the_nearest_that_is():
    file = SpecFile("a: 1\nb:\n  - x\n", "f")
    assert file.locate(("b", 7, "c")) == file.locate(("b", -1)) == file.locate(("b",)) == (3, 3)
    assert file.locate(("a", "c"), key=True) == (1, 4)
    assert file.locate(("z",)) == (1, 1)
    assert SpecFile("", "f").locate(("z",)) == (1, 1)
    assert str(file.mistake(("b", 0), "bad")) == "f:3:5: b.0: bad"
    assert str(file.mistake((), "bad")) == "f:1:1: bad"


def test_a_file_is_read_as_utf_8_with_or_without_a_mark(tmp_path):
    path = tmp_path / "f.yaml"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text("a: é", encoding=encoding)
        assert SpecFile.read(path).data == {"a": "é"}


def test_a_file_that_cannot_be_read_is_told_with_its_path(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    for place, expected in (
        (path, f"{path}:2:4: byte 8 is not UTF-8; save the file as UTF-8"),
        (tmp_path, f"{tmp_path}:1:1: cannot be read: Is a directory; give the path of a spec file"),
        (tmp_path / "no", f"{tmp_path / 'no'}:1:1: cannot be read: No such file or directory;"),
    ):
        with pytest.raises(SpecError) as caught:
            SpecFile.read(place)
        assert str(caught.value).startswith(expected)


@given(st.text(max_size=40) | st.text("a1:-{}[]*&!<>|%'\"#,? \n\t\\u", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        SpecFile(text, "f")
    except SpecError as error:
        lines = text.count("\n") + text.count("\r") + 1
        assert all(1 <= mistake.line <= lines + 1 for mistake in error.mistakes)
