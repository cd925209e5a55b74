"""Questions: what is said to whom, and that each of the notebooks' has all its parts."""

import importlib
import re
from pathlib import Path

import pytest

from fermodels import course
from fermodels.course import exercises
from fermodels.course.exercises import find, question, questions
from tests.notebooks import cells as notebooks
from tools import lesson

CASES = [
    pytest.param(path, name, id=name)
    for path in notebooks.PATHS
    for name in lesson.questions(notebooks.read(path))
]


@pytest.fixture
def asked(monkeypatch):
    # What the module of a notebook registers meanwhile has to stay.
    monkeypatch.setitem(exercises._QUESTIONS, "99.a", None)
    question(
        "99.a",
        right="b",
        a="that is the loss without a temperature.",
        b="right, because the sum has one term more.",
        c="look at the sign of the curve.",
    )


@pytest.mark.parametrize("answer", ["b", " B ", "(b)", "b.", "B)"])
def test_the_right_choice_passes(asked, capsys, answer):
    assert course.check("99.a", answer)
    said = "✓ Question 99.a: right, because the sum has one term more.\n"
    assert capsys.readouterr().out == said


def test_a_wrong_choice_reads_why(asked, capsys):
    assert not course.check("99.a", "c")
    assert capsys.readouterr().out == "✗ Question 99.a: look at the sign of the curve.\n"


@pytest.mark.parametrize("answer", [None, ..., "", "  "])
def test_no_answer_is_no_mistake(asked, capsys, answer):
    assert not course.check("99.a", answer)
    assert capsys.readouterr().out == ("○ Question 99.a: say first what you expect, then run on.\n")


@pytest.mark.parametrize("answer", ["d", "ab", 2, print, ["b"]])
def test_what_is_no_choice_is_told_them(asked, capsys, answer):
    assert not course.check("99.a", answer)
    assert '✗ Question 99.a: answer "a", "b" or "c", in quotes, not ' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "right", "choices", "message"),
    [
        ("99.1", "a", {"a": "one two three", "b": "one two three"}, "named like '02.a'"),
        ("99.a", "c", {"a": "one two three", "b": "one two three"}, "'c' is none of its choices"),
        ("99.a", "a", {"a": "one two three"}, "the choices are a, b, …, not a"),
        ("99.a", "a", {"a": "one two three", "c": "one two three"}, "not a, c"),
        ("99.a", "a", {"a": "one two three", "b": "no"}, "say more to whoever chose 'b'"),
    ],
)
def test_a_question_that_cannot_be_is_refused(name, right, choices, message):
    with pytest.raises(ValueError, match=message):
        question(name, right, **choices)


def test_unknown_questions():
    with pytest.raises(KeyError, match="no question '00.z'; notebook 00 has 00.1"):
        find("00.z")


@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda path: path.stem)
def test_every_notebook_asks_at_least_two(path):
    found = lesson.questions(notebooks.read(path))
    assert len(found) >= 2
    assert found == [f"{path.name[:2]}.{chr(ord('a') + k)}" for k in range(len(found))]


@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda path: path.stem)
def test_registered_are_those_of_the_notebook_and_each_once(path):
    number = path.name[:2]
    assert questions(number) == lesson.questions(notebooks.read(path))
    module = importlib.import_module(f"fermodels.course.exercises.nb{number}")
    written = re.findall(r'question\(\s*"(\d\d\.[a-z])"', Path(module.__file__).read_text("utf-8"))
    assert sorted(written) == questions(number)


@pytest.mark.parametrize(("path", "name"), CASES)
def test_a_question_has_its_text_its_line_and_its_check(path, name):
    notebook = notebooks.read(path)
    asking = notebooks.tagged(notebook, f"question-{name}")
    checking = notebooks.tagged(notebook, f"check-{name}")
    variable = f"say_{name.replace('.', '')}"
    line = lesson.SAY.fullmatch(asking.source)
    assert line and line[1] == variable, asking.source
    assert checking.source == f'course.check("{name}", {variable})'

    letters = list(find(name).choices)
    assert re.findall(r'"(.)"', line[2]) == letters
    place = notebook.cells.index(asking)
    assert place < notebook.cells.index(checking)
    texts = [cell.source for cell in notebook.cells[:place] if cell.cell_type == "markdown"]
    text = next((t for t in reversed(texts) if f"({name})" in t), None)
    assert text, f"no Markdown above the cell says '**Say before you run it ({name}).**'"
    assert re.search(rf"\*\*(Say before you run it|Change it) \({name}\)\.\*\*", text)
    asked = text.split(f"({name})")[1]
    assert re.findall(r"\(([a-z])\)", asked)[: len(letters)] == letters


@pytest.mark.parametrize(("path", "name"), CASES)
def test_each_choice_is_answered(path, name, capsys):
    assert course.check(name, None).message.startswith("say first")
    for letter in find(name).choices:
        result = course.check(name, letter)
        assert result.passed == (letter == find(name).right)
        assert len(result.message.split()) >= 3


@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda path: path.stem)
def test_every_check_cell_belongs_to_an_exercise_or_a_question(path):
    notebook = notebooks.read(path)
    tags = [tag for cell in notebook.cells for tag in lesson.tags(cell)]
    checks = {tag.removeprefix("check-") for tag in tags if tag.startswith("check-")}
    assert checks == {*lesson.exercises(notebook), *lesson.questions(notebook)}
