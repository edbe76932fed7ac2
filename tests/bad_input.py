"""A small spec to break, and what a command says of it."""

import re
from pathlib import Path

from tests.cli.calling import call

SPEC = """\
version: 1
benchmarks:
  tiny:
    train: {data: {some: {use: babel, split: train}}, steps: 2, batch_size: 4}
    encoders: {e: {use: scratch}}
    samplers: {mono: {use: mono}, hybrid: {use: hybrid}}
    objectives: {infonce: {use: infonce}}
    seeds: [1]
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono], metrics: [map]}
"""


def cases(text):
    """The cases of a table: a line that says what is done, and below it, indented, the message.

    >>> cases('''
    ... steps: 2 -> steps: two
    ...     f.yaml:4:62: steps:
    ...     must be a number
    ... ''')
    [('steps: 2 -> steps: two', 'f.yaml:4:62: steps: must be a number')]
    """
    parts = [block.partition("\n") for block in re.split(r"\n(?=\S)", text.strip())]
    return [(done, " ".join(message.split())) for done, _, message in parts]


def write(change="", spec=SPEC):
    """Write ``f.yaml``, changed as ``old -> new`` says."""
    old, _, new = change.partition(" -> ")
    assert old in spec
    Path("f.yaml").write_text(spec.replace(old, new, 1) if old else spec, encoding="utf-8")


def told(*words):
    """The message of a command that ends as the user's mistake, whole.

    What a run says before, in a line of its own, is no part of it.
    """
    result = call(*words)
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == "" and "Traceback" not in result.stderr
    before, _, message = result.stderr.partition("error: ")
    assert before.count("\n") <= 1
    return message.removesuffix("\n")
