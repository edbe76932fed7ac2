"""What a model's folder must not ask for: pickles, and code that nobody pinned; reads JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hbench.errors import DataError, shown

INDEX = "model.safetensors.index.json"
WITH_CODE = ("config.json", "tokenizer_config.json")
ADAPTER = "adapter_config.json"


def check_weights(folder: Path) -> None:
    """Refuse weights that are not safetensors, or that lie elsewhere.

    Raises:
        DataError: says what is there instead, and how to get safetensors.
    """
    if not any(folder.glob("*.safetensors")):
        raise DataError(
            f"{folder}: holds no weights as safetensors; pickled ones (pytorch_model.bin) are "
            "not loaded, since they can run any code: load the model in sentence-transformers, "
            "save it anew, which writes safetensors, and give that folder as 'model'"
        )
    if (folder / ADAPTER).exists():  # read or not, with pickles or not, as packages are installed
        raise DataError(
            f"{folder / ADAPTER}: makes the folder an adapter to a model, which is not loaded; "
            "merge the two in peft (merge_and_unload), and give the folder that this saves"
        )
    path = folder / INDEX
    for name in _names(path):
        if Path(name).name != name or "\\" in name or not name.endswith(".safetensors"):
            raise DataError(
                f"{path}: names {shown(name)} as weights; only .safetensors files beside it are "
                "loaded: take the folder from its origin anew, or save the model anew"
            )


def check_config(folder: Path, config: object) -> None:
    """Refuse a configuration that names its weights: `check_weights` has not seen those.

    It is asked as transformers asks, since a file can say it in several ways.

    Raises:
        DataError: says what it names, and what to do.
    """
    for part in (config, getattr(config, "text_config", None)):
        named = getattr(part, "transformers_weights", None)
        if named is not None:
            raise DataError(
                f"{folder / 'config.json'}: names {shown(named)} as transformers_weights; only "
                "model.safetensors and the files of its index are loaded: remove the key, and call "
                "the weights so"
            )


def check_code(folder: Path) -> None:
    """Refuse code of other repositories; a revision or a sum pins the folder's own alone.

    Raises:
        DataError: says which code is asked for, and what to do.
    """
    by_version = _mapping(folder / "config.json").get("configuration_files")
    others = map(str, by_version if isinstance(by_version, (list, dict)) else ())
    for path in (folder / name for name in (*WITH_CODE, *others)):
        for name in _references(path):
            if "--" in name:
                raise DataError(
                    f"{path}: asks for {shown(name)}, code of another repository, whose revision "
                    "is pinned nowhere; copy the code into this folder, and name it here"
                )


def _names(index: Path) -> Iterator[str]:
    """The files that an index of weights names."""
    named = _mapping(index).get("weight_map", {})
    yield from map(str, named.values() if isinstance(named, dict) else [named])


def _references(path: Path) -> Iterator[str]:
    """The classes that a configuration wants to have loaded from Python files."""
    asked = _mapping(path).get("auto_map", {})
    for value in asked.values() if isinstance(asked, dict) else [asked]:
        yield from map(str, value if isinstance(value, list) else [value])


def _mapping(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no file."""
    if not path.is_file():
        return {}
    content = read_json(path)
    return content if isinstance(content, dict) else {}


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON
    """The JSON of a file of a model.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); take the folder from its origin anew"
        ) from error
