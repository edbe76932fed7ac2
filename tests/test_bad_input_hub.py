"""A model that the hub does not give, or that lacks a package, is told with what helps.

The hub's own library runs against answers that are made up here. The model is asked for when its
job runs, so it is the job that fails: exit code 1.
"""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from huggingface_hub import set_client_factory
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils._http import default_client_factory
from tests.bad_input import cases
from tests.cli.calling import call

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SPEC = """\
version: 1
benchmarks:
  tiny:
    encoders: {e: {use: huggingface, model: org/name, revision: COMMIT}}
    samplers: {none: {use: none}}
    evaluate:
      test: {data: {use: babel, split: test}, settings: [mono], metrics: [map]}
""".replace("COMMIT", COMMIT)
BEGINS = (
    f"model 'org/name' at revision '{COMMIT}' is neither in the hub's cache (HF_HOME) nor to be "
    "downloaded: "
)
client = import_module(HfHubHTTPError.__bases__[0].__module__.partition(".")[0])  # httpx, httpx2


@pytest.fixture(autouse=True)
def folder(tmp_path_factory, monkeypatch):
    """A folder in which commands run, with an empty cache of the hub; its data is stored once."""
    path = tmp_path_factory.getbasetemp() / "bad-input-hub"
    path.mkdir(exist_ok=True)
    monkeypatch.chdir(path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(path / "hub"))
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    yield path
    set_client_factory(default_client_factory)


def failure(spec=SPEC):
    """Why the model's job failed, as the run says it in the end; whole, and on one line."""
    Path("f.yaml").write_text(spec, encoding="utf-8")
    result = call("run", "f.yaml", "--device", "cpu")
    assert (result.exit_code, "Traceback" in result.output) == (1, False), result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    start, _, message = line.partition(", seed 0: ")
    assert start == "failed: train none"
    assert message in result.stderr.partition("failed: ")[0]
    return message


ANSWERS = """
401 RepoNotFound
    the hub has no such model, or a private one; check the id, or run `hf auth login`
404 RevisionNotFound
    the model has no such revision; take a commit from https://huggingface.co/org/name/commits/main
403 GatedRepo
    its owner gives access on request; ask at https://huggingface.co/org/name, then run `hf auth
    login`
"""


@pytest.mark.parametrize(("answer", "message"), cases(ANSWERS))
def test_a_model_that_the_hub_does_not_give_is_told(answer, message):
    status, code = answer.split()

    def respond(request):
        return client.Response(int(status), headers={"X-Error-Code": code}, request=request)

    set_client_factory(lambda: client.Client(transport=client.MockTransport(respond)))
    assert failure() == BEGINS + message


@pytest.mark.parametrize("name", ["ConnectError", "ConnectTimeout", "ProxyError"])
def test_a_hub_that_cannot_be_reached_is_told(name):
    def respond(request):
        raise getattr(client, name)("Name or service not known", request=request)

    set_client_factory(lambda: client.Client(transport=client.MockTransport(respond)))
    assert failure() == (
        f"{BEGINS}Name or service not known; check the id, go online, or give a folder"
    )


def test_a_cache_without_room_is_told(monkeypatch):
    def fill(*args, **kwargs):
        raise OSError(28, "No space left on device", "/cache/model.safetensors")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fill)
    assert failure() == (
        f"{BEGINS}[Errno 28] No space left on device: '/cache/model.safetensors'; make room, or "
        "name a folder that can be written with HF_HOME"
    )


def test_a_model_that_is_not_cached_is_told_offline(folder):
    """In a process of its own: the hub's library reads its variables when it is imported."""
    Path("f.yaml").write_text(SPEC, encoding="utf-8")
    hbench = str(Path(sys.executable).parent / "hbench")
    done = subprocess.run(
        [hbench, "run", "f.yaml", "--device", "cpu", "--offline", "--results", "offline"],
        capture_output=True, text=True, env=os.environ | {"HF_HOME": str(folder / "home")},
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert (
        f"failed: train none, seed 0: {BEGINS}--offline or HF_HUB_OFFLINE forbids it; allow it "
        "once, or give a folder\n"
    ) in done.stderr


def model_folder(path, config, **files):
    """A folder that looks like a model's."""
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config))
    (path / "model.safetensors").write_bytes(b"")
    for name, text in files.items():
        (path / f"{name}.py").write_text(text)
    return path


def test_a_model_whose_code_lacks_a_package_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "own"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    names = {"AutoConfig": "toy.Config", "AutoModel": "toy.Model"}
    path = model_folder(
        tmp_path / "model", {"model_type": "toy", "auto_map": names}, toy="import lacking_package"
    )
    spec = SPEC.replace(f"org/name, revision: {COMMIT}", f"{path}, trust_remote_code: true")
    assert failure(spec) == (
        f"{path}: needs a package that is not installed: This modeling file requires the following "
        "packages that were not found in your environment: lacking_package. Run `pip install "
        "lacking_package`"
    )


def test_a_transformers_without_gte_is_told_what_to_install(tmp_path, monkeypatch):
    from transformers import AutoModel, AutoTokenizer

    older = ModuleType("transformers")
    vars(older).update(AutoModel=AutoModel, AutoTokenizer=AutoTokenizer)
    path = model_folder(tmp_path / "model", {"model_type": "new"})
    monkeypatch.setitem(sys.modules, "transformers", older)
    use = f"use: gte-multilingual, model: {path}"
    spec = SPEC.replace(f"use: huggingface, model: org/name, revision: {COMMIT}", use)
    assert failure(spec) == (
        f"{path}: transformers knows this architecture from version 5.19 on; install a newer one: "
        "`pip install 'transformers>=5.19'`"
    )
