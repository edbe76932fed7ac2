"""YAML builds plain values, whatever its tags ask for."""

from pathlib import Path

import pytest
from tests.bad_input import SPEC
from tests.cli.calling import refused


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


TAGS = [
    "!!python/object/apply:os.system ['touch {marker}']",
    "!!python/object/apply:builtins.open ['{marker}', w]",
    "!!python/object/new:subprocess.Popen [[touch, '{marker}']]",
    "!!python/name:os.system ''",
    "!!python/module:os ''",
    "!include /etc/passwd",
]


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_that_asks_for_code_is_told_with_its_place_and_not_obeyed(marker, tag):
    value = tag.format(marker=marker)
    Path("f.yaml").write_text(SPEC.replace("steps: 2", f"steps: {value}"))
    message = refused("validate", "f.yaml")
    assert message.startswith("f.yaml:4:") and "\n" not in message
    assert refused("run", "f.yaml") == message


@pytest.mark.parametrize("tag", TAGS[:2])
def test_nor_is_it_where_an_option_is_yaml(marker, tag):
    value = tag.format(marker=marker)
    Path("f.yaml").write_text(SPEC)
    assert "--set" in refused("plan", "f.yaml", "--set", f"benchmarks.tiny.train.steps={value}")
    assert "--set" in refused("data", "babel", "--set", f"split={value}")
