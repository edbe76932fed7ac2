"""What the tests of several attacks share."""

import pytest
from tests.security.attacks import saved_model


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A folder that holds a tiny model; to be copied, not changed."""
    return saved_model(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture
def marker(tmp_path):
    """A file that is there only if foreign code was run."""
    path = tmp_path / "code-was-run"
    yield path
    assert not path.exists()
