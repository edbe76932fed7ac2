import re
import shutil
from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.plugins.encoders.model_folders import (
    LENGTHS,
    SCRIPTS,
    TEXTS,
    by_sentence_transformers,
    check_training_and_saving,
    labse_folder,
    own,
    write,
    xlm_r_folder,
)

from hbench import options
from hbench.errors import DataError, OptionError
from hbench_plugins.encoders.huggingface import HuggingFace
from hbench_plugins.encoders.labse import REVISION, labse
from hbench_plugins.encoders.layout import read_head
from hbench_plugins.encoders.xlm_r import REVISIONS, xlm_r

PRESETS: dict[str, Callable[..., HuggingFace]] = {"labse": labse, "xlm_r": xlm_r}
PREFIXES = {
    "labse": {"query": "", "passage": ""},
    "xlm_r": {"query": "Query: ", "passage": "Passage: "},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    base = tmp_path_factory.mktemp("published")
    return {"labse": labse_folder(base / "labse"), "xlm_r": xlm_r_folder(base / "xlm_r")}


@pytest.fixture(params=PRESETS)
def name(request):
    return request.param


@pytest.mark.parametrize("side", LENGTHS)
def test_published_models_give_the_vectors_of_sentence_transformers(name, side, folders):
    model = PRESETS[name](model=folders[name]).create([], seed=0)
    texts = [PREFIXES[name][side] + text for text in TEXTS]
    theirs = by_sentence_transformers(folders[name], side, texts)
    np.testing.assert_allclose(own(model, side), theirs, atol=1e-5)


@pytest.mark.parametrize("side", LENGTHS)
def test_other_prefixes_give_the_vectors_of_texts_that_begin_so(name, side, folders):
    encoder = PRESETS[name](model=folders[name], query_prefix="Кто: ", passage_prefix="塔 ")
    texts = [{"query": "Кто: ", "passage": "塔 "}[side] + text for text in TEXTS]
    theirs = by_sentence_transformers(folders[name], side, texts)
    np.testing.assert_allclose(own(encoder.create([], seed=0), side), theirs, atol=1e-5)


def test_trained_models_give_equal_vectors_in_sentence_transformers(name, folders, tmp_path):
    encoder = PRESETS[name](model=folders[name])
    check_training_and_saving(encoder, encoder.create([], seed=0), tmp_path)


def test_first_token_pooling_outlives_training_and_saving(folders, tmp_path):
    encoder = xlm_r(model=folders["xlm_r"], pooling="cls")
    check_training_and_saving(encoder, encoder.create([], seed=0), tmp_path)
    assert read_head(tmp_path).pooling == "cls"


@pytest.mark.parametrize("side", LENGTHS)
def test_the_fixtures_tell_texts_scripts_and_lengths_apart(name, side, folders):
    model = PRESETS[name](model=folders[name]).create([], seed=0)
    found = own(model, side, SCRIPTS)
    likeness = found @ found.T - 2 * np.eye(len(SCRIPTS))
    assert likeness.max() < 0.999
    tokenized = model.tokenize(TEXTS, side)
    assert tokenized.cut in (1, 2)
    assert max(map(len, tokenized.ids)) == LENGTHS[side]


def test_labse_has_its_dense_layer_and_xlm_r_has_none(folders):
    found = labse(model=folders["labse"]).create([], seed=0)
    assert found.dense is not None and found.dense.out_features == 32
    assert (found.pooling, found.activation) == ("cls", "tanh")
    plain = xlm_r(model=folders["xlm_r"]).create([], seed=0)
    assert (plain.pooling, plain.dense) == ("mean", None)


def test_the_hubs_models_are_pinned_by_commit():
    assert xlm_r().fingerprint() == f"FacebookAI/xlm-roberta-base@{REVISIONS['base']}"
    assert xlm_r(size="large").fingerprint() == f"FacebookAI/xlm-roberta-large@{REVISIONS['large']}"
    assert labse().fingerprint() == f"sentence-transformers/LaBSE@{REVISION}"
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in (REVISION, *REVISIONS.values()))


@pytest.mark.parametrize(
    ("preset", "place"),
    [
        ("labse", f"models--sentence-transformers--LaBSE/snapshots/{REVISION}"),
        ("xlm_r", f"models--FacebookAI--xlm-roberta-base/snapshots/{REVISIONS['base']}"),
    ],
)
def test_a_cached_hub_model_is_found_offline(preset, place, folders, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    shutil.copytree(folders[preset], tmp_path / place)
    cached = PRESETS[preset]().create([], seed=0)
    local = PRESETS[preset](model=folders[preset]).create([], seed=0)
    np.testing.assert_array_equal(own(cached, "query"), own(local, "query"))


def test_options_are_checked_and_where_the_folder_lies_is_no_part_of_the_key(name, folders):
    preset = PRESETS[name]
    values = options.check(preset, {"model": str(folders[name]), "max_query_length": 64}, name)
    encoder = preset(**values)
    assert (encoder.model, encoder.max_query_length) == (folders[name], 64)
    dumped = options.dump(preset, values)
    assert "model" not in options.without_locations(preset, dumped)
    assert options.without_locations(preset, dumped)["max_query_length"] == 64
    assert preset(**options.check(preset, dumped, name)) == encoder


@pytest.mark.parametrize("given", [{"size": "xl"}, {"pooling": "max"}, {"max_query_length": 1}])
def test_values_that_make_no_sense_are_refused(given):
    with pytest.raises(OptionError, match=f"option '{next(iter(given))}'"):
        options.check(xlm_r, given, "xlm-r")


def test_a_folder_that_is_not_there_is_refused(name, tmp_path):
    with pytest.raises(OptionError, match=r"missing' is no folder here"):
        PRESETS[name](model=tmp_path / "missing")


def test_labse_without_its_head_is_refused(folders, tmp_path):
    shutil.copytree(folders["labse"], tmp_path, dirs_exist_ok=True)
    (tmp_path / "modules.json").unlink()
    with pytest.raises(OptionError, match=r"holds no modules\.json"):
        labse(model=tmp_path)


def test_a_pickled_dense_layer_is_refused_with_what_to_do(folders, tmp_path):
    shutil.copytree(folders["labse"], tmp_path, dirs_exist_ok=True)
    (tmp_path / "2_Dense" / "model.safetensors").unlink()
    torch.save({}, tmp_path / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(DataError, match="save it anew, which writes safetensors"):
        labse(model=tmp_path).create([], seed=0)


@pytest.mark.parametrize("strange", [{"use_residual": True}, {"bias": False}])
def test_a_dense_layer_of_another_kind_is_refused(strange, folders, tmp_path):
    shutil.copytree(folders["labse"], tmp_path, dirs_exist_ok=True)
    write(tmp_path / "2_Dense" / "config.json", strange)
    with pytest.raises(DataError, match="with a residual or without a bias is not known"):
        labse(model=tmp_path).create([], seed=0)
