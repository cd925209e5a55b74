"""A picture of how methods of self-supervised learning differ, for notebook 02."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = ("what is compared", "passed through", "the loss asks to", "against collapse", "you keep")
#: Method → what stands in each of `ROWS`; two texts where there are two sides. Roy and Etemad 2021,
#: Radford et al. 2021, Grill et al. 2020, Caron et al. 2021, He et al. 2022.
METHODS = {
    "CL-MEx": (
        ("one view of\na moment", "another\nview of it"),
        ("encoder", "the same\nencoder"),
        ("pull them together,\npush all others away",),
        ("negatives",),
        ("the encoder",),
    ),
    "CLIP": (
        ("image", "its\ncaption"),
        ("image\nencoder", "text\nencoder"),
        ("pull them together,\npush all others away",),
        ("negatives",),
        ("both encoders",),
    ),
    "BYOL": (
        ("image,\naugmented", "augmented\nagain"),
        ("encoder,\npredictor", "moving\naverage"),
        ("predict the vector\nof the other side",),
        ("predictor, no gradient\non the right",),
        ("the encoder",),
    ),
    "DINO": (
        ("small and\nlarge crops", "large\ncrops"),
        ("student", "teacher: its\naverage"),
        ("match the softmax\nof the teacher",),
        ("teacher centred\nand sharpened",),
        ("the encoder, often\na vision transformer",),
    ),
    "MAE": (
        ("a quarter of\nthe patches", "the hidden\npatches"),
        ("encoder,\ndecoder", "nothing"),
        ("restore the pixels\nof the right side",),
        ("not needed:\nthe target is given",),
        ("the encoder, a\nvision transformer",),
    ),
}
_COLORS = {"CL-MEx": "#0060B0", "CLIP": "#0060B0", "BYOL": "#C43C00", "DINO": "#C43C00"}
_OTHER = "#2E7D52"
_HALF, _SIDE = 0.235, 0.46  # of a column: from its middle to that of a side, and a side's width


def draw_families(ax: Axes | None = None) -> Axes:
    """Five methods side by side: what goes in, what the loss asks for, and what comes out.

    One colour for those with negatives, one for those with a moving average, one for the rest.
    """
    from fermodels.plots.style import axes_or_new

    ax = axes_or_new(ax, 11, 4.6)
    for column, (name, rows) in enumerate(METHODS.items()):
        color = _COLORS.get(name, _OTHER)
        ax.text(column, 0.62, name, ha="center", fontsize=11, color=color, weight="bold")
        for row, texts in enumerate(rows):
            for text, x in zip(texts, _places(column, len(texts)), strict=True):
                _box(ax, x, -row, text, _SIDE if len(texts) == 2 else 2 * _SIDE, color)
                if row < 2:
                    ends = {"xy": (x, -row - 0.66), "xytext": (x, -row - 0.34)}
                    ax.annotate("", **ends, arrowprops={"arrowstyle": "->", "color": color})
    for row, name in enumerate(ROWS):
        ax.text(-0.6, -row, name, ha="right", va="center", fontsize=9.5, color="#333333")
    ax.set(xlim=(-1.45, len(METHODS) - 0.5), ylim=(-len(ROWS) + 0.55, 0.9))
    ax.axis("off")
    return ax


def _places(column: float, count: int) -> list[float]:
    return [column] if count == 1 else [column - _HALF, column + _HALF]


def _box(ax: Axes, x: float, y: float, text: str, width: float, color: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": "white", "edgecolor": color}
    ax.add_patch(FancyBboxPatch((x - width / 2, y - 0.33), width, 0.66, **style))
    ax.text(x, y, text, ha="center", va="center", fontsize=8.5, linespacing=1.1)
