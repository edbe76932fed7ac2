"""Whatever a file holds, `hbench` says what is wrong with it, where, within a second."""

import re

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from tests import spec_mutations
from tests.cli.calling import call
from tests.spec_mutations import KEYS, RICH, SPECS, malformed, scribbled
from tests.timing import SECOND, timed

from hbench.claims import Claim, Published
from hbench.spec import Benchmark, Evaluation, Setting, Training, Validation
from hbench.spec import Spec as WholeSpec
from hbench.uses import SourceUse, TransformUse

pytestmark = pytest.mark.filterwarnings("ignore:builtin type .*:DeprecationWarning")  # faiss's own
LINE = re.compile(r"f\.yaml:(\d+):(\d+): \S.*")
COMMANDS = [["validate"], ["validate"], ["plan"], ["run", "--dry-run"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An empty folder, in which commands run that have imported what they need."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("malformed")
        patch.chdir(path)
        (path / "f.yaml").write_text(RICH, encoding="utf-8")
        for command in COMMANDS:
            assert call(*command, "f.yaml").exit_code == 0
        yield path


def lines_of(content):
    """The lines of a file as an editor counts them."""
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    return re.split(r"\r\n|\r|\n", text)


def told(content, output):
    """The places of a message, each of which the file has."""
    lines = lines_of(content)
    found = []
    for line in output.removeprefix("error: ").removesuffix("\n").split("\n"):
        match = LINE.fullmatch(line)
        assert match, line
        row, column = int(match[1]), int(match[2])
        assert 1 <= row <= len(lines) and 1 <= column <= len(lines[row - 1]) + 1, line
        found.append((row, column))
    return found


def judge(folder, spec, command=("validate",)):
    """The places of the mistakes that a command finds in a file; none if it is right."""
    (folder / "f.yaml").write_bytes(spec.content)
    result, took = timed(lambda: call(*command, "f.yaml"))
    assert took < SECOND, spec.content[:1000]
    assert [path.name for path in folder.iterdir()] == ["f.yaml"]
    assert all(sign.isprintable() or sign == "\n" for sign in result.output), result.output
    assert isinstance(result.exception, SystemExit | None), spec.content.decode("utf-8", "replace")
    if not spec.is_wrong and result.exit_code == 0:
        return []
    assert (result.exit_code, result.stdout) == (2, ""), spec.content.decode("utf-8", "replace")
    return told(spec.content, result.stderr)


def check(folder, spec, number):
    """One file, by one of the commands; a plan of what is right by chance may take its time."""
    found = judge(folder, spec, COMMANDS[number % 4] if spec.is_wrong else COMMANDS[0])
    if spec.place is not None:
        assert spec.place in found


FEW = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=4000)


def test_the_specs_that_are_mutated_are_right_and_one_has_every_key(folder):
    for text in SPECS:
        (folder / "f.yaml").write_text(text, encoding="utf-8")
        assert call("validate", "f.yaml").exit_code == 0
    models = (WholeSpec, Benchmark, Training, Validation, Evaluation, Setting, Claim, Published,
              SourceUse, TransformUse)  # fmt: skip
    names = {name for model in models for name in model.model_fields}
    assert names == KEYS
    assert names == {key[0] for key in spec_mutations.keys_in(RICH, KEYS)}


@FEW
@given(malformed | scribbled(), st.integers(0, 3))
def test_a_malformed_spec_is_explained_within_a_second(folder, spec, number):
    check(folder, spec, number)


@pytest.mark.slow
@MANY
@given(malformed | scribbled(), st.integers(0, 3))
def test_thousands_of_malformed_specs_are_explained_within_a_second(folder, spec, number):
    check(folder, spec, number)
