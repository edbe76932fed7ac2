"""Each command's help, as a terminal of 80 columns shows it."""

import re
from typing import Any

import pytest
from tests.cli.calling import call
from typer.main import get_command

from hbench.cli import app

DEFINED: Any = get_command(app)
COMMANDS = list(DEFINED.commands)
SCREEN = 40  # lines


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def shown(*words):
    result = call(*words, "--help")
    assert result.exit_code == 0
    return result.stdout.splitlines()


def test_the_version_is_shown():
    assert re.fullmatch(r"hbench \d+\.\d+\.\d+\S*\n", call("--version").stdout)


def test_the_overview_says_in_a_whole_line_what_each_command_does():
    lines = shown()
    listed = lines[lines.index("Commands:") + 1 :]
    assert [line.split()[0] for line in listed] == COMMANDS
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_fits_on_a_screen(command):
    lines = shown(command)
    assert len(lines) <= SCREEN
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command):
    told = [each for each in DEFINED.commands[command].params if each.name != "help"]
    silent = [each.name for each in told if not each.help and each.param_type_name == "option"]
    assert silent == []
