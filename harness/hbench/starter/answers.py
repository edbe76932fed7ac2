"""What the user answered by options, answers when asked, or leaves to the defaults."""

from collections.abc import Callable, Mapping

Ask = Callable[[str, str], str]  # a question and its default; what was answered


class Answers:
    """The answers to a starter's questions.

    Args:
        given: by the name of the option; None or absent is not given.
        ask: the user, if there is one to be asked; None takes the defaults.
        tell: the user something, as why it takes long.
    """

    def __init__(
        self,
        given: Mapping[str, str | None],
        ask: Ask | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._given = given
        self._ask = ask
        self.tell = tell
        self.assumed: dict[str, str] = {}

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to be asked."""
        return self._ask is not None

    def given(self, option: str) -> str | None:
        """What was given as an option, if anything was."""
        return self._given.get(option)

    def get(self, option: str, question: str, default: str) -> str:
        """The answer; a default that nobody was asked about is noted in ``assumed``."""
        known = self.given(option)
        if known is not None:
            return known
        if self._ask is not None:
            return self._ask(question, default)
        return self.assume(option, default)

    def assume(self, option: str, value: str) -> str:
        """The option, or else this value, without asking."""
        known = self.given(option)
        if known is not None:
            return known
        if value:
            self.assumed[option] = value
        return value
