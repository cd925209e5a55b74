"""Every exercise: its check fails for the stub that the notebook shows, passes for the solution."""

import ast
from pathlib import Path

import pytest

from fermodels import course
from fermodels.course.exercises import find, names
from tests.notebooks import cells as notebooks

# Without notebooks there would be nothing to test, and nobody would notice.
assert notebooks.PATHS, f"no notebooks in {notebooks.FOLDER}"
CASES = [
    pytest.param(path, name, id=name)
    for path in notebooks.PATHS
    for name in notebooks.exercises(notebooks.read(path))
]


def outcome(path: Path, name: str, code: str) -> course.CheckResult:
    """The result of the notebook's check cell after its imports and `code`."""
    notebook = notebooks.read(path)
    imports = notebooks.tagged(notebook, "imports").source
    namespace = {"__name__": "__main__"}
    for source in (imports, code):
        plain = "\n".join(line for line in source.splitlines() if not line.startswith("%"))
        exec(compile(plain, f"{path.stem}, exercise {name}", "exec"), namespace)
    check = ast.parse(notebooks.tagged(notebook, f"check-{name}").source)
    (call,) = [node.value for node in check.body if isinstance(node, ast.Expr)]
    assert ast.unparse(call).startswith(f"course.check({name!r}, ")
    return eval(ast.unparse(call), namespace)


@pytest.fixture(autouse=True)
def as_in_a_notebook(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(notebooks.FOLDER)


@pytest.mark.parametrize(("path", "name"), CASES)
def test_the_stub_fails_and_is_no_try(path, name, own_progress):
    stub = notebooks.tagged(notebooks.read(path), f"exercise-{name}").source
    result = outcome(path, name, stub)
    assert not result.passed
    assert "Error" not in result.message, "a beginner should read a hint, not an exception"
    assert not own_progress.exists(), f"let the hint to an open answer end with 'yet.': {result}"


@pytest.mark.parametrize(("path", "name"), CASES)
def test_the_solution_passes(path, name):
    result = outcome(path, name, notebooks.solution(notebooks.read(path), name))
    assert result.passed, result.message


@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda path: path.stem)
def test_every_check_belongs_to_an_exercise(path):
    assert names(path.name[:2]) == notebooks.exercises(notebooks.read(path))


def test_unknown_exercises():
    with pytest.raises(KeyError, match="no exercise '00.99'; notebook 00 has 00.1"):
        find("00.99")
    with pytest.raises(KeyError, match="no exercises for notebook '77'"):
        find("77.1")
