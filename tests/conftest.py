import pytest

from tests.processes import without_processes
from tests.synthetic import make_tiny


@pytest.fixture(scope="session")
def tiny_prepared():
    """6 subjects × 7 expressions × 5 views × 2 sessions = 420 images of 24 px."""
    return make_tiny()


@pytest.fixture
def inline(monkeypatch):
    """`data_prep` without processes; `inline.done` lists the parts made."""
    return without_processes(monkeypatch)
