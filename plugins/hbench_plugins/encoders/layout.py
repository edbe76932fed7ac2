"""sentence-transformers' folder layout, read and written as JSON; knows no weights.

``modules.json`` lists the parts of a model: the transformer itself in the folder, then pooling, an
optional dense layer, an optional normalisation, each in a folder of its own.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hbench.errors import DataError, shortened, shown
from hbench_plugins.encoders.trusted import read_json

Pooling = Literal["mean", "cls"]
LIBRARY = "sentence_transformers"
TYPES = f"{LIBRARY}.models."
PARTS = ("Transformer", "Pooling", "Dense", "Normalize")
ACTIVATIONS = {
    "torch.nn.modules.activation.Tanh": "tanh",
    "torch.nn.modules.linear.Identity": "identity",
}
POOLING_KEYS: dict[Pooling, str] = {
    "mean": "pooling_mode_mean_tokens",
    "cls": "pooling_mode_cls_token",
}


@dataclass(frozen=True)
class Head:
    """What follows the transformer.

    Args:
        pooling: how token vectors become one, None if the folder does not say.
        dense: the folder of a dense layer's weights, if there is one.
        activation: of the dense layer, ``tanh`` or ``identity``.
    """

    pooling: Pooling | None = None
    dense: Path | None = None
    activation: str = "identity"


def read_head(folder: Path) -> Head:
    """What a folder's ``modules.json`` says; an empty head where there is none.

    Raises:
        DataError: the folder asks for a part that is not known here.
    """
    listing = folder / "modules.json"
    if not listing.is_file():
        return Head()
    pooling: Pooling | None = None
    dense, activation = None, "identity"
    for kind, path in _parts(listing):
        name, part = kind.rsplit(".", 1)[-1], folder / path
        if not _is_inside(part, folder):
            raise DataError(f"{listing}: the part {shown(path)} lies outside of the folder")
        if name not in PARTS:
            raise DataError(f"{listing}: the part {shown(name)} is not known; known are "
                            f"{', '.join(PARTS)}")  # fmt: skip
        if not kind.startswith(f"{LIBRARY}."):
            raise DataError(
                f"{listing}: the part {shown(kind)} is code of its own, which is not run; known "
                f"are those of {LIBRARY}: give another model"
            )
        if name == "Pooling":
            pooling = _pooling(part / "config.json")
        elif name == "Dense":
            if dense is not None:
                raise DataError(
                    f"{listing}: lists two dense layers; only one is known here: give another model"
                )
            dense, activation = part, _activation(part / "config.json")
    return Head(pooling, dense, activation)


def write_head(
    folder: Path,
    *,
    dim: int,
    pooling: Pooling,
    dense: tuple[int, int] | None,
    activation: str,
    normalize: bool,
    max_length: int,
    prefixes: dict[str, str],
) -> Path | None:
    """Write the files that make a saved transformer a sentence-transformers model.

    Args:
        folder: where the transformer was saved.
        dim: size of the transformer's vectors.
        pooling: how they are pooled.
        dense: sizes in and out of the dense layer, if there is one.
        activation: of the dense layer.
        normalize: whether the vectors end at length 1.
        max_length: tokens of the longest text.
        prefixes: what is put before texts, by the name of the prompt.

    Returns:
        The folder for the dense layer's weights, if there is one.
    """
    modes = {key: mode == pooling for mode, key in POOLING_KEYS.items()}
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": dim, **modes})
    names = ["Transformer", "Pooling"]
    dense_folder = None
    if dense is not None:
        names.append("Dense")
        dense_folder = folder / "2_Dense"
        class_name = next(key for key, value in ACTIVATIONS.items() if value == activation)
        _write(
            dense_folder / "config.json",
            {
                "in_features": dense[0],
                "out_features": dense[1],
                "bias": True,
                "activation_function": class_name,
            },
        )
    if normalize:
        names.append("Normalize")
    paths = ["", *(f"{index}_{name}" for index, name in enumerate(names) if index)]
    if normalize:
        (folder / paths[-1]).mkdir(parents=True, exist_ok=True)
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": TYPES + name}
        for index, (name, path) in enumerate(zip(names, paths, strict=True))
    ]
    _write(folder / "modules.json", modules)
    _write(
        folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False}
    )
    _write(
        folder / "config_sentence_transformers.json",
        {"prompts": prefixes, "default_prompt_name": None, "similarity_fn_name": "cosine"},
    )
    return dense_folder


def _parts(listing: Path) -> list[tuple[str, str]]:
    """The class and the path of each part of a model."""
    content = read_json(listing)
    try:
        parts = [(part["type"], part["path"]) for part in content]
    except (KeyError, TypeError):
        parts = [(None, None)]
    if not all(isinstance(value, str) for part in parts for value in part):
        raise DataError(
            f"{listing}: must be a list of parts, each with 'type' and 'path'; take the folder "
            "from its origin anew"
        )
    return parts


def _is_inside(part: Path, folder: Path) -> bool:
    try:
        return part.resolve().is_relative_to(folder.resolve())
    except (ValueError, RuntimeError):  # no path at all, or links in a circle
        return False


def _pooling(path: Path) -> Pooling:
    config = _object(path)
    for mode in POOLING_KEYS:
        if config.get("pooling_mode") == mode:  # the layout of sentence-transformers 6
            return mode
    chosen = [mode for mode, key in POOLING_KEYS.items() if config.get(key) is True]
    others = [k for k, on in config.items() if k.startswith("pooling_mode_") and on is True]
    if len(chosen) != 1 or len(others) != 1:
        found = shortened(", ".join(others) or str(config.get("pooling_mode", "neither")))
        raise DataError(f"{path}: pooling must be mean or cls; found {found}: give another model")
    return chosen[0]


def _activation(path: Path) -> str:
    config = _object(path)
    if config.get("use_residual") or not config.get("bias", True):
        raise DataError(f"{path}: a dense layer with a residual or without a bias is not known; "
                        "give another model")  # fmt: skip
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    if name not in ACTIVATIONS:
        raise DataError(
            f"{path}: activation {shown(name)} is not known; known: {', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]


def _object(path: Path) -> dict[str, Any]:
    """The settings of a part."""
    config = read_json(path)
    if not isinstance(config, dict):
        raise DataError(
            f"{path}: must be a JSON object, found {shown(config)}; take the folder from its "
            "origin anew"
        )
    return config


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
