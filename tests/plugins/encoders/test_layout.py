"""Files of a sentence-transformers folder that hold something else than they should: all told."""

import json

import pytest
import torch
from safetensors.torch import save_file
from tests.plugins.encoders.model_folders import labse_folder

from hbench.errors import DataError
from hbench_plugins.encoders.huggingface import HuggingFace
from hbench_plugins.encoders.layout import read_head

LIBRARY = "sentence_transformers.models"
NO_OBJECTS = ["[]", '["pooling_mode"]', "5", '"mean"', "null", "true"]


def folder_with(folder, part, content):
    """A folder of one part, with its settings."""
    (folder / part).mkdir(parents=True)
    listing = [{"type": f"{LIBRARY}.{part}", "path": part}]
    (folder / "modules.json").write_text(json.dumps(listing))
    (folder / part / "config.json").write_text(content)
    return folder


@pytest.mark.parametrize("part", ["Pooling", "Dense"])
@pytest.mark.parametrize("content", NO_OBJECTS)
def test_settings_of_a_part_that_are_no_object_are_told(tmp_path, part, content):
    with pytest.raises(DataError) as caught:
        read_head(folder_with(tmp_path, part, content))
    found = repr(json.loads(content))
    assert str(caught.value) == (
        f"{tmp_path / part / 'config.json'}: must be a JSON object, found {found}; take the folder "
        "from its origin anew"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({}, "neither"),
        ({"pooling_mode": ["mean"]}, "['mean']"),
        ({"pooling_mode": {"mean": 1}}, "{'mean': 1}"),
        ({"pooling_mode_mean_tokens": "false"}, "neither"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
         "pooling_mode_cls_token, pooling_mode_mean_tokens"),
    ],
)  # fmt: skip
def test_pooling_that_is_not_said_or_said_oddly_is_told(tmp_path, content, found):
    with pytest.raises(DataError) as caught:
        read_head(folder_with(tmp_path, "Pooling", json.dumps(content)))
    assert str(caught.value) == (
        f"{tmp_path / 'Pooling' / 'config.json'}: pooling must be mean or cls; found {found}: give "
        "another model"
    )


@pytest.mark.parametrize("name", [5, None, ["torch.nn.modules.activation.Tanh"], {"a": 1}])
def test_an_activation_that_is_no_name_is_told(tmp_path, name):
    content = json.dumps({"activation_function": name})
    with pytest.raises(DataError, match=r"config\.json: activation .* is not known; known: torch"):
        read_head(folder_with(tmp_path, "Dense", content))


PART = f"{LIBRARY}.Pooling"
NO_PARTS = [
    5, "text", {"type": PART, "path": "a"}, [PART], [None], [{"type": PART}],
    [{"type": PART, "path": None}], [{"type": [PART], "path": "a"}],
]  # fmt: skip


@pytest.mark.parametrize("listing", NO_PARTS, ids=map(str, NO_PARTS))
def test_a_listing_that_is_none_is_told(tmp_path, listing):
    (tmp_path / "modules.json").write_text(json.dumps(listing))
    with pytest.raises(DataError, match="must be a list of parts, each with 'type' and 'path'"):
        read_head(tmp_path)


@pytest.mark.parametrize("path", ["\0", "a\ud800", "circle"])
def test_a_path_that_is_none_is_told(tmp_path, path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "modules.json").write_text(json.dumps([{"type": PART, "path": path}]))
    with pytest.raises(DataError, match=r"lies outside of the folder|cannot be read"):
        read_head(tmp_path)


@pytest.fixture(scope="module")
def labse(tmp_path_factory):
    """A model whose vectors have 32 numbers; each test writes its dense layer anew."""
    return labse_folder(tmp_path_factory.mktemp("labse"))


HOLDS = "must hold linear.weight (out, in) and linear.bias (out,), and holds"
WRONG = {
    "bias": ({"linear.weight": (32, 32), "linear.bias": (31,)},
             f"{HOLDS} linear.bias (31,), linear.weight (32, 32)"),
    "no bias": ({"linear.weight": (32, 32)}, f"{HOLDS} linear.weight (32, 32)"),
    "a vector": ({"linear.weight": (32,), "linear.bias": (32,)},
                 f"{HOLDS} linear.bias (32,), linear.weight (32,)"),
    "other names": ({"weight": (32, 32)}, f"{HOLDS} weight (32, 32)"),
    "one more": ({"linear.weight": (8, 32), "linear.bias": (8,), "x": (1,)},
                 f"{HOLDS} linear.bias (8,), linear.weight (8, 32), x (1,)"),
    "width": ({"linear.weight": (32, 16), "linear.bias": (32,)},
              "takes vectors of 16 numbers, and the model's have 32"),
}  # fmt: skip


@pytest.mark.parametrize(("shapes", "message"), WRONG.values(), ids=WRONG)
def test_a_dense_layer_of_wrong_shapes_is_told(labse, shapes, message):
    path = labse / "2_Dense" / "model.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, path)
    with pytest.raises(DataError) as caught:
        HuggingFace(model=labse).load(labse)
    assert str(caught.value) == f"{path}: {message}; take the folder from its origin anew"
