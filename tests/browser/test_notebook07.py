"""Notebook 07 in JupyterLab: it runs, and its widgets answer."""

import shutil

import numpy as np
import pytest

from tests.browser.page import free_rectangle, wait_until
from tests.browser.servers import ROOT

NOTEBOOK = ROOT / "notebooks/07_explore.ipynb"
PROBABILITIES = (
    "() => [...document.querySelectorAll('.fm-probability')].map((bar) =>"
    " [bar.dataset.encoder, bar.dataset.name, Number(bar.dataset.value)])"
)
FACE = "document.querySelector('.fm-lab .fm-face img').src"


@pytest.fixture(scope="module")
def opened(open_notebook, notebooks):
    shutil.copy(NOTEBOOK, notebooks)
    notebook = open_notebook(NOTEBOOK.name)
    notebook.run_all(seconds=400)
    return notebook


@pytest.fixture
def notebook(opened):
    yield opened
    assert opened.errors == []


@pytest.fixture
def face_lab(notebook):
    notebook.show_output_of("lab = FaceLab(")
    notebook.python("lab.reset()")
    notebook.wait_for(".fm-lab .fm-face img")
    return notebook


def slide(notebook, name, value):
    slider = notebook.page.locator(f".fm-controls input[type=range][data-name='{name}']").first
    slider.evaluate(
        "(slider, value) => { slider.value = value;"
        " for (const kind of ['input', 'change'])"
        " slider.dispatchEvent(new Event(kind, { bubbles: true })); }",
        value,
    )


def test_a_lasso_in_the_notebook(notebook):
    notebook.show_output_of("explorer = EmbeddingExplorer(")
    notebook.wait_for(".fm-map canvas")
    notebook.python(
        "explorer.clear(); explorer.color_by = 'expression'\n"
        "explorer.hidden = set(people.expressions) - {'sad'}\n"
        "explorer.lines, explorer.map = 'none', 'pca'"
    )
    notebook.settle()
    sad = np.array(notebook.value("np.flatnonzero(about['expression'] == 'sad')"))
    coords = np.array(notebook.value("explorer.maps['CL-MEx'].coords"))[sad]
    points = notebook.pixels(1, coords)
    low, high, inside = free_rectangle(points, notebook.map_box(1), most=45)
    inside = sad[inside]  # hidden points are not selected
    notebook.draw_lasso(1, low, high)
    notebook.until_value("explorer.selection", inside.tolist())
    wait_until(lambda: notebook.rows() == inside.tolist(), "the contact sheet shows the selection")
    notebook.screenshot("notebook07_lasso")


def test_a_slider_changes_the_face_and_the_probabilities(face_lab):
    face, before = face_lab.page.evaluate(FACE), dict(by_name(face_lab))
    slide(face_lab, "happy", 0.9)
    face_lab.until(f"(before) => {FACE} !== before", face)
    wait_until(lambda: by_name(face_lab)["CL-MEx", "happy"] > 0.5, "CL-MEx sees a smile")
    assert by_name(face_lab)["CL-MEx", "happy"] > before["CL-MEx", "happy"] + 0.3
    assert face_lab.value("lab.values['happy']") == pytest.approx(0.9)
    said = face_lab.value("lab.probabilities['CL-MEx'].to_dict()")
    for (encoder, name), value in by_name(face_lab).items():
        if encoder == "CL-MEx":
            assert value == pytest.approx(said[name], abs=0.01)
    face_lab.screenshot("notebook07_smile")


def by_name(notebook):
    found = notebook.page.evaluate(PROBABILITIES)
    assert found, "there are no probabilities"
    return {(encoder, name): value for encoder, name, value in found}


def test_the_keyboard_moves_a_slider(face_lab):
    slider = face_lab.page.locator(".fm-controls input[type=range][data-name='sad']").first
    slider.focus()
    for _ in range(5):
        face_lab.page.keyboard.press("ArrowRight")
    wait_until(lambda: face_lab.value("lab.values['sad']") > 0, "the arrow keys move the slider")


def test_turning_the_head_draws_a_track(face_lab):
    def ink():
        """What the two maps show."""
        canvases = face_lab.page.locator(".fm-lab-map canvas")
        return [canvas.evaluate("(canvas) => canvas.toDataURL()") for canvas in canvases.all()]

    before = ink()
    face_lab.page.locator(".fm-turn").first.click()
    wait_until(
        lambda: all(a != b for a, b in zip(before, ink(), strict=True)), "a track on both maps"
    )
    wait_until(lambda: _still(ink), "the head has come to rest")
    face_lab.screenshot("notebook07_turned", ".fm-lab")


def _still(look):
    import time

    first = look()
    time.sleep(0.7)
    return first == look()


def test_save_as_instance_writes_a_file(face_lab):
    face_lab.python(
        "from pathlib import Path; before = set(Path(course.run_dir('07')).rglob('*.parquet'))"
    )
    rows = "sum(len(PreparedImages.read(p)) for p in course.run_dir('07').rglob('*.parquet'))"
    count = face_lab.value(rows)
    slide(face_lab, "surprised", 1.0)
    face_lab.until_value("lab.values['surprised']", 1.0)
    face_lab.page.locator(".fm-save").first.click()
    face_lab.until_value(rows, count + 5)
    face_lab.screenshot("notebook07_saved")
    assert np.isfinite(face_lab.value("lab.embeddings['CL-MEx']")).all()
