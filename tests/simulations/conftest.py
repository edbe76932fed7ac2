"""The map of questions that the simulations share."""

from pathlib import Path

import pytest
from tests.simulations.worlds import Questions


@pytest.fixture(scope="session")
def xquad_r_questions(shared_data: Path) -> Questions:
    """The articles and paragraphs of XQuAD-R's questions."""
    questions = Questions.of_xquad_r(shared_data / "xquad-r")
    counts = (len(questions), questions.paragraph.max() + 1, questions.article.max() + 1)
    assert counts == (1_190, 240, 48)
    return questions
