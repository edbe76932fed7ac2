"""``hbench validate``: all mistakes of a spec at once."""

from hbench.cli.common import SetOption, SpecArgument, answering


def validate(file: SpecArgument, overrides: SetOption = None) -> None:
    """Check a benchmark file: all mistakes, with line and column."""
    with answering() as answer:
        from hbench.validate import load_spec

        spec = load_spec(file, overrides or ())
        text = f"{file}: valid; benchmarks: {', '.join(spec.benchmarks)}"
        answer.text(text.replace("\n", " "))
