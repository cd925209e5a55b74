"""Minutes are counted from the notebooks, and plans add up."""

import re

import pytest
from nbformat import write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks import cells as notebooks
from tools import lesson, minutes, plans
from tools.minutes import Timed

TABLE = "**How long it takes**\n\n| | 2 CPU cores |\n|---|---|\n| the whole notebook | {} |\n"
COURSE = {"00": (Timed("", 2, 0, 0), Timed("Faces", 10, 0, 2), Timed("Exercises", 1, 10, 0))}
PLAN = """<!-- plan 60 -->
| from | min | what | sections | how |
|---|---|---|---|---|
| | | Welcome | | talk 5 |
| 7:77 | 99 | Look | 00: Faces | show |
| | | Try | 00: opening; Faces | work |
| | | One exercise | 00: exercises 00.2 | work |
| | | Rest | | break 15 |
| | | Spare | | spare |
<!-- /plan -->"""


@pytest.fixture
def path(tmp_path):
    figure = new_output("display_data", {"image/png": "", "text/plain": ""})
    prose = new_output("execute_result", {"text/markdown": "word " * 100})
    fenced = "```\n## no heading\n```\n" + "word " * 94
    cells = [
        new_markdown_cell("# 00\n\n" + TABLE.format("about 1½ minutes")),
        new_code_cell("x = 1"),
        new_markdown_cell("Still above.\n\n## 1 · Faces\n\n" + fenced),
        new_code_cell("\n".join(["x = 1"] * 40) + "\n\n", outputs=[figure, prose]),
        new_markdown_cell("## Exercises"),
        new_code_cell("a = None", metadata={"tags": ["exercise-00.1"]}),
        new_markdown_cell("<details>" + "word " * 999, metadata={"tags": ["solution-00.1"]}),
        new_markdown_cell("## References\n\n" + "word " * 999),
    ]
    write(new_notebook(cells=cells), tmp_path / "00_made_up.ipynb")
    return tmp_path / "00_made_up.ipynb"


def test_words_lines_figures_exercises_and_running(path):
    opening, faces, exercises = minutes.count(path)
    assert [s.title for s in (opening, faces, exercises)] == ["", "Faces", "Exercises"]
    # 200 words in a minute, 40 lines of code in two, a figure in half a minute
    assert faces.reading == pytest.approx(1 + 2 + 0.5, abs=0.05)
    assert exercises.exercises == 5 and exercises.reading < 0.1
    assert [s.running for s in (opening, faces, exercises)] == pytest.approx([0.5, 0.5, 0.5])
    assert faces.work == 4 and faces.show == 2


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("about 10 seconds, more the very first time", 10),
        ("about 3¼ minutes", 195),
        ("less than ½ minute", 30),
        ("1 hour", 3600),
        ("not measured", 0),
    ],
)
def test_what_a_notebook_says_of_its_time_is_read(said, seconds):
    opening = lesson.Section("", prose=TABLE.format(said).splitlines())
    assert minutes._stated(opening) == seconds


def test_where_a_notebook_says_nothing_the_table_of_times_does(path, tmp_path):
    notebook = lesson.read(path)
    notebook.cells[0].source = "# 00"
    write(notebook, path)
    times = tmp_path / "times.csv"
    assert sum(s.running for s in minutes.count(path, times)) == 0
    times.write_text("notebook,cells,seconds\n00_made_up,8,180.0\n")
    assert sum(s.running for s in minutes.count(path, times)) == pytest.approx(3)


@pytest.mark.parametrize(
    "heading",
    ["3 · A batch", "A batch", "3 · A batch · 12 min", "A batch (12 minutes)", "A batch (optional)"]
    + ["3 · A batch (about 12 min, optional)", "A batch · optional · 5 min"],
)
def test_a_heading_is_known_without_number_and_minutes(heading):
    assert lesson.plain_title(heading) == "A batch"


@pytest.mark.parametrize("heading", ["Task 1: A pair", "A batch (of 12)", "Twenty minutes"])
def test_other_headings_stay_as_they_are(heading):
    assert lesson.plain_title(heading) == heading


def test_a_plan_is_filled_in():
    filled = plans.renewed(PLAN, COURSE)
    rows = [plans._cells(line)[:2] for line in filled.splitlines()[3:-1]]
    assert rows == [["0:00", "5"], ["0:05", "7"], ["0:12", "14"]] + [
        ["0:26", "5"],
        ["0:31", "15"],
        ["0:46", "14"],
    ]
    assert plans.renewed(filled, COURSE) == filled
    assert plans.spare(filled) == [(60, 14)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("talk 5", "talk 55", "60 minutes is 36 minutes too long"),
        ("00: Faces |", "00: Hands |", "notebook 00 has no section 'Hands'"),
        ("00: Faces |", "09: Faces |", "no notebook 09"),
        ("00.2", "00.3", "no exercise 00.3"),
        ("| spare |", "| talk 1 |", "one row of 'spare'"),
        ("| show |", "| sing |", "'sing' is not work"),
        ("| Rest | |", "| Rest |", "4 columns instead of 5"),
        ("| what |", "| which |", "a plan has the columns"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(old, new, message):
    assert old in PLAN
    with pytest.raises(ValueError, match=message):
        plans.renewed(PLAN.replace(old, new), COURSE)


@pytest.mark.parametrize("path", minutes.pages(), ids=lambda path: path.stem)
def test_the_minutes_of_the_pages_are_those_of_the_notebooks(path):
    assert minutes.renewed(path) == path.read_text(encoding="utf-8"), "run 'make minutes'"


@pytest.mark.parametrize("path", sorted(minutes.FOLDER.glob("plan_*.md")), ids=lambda p: p.stem)
def test_plans_leave_a_tenth_for_questions(path):
    found = plans.spare(path.read_text(encoding="utf-8"))
    assert found
    for length, left in found:
        assert left >= length / 10


@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda path: path.stem)
def test_every_notebook_has_a_page_with_mistakes_and_two_questions(path):
    page = minutes.FOLDER / f"{path.stem}.md"
    assert page.exists(), f"write {page.name}"
    parts = page.read_text(encoding="utf-8").split("\n## ")
    named = [part.splitlines()[0] for part in parts[1:]]
    titles = [s.title for s in lesson.sections(notebooks.read(path))[1:]]
    assert named == [title for title in titles if title not in plans.NOT_TAUGHT]
    for part in parts[1:]:
        assert "**Usual mistakes.**" in part, part
        questions = [line for line in part.splitlines() if line[:3] in ("1. ", "2. ")]
        assert len(questions) == 2, part


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("## Faces", "## Hands", "no heading '## Faces'"),
        ("## Exercises\n", "## Exercises\n\n## More\n", "'## More' is no section"),
        ("## Faces\n\n## Exercises", "## Exercises\n\n## Faces", "in another order"),
    ],
)
def test_a_page_that_fell_behind_is_named(old, new, message):
    text = "# 00\n\n## Faces\n\n## Exercises\n"
    done = minutes.page(text, list(COURSE["00"]))
    assert "## Faces\n\n*About 12 minutes.*\n" in done
    assert minutes.page(done, list(COURSE["00"])) == done
    with pytest.raises(ValueError, match=message):
        minutes.page(text.replace(old, new), list(COURSE["00"]))


def test_no_page_is_left_of_a_notebook_that_is_gone():
    pages = {path.stem for path in minutes.pages() if path.stem[:2].isdigit()}
    assert pages == {path.stem for path in notebooks.PATHS}


@pytest.mark.parametrize("path", minutes.pages(), ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]


def test_the_index_names_every_page():
    index = (minutes.FOLDER / "index.md").read_text(encoding="utf-8")
    for path in minutes.pages():
        assert path.name in index or path.name == "index.md", path.name
