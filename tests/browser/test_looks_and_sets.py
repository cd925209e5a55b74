"""In JupyterLab: the face lab's menus, and the explorer's menu of data sets."""

import numpy as np
import pytest

from tests.browser import notebooks as cells
from tests.browser.page import wait_until

LAB = """\
import torch
from fermodels import course
from fermodels.data import PreparedImages
from fermodels.explore import EmbeddingExplorer, FaceLab
from fermodels.models import ImageEncoder

encoder = ImageEncoder.from_pretrained(course.weights("clmex-anny-views")).eval()
lab = FaceLab(encoder, size=96)
lab"""

SETS = """\
import numpy as np

ours = PreparedImages.read(course.data("anny_views_kdef")).subset(range(0, 4900, 35))
theirs = PreparedImages.read(course.data("second_faces")).subset(range(0, 840, 12))
rng = np.random.default_rng(0)
x, y = rng.normal(size=(len(ours), 4)), rng.normal(size=(len(theirs), 4))
explorer = EmbeddingExplorer(x, ours, others={"second faces": (y, theirs)})
explorer"""
FACE = "document.querySelector('.fm-lab .fm-face img').src"


@pytest.fixture(scope="module")
def opened(open_notebook, notebooks):
    notebook = open_notebook(cells.write(notebooks / "looks.ipynb", LAB, SETS))
    notebook.run_all(seconds=400)
    return notebook


@pytest.fixture
def notebook(opened):
    yield opened
    assert opened.errors == []


def test_menus_change_the_face(notebook):
    notebook.show_output_of("lab = FaceLab(")
    notebook.wait_for(".fm-lab .fm-face img")
    page = notebook.page
    for name, option in (("glasses", "round"), ("hair", "long_wavy"), ("appearance", "wide")):
        before = page.evaluate(FACE)
        page.select_option(f".fm-lab select[data-name='{name}']", option)
        notebook.until(f"(before) => {FACE} !== before", before)
        notebook.until_value(f"lab.looks[{name!r}]", option)
        assert f"{option}".replace("_", " ") in page.get_attribute(".fm-face img", "alt")
    menu = page.locator(".fm-lab select[data-name='angry variant']")
    notebook.python("lab.set(angry=1)")
    wait_until(lambda: "angry 1" in page.get_attribute(".fm-face img", "alt"), "anger")
    before = page.evaluate(FACE)
    menu.focus()
    page.keyboard.press("ArrowDown")  # JupyterLab does not take the key for itself
    notebook.until_value("lab.variants['angry']", 1)
    notebook.until(f"(before) => {FACE} !== before", before)
    assert menu.get_attribute("title").startswith("angry, variant 1: AU4, 7, 24")
    notebook.screenshot("lab_looks", ".fm-lab")
    page.locator(".fm-reset").click()
    notebook.until_value("lab.variants['angry']", 0)
    wait_until(lambda: menu.input_value() == "0", "the menu follows")
    assert page.locator(".fm-lab select[data-name='glasses']").input_value() == "round"


def test_the_explorer_shows_another_data_set(notebook):
    notebook.show_output_of("explorer = EmbeddingExplorer(")
    notebook.wait_for(".fm-map canvas")
    notebook.settle()
    page = notebook.page
    counts = "() => [...document.querySelectorAll('.fm-legend-count')].map((n) => n.textContent)"
    assert sum(map(int, page.evaluate(counts))) == 140
    coords = np.array(notebook.value("explorer.maps['embedding'].coords"))
    theirs = 140 + int(np.linalg.norm(coords[140:], axis=1).argmax())  # away from the crowd
    notebook.choose("fm-data-set", "second faces")
    notebook.until_value("explorer.data_set", "second faces")
    wait_until(lambda: sum(map(int, page.evaluate(counts))) == 70, "the legend counts theirs")
    notebook.settle()
    assert notebook.hover(*notebook.pixels(0, coords)[theirs]) == theirs
    notebook.screenshot("explorer_second_faces")
    notebook.choose("fm-data-set", "all")
    notebook.choose("fm-color", "set")
    wait_until(lambda: page.evaluate(counts) == ["140", "70"], "both sets in the legend")
    notebook.settle()
    notebook.screenshot("explorer_all_sets")
