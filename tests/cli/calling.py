"""Commands called as a user does."""

from typer.testing import CliRunner

from hbench.cli import app


def call(*words):
    return CliRunner().invoke(app, words)


def refused(*words):
    """The one message of a command that ends as the user's mistake."""
    result = call(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("error: ")
    return result.stderr.removeprefix("error: ").rstrip("\n")
