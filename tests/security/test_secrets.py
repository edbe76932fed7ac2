"""Passwords and tokens are neither printed nor stored."""

from pathlib import Path

import pytest
from tests.cli.calling import call
from tests.security.attacks import files_below

from hbench import downloads
from hbench.errors import DataError, OptionError, without_accounts
from hbench.records import Remote
from hbench_plugins.datasets.babel import Babel
from hbench_plugins.encoders.huggingface import HuggingFace

SECRET = "hunter2-hunter2"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESSES = {
    f"https://me:{SECRET}@example.org/x": "https://example.org/x",
    f"https://{SECRET}@example.org/x": "https://example.org/x",
    f"'https://me:{SECRET}@a.b', http://{SECRET}@c.d:8": "'https://a.b', http://c.d:8",
    "me@example.org, https://a.b/c@0123": "me@example.org, https://a.b/c@0123",
}


@pytest.mark.parametrize(("text", "told"), ADDRESSES.items())
def test_no_message_holds_the_account_of_an_address(text, told):
    assert without_accounts(text) == told
    assert str(DataError(text)) == told
    assert str(OptionError(text, ("x",))) == told


def test_a_download_that_fails_tells_of_its_address_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "_folder", tmp_path)
    monkeypatch.setattr(downloads, "WAITS", (0.0,))
    told = []
    # Nobody listens at port 1 of this machine.
    for scheme in ("https", "http"):
        remote = Remote("x", (f"{scheme}://me:{SECRET}@127.0.0.1:1/x",), "0" * 64, 1, "CC0")
        with pytest.raises(DataError) as caught:
            downloads.fetch(remote, lambda share, what: told.append(what))
        assert f"{scheme}://127.0.0.1:1/x: " in str(caught.value)
        assert SECRET not in str(caught.value)
    assert told and not any(SECRET in line for line in told)


@pytest.mark.parametrize("url", ["http://example.org/x", "http://127.0.0.1.example.org/x"])
def test_what_is_not_https_is_not_asked(tmp_path, monkeypatch, url):
    monkeypatch.setattr(downloads, "_folder", tmp_path)
    remote = Remote("x", (url,), "0" * 64, 1, "CC0")
    with pytest.raises(DataError, match=f"{url}: {url} is not https"):
        downloads.fetch(remote)
    assert not (tmp_path / "x").exists()


def test_a_mirror_of_the_hub_with_a_password_is_told_without_it(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)

    def refuse(*args, **options):
        raise OSError(f"https://me:{SECRET}@mirror.example cannot be reached")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(DataError) as caught:
        HuggingFace(model="org/name", revision=COMMIT).create([], seed=0)
    assert "https://mirror.example cannot be reached" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_nothing_of_the_environments_secrets_is_stored_or_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD", "HBENCH_TOKEN",
             "OMP_TOKEN", "CUDA_TOKEN", "TORCH_TOKEN")  # fmt: skip
    for name in names:
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"https://me:{SECRET}@example.org")
    monkeypatch.setenv("HF_ENDPOINT", f"https://me:{SECRET}@example.org")
    output = [call("data", "babel", "--set", "split=test").output, call("doctor").output]

    def fail(self):
        raise DataError(f"https://me:{SECRET}@example.org cannot be reached")

    monkeypatch.setattr(Babel, "queries", fail)
    output.append(call("data", "babel", "--set", "split=train").output)
    assert "https://example.org cannot be reached" in output[-1]
    assert not any(SECRET in text for text in output)
    files = [Path(name) for name in files_below(".") if Path(name).is_file()]
    assert any(path.name == "manifest.json" for path in files)
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
