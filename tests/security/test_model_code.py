"""Python code in a model's folder: run where the spec says so, and never of other repositories."""

import json

import pytest
from tests.security.attacks import change_json, copied

from hbench.errors import DataError, OptionError
from hbench.registry import build
from hbench_plugins.encoders.huggingface import HuggingFace
from hbench_plugins.encoders.trusted import check_code

CODE = """\
from transformers import XLMRobertaConfig, XLMRobertaModel
open({marker!r}, "w").close()
class Config(XLMRobertaConfig):
    model_type = "strange"
class Model(XLMRobertaModel):
    config_class = Config
"""
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def strange(model, tmp_path, monkeypatch):
    """A model of an architecture that its folder brings along; its marker."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "hub"))
    folder, marker = copied(model, tmp_path / "strange"), tmp_path / "code-was-run"
    (folder / "modeling_strange.py").write_text(CODE.format(marker=str(marker)))
    ask(folder, "modeling_strange")
    return folder, marker


def ask(folder, module, **changes):
    classes = {"AutoConfig": f"{module}.Config", "AutoModel": f"{module}.Model"}
    change_json(folder / "config.json", model_type="strange", auto_map=classes, **changes)


def test_a_folders_code_is_not_run_and_the_user_is_told_what_helps(strange):
    folder, marker = strange
    with pytest.raises(DataError) as caught:
        HuggingFace(model=folder).load(folder)
    assert str(caught.value) == (
        f"{folder}: needs Python code that it brings along, and that is not run; read it, and if "
        "you trust it, set 'trust_remote_code: true' for this encoder, or give a model that "
        "transformers knows"
    )
    assert not marker.exists()


@pytest.mark.filterwarnings("ignore")
def test_a_folders_code_is_run_if_the_spec_says_so_and_is_part_of_the_key(strange, tmp_path):
    folder, marker = strange
    trusting = HuggingFace(model=folder, trust_remote_code=True)
    before = trusting.fingerprint()
    loaded = trusting.load(folder)
    assert type(loaded.body).__name__ == "Model"
    assert marker.exists()
    loaded.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "modeling_strange.py").exists()
    assert type(trusting.load(tmp_path / "saved").body).__name__ == "Model"
    with pytest.raises(DataError, match="set 'trust_remote_code: true'"):
        HuggingFace(model=folder).load(tmp_path / "saved")
    (folder / "modeling_strange.py").write_text("other code")
    assert trusting.fingerprint() != before


def test_code_of_another_repository_is_never_run(strange):
    folder, marker = strange
    ask(folder, "org/name--modeling_strange")
    with pytest.raises(DataError) as caught:
        HuggingFace(model=folder, trust_remote_code=True).load(folder)
    assert str(caught.value) == (
        f"{folder / 'config.json'}: asks for 'org/name--modeling_strange.Config', code of another "
        "repository, whose revision is pinned nowhere; copy the code into this folder, and name it "
        "here"
    )
    assert not marker.exists()


def ask_in_the_tokenizer(folder, reference):
    change_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": [reference, None]})


def ask_in_the_configuration_of_a_version(folder, reference):
    asked = json.loads((folder / "config.json").read_text())
    asked["auto_map"] = {"AutoModel": reference}
    (folder / "config.5.0.0.json").write_text(json.dumps(asked))
    change_json(folder / "config.json", configuration_files=["config.5.0.0.json"])


OTHER_FILES = {
    "tokenizer_config.json": ask_in_the_tokenizer,
    "config.5.0.0.json": ask_in_the_configuration_of_a_version,
}


@pytest.mark.parametrize(("file", "put"), OTHER_FILES.items(), ids=OTHER_FILES)
def test_nor_where_another_file_than_the_configuration_asks_for_it(strange, file, put):
    folder, marker = strange
    put(folder, "org/name--modeling_strange.T")
    with pytest.raises(DataError) as caught:
        HuggingFace(model=folder, trust_remote_code=True).load(folder)
    said = f"{folder / file}: asks for 'org/name--modeling_strange.T', code of another repository"
    assert str(caught.value).startswith(said)
    assert not marker.exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("odd", [5, "config.json", [5], {"a": 1}, None])
def test_a_trusted_folder_needs_no_configuration_of_its_tokenizer_nor_of_versions(strange, odd):
    folder, marker = strange
    (folder / "tokenizer_config.json").unlink()
    change_json(folder / "config.json", configuration_files=odd)
    check_code(folder)
    assert not marker.exists()


def test_code_beside_a_known_architecture_and_its_tokenizer_is_passed_over(strange):
    folder, marker = strange
    change_json(folder / "config.json", model_type="xlm-roberta")
    change_json(
        folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["modeling_strange.T", None]}
    )
    loaded = HuggingFace(model=folder).load(folder)
    assert loaded.tokenize(["tower"], "query").ids
    assert not marker.exists()


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:7], COMMIT.upper()])
def test_a_model_of_the_hub_needs_the_commit_whether_its_code_is_run_or_not(revision):
    for trusts in (True, False):
        with pytest.raises(OptionError, match="40 hex digits"):
            HuggingFace(model="org/name", revision=revision, trust_remote_code=trusts)
    HuggingFace(model="org/name", revision=COMMIT, trust_remote_code=True)


def test_no_encoder_but_the_general_one_can_be_told_to_run_code(tmp_path):
    for name in ("xlm-r", "labse", "bge-m3", "gte-multilingual", "multilingual-e5", "scratch"):
        with pytest.raises(OptionError, match="trust_remote_code"):
            build("encoder", name, {"trust_remote_code": True})


@pytest.mark.parametrize("kind", ["evil_package.Pooling", "Pooling", "modeling_strange.Pooling"])
def test_a_part_of_a_model_that_is_a_class_of_its_own_is_refused(model, tmp_path, kind):
    folder = copied(model, tmp_path / "evil")
    (folder / "modules.json").write_text(json.dumps([{"type": kind, "path": "1_Pooling"}]))
    with pytest.raises(DataError, match=f"'{kind}' is code of its own, which is not run"):
        HuggingFace(model=folder).load(folder)


@pytest.mark.parametrize("path", ["../other", "/etc", "link"])
def test_a_part_of_a_model_stays_in_its_folder(model, tmp_path, path):
    folder = copied(model, tmp_path / "evil")
    (folder / "link").symlink_to(tmp_path)
    part = {"type": "sentence_transformers.models.Pooling", "path": path}
    (folder / "modules.json").write_text(json.dumps([part]))
    with pytest.raises(DataError, match="lies outside of the folder"):
        HuggingFace(model=folder).load(folder)
