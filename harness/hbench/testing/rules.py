"""What a contract check says when a plugin breaks a rule."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__tracebackhide__ = True  # pytest then shows the lines of whoever writes the plugin


@dataclass(frozen=True)
class Rule:
    """One rule of a kind's contract.

    Args:
        name: short and stable, as ``same-step-same-batch``.
        says: the rule, in a sentence.
        right: what a right answer looks like.
    """

    name: str
    says: str
    right: str


class ContractError(AssertionError):
    """A plugin breaks a rule of its kind's contract.

    Args:
        plugin: which one.
        rule: what it breaks; an attribute of the error, too.
        given: what the plugin was given, in words.
        found: what it answered, in words.
    """

    def __init__(self, plugin: object, rule: Rule, given: str, found: str) -> None:
        self.rule = rule
        super().__init__(
            f"{_cut(repr(plugin), 100)} breaks the rule {rule.name!r}: {rule.says}\n"
            f"  input: {_cut(given)}\n"
            f"  found: {_cut(found)}\n"
            f"  right: {rule.right}"
        )


@dataclass(frozen=True)
class Checked:
    """The plugin under test; its methods ask one question each."""

    plugin: object

    def require(
        self, holds: bool, rule: Rule, *, given: str, found: str, cause: Exception | None = None
    ) -> None:
        """Demand that a rule holds.

        Args:
            holds: whether it does.
            rule: which one.
            given: what the plugin was given, in words.
            found: what it answered, in words.
            cause: the plugin's error that broke it; its traceback is shown as well.

        Raises:
            ContractError: it does not.
        """
        if not holds:
            raise ContractError(self.plugin, rule, given, found) from cause

    @contextmanager
    def asked(self, rule: Rule, given: str) -> Iterator[None]:
        """An error of the plugin itself keeps its traceback, and a note says what it was given."""
        try:
            yield
        except ContractError:
            raise
        except Exception as error:
            error.add_note(f"while the rule {rule.name!r} was checked with {given}")
            raise


def _cut(text: str, most: int = 1000) -> str:
    """Not all of a text if it is long."""
    return text if len(text) <= most else f"{text[: most - 3]}..."
