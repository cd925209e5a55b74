"""What was solved and answered is kept, whatever happens to it, and shown."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from fermodels import course
from fermodels.course import exercises, records
from fermodels.course.exercises.questions import Question
from fermodels.course.overview import Item, NotebookProgress, Progress
from fermodels.course.records import Record


@pytest.fixture(autouse=True)
def two_checks(monkeypatch):
    def is_two(answer):
        if answer is print:
            raise AssertionError("the function returns nothing yet.")
        assert answer == 2, "it is the number of eyes."

    texts = {letter: f"what to say to {letter}" for letter in "abc"}
    monkeypatch.setitem(exercises._CHECKS, "00.8", is_two)
    monkeypatch.setitem(exercises._QUESTIONS, "00.y", Question("00.y", "b", texts))


def kept(name):
    return records.read_records().get(name)


def test_an_exercise_counts_its_tries_until_it_is_solved(own_progress):
    for answer in (3, 4, 2, 2, 5):
        course.check("00.8", answer)
    found = kept("00.8")
    assert (found.kind, found.passed, found.tries) == ("exercise", True, 3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found.date)
    assert [path.name for path in own_progress.iterdir()] == ["00.8.json"]


def test_a_question_keeps_whether_the_first_answer_was_right():
    course.check("00.y", "a")
    course.check("00.y", "a")  # the cell once more
    assert (kept("00.y").passed, kept("00.y").tries, kept("00.y").answer) == (False, 1, "a")
    course.check("00.y", "B")
    assert (kept("00.y").passed, kept("00.y").tries) == (True, 2)
    assert kept("00.y").right_at_first is False
    course.forget_progress(sure=True)
    course.check("00.y", "b")
    assert kept("00.y").right_at_first is True


@pytest.mark.parametrize(
    ("name", "answer"),
    [("00.8", None), ("00.8", ...), ("00.8", print), ("00.y", None), ("00.y", "z"), ("77.1", 2)],
)
def test_what_is_no_answer_is_no_try(own_progress, name, answer):
    assert not course.check(name, answer)
    assert not own_progress.exists()


def test_the_file_is_small_and_plain(own_progress):
    course.check("00.y", "b")
    path = own_progress / "00.y.json"
    assert json.loads(path.read_text())["right_at_first"] is True and path.stat().st_size < 300


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"3", b"\xff\xfe", b'{"name": "00.8"}'],
)
def test_a_damaged_file_is_set_aside(own_progress, capsys, text):
    own_progress.mkdir()
    (own_progress / "00.8.json").write_bytes(text)
    assert kept("00.8") is None
    assert (
        "The record of 00.8 is damaged and now called 00.8.json.damaged" in capsys.readouterr().out
    )
    (own_progress / "00.8.json").write_bytes(text)
    assert course.check("00.8", 2), "a check goes on"
    assert "damaged" in capsys.readouterr().out
    assert kept("00.8").passed and (own_progress / "00.8.json.damaged").read_bytes() == text


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "00.9"), ("kind", "x"), ("passed", 1), ("tries", "2"), ("date", 3), ("answer", 4)],
)
def test_values_of_another_kind_are_damage(own_progress, field, value):
    course.check("00.8", 2)
    path = own_progress / "00.8.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    assert kept("00.8") is None and not path.exists()


def test_fields_of_a_later_version_do_no_harm(own_progress):
    course.check("00.8", 2)
    path = own_progress / "00.8.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mood": "good"}))
    assert kept("00.8").passed


def test_a_folder_that_cannot_be_written_stops_no_check(own_progress, capsys):
    own_progress.write_text("a file in its place")
    assert course.check("00.8", 2)
    said = capsys.readouterr().out
    assert "✓ Exercise 00.8: right." in said and "Your progress cannot be kept" in said


def test_notebooks_side_by_side_lose_nothing():
    names = [f"{n:02}.{k}" for n in range(8) for k in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: records.record(name, "exercise", True), names))
    assert sorted(records.read_records()) == names


def test_to_forget_wants_to_be_meant(own_progress):
    course.check("00.8", 2)
    (own_progress / "note.txt").write_text("mine")
    with pytest.raises(ValueError, match="what is known of 1 exercises and questions, for good"):
        course.forget_progress()
    assert kept("00.8")
    course.forget_progress(sure=True)
    assert not records.read_records() and (own_progress / "note.txt").exists()


def test_it_lies_beside_the_runs(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setenv("FERMODELS_RUNS", str(tmp_path))
    assert records.records_folder() == tmp_path / "progress"


def test_progress_counts_what_was_done():
    before = course.progress()
    total = before.core_total
    assert before.core_done == 0 and not any(book.begun for book in before.notebooks)
    course.check("00.8", 2)
    course.check("00.y", "a")
    after = course.progress()
    (welcome,) = (book for book in after.notebooks if book.number == "00")
    assert (after.core_done, after.core_total) == (2, total) and welcome.begun
    assert welcome.title == "Welcome" and welcome.core
    assert "00.8" not in welcome.still_open() and "00.1" in welcome.still_open()
    assert "0 right at first" in welcome.answered()


def record_of(name, passed=True, first=None):
    kind = "question" if first is not None else "exercise"
    return Record(name, kind, passed, 1, "2026-11-30", right_at_first=first)


def made_up():
    return Progress(
        (
            NotebookProgress(
                "02",
                "Pre-training <now>",
                True,
                (
                    Item("02.1", False, record_of("02.1")),
                    Item("02.2", False, record_of("02.2", passed=False)),
                    Item("02.3", True, None),
                ),
                (Item("02.a", False, record_of("02.a", passed=False, first=False)),),
            ),
            NotebookProgress("09", "Appendix", False, (Item("09.1", False, None),), ()),
        )
    )


def test_optional_ones_and_electives_are_told_apart():
    done = made_up()
    assert (done.core_done, done.core_total) == (2, 3)
    first, second = done.notebooks
    assert first.solved() == "1 of 2, and 0 of 1 optional"
    assert first.answered() == "1 of 1, 0 right at first"
    assert first.still_open() == "02.2 (optional: 02.3)"
    assert second.answered() == "none"


def test_it_is_shown_as_text_and_as_a_table():
    text, table = repr(made_up()), made_up()._repr_html_()
    assert text.startswith("█" * 13 + "░" * 7 + " 2 of 3 exercises and questions of the core")
    assert "Pre-training &lt;now&gt;" in table and "<now>" not in table
    assert "Electives" in table and "width: 67%" in table
    # Letters have the colour of the page, so that they are read on white and on black.
    assert not re.search(r"(?<![-\w])color: (?!inherit)", table)


def test_what_notebooks_call_optional(monkeypatch, tmp_path):
    from fermodels.course.overview import _optional

    def cell(source, kind="markdown", tags=()):
        return {"cell_type": kind, "source": [source], "metadata": {"tags": list(tags)}}

    cells = [
        cell("## 3 · Folds (6 min, optional)"),
        cell("x = None", "code", ["exercise-03.1"]),
        cell("## Exercises (10 min, 1 more optional)\n\n**03.2** One.\n\n**03.3 (optional)** Two."),
        cell("x = None", "code", ["exercise-03.2"]),
        cell("**Change it (03.a, optional).** What? **Say before you run it (03.b).** optional"),
    ]
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "03_x.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    monkeypatch.setenv("FERMODELS_ROOT", str(tmp_path))
    assert _optional("03") == {"03.1", "03.3", "03.a"}
    assert _optional("04") == set()
    path.write_text("{")
    assert _optional("03") == set()
