"""One page, for any name that can be written, and not before there is something to tell."""

import io
from datetime import date

import matplotlib
import pytest
from PIL import Image

from fermodels import course
from fermodels.course import certificates as module
from fermodels.course.certificates import draw_certificate
from tests.course.test_progress import made_up

matplotlib.use("agg")


@pytest.fixture
def begun(own_progress):
    from fermodels.course.records import record

    record("00.1", "exercise", True)


def texts(figure):
    return [label.get_text() for label in figure.texts]


def named(name):
    """The figure, and the label that holds the name."""
    figure = draw_certificate(name, made_up(), date(2026, 11, 3))
    (label,) = [t for t in figure.texts if t.get_text().replace("\n", " ") == name]
    return figure, label


def test_a_page_as_png_and_as_pdf(begun, tmp_path):
    path = course.certificate("Ada Lovelace", tmp_path / "new" / "mine.png")
    assert path == tmp_path / "new" / "mine.png"
    width, height = Image.open(path).size
    assert width / height == pytest.approx(297 / 210, rel=0.01) and width > 1600
    pdf = course.certificate("Ada Lovelace", tmp_path / "mine.PDF").read_bytes()
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1


def test_by_default_it_lies_in_the_runs(begun, monkeypatch, tmp_path):
    monkeypatch.setenv("FERMODELS_RUNS", str(tmp_path / "runs"))
    assert course.certificate("Ada") == tmp_path / "runs" / "certificate.png"


def test_it_says_what_was_done_and_no_more():
    figure, _ = named("Ada Lovelace")
    said = "\n".join(texts(figure))
    assert "has worked on this course: 1 exercise solved, 1 question answered (0 right" in said
    assert "3 November 2026" in said and "version" in said
    assert "neither an examination nor an accreditation" in said
    assert "exercises 1/3, questions 1/1" in said and "Appendix" not in said


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("Ada Lovelace", 1),
        ("Ольга Ладыженская", 1),
        ("Σοφία Κοβαλέφσκαγια", 1),
        ("$x_1$ Łukasz & Co_1", 1),
        ("Marie-Thérèse Wilhelmina von Hohenlohe-Waldenburg-Schillingsfürst de la Torre", 2),
    ],
)
def test_names_stand_between_their_neighbours(name, lines):
    figure, label = named(name)
    assert label.get_text().count("\n") == lines - 1 and label.get_size() >= 17
    renderer = figure.canvas.get_renderer()
    box = label.get_window_extent(renderer)
    assert 0.05 * figure.bbox.width < box.x0 and box.x1 < 0.95 * figure.bbox.width
    others = [t.get_window_extent(renderer) for t in figure.texts if t is not label]
    assert not any(box.overlaps(other) for other in others)


def test_a_full_table_stays_on_the_page():
    from dataclasses import replace

    done = made_up()
    done = replace(done, notebooks=(done.notebooks[0],) * 14)
    figure = draw_certificate("Ada", done, date(2026, 11, 3))
    renderer = figure.canvas.get_renderer()
    boxes = [label.get_window_extent(renderer) for label in figure.texts]
    for k, box in enumerate(boxes):
        assert box.x0 > 0 and box.x1 < figure.bbox.width
        assert not any(box.overlaps(other) for other in boxes[k + 1 :])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "whose certificate is it"),
        (None, "whose certificate is it"),
        ("x" * 200, "too long for the page"),
        ("Ada \u0007", "cannot be printed"),
        ("Ada \U0001fae8", "no font on this machine has"),
    ],
)
def test_a_name_that_cannot_be_written_is_refused(begun, tmp_path, name, message):
    with pytest.raises(ValueError, match=message):
        course.certificate(name, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_letters_that_are_joined_want_a_matplotlib_that_joins_them(monkeypatch):
    monkeypatch.setattr(matplotlib, "__version__", "3.10.1")
    with pytest.raises(ValueError, match="needs matplotlib 3.11"):
        named("محمد")


def test_nothing_done_gives_no_certificate(tmp_path):
    with pytest.raises(ValueError, match="solve an exercise or answer a question first"):
        course.certificate("Ada", tmp_path / "a.png")


def test_another_suffix_is_refused(begun, tmp_path):
    with pytest.raises(ValueError, match="a .png or a .pdf, not 'a.jpg'"):
        course.certificate("Ada", tmp_path / "a.jpg")


def test_a_notebook_shows_it(begun, monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr("matplotlib.pyplot.get_backend", lambda: "inline")
    monkeypatch.setattr("IPython.display.display", shown.append)
    course.certificate("Ada", tmp_path / "a.pdf")
    data, metadata = shown[0]._repr_mimebundle_()
    assert metadata["image/png"]["alt"].startswith("A certificate: Ada")
    assert module._DPI == 150 and Image.open(io.BytesIO(shown[0].data)).width > 1600
