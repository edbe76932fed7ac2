"""GTE multilingual as published, against a computation of its own from the published weights."""

import json
import shutil
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.plugins.encoders.model_folders import (
    LENGTHS,
    TEXTS,
    check_training_and_saving,
    own,
    write,
    write_pooling,
    write_xlm_r_tokenizer,
)
from torch.nn.functional import gelu, layer_norm, linear, normalize

from hbench.errors import DataError
from hbench_plugins.encoders.gte_multilingual import REVISION, gte_multilingual

SIZE, LAYERS, HEADS, INNER = 32, 2, 4, 48
THETA, FACTOR, EPSILON = 20000, 8.0, 1e-12
CODE = "Alibaba-NLP/new-impl--"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """As published: a token classifier's weights, and code that lies in another repository."""
    folder = tmp_path_factory.mktemp("gte")
    words = write_xlm_r_tokenizer(folder)
    told = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 8192}
    write(folder / "tokenizer_config.json", told)
    write_pooling(folder, "cls_token")
    write(folder / "config.json", {
        "architectures": ["NewModel", "NewForTokenClassification"], "model_type": "new",
        "auto_map": {"AutoConfig": CODE + "configuration.NewConfig",
                     "AutoModel": CODE + "modeling.NewModel"},
        "vocab_size": words, "hidden_size": SIZE, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "intermediate_size": INNER, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.0,
        "layer_norm_eps": EPSILON, "layer_norm_type": "layer_norm", "type_vocab_size": 1,
        "max_position_embeddings": 8192, "pad_token_id": 1, "position_embedding_type": "rope",
        "rope_theta": THETA, "rope_scaling": {"factor": FACTOR, "type": "ntk"},
        "pack_qkv": True, "unpad_inputs": False, "use_memory_efficient_attention": False,
        "logn_attention_scale": False, "torch_dtype": "float16", "num_labels": 1,
    })  # fmt: skip
    shapes = {
        "embeddings.word_embeddings.weight": (words, SIZE),
        "embeddings.token_type_embeddings.weight": (1, SIZE),
        "embeddings.LayerNorm.weight": (SIZE,),
        "embeddings.LayerNorm.bias": (SIZE,),
    }
    for layer in range(LAYERS):
        shapes |= {f"encoder.layer.{layer}.{part}": shape for part, shape in {
            "attention.qkv_proj.weight": (3 * SIZE, SIZE), "attention.qkv_proj.bias": (3 * SIZE,),
            "attention.o_proj.weight": (SIZE, SIZE), "attention.o_proj.bias": (SIZE,),
            "mlp.up_gate_proj.weight": (2 * INNER, SIZE),
            "mlp.down_proj.weight": (SIZE, INNER), "mlp.down_proj.bias": (SIZE,),
            "attn_ln.weight": (SIZE,), "attn_ln.bias": (SIZE,),
            "mlp_ln.weight": (SIZE,), "mlp_ln.bias": (SIZE,),
        }.items()}  # fmt: skip
    torch.manual_seed(9)
    weights = {f"new.{name}": torch.randn(shape) * 0.3 for name, shape in shapes.items()}
    head = {"classifier.weight": torch.randn(1, SIZE), "classifier.bias": torch.randn(1)}
    save_file(weights | head, folder / "model.safetensors")
    return folder


def turned(states):
    """(tokens, heads, width) with each pair (i, i + width / 2) turned by its position's angle."""
    half = states.shape[-1] // 2
    speed = (THETA * FACTOR) ** (-torch.arange(half) / half) / FACTOR ** (1 / half)
    turn = torch.polar(torch.ones(()), torch.arange(float(len(states)))[:, None, None] * speed)
    result = torch.complex(states[..., :half], states[..., half:]) * turn
    return torch.cat([result.real, result.imag], dim=-1)


def computed(weights, ids):
    """The first token's vector of one text, of length 1."""

    def normed(name, states):
        return layer_norm(states, (SIZE,), weights[f"{name}.weight"], weights[f"{name}.bias"],
                          EPSILON)  # fmt: skip

    def projected(name, states):
        return linear(states, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    words = weights["new.embeddings.word_embeddings.weight"][ids]
    kind = weights["new.embeddings.token_type_embeddings.weight"][0]
    states = normed("new.embeddings.LayerNorm", words + kind)
    for layer in range(LAYERS):
        place = f"new.encoder.layer.{layer}"
        packed = projected(f"{place}.attention.qkv_proj", states)
        query, key, value = packed.view(len(ids), 3, HEADS, SIZE // HEADS).unbind(1)
        scores = torch.einsum("qhd,khd->hqk", turned(query), turned(key)) / (SIZE // HEADS) ** 0.5
        mixed = torch.einsum("hqk,khd->qhd", scores.softmax(-1), value).reshape(len(ids), SIZE)
        states = normed(f"{place}.attn_ln", states + projected(f"{place}.attention.o_proj", mixed))
        up, gate = projected(f"{place}.mlp.up_gate_proj", states).chunk(2, dim=-1)
        inner = projected(f"{place}.mlp.down_proj", up * gelu(gate))
        states = normed(f"{place}.mlp_ln", states + inner)
    return normalize(states[0], dim=0).numpy()


@pytest.mark.parametrize("side", LENGTHS)
def test_vectors_are_those_that_the_published_weights_and_configuration_mean(side, folder):
    model = gte_multilingual(model=folder).create([], seed=0)
    weights = load_file(folder / "model.safetensors")
    wanted = [computed(weights, ids) for ids in model.tokenize(TEXTS, side).ids]
    np.testing.assert_allclose(own(model, side), wanted, atol=1e-5)


def test_a_trained_model_gives_equal_vectors_in_sentence_transformers(folder, tmp_path):
    encoder = gte_multilingual(model=folder)
    check_training_and_saving(encoder, encoder.create([], seed=0), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "gte"
    assert not list(tmp_path.glob("*.py"))


def test_the_hubs_model_is_pinned_and_found_offline(folder, tmp_path, monkeypatch):
    assert gte_multilingual().fingerprint() == f"Alibaba-NLP/gte-multilingual-base@{REVISION}"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place = f"models--Alibaba-NLP--gte-multilingual-base/snapshots/{REVISION}"
    shutil.copytree(folder, tmp_path / place)
    cached, local = (e.create([], seed=0) for e in (gte_multilingual(), gte_multilingual(folder)))
    np.testing.assert_array_equal(own(cached, "query"), own(local, "query"))


@pytest.mark.parametrize("scaling", [None, {"type": "linear", "factor": 2.0}])
def test_angles_of_another_model_are_refused(scaling, folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    write(tmp_path / "config.json", config | {"rope_scaling": scaling})
    with pytest.raises(DataError, match="and not gte-multilingual-base's: give that"):
        gte_multilingual(model=tmp_path).create([], seed=0)


def test_transformers_that_lack_the_architecture_are_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", ModuleType("transformers"))
    with pytest.raises(DataError, match="install a newer one"):
        gte_multilingual(model=folder).body_config(folder)
