"""Colours, markers and the look of all figures: an expression, a view and a method have the same
colour in every figure. Nothing global is changed on import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels.data import view_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Chosen apart (CIELAB distance of at least 15) for normal sight and for the three dichromacies.
EXPRESSION_COLORS = {
    "afraid": "#CC79A7",
    "angry": "#C43C00",
    "disgusted": "#009E73",
    "happy": "#F0A000",
    "neutral": "#3A3A3A",
    "sad": "#0060B0",
    "surprised": "#56B4E9",
    "content": "#EFE04A",
}
# The second cue, for print in grey.
EXPRESSION_MARKERS = {
    "afraid": "v",
    "angry": "X",
    "disgusted": "s",
    "happy": "o",
    "neutral": "D",
    "sad": "P",
    "surprised": "^",
    "content": "p",
}
# Blue on one side, red on the other, darker towards the profile.
VIEW_COLORS = {
    "full_left": "#0B3C8C",
    "half_left": "#6BAED6",
    "straight": "#444444",
    "half_right": "#F4A261",
    "full_right": "#B3380E",
}
VIEW_MARKERS = {
    "full_left": "<",
    "half_left": "P",
    "straight": "o",
    "half_right": "X",
    "full_right": ">",
}
METHOD_COLORS = {
    "clmex": "#0060B0",
    "viewfx": "#009E73",
    "simclr": "#F0A000",
    "fromscratch": "#6B6B6B",
    "supervised": "#6B6B6B",
    "untrained": "#BDBDBD",
}
SPARE_COLORS = ("#CC79A7", "#C43C00", "#56B4E9", "#882255", "#999933")


def use_style() -> None:
    """Set matplotlib's defaults for a notebook: small PNG, quiet axes, readable text."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "savefig.dpi": 100,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#555555",
            "axes.labelsize": 10,
            "axes.titlesize": 10.5,
            "axes.axisbelow": True,
            "grid.color": "#E4E4E4",
            "grid.linewidth": 0.8,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "xtick.color": "#444444",
            "ytick.color": "#444444",
            "legend.frameon": False,
            "legend.fontsize": 9,
            "image.interpolation": "antialiased",
        }
    )


def view_colors(views: Sequence) -> dict:
    """A colour per view, left to right: the fixed ones, else blue over grey to red."""
    import matplotlib as mpl

    order = view_order(views)
    if all(view in VIEW_COLORS for view in order):
        return {view: VIEW_COLORS[view] for view in order}
    scale = mpl.colors.LinearSegmentedColormap.from_list("views", list(VIEW_COLORS.values()))
    places = np.linspace(0, 1, len(order)) if len(order) > 1 else [0.5]
    return {
        view: mpl.colors.to_hex(scale(place)) for view, place in zip(order, places, strict=True)
    }


def method_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour per method; CL-MEx, ViewFX, SimCLR and "from scratch" have theirs everywhere."""
    colors, spare = {}, 0
    for name in dict.fromkeys(names):
        known = "".join(c for c in str(name).lower() if c.isalnum())
        if known in METHOD_COLORS:
            colors[name] = METHOD_COLORS[known]
        else:
            colors[name] = SPARE_COLORS[spare % len(SPARE_COLORS)]
            spare += 1
    return colors


def axes_or_new(ax: Axes | None, width: float, height: float) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def words(name) -> str:
    return str(name).replace("_", " ")


def quiet(ax: Axes, grid: str | None = None) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.set_axisbelow(True)
        ax.grid(axis=grid, color="#E4E4E4", linewidth=0.8)


def legend_above(ax: Axes, columns: int) -> None:
    """A legend in one line above the axes, where it hides no data."""
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=min(columns, 4))


def chance_line(share: float) -> str:
    return f"chance\n{100 * share:.0f} %"


def level_lines(ax: Axes, levels: Mapping[str, float], zorder: float = 1) -> None:
    """Dashed lines across `ax`, labelled in the right margin, where no curve runs."""
    bottom, top = ax.get_ylim()
    gap = 0.085 * (top - bottom)  # the height of a line of text
    place = -np.inf
    for name, value in sorted(levels.items(), key=lambda item: item[1]):
        ax.axhline(value, color="#666666", linewidth=1, linestyle=(0, (4, 3)), zorder=zorder)
        place = max(value, place + gap)
        ax.annotate(
            name,
            xy=(1, value),
            xytext=(1.02, place),
            xycoords=ax.get_yaxis_transform(),
            fontsize=8.5,
            color="#444444",
            va="center",
            annotation_clip=False,
        )
