"""A job whose plugin fails tells what it must, without escapes and without passwords."""

from pathlib import Path

import pytest
from tests.bad_input import SPEC
from tests.cli.calling import call
from tests.security.attacks import EVIL, assert_harmless

from hbench.errors import DataError
from hbench_plugins.datasets.babel import Babel

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize("kind", [DataError, RuntimeError])
def test_the_words_of_a_plugin_that_fails_are_harmless(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)

    def fail(self):
        raise kind(f"{EVIL} https://me:{SECRET}@example.org")

    monkeypatch.setattr(Babel, "queries", fail)
    Path("f.yaml").write_text(SPEC)
    result = call("run", "f.yaml", "--device", "cpu")
    assert result.exit_code == 1 and "https://example.org" in result.stderr
    assert_harmless(result.output)
    assert SECRET not in result.output
    files = [path for path in Path().rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
