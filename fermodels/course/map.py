"""The notebooks, and what one hands to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Box:
    """A notebook in the map.

    Attributes:
        title: in one or two lines.
        about: what it is about.
        column: from the left.
        row: from below.
        core: whether it is of the core; an elective otherwise.
    """

    title: str
    about: str
    column: int
    row: int
    core: bool = True


NOTEBOOKS = {
    "00": Box("Welcome", "does everything\nrun?", 0, 1),
    "01": Box("Data", "faces, cameras,\nfair splits", 1, 1),
    "02": Box("Contrastive\npre-training", "learning\nwithout labels", 2, 1),
    "03": Box("Fine-tuning", "few labels,\nsteep angles", 3, 2),
    "04": Box("View\ninvariance", "what has\nit learned?", 3, 1),
    "05": Box("Clips", "video, sound\nand text", 3, 0),
    "06": Box("Multi-task", "three losses,\nthree modalities", 4, 0),
    "07": Box("Explore", "hands on the\nembedding", 4, 1),
    "08": Box("Your own\ndata", "importers, faces\nof real people", 4, 2, core=False),
    "09": Box("Appendix", "what moves\nthe learner", 2, 0, core=False),
    "10": Box("You\non the map", "a head before\na camera", 5, 1, core=False),
    "11": Box("The clip\nstudy", "which losses\nhelp most", 5, 0, core=False),
    "12": Box("Full size", "pre-training\nfor hours", 2, 2, core=False),
    "13": Box("Error\nanalysis", "which faces\nare mistaken", 5, 2, core=False),
}
# From side to side; those of one column from the head or the foot of a box.
_ARROWS = (
    ("00", "01"),
    ("01", "02"),
    ("02", "03"),
    ("02", "04"),
    ("02", "05"),
    ("04", "07"),
    ("05", "06"),
    ("02", "09"),
    ("02", "12"),
    ("03", "08"),
    ("06", "11"),
    ("07", "10"),
)
_OVER = ("03", "13")  # the box between them is passed above

_WIDTH, _HEIGHT = 1.38, 0.98  # inches, and so are the steps from box to box
_STEP = (1.68, 1.38)
_CORE, _EDGE = "#D6E6F5", "#3B5B7A"


def title_of(number: str) -> str:
    """The title of a notebook in one line."""
    return NOTEBOOKS[number].title.replace("-\n", "-").replace("\n", " ")


def draw_map() -> Axes:
    """The notebooks as boxes, and arrows from each to those that go on with what it made.

    Boxes of the core are filled, those of electives are white with a dashed edge.
    """
    import matplotlib.pyplot as plt

    width, height = 5 * _STEP[0] + _WIDTH + 0.1, 2 * _STEP[1] + _HEIGHT + 0.75
    figure = plt.figure(figsize=(width, height), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-0.05, width - 0.05), ylim=(-0.4, height - 0.4))
    ax.set_axis_off()
    for number, box in NOTEBOOKS.items():
        _draw_box(ax, number, box)
    arrow = {"arrowstyle": "-|>", "color": _EDGE, "shrinkA": 1, "shrinkB": 1}
    for start, end in _ARROWS:
        tail, tip = _ends(NOTEBOOKS[start], NOTEBOOKS[end])
        ax.annotate("", tip, tail, arrowprops=arrow)
    tail, tip = (_place(NOTEBOOKS[number], 0.5, 1) for number in _OVER)
    ax.annotate("", tip, tail, arrowprops=arrow | {"connectionstyle": "bar,fraction=-0.06"})
    for x, name, core in ((0, "core", True), (0.95, "elective", False)):
        ax.add_patch(plt.Rectangle((x, -0.3), 0.24, 0.16, **_look(core)))
        ax.text(x + 0.31, -0.22, name, va="center", size=9.5)
    return ax


def _draw_box(ax: Axes, number: str, box: Box) -> None:
    import matplotlib.pyplot as plt

    ax.add_patch(plt.Rectangle(_place(box, 0, 0), _WIDTH, _HEIGHT, **_look(box.core)))
    x, y = _place(box, 0.5, 0.5)
    title = f"{number} · {box.title}"
    lines = title.count("\n") + 1
    middle = y + 0.17 * (2 - lines) / 2  # of the title above and what it is about below
    text = {"ha": "center", "size": 9, "linespacing": 1.2}
    ax.text(x, middle + 0.03, title, weight="bold", va="bottom", **text)
    ax.text(x, middle - 0.05, box.about, color="0.2", va="top", **text)


def _look(core: bool) -> dict:
    if core:
        return {"facecolor": _CORE, "edgecolor": _EDGE}
    return {"facecolor": "white", "edgecolor": _EDGE, "linestyle": (0, (4, 3))}


def _place(box: Box, right: float, up: float) -> tuple[float, float]:
    """A point of a box, from its lower left corner (0, 0) to its upper right one (1, 1)."""
    return box.column * _STEP[0] + right * _WIDTH, box.row * _STEP[1] + up * _HEIGHT


def _ends(start: Box, end: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    if start.column < end.column:
        return _place(start, 1, 0.5), _place(end, 0, 0.5)
    if start.row < end.row:
        return _place(start, 0.5, 1), _place(end, 0.5, 0)
    return _place(start, 0.5, 0), _place(end, 0.5, 1)
