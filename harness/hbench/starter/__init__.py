"""A starter spec for somebody's own data: it is looked at, and what it allows is written down.

``layouts`` finds out which dataset plugin reads some files, and with which options; ``look`` reads
them through that plugin; ``splits`` puts test data aside; ``choices`` says what such data can bear;
``wording`` writes the file.
"""

from hbench.starter.answers import Answers
from hbench.starter.making import Starter, make_starter

__all__ = ["Answers", "Starter", "make_starter"]
