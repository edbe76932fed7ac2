"""Models that were published for retrieval, by name: E5 and BGE-M3."""

import re
import shutil
from collections.abc import Callable

import numpy as np
import pytest
from huggingface_hub.utils._paths import filter_repo_objects
from tests.plugins.encoders.model_folders import (
    LENGTHS,
    TEXTS,
    by_sentence_transformers,
    check_training_and_saving,
    own,
    pooled_folder,
)

from hbench import options
from hbench.errors import OptionError
from hbench.registry import build
from hbench_plugins.encoders import bge_m3 as bge_m3_module
from hbench_plugins.encoders.bge_m3 import bge_m3
from hbench_plugins.encoders.huggingface import FILES, UNUSED, HuggingFace
from hbench_plugins.encoders.multilingual_e5 import REVISIONS, multilingual_e5

PRESETS: dict[str, Callable[..., HuggingFace]] = {
    "e5-small": multilingual_e5,
    "e5-base": multilingual_e5,
    "bge-m3": bge_m3,
}
LAYOUTS = {
    "e5-small": ("bert", "mean_tokens"),
    "e5-base": ("xlm-roberta", "mean_tokens"),
    "bge-m3": ("xlm-roberta", "cls_token"),
}
E5 = {"query": "query: ", "passage": "passage: "}
PREFIXES = {"e5-small": E5, "e5-base": E5, "bge-m3": {"query": "", "passage": ""}}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    base = tmp_path_factory.mktemp("published")
    return {name: pooled_folder(base / name, *layout) for name, layout in LAYOUTS.items()}


@pytest.fixture(params=PRESETS)
def name(request):
    return request.param


@pytest.mark.parametrize("side", LENGTHS)
def test_vectors_are_those_of_sentence_transformers_with_the_models_prefixes(name, side, folders):
    model = PRESETS[name](model=folders[name]).create([], seed=0)
    theirs = by_sentence_transformers(folders[name], side, prompt=PREFIXES[name][side])
    np.testing.assert_allclose(own(model, side), theirs, atol=1e-5)


def test_prefixes_change_what_the_model_sees(folders):
    plain = multilingual_e5(model=folders["e5-base"], query_prefix="", passage_prefix="")
    model = multilingual_e5(model=folders["e5-base"]).create([], seed=0)
    for side in LENGTHS:
        assert np.abs(own(model, side) - own(plain.create([], seed=0), side)).max() > 1e-3


def test_trained_models_give_equal_vectors_in_sentence_transformers(name, folders, tmp_path):
    encoder = PRESETS[name](model=folders[name])
    check_training_and_saving(encoder, encoder.create([], seed=0), tmp_path)


def test_pooling_is_the_published_one_without_sentence_transformers_files(folders, tmp_path):
    for name, preset in PRESETS.items():
        shutil.copytree(folders[name], tmp_path / name)
        (tmp_path / name / "modules.json").unlink()
        stripped = preset(model=tmp_path / name).create([], seed=0)
        whole = preset(model=folders[name]).create([], seed=0)
        np.testing.assert_array_equal(own(stripped, "query"), own(whole, "query"))


def test_the_hubs_models_are_pinned_by_commit():
    for size, commit in REVISIONS.items():
        given = options.check(multilingual_e5, {"size": size}, "multilingual-e5")
        fingerprint = multilingual_e5(**given).fingerprint()
        assert fingerprint == f"intfloat/multilingual-e5-{size}@{commit}"
    assert bge_m3().fingerprint() == f"BAAI/bge-m3@{bge_m3_module.REVISION}"
    commits = [*REVISIONS.values(), bge_m3_module.REVISION]
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in commits)
    assert len(set(commits)) == len(commits)


@pytest.mark.parametrize(
    ("preset", "place"),
    [
        ("e5-base", f"models--intfloat--multilingual-e5-base/snapshots/{REVISIONS['base']}"),
        ("bge-m3", f"models--BAAI--bge-m3/snapshots/{bge_m3_module.REVISION}"),
    ],
)
def test_a_cached_hub_model_is_found_offline(preset, place, folders, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    shutil.copytree(folders[preset], tmp_path / place)
    cached = PRESETS[preset]().create([], seed=0)
    local = PRESETS[preset](model=folders[preset]).create([], seed=0)
    np.testing.assert_array_equal(own(cached, "query"), own(local, "query"))


def test_a_download_takes_what_loading_needs_and_no_other_weights():
    needed = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
              "sentencepiece.bpe.model", "special_tokens_map.json", "modules.json",
              "1_Pooling/config.json", "sentence_bert_config.json"]  # fmt: skip
    rest = ["pytorch_model.bin", "colbert_linear.pt", "onnx/model.onnx", "onnx/tokenizer.json",
            "onnx/model.onnx_data", "openvino/openvino_model.bin", "imgs/bm25.jpg"]  # fmt: skip
    taken = filter_repo_objects([*needed, *rest], allow_patterns=FILES, ignore_patterns=UNUSED)
    assert list(taken) == needed


@pytest.mark.parametrize("use", ["multilingual-e5", "bge-m3", "gte-multilingual"])
def test_they_are_found_by_name(use):
    built = build("encoder", use, {"max_query_length": 64})
    assert built.plugin.max_query_length == 64


def test_a_size_that_was_not_published_is_refused():
    with pytest.raises(OptionError, match="option 'size'"):
        options.check(multilingual_e5, {"size": "xl"}, "multilingual-e5")


def test_prompts_that_a_folder_names_are_not_followed(folders, tmp_path):
    shutil.copytree(folders["bge-m3"], tmp_path, dirs_exist_ok=True)
    prompts = '{"prompts": {"query": "Кто: ", "document": "塔 "}, "default_prompt_name": "query"}'
    (tmp_path / "config_sentence_transformers.json").write_text(prompts)
    told = HuggingFace(model=tmp_path).create([], seed=0)
    plain = HuggingFace(model=folders["bge-m3"]).create([], seed=0)
    np.testing.assert_array_equal(own(told, "query", TEXTS), own(plain, "query", TEXTS))
