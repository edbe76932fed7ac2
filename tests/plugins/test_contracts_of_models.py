"""Every encoder, objective and transform that hbench ships keeps the contract of its kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.plugins.encoders.model_folders import (
    SHAPE,
    labse_folder,
    pooled_folder,
    write,
    write_pooling,
    write_xlm_r_tokenizer,
    xlm_r_folder,
)

from hbench.registry import Kind, entries
from hbench.testing import CHECKS, built, check_encoder


def gte_folder(folder: Path) -> Path:
    """Transformers' own GTE; that the published one is read, has tests of its own."""
    from transformers import AutoModel, GteConfig

    size = write_xlm_r_tokenizer(folder)
    write(folder / "tokenizer_config.json", {"tokenizer_class": "XLMRobertaTokenizer"})
    torch.manual_seed(9)
    AutoModel.from_config(GteConfig(vocab_size=size, **SHAPE)).save_pretrained(folder)
    write_pooling(folder, "cls_token")
    return folder


FOLDERS: dict[str, Callable[[Path], Path]] = {
    "bge-m3": lambda folder: pooled_folder(folder, "xlm-roberta", "cls_token"),
    "gte-multilingual": gte_folder,
    "huggingface": xlm_r_folder,
    "labse": labse_folder,
    "multilingual-e5": lambda folder: pooled_folder(folder, "bert", "mean_tokens"),
    "xlm-r": xlm_r_folder,
}
SMALL = {"hidden": 16, "layers": 1, "vocabulary": 300}
CASES: dict[Kind, list[tuple[str, dict[str, Any]]]] = {
    "encoder": [
        ("bge-m3", {}),
        ("gte-multilingual", {}),
        ("huggingface", {"dtype": "bfloat16", "gradient_checkpointing": True}),
        ("labse", {}),
        ("multilingual-e5", {}),
        ("scratch", SMALL),
        ("scratch", SMALL | {"dropout": 0.3, "pooling": "cls", "max_query_length": 8}),
        ("xlm-r", {"dropout": 0.0}),
    ],
    "objective": [
        ("infonce", {}),
        ("infonce", {"symmetric": True, "learn_temperature": True}),
        ("infonce", {"joint": True, "hard_negatives": 2, "margin": 0.1}),
        ("lakda", {}),
        ("lakda", {"share": 1.0}),
        ("semantic-proximity", {}),
        ("semantic-proximity", {"nce_weight": 0.0}),
    ],
    "transform": [
        ("centering", {}),
        ("lir", {}),
        ("lir", {"rank": 3}),
        ("shift", {}),
        ("shift", {"alpha": 1.0, "source": "de", "queries": True}),
    ],
}


@pytest.mark.parametrize("kind", CASES)
def test_all_that_ship_are_checked(kind):
    shipped = {
        name for name, (entry, *_) in entries(kind).items() if entry.distribution == "hbench"
    }
    assert {name for name, _ in CASES[kind]} == shipped


@pytest.mark.parametrize(("name", "options"), CASES["encoder"])
def test_encoders_keep_their_contract(name, options, tmp_path):
    if name in FOLDERS:
        options = {**options, "model": str(FOLDERS[name](tmp_path / name))}
    check_encoder(built("encoder", name, **options), other_processes=False)


@pytest.mark.slow  # two more processes import transformers
def test_an_encoder_from_scratch_is_the_same_in_another_process():
    check_encoder(built("encoder", "scratch", **SMALL))


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [(kind, *case) for kind in ("objective", "transform") for case in CASES[kind]],
)
def test_objectives_and_transforms_keep_their_contract(kind, name, options):
    CHECKS[kind](built(kind, name, **options))
