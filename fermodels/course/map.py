"""The notebooks, and what one hands to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Number: title, what it is about, and where its box is drawn (column, row).
_MAP = {
    "00": ("Welcome", "does everything\nrun?", (0, 0)),
    "01": ("Data", "faces, cameras,\nfair splits", (1, 0)),
    "02": ("Contrastive\npre-training", "learning\nwithout labels", (2, 0)),
    "03": ("Fine-tuning", "few labels,\nsteep angles", (3, 0.6)),
    "04": ("View\ninvariance", "what has\nit learned?", (3, 0)),
    "05": ("Clips", "video, speech,\ntext; features", (3, -0.6)),
    "06": ("Multi-task\nself-supervision", "three losses\non three modalities", (4, -0.6)),
    "07": ("Explore", "hands on the\nembedding", (4, 0)),
    "08": ("Your own data", "importers, faces\nof real people", (4, 0.6)),
    "09": ("Appendix", "what moves\nthe learner", (2, -0.6)),
    "10": ("You\non the map", "a head before\na camera", (5, 0)),
}
_ARROWS = (
    ("00", "01", ""),
    ("01", "02", "prepared\nfile"),
    ("02", "03", ""),
    ("02", "04", "encoder"),
    ("02", "05", ""),
    ("05", "06", "features"),
    ("04", "07", "questions"),
    ("03", "08", ""),
    ("02", "09", ""),
    ("07", "10", ""),
)


def draw_map() -> Axes:
    """The notebooks as boxes, and what one hands to the next as arrows."""
    import matplotlib.pyplot as plt

    width, height, step = 1.3, 0.9, 1.8
    _, ax = plt.subplots(figsize=(14, 4))
    for i, (number, (title, about, (column, row))) in enumerate(_MAP.items()):
        corner = (column * step, row * 2 - height / 2)
        color = plt.get_cmap("Blues")(0.08 + 0.05 * i)
        ax.add_patch(plt.Rectangle(corner, width, height, facecolor=color, edgecolor="0.35"))
        x, y = corner[0] + width / 2, corner[1] + height / 2
        ax.text(x, y + 0.17, f"{number} · {title}", ha="center", va="center", weight="bold", size=9)
        ax.text(x, y - 0.21, about, ha="center", va="center", color="0.25", size=9)
    for start, end, label in _ARROWS:
        (x0, y0), (x1, y1) = (_MAP[number][2] for number in (start, end))
        tail, tip = (x0 * step + width, y0 * 2), (x1 * step, y1 * 2)
        if x0 == x1:  # from the foot of a box to the head of the one below it
            tail, tip = (
                (x0 * step + width / 2, y0 * 2 - height / 2),
                (x1 * step + width / 2, y1 * 2 + height / 2),
            )
        ax.annotate("", tip, tail, arrowprops={"arrowstyle": "-|>", "color": "0.35"})
        middle = ((tail[0] + tip[0]) / 2, (tail[1] + tip[1]) / 2 + 0.08)
        ax.text(*middle, label, ha="center", va="bottom", size=8)
    ax.set(xlim=(-0.1, 5 * step + width + 0.1), ylim=(-1.75, 1.75))
    ax.set_axis_off()
    return ax
