"""``hbench schema``: the JSON schema of a spec, for editors."""

import json

import typer

from hbench.cli.common import mistakes_end_here
from hbench.errors import printable


def schema() -> None:
    """Print the JSON schema of a benchmark file, for editors.

    It holds the installed plugins' options, too. An editor with a YAML language server completes
    and checks a file that begins with
    `# yaml-language-server: $schema=hbench.schema.json`, once the output is in that file.
    """
    with mistakes_end_here():
        from hbench.schema import spec_schema

        content, left_out = spec_schema()
        for line in left_out:
            typer.echo(printable(line), err=True)
        typer.echo(json.dumps(content, indent=1, ensure_ascii=False))
