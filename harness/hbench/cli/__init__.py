"""The command line: one file a command, each a thin skin over the library.

Nothing heavy is imported until a command runs, so that ``--help`` answers at once.
"""

import typer

from hbench.cli import compare, data, export, plan, plugins, report, run, schema, validate, verify

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
app.command("plan")(plan.plan)
app.command("data")(data.data)
app.command("validate")(validate.validate)
app.command("plugins")(plugins.plugins)
app.command("schema")(schema.schema)


def main() -> None:
    """The entry point of the ``hbench`` command."""
    app()
