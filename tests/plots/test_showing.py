"""Figures in a notebook carry a text; sheets of faces are stored as JPEG, drawings as PNG."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from fermodels import course, plots
from fermodels.data import PreparedImages

pytest.importorskip("IPython")
from nbclient import NotebookClient  # noqa: E402
from nbformat.v4 import new_code_cell, new_notebook  # noqa: E402

TEXT = "A line from bottom left to top right."


@pytest.fixture(autouse=True)
def _no_open_figures():
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    yield plt
    plt.close("all")


@pytest.fixture(scope="module")
def faces():
    prepared = PreparedImages.read(course.data("anny_views_ddcf"))
    return prepared.images(np.arange(12))


@pytest.fixture
def notebook(monkeypatch, _no_open_figures):
    """What `display` gets in a cell with the inline backend."""
    from matplotlib_inline.config import InlineBackend

    shown = []
    monkeypatch.setattr(
        "IPython.display.display",
        lambda data, metadata, raw: shown.append((data, metadata, raw)),
    )
    monkeypatch.setattr("matplotlib.pyplot.get_backend", lambda: "inline")
    yield shown
    InlineBackend.clear_instance()


def picture(output):
    data, metadata, raw = output
    (kind,) = set(data) - {"text/plain"}
    assert raw and set(metadata) == {kind}
    return kind, Image.open(io.BytesIO(base64.b64decode(data[kind]))), metadata[kind]


def test_a_drawing_is_a_png_with_its_text(notebook, _no_open_figures):
    plt = _no_open_figures
    plt.subplots(figsize=(4, 3), dpi=100)[1].plot([0, 1])
    plots.show("A line from\n  bottom left to top right. ")
    kind, image, metadata = picture(notebook[0])
    assert (kind, image.format, metadata) == ("image/png", "PNG", {"alt": TEXT})
    assert notebook[0][0]["text/plain"] == TEXT
    assert image.width == pytest.approx(400, abs=40)
    assert not plt.get_fignums()


def test_a_sheet_of_faces_is_a_jpeg(notebook, faces):
    plots.contact_sheet(faces, columns=6, tile=1.2)
    plots.show("Twelve faces in two lines.")
    kind, image, metadata = picture(notebook[0])
    assert (kind, image.format) == ("image/jpeg", "JPEG")
    assert metadata == {"alt": "Twelve faces in two lines."}
    assert image.width == pytest.approx(6 * 120, rel=0.1)


def test_twice_the_pixels_are_shown_in_the_same_size(notebook, _no_open_figures):
    from matplotlib_inline.config import InlineBackend

    InlineBackend.instance().figure_formats = {"retina"}
    _no_open_figures.subplots(figsize=(4, 3), dpi=100)[1].plot([0, 1])
    plots.show(TEXT)
    _, image, metadata = picture(notebook[0])
    assert (metadata["width"], metadata["height"]) == (image.width // 2, image.height // 2)
    assert image.width > 700


def test_every_open_figure_is_shown_but_an_empty_one(notebook, _no_open_figures):
    plt = _no_open_figures
    for values in ([0, 1], None, [1, 0]):
        figure = plt.figure()
        if values:
            figure.add_subplot().plot(values)
    plots.show(TEXT)
    assert len(notebook) == 2 and not plt.get_fignums()


@pytest.mark.parametrize("alt", ["", "   ", "figure", None, 3])
def test_a_figure_without_a_text_is_refused(notebook, alt):
    with pytest.raises(ValueError, match="say in a sentence what the figure shows"):
        plots.show(alt)


def test_outside_a_notebook_it_is_that_of_pyplot(monkeypatch, _no_open_figures):
    calls = []
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: calls.append("shown"))
    plots.show(TEXT)
    assert calls == ["shown"]


def test_what_a_photograph_is(faces, _no_open_figures):
    plt = _no_open_figures
    # Values in a colour map, coloured squares, and a face that is small beside a map.
    assert not plots_is(plt, lambda ax: ax.imshow(np.random.default_rng(0).random((40, 40))))
    squares = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    assert not plots_is(plt, lambda ax: ax.imshow(squares))
    assert not plots_is(plt, lambda ax: ax.inset_axes([0.8, 0.8, 0.2, 0.2]).imshow(faces[0]))
    assert plots_is(plt, lambda ax: ax.imshow(faces[0]))
    assert plots_is(plt, lambda ax: ax.imshow(faces[0] / 255.0))
    assert not plots_is(plt, lambda ax: ax.imshow(faces[0]).set_visible(False))


def plots_is(plt, draw):
    from fermodels.plots.showing import is_photograph

    figure, ax = plt.subplots()
    draw(ax)
    return is_photograph(figure)


@pytest.mark.slow
def test_in_a_real_notebook_nothing_is_shown_twice():
    code = (
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nfrom fermodels import plots\n"
        "plots.use_style()",
        f"plt.plot([0, 1])\nplots.show({TEXT!r})",
        f"plt.plot([0, 1])\nplt.figure()\nplt.plot([1, 0])\nplots.show({TEXT!r})",
        "1 + 1",
    )
    book = new_notebook(cells=[new_code_cell(cell) for cell in code])
    NotebookClient(book, kernel_name="python3", timeout=120).execute()
    assert [len(cell.outputs) for cell in book.cells] == [0, 1, 2, 1]
    for cell in book.cells[1:3]:
        for output in cell.outputs:
            assert output.output_type == "display_data"
            assert set(output.data) == {"image/png", "text/plain"}
            assert output.metadata == {"image/png": {"alt": TEXT}}
