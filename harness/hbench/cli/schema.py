"""``hbench schema``: the JSON schema of a spec, for editors."""

from hbench.cli.common import answering, tell


def schema() -> None:
    """Print the JSON schema of a benchmark file, for editors.

    It holds the installed plugins' options, too. An editor with a YAML language server completes
    and checks a file that begins with
    `# yaml-language-server: $schema=hbench.schema.json`, once the output is in that file.
    """
    with answering() as answer:
        from hbench.schema import spec_schema

        content, left_out = spec_schema()
        for line in left_out:
            tell(line)
        answer.json(content)
