import pytest

from data_prep.__main__ import main
from tests.fixtures.images import make_tiny
from tests.fixtures.processes import without_processes


@pytest.fixture(scope="session")
def tiny_prepared():
    """6 subjects × 7 expressions × 5 views × 2 sessions = 420 images of 24 px."""
    return make_tiny()


@pytest.fixture
def inline(monkeypatch):
    """`data_prep` without processes; `inline.done` lists the parts made."""
    return without_processes(monkeypatch)


@pytest.fixture(scope="module")
def inline_module():
    """The same for all tests of a module, for fixtures that import once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield without_processes(monkeypatch)


@pytest.fixture
def run(inline, capsys):
    """`run("kdef", raw, out, …)`: exit code, standard output and error of the command."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
