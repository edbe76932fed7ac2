import pytest
from tests.robustness.runs import final_bytes, finish, write_spec


@pytest.fixture(scope="session")
def spec(tmp_path_factory):
    """The small benchmark."""
    return write_spec(tmp_path_factory.mktemp("spec"))


@pytest.fixture(scope="session")
def wanted(spec):
    """What it ends with, undisturbed."""
    results = spec.parent / "undisturbed"
    finish(spec, results)
    return final_bytes(results)
