"""A pickle in place of weights, by whatever name: its code is never run, and the user is told."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from tests.cli.calling import call
from tests.security.attacks import Opens, change_json, copied

from hbench.errors import DataError
from hbench_plugins.encoders.huggingface import HuggingFace
from hbench_plugins.encoders.trusted import check_config

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


PICKLE, NAMES = "adapter_model.bin", "transformers_weights"


def by_the_configuration(folder):
    change_json(folder / "config.json", **{NAMES: PICKLE})


def by_an_index_of_another_name(folder):
    weights = {"embeddings.word_embeddings.weight": PICKLE}
    (folder / f"x.{INDEX}").write_text(json.dumps({"metadata": {}, "weight_map": weights}))
    change_json(folder / "config.json", **{NAMES: f"x.{INDEX}"})


def by_the_configuration_of_a_version(folder):
    shutil.copy(folder / "config.json", folder / "config.5.0.0.json")
    change_json(folder / "config.5.0.0.json", **{NAMES: PICKLE})
    change_json(folder / "config.json", configuration_files=["config.5.0.0.json"])


def by_another_word(folder):
    change_json(folder / "config.json", attribute_map={NAMES: "word"}, word=PICKLE)


def by_no_name_at_all(folder):
    change_json(folder / "config.json", **{NAMES: 5})


NAMINGS = [by_the_configuration, by_an_index_of_another_name, by_the_configuration_of_a_version,
           by_another_word, by_no_name_at_all]  # fmt: skip


@pytest.mark.parametrize("write", [plain, by_torch])
@pytest.mark.parametrize("name", NAMINGS)
def test_a_pickle_that_a_configuration_names_is_not_even_opened(
    model, tmp_path, marker, monkeypatch, name, write
):
    opened = []
    monkeypatch.setattr(torch, "load", lambda path, *_, **__: opened.append(path))
    folder = copied(model, tmp_path / "evil")
    write(folder / PICKLE, marker)
    name(folder)
    with pytest.raises(DataError) as caught:
        HuggingFace(model=folder).load(folder)
    assert not opened
    found = {by_an_index_of_another_name: f"'x.{INDEX}'", by_no_name_at_all: "5"}
    assert str(caught.value) == (
        f"{folder / 'config.json'}: names {found.get(name, repr(PICKLE))} as transformers_weights; "
        "only model.safetensors and the files of its index are loaded: remove the key, and call "
        "the weights so"
    )


def test_weights_of_the_text_part_of_a_configuration_are_no_exception():
    class Part:
        transformers_weights = PICKLE

    class Whole:
        text_config = Part()

    with pytest.raises(DataError, match=f"names '{PICKLE}' as transformers_weights"):
        check_config(Path("folder"), Whole())


def test_an_adapter_is_refused_whether_it_can_be_loaded_or_not(model, tmp_path, marker):
    folder = copied(model, tmp_path / "evil")
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    plain(folder / PICKLE, marker)
    with pytest.raises(DataError) as caught:
        HuggingFace(model=folder).load(folder)
    assert str(caught.value) == (
        f"{folder / 'adapter_config.json'}: makes the folder an adapter to a model, which is not "
        "loaded; merge the two in peft (merge_and_unload), and give the folder that this saves"
    )


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
