import pytest

from tools.bundle import build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"), "--no-build-isolation", "--no-index")
