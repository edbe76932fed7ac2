"""The command line: one file a command, each a thin skin over the library.

Nothing heavy is imported until a command runs, so that ``--help`` answers at once.
"""

import os
from typing import Annotated

import typer

from hbench.cli import (
    check,
    compare,
    data,
    doctor,
    export,
    init,
    new,
    plan,
    plugins,
    report,
    run,
    schema,
    validate,
    verify,
)

app = typer.Typer(
    name="hbench",
    help="Which way of training a multilingual retriever is better, and is the difference real?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a bug keeps its plain traceback
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("verify")(verify.verify)
app.command("report")(report.report)
app.command("export")(export.export)
app.command("check")(check.check)
app.command("plan")(plan.plan)
app.command("data")(data.data)
app.command("validate")(validate.validate)
app.command("plugins")(plugins.plugins)
app.command("new")(new.new)
app.command("init")(init.init)
app.command("schema")(schema.schema)
app.command("doctor")(doctor.doctor)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"hbench {version('hbench')}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """What holds for the command as a whole."""


def main() -> None:
    """The entry point of the ``hbench`` command."""
    # pydantic would look through all that is installed for plugins of its own.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    app()
