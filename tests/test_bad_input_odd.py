"""Files that are no spec at all, odd ones, and large ones: told whole, and within a second."""

import gzip
import os
import threading
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from tests.bad_input import SPEC, cases, told
from tests.cli.calling import call
from tests.timing import SECOND, timed

LIMIT = 200_000  # bytes of a spec
FOUND_NOTHING = "f.yaml:1:1: a spec has the keys version and benchmarks; found nothing"
UNKNOWN = (
    "f.yaml:6:28: benchmarks.tiny.samplers.mono.use: no sampler is named 'mno': did you mean "
    "'mono'? Allowed: cross, hybrid, mixed, mono, source (`hbench plugins sampler` lists them), "
    "or install the package that has it"
)
WRONG = SPEC.replace("use: mono", "use: mno").encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An empty folder, in which a command runs that has imported what it needs."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("odd")
        patch.chdir(path)
        (path / "f.yaml").write_text(SPEC, encoding="utf-8")
        assert call("validate", "f.yaml").exit_code == 0
        yield path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", FOUND_NOTHING),
        (b"\n\n", FOUND_NOTHING),
        (b"# a\n# b\n", FOUND_NOTHING),
        (b"\xef\xbb\xbf", FOUND_NOTHING),
        (WRONG, UNKNOWN),
        (WRONG.replace(b"\n", b"\r\n"), UNKNOWN),
        (WRONG.replace(b"\n", b"\r"), UNKNOWN),
        (b"\xef\xbb\xbf" + WRONG, UNKNOWN),
        (SPEC.encode("utf-16"), "f.yaml:1:1: byte 0 is not UTF-8; save the file as UTF-8"),
        (
            gzip.compress(b"a: 1", mtime=0),
            "f.yaml:1:2: byte 1 is not UTF-8; save the file as UTF-8",
        ),
        (b"a: \xff", "f.yaml:1:4: byte 3 is not UTF-8; save the file as UTF-8"),
        (
            SPEC.encode("utf-16-le"),
            "f.yaml:1:2: not valid YAML: character '\\x00' is not allowed; remove it",
        ),
        (
            SPEC.encode() + b"\0",
            "f.yaml:11:1: not valid YAML: character '\\x00' is not allowed; remove it",
        ),
        (
            b"x" * 10_000_000,
            "f.yaml:1:1: is larger than 200,000 bytes; split it into several files",
        ),
    ],
)
def test_a_file_that_is_no_text_or_from_elsewhere_is_told(folder, content, message):
    (folder / "f.yaml").write_bytes(content)
    assert told("validate", "f.yaml") == message


TEXTS = """
a: &a [1]
    f.yaml:1:1: a: unknown key; Allowed: benchmarks, version
    f.yaml:1:1: the key 'benchmarks' is missing; add it
    f.yaml:1:1: the key 'version' is missing; add it
a: &a [*a]
    f.yaml:1:4: means more than 3,000 values; write fewer aliases
a: *b
    f.yaml:1:4: not valid YAML: found undefined alias 'b'; quote a text that begins with '*'
<<: {version: 1}
    f.yaml:1:1: '<<' merges nothing in YAML 1.2; write the keys out
"{version: 1, version: 1}"
    f.yaml:1:1: a spec has the keys version and benchmarks; found '{version: 1, version: 1}'
{version: 1, version: 1}
    f.yaml:1:14: key 'version' is given twice, first in line 1; keep one
version: 99999999999999999999
    f.yaml:1:10: '99999999999999999999' cannot be read as a whole number of at most 63 bits
--- {} ...
    f.yaml:1:8: not valid YAML: expected '<document start>', but found ('<scalar>',); look at this
    line and the one before
--- {} --- {}
    f.yaml:1:8: not valid YAML: expected '<document start>', but found ('<scalar>',); look at this
    line and the one before
!!python/object:os.system x
    f.yaml:1:1: tag tag:yaml.org,2002:python/object:os.system is not allowed; write a plain value
"a\\e[2J": 1
    f.yaml:1:1: a?[2J: unknown key; Allowed: benchmarks, version
    f.yaml:1:1: the key 'benchmarks' is missing; add it
    f.yaml:1:1: the key 'version' is missing; add it
"""


@pytest.mark.parametrize(("text", "message"), cases(TEXTS))
def test_what_yaml_offers_and_a_spec_does_not_have_is_told(folder, text, message):
    (folder / "f.yaml").write_text(text, encoding="utf-8")
    assert " ".join(told("validate", "f.yaml").split()) == message


@pytest.mark.parametrize("name", ["a\x1b[2J.yaml", "a\nb.yaml", os.fsdecode(b"a\xff.yaml")])
def test_a_files_name_cannot_command_the_terminal(folder, name):
    shown = "".join(sign if sign.isprintable() else "?" for sign in name.replace("\n", " "))
    (folder / name).write_text(SPEC, encoding="utf-8")
    assert call("validate", name).stdout == f"{shown}: valid; benchmarks: tiny\n"
    (folder / name).write_text("x", encoding="utf-8")
    assert told("validate", name).startswith(f"{shown}:1:1: a spec has the keys")
    (folder / name).unlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_read_to_its_end(folder):
    os.mkfifo(folder / "pipe")
    for content, code in ((SPEC.encode(), 0), (WRONG, 2), (b"x" * 2 * LIMIT, 2)):
        writer = threading.Thread(target=feed, args=(folder / "pipe", content))
        writer.start()
        assert call("validate", "pipe").exit_code == code
        writer.join(timeout=10)
        assert not writer.is_alive()


def feed(pipe, content):
    """Write to a pipe whose reader may go away."""
    try:
        pipe.write_bytes(content)
    except BrokenPipeError:
        return


PIECES = [
    "x", " ", "\n", "\t", "- ", "? ", ": ", "a: ", "a:\n", "[", "{", "a, ", ",", "!", "!a ", "&a ",
    "*a ", "'", '"', "\\", "|\n ", "%A b\n", "# a\n", "---\n", "...\n", "é: ", "a: 1\n", "<<: {}\n",
]  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["", "x: ", "x: [", "x: {", "x: '", 'x: "', "x: |\n  ", SPEC]),
    st.sampled_from(PIECES),
    st.integers(1, LIMIT),
)
def test_a_large_file_is_judged_within_a_second(folder, start, piece, size):
    content = (start + piece * (size // len(piece))).encode()[: LIMIT + 1]
    judged(folder, content.decode("utf-8", "ignore"))


def many(of, count):
    """A spec with many of something that is wrong."""
    benchmarks, tiny = SPEC.split("  tiny:\n")
    parts = {
        "benchmarks": "".join(f"  b{n}:\n{tiny}" for n in range(count // 30)),
        "keys": "  tiny:\n" + tiny + "".join(f"    k{n}: 1\n" for n in range(count)),
        "encoders": "  tiny:\n"
        + tiny.replace(
            "{e: ", "{" + "".join(f"e{n}: {{use: e}}, " for n in range(count // 2)) + "e: "
        ),
        "metrics": "  tiny:\n" + tiny.replace("[map]", "[" + "map, " * count + "]"),
    }
    return benchmarks + parts[of].replace("use: mono", "use: mno")


@pytest.mark.parametrize("of", ["benchmarks", "keys", "encoders", "metrics"])
def test_of_many_mistakes_the_first_hundred_are_told_within_a_second(folder, of):
    lines = judged(folder, many(of, 2800)).splitlines()
    assert 90 < len(lines) <= 101
    assert all(line.startswith("f.yaml:") and len(line) < 400 for line in lines)


def judged(folder, text):
    """The message about a file, that it took less than a second to find."""
    Path("f.yaml").write_text(text, encoding="utf-8", newline="")
    result, took = timed(lambda: call("validate", "f.yaml"))
    assert took < SECOND, text[:100]
    if result.exit_code == 0:
        return ""
    assert (result.exit_code, "Traceback" in result.output) == (2, False), result.exception
    assert all(line.startswith("f.yaml:") for line in
               result.stderr.removeprefix("error: ").splitlines())  # fmt: skip
    return result.stderr.removeprefix("error: ")
