"""Copies for a class: without a solution in any, or with solutions that pass their checks."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fermodels.course import exercises
from fermodels.course.exercises.questions import Question
from tests.course.test_exercises import CASES, as_in_a_notebook, outcome  # noqa: F401
from tests.notebooks import cells as notebooks
from tools import editions, lesson

SOLVED = """<details><summary>Solution</summary>

Because 6 times 7.

```python
answer = 42
```

</details>"""


def made_up(solution=SOLVED, tag="solution-00.1"):
    return new_notebook(
        cells=[
            new_markdown_cell(
                "# 00\n\nTry it. The\nsolution is behind the triangle. See [x](../data/x.md)"
            ),
            new_code_cell("1 + 1", execution_count=1, outputs=[new_output("stream", text="2")]),
            new_code_cell("answer = None", metadata={"tags": ["exercise-00.1"]}),
            new_code_cell("check(answer)", metadata={"tags": ["check-00.1"]}),
            new_markdown_cell(solution, metadata={"tags": [tag]}),
        ]
    )


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_the_student_gets_stubs_and_no_solution():
    before = made_up()
    copy = editions.student(before)
    assert sources(copy)[1:] == ["1 + 1", "answer = None", "check(answer)"]
    assert sources(copy)[0].startswith("# 00\n\nTry it. See")
    assert all(not cell.get("outputs") for cell in copy.cells)
    assert before == made_up() | {"cells": before.cells} and len(before.cells) == 5
    assert before.cells[1].outputs, "the notebook itself stays as it is"


def test_solutions_are_filled_in():
    copy = editions.solutions(made_up())
    assert lesson.tagged(copy, "exercise-00.1").source == "answer = 42"
    assert lesson.tagged(copy, "solution-00.1").source == SOLVED
    assert all(not cell.get("outputs") for cell in copy.cells)


def asking(source='say_00z = None  # "a", "b" or "c"', name="00.z"):
    book = made_up()
    tags = ["question-" + name]
    book.cells.append(new_code_cell(source, metadata={"tags": tags}))
    return book


@pytest.fixture
def question_00z(monkeypatch):
    messages = {letter: f"what to say to {letter}" for letter in "abc"}
    monkeypatch.setitem(exercises._QUESTIONS, "00.z", Question("00.z", "b", messages))


def test_questions_are_open_for_students_and_answered_in_solutions(question_00z):
    book = asking()
    stub = 'say_00z = None  # "a", "b" or "c"'
    assert lesson.tagged(editions.student(book), "question-00.z").source == stub
    assert lesson.tagged(editions.solutions(book), "question-00.z").source == 'say_00z = "b"'
    assert lesson.tagged(book, "question-00.z").source == stub


@pytest.mark.parametrize(
    ("book", "message"),
    [
        (asking(source="say = 3"), "the cell of question 00.z is not a line like"),
        (asking(name="00.y"), "no question '00.y'"),
    ],
)
def test_a_question_that_cannot_be_answered_is_named(question_00z, book, message):
    with pytest.raises(ValueError, match=message):
        editions.solutions(book)


@pytest.mark.parametrize("edition", editions.EDITIONS)
def test_links_out_of_the_folder_still_lead_there(tmp_path, edition):
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "00_made_up.ipynb"
    nbformat.write(made_up(), path)
    (copy,) = editions.write(edition, [path], tmp_path / "runs" / edition)
    assert "[x](../../data/x.md)" in lesson.read(copy).cells[0].source
    assert [p.name for p in copy.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("solution", "tag", "message"),
    [
        ("answer = 42", "solution-00.1", "00_bad.ipynb: the solution of 00.1 is not hidden"),
        (SOLVED.replace("```python", "```"), "solution-00.1", "has no ```python block"),
        (SOLVED, "solution-00.2", "0 cells are tagged solution-00.1"),
    ],
)
def test_a_bad_solution_is_named_and_nothing_is_written(tmp_path, solution, tag, message):
    path = tmp_path / "00_bad.ipynb"
    nbformat.write(made_up(solution, tag), path)
    with pytest.raises(ValueError, match=message):
        editions.write("solutions", [path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_solution_of_no_exercise_is_not_handed_out():
    with pytest.raises(ValueError, match="solution-00.2: a solution without an exercise"):
        editions.student(made_up(tag="solution-00.2"))


@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda path: path.stem)
def test_no_real_student_copy_holds_a_solution(path):
    notebook = notebooks.read(path)
    copy = editions.student(notebook)
    assert lesson.exercises(copy) == lesson.exercises(notebook)
    text = "\n".join(sources(copy))
    assert "<details>" not in text and "behind the triangle" not in text
    for name in lesson.exercises(notebook):
        assert lesson.solution(notebook, name).strip() not in text
        stub = lesson.tagged(copy, f"exercise-{name}").source
        assert stub == lesson.tagged(notebook, f"exercise-{name}").source


@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda path: path.stem)
def test_real_questions_stay_open_and_are_answered_right(path):
    notebook = notebooks.read(path)
    open_ones, answered = editions.student(notebook), editions.solutions(notebook)
    for name in lesson.questions(notebook):
        stub = lesson.tagged(notebook, f"question-{name}").source
        assert lesson.tagged(open_ones, f"question-{name}").source == stub
        _, _, answer = lesson.tagged(answered, f"question-{name}").source.partition(" = ")
        assert exercises.find(name).right == answer.strip('"')


@pytest.mark.parametrize(("path", "name"), CASES)
def test_the_real_solutions_copy_passes_its_checks(path, name):
    copy = editions.solutions(notebooks.read(path))
    result = outcome(path, name, lesson.tagged(copy, f"exercise-{name}").source)
    assert result.passed, result.message


def test_an_unknown_notebook_is_named():
    with pytest.raises(ValueError, match="no notebook 77"):
        lesson.find(["77"])
