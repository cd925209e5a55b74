"""Minutes are counted from the notebooks, and plans add up."""

import re

import pytest
from nbformat import write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks import cells as notebooks
from tools import lesson, minutes, plans
from tools.minutes import Timed

TABLE = "**How long it takes**\n\n| | 2 CPU cores |\n|---|---|\n| the whole notebook | {} |\n"
TASKS = {"00.1": 5, "00.2": 5}
COURSE = {
    "00": (Timed("", 2), Timed("Faces", 10, 2), Timed("Exercises", 1, tasks=TASKS)),
    "08": (Timed("", 1), Timed("Yours", 3, optional=True)),
}
SOME_PROSE = "word " * 200
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


def test_a_figure_counts_once_whatever_its_kind(path):
    notebook = lesson.read(path)
    before = minutes.count(path)[1].reading
    (cell,) = (cell for cell in notebook.cells if cell.get("outputs"))
    cell.outputs[0].data = {"image/jpeg": "", "text/plain": ""}
    cell.outputs.append(new_output("display_data", {"image/jpeg": "", "image/png": ""}))
    write(notebook, path)
    assert minutes.count(path)[1].reading == pytest.approx(before + 0.5)


def code(tag):
    return new_code_cell("x = None", metadata={"tags": [tag]})


@pytest.fixture
def parts():
    """A notebook with all that may be optional, or stands between the exercises."""
    heads = [
        "# 02 · Made up\n\n**What you will learn**\n\n- this\n\n" + TABLE.format("some time"),
        "Some text.\n\n## 1 · Faces\n\n**Say before you run it (02.a).** Is it? (a) Yes (b) No",
        f"**Change it (02.b).** Set it to 2. {SOME_PROSE}",
        f"## 2 · Folds (optional)\n\n{SOME_PROSE} [more](#Exercises)",
        "## Exercises\n\nSee [there](#2-·-Folds), [03](03_other.ipynb#1-·-Much-(9-min))",
        f"**02.2 (optional)** This one. {SOME_PROSE}",
        "<details>",
        "What stands below it.",
        "## References",
    ]
    texts = [new_markdown_cell(head) for head in heads]
    texts[6].metadata["tags"] = ["solution-02.2"]
    cells = [new_code_cell("from fermodels import course", metadata={"tags": ["setup"]}), texts[0]]
    cells += [texts[1], code("question-02.a"), code("check-02.a")]
    cells += [texts[2], code("question-02.b"), code("check-02.b"), texts[3], code("fold")]
    cells += [texts[4], new_markdown_cell("**02.1** An answer."), code("exercise-02.1")]
    cells += [texts[5], code("exercise-02.2"), code("check-02.2"), texts[6], *texts[7:]]
    return new_notebook(cells=cells)


def test_questions_changes_and_what_is_optional_are_told_apart(parts):
    opening, faces, folds, exercises = minutes.counted(parts, "02_made_up")
    assert faces.tasks == {"02.a": 1, "02.b": 4} and faces.exercises == 5
    assert faces.core == faces.work == 6 and faces.left_out == 0 and faces.note == "6 min"
    assert faces.show == 2, "those who watch vote"
    assert folds.core == 0 and folds.left_out == 1 and folds.note == "1 min, optional"
    assert exercises.tasks == {"02.1": 5} and exercises.extra.tasks == {"02.2": 5}
    assert exercises.core == 5 and exercises.left_out == 6
    assert exercises.note == "5 min, 6 more optional"
    assert opening.reading < 0.2, "the cell that brings the course is not read"


def test_the_minutes_stand_in_headings_and_below_the_table(parts):
    before = [cell.id for cell in parts.cells]
    timed = minutes.counted(parts, "02_made_up")
    minutes.put_into(parts, timed)
    assert [cell.id for cell in parts.cells] == before
    found = [s.heading for s in lesson.sections(parts)[1:]]
    assert found == [
        "1 · Faces (6 min)",
        "2 · Folds (1 min, optional)",
        "Exercises (5 min, 6 more optional)",
        "References",
    ]
    said = (
        "*Your time: about 12 minutes on the core path, of which 10 are exercises and questions; "
        "7 more for what is optional.*"
    )
    assert parts.cells[1].source.endswith(f"| the whole notebook | some time |\n\n{said}")
    assert minutes.counted(parts, "02_made_up") == timed, "the minutes are not counted themselves"
    once = [cell.source for cell in parts.cells]
    minutes.put_into(parts, timed)
    assert [cell.source for cell in parts.cells] == once


def test_an_elective_says_that_it_is_one(parts):
    minutes.put_into(parts, minutes.counted(parts, "08_made_up"), core=False)
    said = "*Your time: about 12 minutes, of which 10 are exercises and questions; 7 more for what"
    assert f"{said} is optional. This notebook is optional as a whole.*" in parts.cells[1].source


def test_what_stands_below_the_table_stays_below_the_line(parts):
    parts.cells[1].source += "\nIt is not stuck."
    minutes.put_into(parts, minutes.counted(parts, "02_made_up"))
    assert re.search(r"time \|\n\n\*Your time: .*\*\n\nIt is not stuck\.$", parts.cells[1].source)


def test_links_follow_the_headings(parts):
    other = new_notebook(
        cells=[
            new_markdown_cell(
                "## 1 · Much (4 min)\n\n## Of two (or more)\n\n[](#Of-two-(or-more))"
            ),
            new_markdown_cell("[](02_made_up.ipynb#Exercises-(1-min,-2-more-optional)), [](#None)"),
        ]
    )
    minutes.put_into(parts, minutes.counted(parts, "02_made_up"))
    minutes.renew_links({"02_made_up.ipynb": parts, "03_other.ipynb": other})
    text = "\n".join(cell.source for cell in parts.cells)
    assert "[there](#2-·-Folds-(1-min,-optional))" in text
    assert "[03](03_other.ipynb#1-·-Much-(4-min))" in text
    assert "[more](#Exercises-(5-min,-6-more-optional))" in text
    assert other.cells[0].source.endswith("[](#Of-two-(or-more))")
    to = "02_made_up.ipynb#Exercises-(5-min,-6-more-optional)"
    assert other.cells[1].source == f"[]({to}), [](#None)"


def test_sums_tell_core_from_electives():
    rows = [plans._cells(line) for line in minutes.table(COURSE).splitlines()]
    assert rows[0] == ["notebook, section", "core", "optional", "shown"]
    assert rows[2] == ["**00**", "**25**", "", "**9**"]
    assert rows[-5:-3] == [["opening", "", "1", "1"], ["Yours", "", "3", "2"]]
    assert rows[-3:] == [
        ["**core path**", "**25**", "", "**9**"],
        ["**electives**", "", "**4**", "**3**"],
        ["**all**", "**25**", "**4**", "**12**"],
    ]
    assert minutes.core_minutes(COURSE) == 25


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
    + ["3 · A batch (about 12 min, optional)", "A batch · optional · 5 min"]
    + ["A batch (12 min, 5 more optional)"],
)
def test_a_heading_is_known_without_number_and_minutes(heading):
    assert lesson.plain_title(heading) == "A batch"


@pytest.mark.parametrize("heading", ["Task 1: A pair", "A batch (of 12)", "Twenty minutes"])
def test_other_headings_stay_as_they_are(heading):
    assert lesson.plain_title(heading) == heading


@pytest.mark.parametrize(
    ("heading", "optional"),
    [("2 · Folds (optional)", True), ("Folds (6 min, optional)", True), ("Folds", False)]
    + [("Exercises (6 min, 5 more optional)", False), ("What is optional", False)],
)
def test_a_heading_says_whether_it_is_optional(heading, optional):
    assert lesson.is_optional(heading) is optional


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


def test_the_notebooks_carry_the_minutes():
    for path, notebook in minutes.marked(notebooks.PATHS).items():
        found = [cell.source for cell in notebooks.read(path).cells]
        wanted = [cell.source for cell in notebook.cells]
        assert found == wanted, f"{path.name}: run 'make minutes'"


def test_the_core_path_takes_at_most_six_hours():
    assert minutes.core_minutes(minutes.of_course()) <= 360


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
    done = minutes.page(text, COURSE["00"])
    assert "## Faces\n\n*About 12 minutes.*\n" in done
    assert "\n*About 25 minutes, of which 10 are exercises and questions.*\n" in done
    assert minutes.page(done, COURSE["00"]) == done
    with pytest.raises(ValueError, match=message):
        minutes.page(text.replace(old, new), COURSE["00"])


def test_a_page_says_what_is_optional():
    extra = Timed("", 1, tasks={"08.2": 5})
    timed = [*COURSE["08"], Timed("Exercises", 1, tasks={"08.1": 5}, extra=extra)]
    text = "# 08\n\n## Yours\n\nText.\n\n## Exercises\n\nText.\n"
    done = minutes.page(text, timed, core=False)
    assert "# 08\n\n*About 7 minutes, of which 5 are exercises and questions; 9 more for" in done
    assert "## Yours\n\n*About 3 minutes, optional.*\n\nText." in done
    assert "*About 6 minutes, and 6 more for optional exercises.*" in done
    assert minutes.page(done, timed, core=False) == done


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
