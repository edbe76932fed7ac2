import json
import shutil
import warnings

import numpy as np
import pytest
import torch

from hbench.errors import DataError, OptionError
from hbench.records import Tokenized
from hbench.registry import build
from hbench_plugins.encoders.huggingface import HuggingFace
from hbench_plugins.encoders.layout import read_head
from hbench_plugins.encoders.scratch import Scratch, _train_tokenizer

TEXTS = [
    "Who built the Iron Tower?",
    "铁塔是谁建的？",
    "Кто построил башню, и когда это было, и сколько в ней ступеней?",
    "Who built the Iron Tower?",
    "मीनार",
]
COMMIT = "0123456789" * 4
SCRATCH = Scratch(hidden=16, layers=2, heads=2, vocabulary=300)


@pytest.fixture(scope="module")
def scratch_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scratch") / "model"
    SCRATCH.create(TEXTS, seed=1).save(folder)
    return folder


@pytest.fixture(scope="module")
def labse_folder(tmp_path_factory, scratch_folder):
    """A small model in LaBSE's layout, saved by sentence-transformers itself."""
    from transformers import BertConfig, BertModel

    body = tmp_path_factory.mktemp("bert")
    shutil.copytree(scratch_folder, body, dirs_exist_ok=True)
    for part in ("modules.json", "model.safetensors", "config_sentence_transformers.json"):
        (body / part).unlink()
    torch.manual_seed(5)
    config = BertConfig(vocab_size=300, pad_token_id=1, hidden_size=16, num_hidden_layers=2,
                        num_attention_heads=2, intermediate_size=32)  # fmt: skip
    BertModel(config).save_pretrained(body)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.models import Dense, Normalize, Pooling, Transformer

        parts = [
            Transformer(str(body), max_seq_length=64),
            Pooling(16, pooling_mode="cls"),
            Dense(16, 12, activation_function=torch.nn.Tanh()),
            Normalize(),
        ]
        folder = tmp_path_factory.mktemp("labse")
        SentenceTransformer(modules=parts, device="cpu").save_pretrained(str(folder))
    return folder


def vectors(model, texts, side="query"):
    model.train(False)
    with torch.inference_mode():
        return torch.nn.functional.normalize(
            model.embed(model.tokenize(texts, side).ids, budget=64), dim=1
        ).numpy()


def by_sentence_transformers(folder, texts, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(folder), device="cpu").encode(texts, **options)


def test_a_saved_model_loads_in_sentence_transformers_with_equal_vectors(scratch_folder):
    own = vectors(SCRATCH.load(scratch_folder), TEXTS)
    np.testing.assert_allclose(by_sentence_transformers(scratch_folder, TEXTS), own, atol=1e-6)


def test_prefixes_become_prompts_and_pooling_is_kept(tmp_path):
    encoder = Scratch(hidden=16, heads=2, layers=1, vocabulary=300, pooling="cls",
                      query_prefix="Query: ", passage_prefix="Passage: ")  # fmt: skip
    model = encoder.create(TEXTS, seed=2)
    model.save(tmp_path)
    for side, prompt in (("query", "query"), ("passage", "document")):
        other = by_sentence_transformers(tmp_path, TEXTS, prompt_name=prompt)
        np.testing.assert_allclose(other, vectors(model, TEXTS, side), atol=1e-6)
    assert np.abs(vectors(model, TEXTS, "query") - vectors(model, TEXTS, "passage")).max() > 1e-5


def test_labses_layout_gives_sentence_transformers_vectors(labse_folder, tmp_path):
    expected = by_sentence_transformers(labse_folder, TEXTS)
    model = HuggingFace(str(labse_folder), max_query_length=64).load(labse_folder)
    assert model.dense is not None and model.pooling == "cls"
    np.testing.assert_allclose(vectors(model, TEXTS), expected, atol=1e-5)
    model.save(tmp_path)
    np.testing.assert_allclose(by_sentence_transformers(tmp_path, TEXTS), expected, atol=1e-5)


def test_row_i_belongs_to_text_i_whatever_shares_the_batch():
    model = SCRATCH.create(TEXTS, seed=1)
    together = vectors(model, TEXTS)
    alone = np.concatenate([vectors(model, [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.array_equal(together[0], together[3])


def test_texts_are_cut_to_the_length_of_their_side():
    model = Scratch(hidden=16, heads=2, layers=1, vocabulary=300, max_query_length=7).create(
        TEXTS, seed=1
    )
    long = [TEXTS[2] * 50]
    query, passage = (model.tokenize([*long, "short"], side) for side in ("query", "passage"))
    assert (len(query.ids[0]), query.cut) == (7, 1)
    assert (len(passage.ids[0]), passage.cut) == (256, 1)
    assert passage.ids[0][-1] == model.tokenizer.eos_token_id
    assert model.tokenize(["short"], "passage") == Tokenized([passage.ids[1]], 0)
    assert vectors(model, long, "passage").shape == (1, 16)


def test_one_seed_gives_one_model_and_another_seed_another():
    def weights(seed):
        _train_tokenizer.cache_clear()
        model = SCRATCH.create(iter(TEXTS), seed=seed)
        return torch.cat([p.detach().flatten() for p in model.parameters()]), model.tokenizer

    (first, tokenizer), (again, same), (other, _) = weights(1), weights(1), weights(2)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert tokenizer.backend_tokenizer.to_str() == same.backend_tokenizer.to_str()


def test_creating_a_model_leaves_the_global_random_numbers_alone():
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    SCRATCH.create(TEXTS, seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_the_fingerprint_of_a_folder_follows_its_content(scratch_folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(scratch_folder, copy)
    assert HuggingFace(str(copy)).fingerprint() == HuggingFace(str(scratch_folder)).fingerprint()
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"hidden_act": "relu"}))
    assert HuggingFace(str(copy)).fingerprint() != HuggingFace(str(scratch_folder)).fingerprint()


def test_a_hub_id_without_revision_is_refused():
    with pytest.raises(OptionError, match="needs 'revision'"):
        HuggingFace("FacebookAI/xlm-roberta-base")
    with pytest.raises(OptionError, match="40 hex digits"):
        HuggingFace("a/b", revision="main")
    assert HuggingFace("a/b", revision=COMMIT).fingerprint() == f"a/b@{COMMIT}"


def test_a_folder_with_a_revision_is_refused(scratch_folder):
    with pytest.raises(OptionError, match="is a folder here, and 'revision' is for hub ids"):
        HuggingFace(str(scratch_folder), revision=COMMIT)


def test_where_a_folder_lies_is_no_part_of_its_identity(scratch_folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(scratch_folder, copy)
    a, b = (build("encoder", "huggingface", {"model": str(p)}) for p in (scratch_folder, copy))
    assert a.identity == b.identity
    assert a.options != b.options


def test_a_hub_model_that_is_not_cached_is_explained_offline(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        DataError, match=rf"'a/b' at revision '{COMMIT}' is neither in the hub's cache"
    ):
        HuggingFace("a/b", revision=COMMIT).create([], seed=0)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no config\.json"):
        HuggingFace(str(tmp_path)).fingerprint()


def test_a_checkpoint_of_another_architecture_is_refused(scratch_folder, tmp_path):
    folder = tmp_path / "deeper"
    shutil.copytree(scratch_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(DataError, match=r"lack 16 of the model's tensors"):
        HuggingFace(str(folder)).load(folder)


def test_pickled_weights_are_refused_with_what_to_do(scratch_folder, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(scratch_folder, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(DataError) as caught:
        HuggingFace(str(folder)).load(folder)
    said = str(caught.value)
    assert said.startswith(f"{folder}: holds no weights as safetensors")
    assert "load the model in sentence-transformers, save it anew" in said
    assert said.endswith("give that folder as 'model'")


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("modules.json", "[", "cannot be read"),
        ("modules.json", '[{"type": "x.WordWeights", "path": "a"}]', "'WordWeights' is not known"),
        ("1_Pooling/config.json", '{"pooling_mode_max_tokens": true}', "must be mean or cls"),
        ("1_Pooling/config.json", '{"pooling_mode": "max"}', "found max"),
        ("modules.json", '[{"type": "x.Pooling", "path": "../else"}]', "outside of the folder"),
    ],
)
def test_a_head_that_is_not_known_is_refused(scratch_folder, tmp_path, part, content, message):
    folder = tmp_path / "model"
    shutil.copytree(scratch_folder, folder)
    (folder / part).write_text(content)
    with pytest.raises(DataError, match=message):
        read_head(folder)


def test_hidden_must_be_a_multiple_of_heads():
    with pytest.raises(OptionError, match="no multiple of heads"):
        Scratch(hidden=10, heads=3)


def test_a_length_beyond_the_models_positions_is_refused(scratch_folder):
    longest = int(SCRATCH.load(scratch_folder).longest)
    assert HuggingFace(str(scratch_folder), max_passage_length=longest).load(scratch_folder)
    with pytest.raises(DataError, match=f"has positions for {longest} tokens, and max_query_l"):
        HuggingFace(str(scratch_folder), max_query_length=longest + 1).load(scratch_folder)


def test_two_dense_layers_are_refused_and_not_half_read(labse_folder, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(labse_folder, folder)
    parts = json.loads((folder / "modules.json").read_text())
    (dense,) = (part for part in parts if part["type"].endswith("Dense"))
    (folder / "modules.json").write_text(json.dumps([*parts, dense]))
    with pytest.raises(DataError, match="two dense layers"):
        read_head(folder)
