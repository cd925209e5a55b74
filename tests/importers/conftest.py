from concurrent.futures import Future

import pytest

from data_prep import parts
from data_prep.__main__ import main


class InlinePool:
    """Stands in for the process pool: works at once, in this process, and keeps a diary."""

    done: list[int] = []
    stop_before: int | None = None

    def __init__(self, workers, context, initializer):
        assert workers >= 1 and context.get_start_method() == "spawn"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def shutdown(self, wait, cancel_futures):
        assert not wait and cancel_futures

    def submit(self, function, path, job, index):
        future = Future()
        if index == self.stop_before:
            future.set_exception(KeyboardInterrupt())
        else:
            function(path, job, index)
            type(self).done.append(index)
            future.set_result(None)
        return future


def without_processes(monkeypatch):
    """Imports work in this process until the monkeypatch is undone."""
    monkeypatch.setattr(InlinePool, "done", [])
    monkeypatch.setattr(InlinePool, "stop_before", None)
    monkeypatch.setattr(parts, "ProcessPoolExecutor", InlinePool)
    monkeypatch.setenv("FERMODELS_PROGRESS", "0")
    return InlinePool


@pytest.fixture
def inline(monkeypatch):
    """Imports without processes; `inline.done` lists the parts made."""
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
