"""A page that says what somebody has worked through."""

from __future__ import annotations

import io
import logging
import unicodedata
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import fermodels
from fermodels._shared.files import replace_file
from fermodels._shared.paths import given_path
from fermodels._shared.places import folder
from fermodels.course.overview import NotebookProgress, Progress, progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Self-supervised learning of facial expressions"
_SIZE = (11.69, 8.27)  # A4, in inches
_BLUE, _INK, _GREY = "#0B3C8C", "#222222", "#555555"
_FONTS = ("STIXGeneral", "DejaVu Sans")  # matplotlib brings them
_LARGEST, _SMALLEST = 38, 17  # points of the name
_NAME_WIDTH = 0.8  # of the page
_DPI = 150
_HONEST = (
    "Written by the software of the course, from checks that ran on the learner’s own machine.\n"
    "It is a record of work done, neither an examination nor an accreditation."
)


def certificate(name: str, path: str | Path | None = None) -> Path:
    """A page with a name, the date, and what was solved and answered in each notebook.

    Args:
        name: of whoever did it, as it should stand there.
        path: where to write it, as PNG or PDF by its suffix; default `certificate.png` in the
            folder of the runs.

    Returns:
        The file. A notebook shows it, too.

    Raises:
        ValueError: nothing is solved or answered yet; or the name is empty, too long, or in
            characters that no font of this machine has; or the suffix is another.
    """
    name = _tidy(name)
    out = (
        given_path(path)
        if path is not None
        else folder("FERMODELS_RUNS", "runs") / "certificate.png"
    )
    if out.suffix.lower() not in (".png", ".pdf"):
        raise ValueError(f"a certificate is a .png or a .pdf, not {out.name!r}")
    done = progress()
    if not any(book.begun for book in done.notebooks):
        raise ValueError(
            "there is nothing to tell of yet: solve an exercise or answer a question first, and "
            "run its check"
        )
    figure = draw_certificate(name, done, date.today())
    out.parent.mkdir(parents=True, exist_ok=True)
    replace_file(out, _file(figure, out.suffix.lower()[1:], name))
    _show(figure, name)
    return out


def draw_certificate(name: str, done: Progress, day: date) -> Figure:
    """The page as a figure.

    Raises:
        ValueError: the name does not fit, or has characters that no font has.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white", layout="none")
    FigureCanvasAgg(figure)
    _frame(figure)
    _marks(figure, 0.875)
    _line(figure, 0.80, "fermodels, an open course", size=15, color=_GREY)
    _line(figure, 0.735, TITLE, size=27, color=_BLUE)
    _write_name(figure, 0.625, name)
    complete = done.core_done == done.core_total
    what = "has worked through the core of this course" if complete else "has worked on this course"
    _line(figure, 0.55, f"{what}: {_counted(done)}", size=14.5)
    _table(figure, [book for book in done.notebooks if book.begun], top=0.485)
    _line(figure, 0.135, f"{day.day} {day:%B %Y}  ·  version {fermodels.__version__}", size=13)
    _line(figure, 0.083, _HONEST, size=9.5, color=_GREY)
    return figure


def _counted(done: Progress) -> str:
    exercises = [item for book in done.notebooks for item in book.exercises]
    questions = [item for book in done.notebooks for item in book.questions]
    solved, answered = (sum(item.done for item in items) for items in (exercises, questions))
    right = sum(item.right_at_first for item in questions)
    text = f"{solved} exercise{'s' * (solved != 1)} solved"
    if answered:
        text += f", {answered} question{'s' * (answered != 1)} answered ({right} right at first)"
    return text


def _frame(figure: Figure) -> None:
    from matplotlib.patches import Rectangle

    for margin, width in ((0.3, 2.2), (0.38, 0.7)):  # inches, points
        x, y = margin / _SIZE[0], margin / _SIZE[1]
        figure.add_artist(
            Rectangle((x, y), 1 - 2 * x, 1 - 2 * y, fill=False, edgecolor=_BLUE, linewidth=width)
        )


def _marks(figure: Figure, y: float) -> None:
    """The expressions, as they are marked in the figures of the course."""
    from matplotlib.lines import Line2D

    from fermodels.plots import EXPRESSION_COLORS, EXPRESSION_MARKERS

    step = 0.032
    start = 0.5 - step * (len(EXPRESSION_COLORS) - 1) / 2
    for k, (expression, color) in enumerate(EXPRESSION_COLORS.items()):
        marker = EXPRESSION_MARKERS[expression]
        figure.add_artist(
            Line2D([start + k * step], [y], marker=marker, color=color, markersize=10, linewidth=0)
        )


def _line(figure: Figure, y: float, text: str, size: float, color: str = _INK, **more):
    options = {"family": list(_FONTS), "ha": "center", "va": "center", "parse_math": False}
    x = more.pop("x", 0.5)
    return figure.text(x, y, text, size=size, color=color, **(options | more))


def _write_name(figure: Figure, y: float, name: str) -> None:
    """In one line, or in two if it would be too small in one."""
    families = _families(name)
    renderer = figure.canvas.get_renderer()
    for text in (name, _broken(name)):
        label = _line(figure, y, text, size=_LARGEST, family=families, linespacing=1.05)
        width = label.get_window_extent(renderer).width / figure.bbox.width
        size = min(_LARGEST * _NAME_WIDTH / width, 26 if "\n" in text else _LARGEST)
        if size >= _SMALLEST + (5 if text == name != _broken(name) else 0):
            label.set_size(size)
            return
        label.remove()
    raise ValueError(f"the name is too long for the page: {name!r}")


def _broken(name: str) -> str:
    """In two lines, at the blank next to its middle."""
    blanks = [k for k, character in enumerate(name) if character == " "]
    if not blanks:
        return name
    k = min(blanks, key=lambda k: abs(k - len(name) / 2))
    return f"{name[:k]}\n{name[k + 1 :]}"


def _table(figure: Figure, books: Sequence[NotebookProgress], top: float) -> None:
    """Two columns of notebooks, one if they are few."""
    columns = 1 if len(books) <= 5 else 2
    rows = -(-len(books) // columns)
    step = min(0.042, 0.29 / rows)
    for k, book in enumerate(books):
        left = 0.315 if columns == 1 else (0.1, 0.54)[k // rows]
        y = top - (k % rows) * step
        texts = ((0, book.number), (0.03, book.title), (0.205, _short(book)))
        for shift, text in texts:
            color = _BLUE if shift == 0 else _INK if shift < 0.1 else _GREY
            _line(figure, y, text, size=11.5, color=color, x=left + shift, ha="left")


def _short(book: NotebookProgress) -> str:
    solved, answered = (
        sum(item.done for item in items) for items in (book.exercises, book.questions)
    )
    text = f"exercises {solved}/{len(book.exercises)}"
    return text + (f", questions {answered}/{len(book.questions)}" if book.questions else "")


def _tidy(name: str) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ValueError('whose certificate is it? certificate("Ada Lovelace")')
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    if any(unicodedata.category(character) in ("Cc", "Co", "Cs") for character in name):
        raise ValueError(f"the name has characters that cannot be printed: {name!r}")
    return name


def _families(name: str) -> list[str]:
    """Fonts that have all characters of the name between them, the course's first.

    Raises:
        ValueError: there are none.
    """
    import matplotlib
    from matplotlib import font_manager

    # Before 3.11, matplotlib sets one character after the other, from left to right.
    shapes = tuple(int(n) for n in matplotlib.__version__.split(".")[:2]) >= (3, 11)
    kinds = {unicodedata.bidirectional(c) for c in name}
    joined = any(unicodedata.category(c) in ("Mn", "Mc") for c in name)
    if not shapes and (kinds & {"R", "AL"} or joined):
        raise ValueError(f"writing {name!r} needs matplotlib 3.11: pip install -U matplotlib")
    missing = {c for c in name if c != " " and unicodedata.category(c) != "Cf"}
    families = []
    installed = sorted({entry.name for entry in font_manager.fontManager.ttflist})
    for family in (*_FONTS, *installed):
        if not missing:
            break
        if "last resort" in family.lower() or family in families:  # boxes in place of letters
            continue
        found = {c for c in missing if ord(c) in _characters(family)}
        if found or family in _FONTS:
            families.append(family)
            missing -= found
    if missing:
        raise ValueError(
            f"no font on this machine has {' '.join(sorted(missing))}: write the name in other "
            "letters, or install a font that has them"
        )
    return families


def _characters(family: str) -> dict[int, int]:
    """The code points that a family of fonts has."""
    from matplotlib import font_manager

    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)  # or it tells of every family without a normal weight
    try:
        wanted = font_manager.FontProperties(family=[family])
        path = font_manager.findfont(wanted, fallback_to_default=False)
        return font_manager.get_font(path).get_charmap()
    except (ValueError, RuntimeError, OSError):  # not there any more, or no font at all
        return {}
    finally:
        log.setLevel(level)


def _file(figure: Figure, kind: str, name: str) -> bytes:
    import matplotlib

    buffer = io.BytesIO()
    about = {"Title": f"{TITLE}: {name}"}
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(buffer, format=kind, dpi=_DPI, metadata=about)
    return buffer.getvalue()


def _show(figure: Figure, name: str) -> None:
    """In a notebook."""
    import matplotlib.pyplot as plt

    if "inline" in plt.get_backend().lower():
        from IPython.display import Image, display

        alt = f"A certificate: {name} has worked on the course; the table says on what."
        display(Image(data=_file(figure, "png", name), width=877, alt=alt))
