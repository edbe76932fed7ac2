"""A pickle in place of weights, by whatever name: its code is never run, and the user is told."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from tests.cli.calling import call
from tests.security.attacks import Opens, change_json, copied

from hbench.errors import DataError
from hbench_plugins.encoders.huggingface import HuggingFace

INDEX = "model.safetensors.index.json"


def plain(path, marker):
    path.write_bytes(pickle.dumps(Opens(marker)))


def by_torch(path, marker):
    torch.save({"embeddings.word_embeddings.weight": Opens(marker)}, path)


def under_the_name_of_safetensors(folder, marker, write):
    write(folder / "model.safetensors", marker)


def as_pytorch_saves_them(folder, marker, write):
    (folder / "model.safetensors").unlink()
    write(folder / "pytorch_model.bin", marker)


def by_an_index(name):
    def put(folder, marker, write):
        (folder / "model.safetensors").rename(folder / "other.safetensors")
        write(folder / "evil.bin", marker)
        weights = {"embeddings.word_embeddings.weight": name}
        (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weights}))

    return put


ATTACKS = {
    "renamed": (under_the_name_of_safetensors, ": cannot be loaded by transformers: Safetensor"),
    "alone": (as_pytorch_saves_them, ": holds no weights as safetensors; pickled ones"),
    "index": (by_an_index("evil.bin"), f"/{INDEX}: names 'evil.bin' as weights; only .safetensors"),
    "elsewhere": (by_an_index("../x.safetensors"), f"/{INDEX}: names '../x.safetensors'"),
}


@pytest.mark.parametrize("write", [plain, by_torch])
@pytest.mark.parametrize(("put", "message"), ATTACKS.values(), ids=ATTACKS)
def test_a_pickle_in_place_of_weights_is_told_and_not_run(
    model, tmp_path, marker, put, message, write
):
    folder = copied(model, tmp_path / "evil")
    put(folder, marker, write)
    with pytest.raises(DataError) as caught:
        HuggingFace(model=folder).load(folder)
    assert str(caught.value).startswith(f"{folder}{message}")


def test_the_marker_is_a_fair_witness(tmp_path):
    path = tmp_path / "run"
    pickle.loads(pickle.dumps(Opens(path))).close()
    assert path.exists()


def test_weights_of_a_dense_layer_are_no_pickles_either(model, tmp_path, marker):
    folder = copied(model, tmp_path / "evil")
    dense = folder / "2_Dense"
    dense.mkdir()
    (dense / "config.json").write_text("{}")
    plain(dense / "pytorch_model.bin", marker)
    parts = [{"type": f"sentence_transformers.models.{name}", "path": path}
             for name, path in (("Transformer", ""), ("Dense", "2_Dense"))]  # fmt: skip
    (folder / "modules.json").write_text(json.dumps(parts))
    with pytest.raises(DataError, match="holds no dense layer that can be read"):
        HuggingFace(model=folder).load(folder)
    plain(dense / "model.safetensors", marker)
    with pytest.raises(DataError, match="holds no dense layer that can be read"):
        HuggingFace(model=folder).load(folder)


def test_a_run_with_such_a_model_fails_with_one_message(model, tmp_path, marker, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain(copied(model, Path("evil")) / "model.safetensors", marker)
    Path("f.yaml").write_text(
        """\
version: 1
benchmarks:
  tiny:
    encoders: {e: {use: huggingface, model: evil}}
    samplers: {none: {use: none}}
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono], metrics: [map]}
"""
    )
    result = call("run", "f.yaml", "--device", "cpu")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert "evil: cannot be loaded by transformers" in line and "give a folder" in line


def test_attention_that_a_configuration_names_is_not_fetched_from_the_hub(model, tmp_path):
    folder = copied(model, tmp_path / "evil")
    change_json(folder / "config.json", attn_implementation="evil/kernel")
    loaded = HuggingFace(model=folder).load(folder)
    assert "/" not in str(loaded.body.config._attn_implementation)
