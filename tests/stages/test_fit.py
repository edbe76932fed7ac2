from dataclasses import replace

import numpy as np
import pytest
from tests.toy_corpora import stored, toy

from hbench.errors import DataError
from hbench.stages import fit
from hbench_plugins.transforms.centering import Centering

PASSAGES = {"de:a": "1", "de:b": "2", "de:c": "3", "en:a": "4", "en:b": "5"}


class Rows:
    """As the stored vectors of a language: (1, n), (2, n), ..."""

    def __init__(self, language):
        self.vectors = np.array([[n + 1, ord(language[0])] for n in range(3)], np.float64)

    def unscaled(self, chosen):
        return self.vectors[chosen]


def corpus_of(folder, judged, parallel=True):
    dataset = toy({f"de:{item}": "9" for item in judged}, PASSAGES, judged)
    return stored(replace(dataset, parallel=parallel), folder)


def test_row_i_of_every_language_answers_one_item(tmp_path):
    judged = {"q1": {"de:c": 1, "en:a": 1}, "q2": {"de:b": 1}, "q3": {"de:a": 1, "en:b": 2}}
    assert fit.parallel_passages(corpus_of(tmp_path, judged)).tolist() == [[0, 1], [2, 0]]


def test_passages_that_answer_several_items_count_once(tmp_path):
    same = {"de:c": 1, "en:a": 1}
    assert fit.parallel_passages(corpus_of(tmp_path, {"q1": same, "q2": same})).tolist() == [[2, 0]]


def test_what_a_transform_learned_is_read_back(tmp_path):
    judged = {"q1": {"de:c": 1, "en:a": 1}, "q3": {"de:a": 1, "en:b": 2}}
    told = fit.run(Centering(), corpus_of(tmp_path / "data", judged), Rows, tmp_path)  # type: ignore[arg-type]
    assert told["texts"] == 2
    found = {name: mean.tolist() for name, mean in fit.read_fitted(tmp_path).items()}
    assert found == {"de": [2, ord("d")], "en": [1.5, ord("e")]}


@pytest.mark.parametrize(
    ("judged", "parallel"),
    [({"q1": {"de:a": 1}}, True), ({"q1": {"de:a": 1, "en:a": 1}}, False)],
)
def test_data_without_parallel_passages_is_an_error(tmp_path, judged, parallel):
    with pytest.raises(DataError, match="no passage in all of de, en; name parallel data"):
        fit.parallel_passages(corpus_of(tmp_path, judged, parallel))
