"""Small models in the layouts that pretrained ones were published in, and what to compare."""

import json
import warnings
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, normalize

from hbench.records import Side

LENGTHS: dict[Side, int] = {"query": 96, "passage": 256}
SCRIPTS = [
    "Who built the Iron Tower?",
    "铁塔是谁建的，建了多少年？",
    "Кто построил башню, и когда это было, и сколько в ней ступеней?",
    "लोहे की मीनार किसने बनवाई थी?",
    "من بنى البرج الحديدي ومتى افتتح؟",
    "Ποιος έχτισε τον σιδερένιο πύργο;",
    "ใครเป็นผู้สร้างหอคอยเหล็ก",
    "Đây là tháp sắt; ağaç değil, Straße nicht.",
    "",
]
TEXTS = [*SCRIPTS, " ".join(SCRIPTS) * 3, " ".join(SCRIPTS) * 12, SCRIPTS[0]]  # two are too long
SPECIAL = ("unk", "sep", "pad", "cls", "mask")
SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.3,  # vectors of unlike texts shall be unlike
}


def labse_folder(folder):
    """As sentence-transformers 2 published LaBSE: BERT, first token, dense with tanh, length 1."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizer

    trained = BertWordPieceTokenizer(lowercase=False)
    trained.train_from_iterator(SCRIPTS, vocab_size=260, min_frequency=1, show_progress=False)
    words = trained.get_vocab()
    BertTokenizer(vocab=words, do_lower_case=False).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(sorted(words, key=words.__getitem__)) + "\n")
    special = {f"{name}_token": f"[{name.upper()}]" for name in SPECIAL}
    write(folder / "special_tokens_map.json", special)
    rest = {
        "do_lower_case": False,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "tokenizer_class": "BertTokenizer",
    }
    write(folder / "tokenizer_config.json", special | rest)
    torch.manual_seed(5)
    BertModel(BertConfig(vocab_size=len(words), **SHAPE)).save_pretrained(folder)
    _write_labse_head(folder)
    return folder


def _write_labse_head(folder):
    parts = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense",
             "3_Normalize": "Normalize"}  # fmt: skip
    write(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{part}"}
        for i, (path, part) in enumerate(parts.items())
    ])  # fmt: skip
    modes = {"cls_token": True, "mean_tokens": False, "max_tokens": False,
             "mean_sqrt_len_tokens": False}  # fmt: skip
    pooling = {f"pooling_mode_{name}": on for name, on in modes.items()}
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 32, **pooling})
    tanh = "torch.nn.modules.activation.Tanh"
    write(folder / "2_Dense" / "config.json", {
        "in_features": 32, "out_features": 32, "bias": True, "activation_function": tanh,
    })  # fmt: skip
    dense = {"linear.weight": torch.randn(32, 32) / 6, "linear.bias": torch.randn(32) / 6}
    save_file(dense, folder / "2_Dense" / "model.safetensors")
    write(folder / "sentence_bert_config.json", {"max_seq_length": 256, "do_lower_case": False})
    versions = {"sentence_transformers": "2.0.0", "transformers": "4.7.0", "pytorch": "1.9.0"}
    write(folder / "config_sentence_transformers.json", {"__version__": versions})


def xlm_r_folder(folder):
    """As XLM-R was published: a masked language model and a tokenizer, nothing on pooling."""
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    size = write_xlm_r_tokenizer(folder)
    write(folder / "tokenizer_config.json", {"model_max_length": 512})
    torch.manual_seed(6)
    config = XLMRobertaConfig(vocab_size=size, max_position_embeddings=514,
                              type_vocab_size=1, **SHAPE)  # fmt: skip
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    return folder


def pooled_folder(folder, body, pooling):
    """As E5 and BGE-M3 were published: a body, XLM-R's tokenizer, pooling, length 1; no prompts."""
    from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

    size = write_xlm_r_tokenizer(folder)
    told = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512}
    write(folder / "tokenizer_config.json", told)
    torch.manual_seed(8)
    model = {
        # E5's smallest has BERT's body, whose positions begin at 0 and whose padding id is 0.
        "bert": lambda: BertModel(BertConfig(vocab_size=size, type_vocab_size=2, **SHAPE)),
        "xlm-roberta": lambda: XLMRobertaModel(
            XLMRobertaConfig(vocab_size=size, max_position_embeddings=514, **SHAPE)
        ),
    }[body]()
    model.save_pretrained(folder)
    write_pooling(folder, pooling)
    return folder


def write_xlm_r_tokenizer(folder):
    """XLM-R's kind of tokenizer; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import XLMRobertaTokenizer

    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    trained.train_from_iterator([*SCRIPTS, "Query: Passage:"], trainer)
    pieces = [(piece, score) for piece, score in json.loads(trained.to_str())["model"]["vocab"]]
    XLMRobertaTokenizer(vocab=[*pieces, ("<mask>", 0.0)]).save_pretrained(folder)
    return len(pieces) + 1


def write_pooling(folder, pooling):
    """What sentence-transformers is told of a model that pools and normalises."""
    parts = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    write(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{part}"}
        for i, (path, part) in enumerate(parts.items())
    ])  # fmt: skip
    modes = {f"pooling_mode_{name}": name == pooling for name in ("cls_token", "mean_tokens")}
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 32, **modes})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False})


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2))


def own(model, side, texts=TEXTS):
    """A model's vectors of length 1."""
    model.train(False)
    with torch.inference_mode():
        ids = model.tokenize(texts, side).ids
        return normalize(model.embed(ids, budget=700), dim=1).numpy()


def by_sentence_transformers(folder, side, texts=TEXTS, **prompt):
    """sentence-transformers' own loading of a folder, with texts cut to the side's length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu")
        model.max_seq_length = LENGTHS[side]
        return model.encode(texts, normalize_embeddings=True, show_progress_bar=False, **prompt)


def train(model):
    """Some optimiser steps on pairs of neighbouring texts."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train(True)
    torch.manual_seed(7)
    queries = model.tokenize(SCRIPTS, "query").ids
    passages = model.tokenize([*SCRIPTS[1:], SCRIPTS[0]], "passage").ids
    for step in range(2):
        left, right = (
            normalize(model.embed(ids, budget=200, recompute=step % 2 == 1), dim=1)
            for ids in (queries, passages)
        )
        optimizer.zero_grad()
        cross_entropy(20 * left @ right.T, torch.arange(len(SCRIPTS))).backward()
        optimizer.step()


def check_training_and_saving(encoder, model, folder):
    """A trained and saved model gives one set of vectors here and in sentence-transformers."""
    before = {side: own(model, side) for side in LENGTHS}
    train(model)
    model.save(folder)
    again = encoder.load(folder)
    prompts: dict[Side, str] = {"query": "query", "passage": "document"}
    for side, prompt in prompts.items():
        trained = own(model, side)
        assert np.abs(trained - before[side]).max() > 1e-3
        np.testing.assert_allclose(own(again, side), trained, atol=1e-6)
        theirs = by_sentence_transformers(folder, side, prompt_name=prompt)
        np.testing.assert_allclose(theirs, trained, atol=1e-5)
