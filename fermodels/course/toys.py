"""Drawings of notebook 02: vectors on a circle, pairs of a batch, trainings, methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from torch import Tensor

#: What two images of a batch are to each other, by the numbers that `relation` gives.
KINDS = (
    "negative: other person",
    "negative: same expression",
    "negative: same person",
    "positive",
    "itself",
)
KIND_COLORS = ("#EDEDED", "#CC79A7", "#F4A261", "#0060B0", "white")

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


def draw_circle(z: Tensor, names: Sequence[str]) -> None:
    """Vectors of length 1 in two dimensions as arrows, and beside them their cosines as a matrix;
    a letter of the names, such as A of A1, is a colour."""
    import matplotlib.pyplot as plt

    from fermodels.plots import similarity_matrix

    _, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), width_ratios=[1, 1.25])
    circle = np.linspace(0, 2 * math.pi, 200)
    left.plot(np.cos(circle), np.sin(circle), color="#CCCCCC", zorder=0)
    for name, (x, y) in zip(names, z.tolist(), strict=True):
        color = "#0060B0" if name.startswith("A") else "#C43C00"
        left.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": color})
        left.text(1.14 * x, 1.14 * y, name, color=color, ha="center", va="center")
    left.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    left.set(xlabel="z, dimension 1", ylabel="z, dimension 2")
    similarity_matrix(z, names, ax=right)
    for (i, j), cosine in np.ndenumerate((z @ z.T).numpy()):
        ink = "white" if cosine > 0.6 else "black"
        right.text(j, i, f"{cosine:.2f}", ha="center", va="center", color=ink, fontsize=9)


def relation(instance: Tensor, person: Tensor, expression: Tensor | None = None) -> Tensor:
    """What each two images are to each other, by number in `KINDS`: (N,) each → (N, N)."""
    kind = 2 * (person[:, None] == person).int()
    if expression is not None:
        kind[(kind == 0) & (expression[:, None] == expression)] = 1
    kind[instance[:, None] == instance] = 3
    return kind.fill_diagonal_(4)


def draw_relations(kinds: Mapping[str, Tensor], width: float, height: float) -> None:
    """Masks from `relation` side by side, by title, with one legend."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap

    colors = ListedColormap(KIND_COLORS)
    _, axes = plt.subplots(1, len(kinds), figsize=(width, height))
    for ax, (title, kind) in zip(axes, kinds.items(), strict=True):
        ax.imshow(kind, cmap=colors, vmin=0, vmax=4, interpolation="nearest")
        ax.set(title=title, xlabel="candidate", ylabel="anchor")
    shown = sorted({k for kind in kinds.values() for k in kind.unique().tolist()})
    handles = [plt.Rectangle((0, 0), 1, 1, fc=KIND_COLORS[k], ec="#999999") for k in shown]
    names = [KINDS[k] for k in shown]
    axes[-1].legend(handles, names, loc="center left", bbox_to_anchor=(1, 0.5))


def draw_trainings(
    histories: Mapping[str, pd.DataFrame],
    levels: Mapping[str, float],
    before: float,
    chance: float,
) -> None:
    """Trainings side by side, by title: the loss above, what a linear probe reads below.

    Args:
        histories: from :func:`fermodels.training.fit`, with a column `probe`.
        levels: of the loss, see :func:`fermodels.plots.loss_curve`.
        before: what the probe reads before the first step.
        chance: what guessing reads.
    """
    import matplotlib.pyplot as plt

    from fermodels.plots import METHOD_COLORS, loss_curve

    size = {"figsize": (7.2, 4.8) if len(histories) == 1 else (5 * len(histories), 4.6)}
    shape = {"sharex": "col", "sharey": "row", "height_ratios": [1.5, 1], "squeeze": False}
    _, axes = plt.subplots(2, len(histories), **size, **shape)
    for (loss, probe), (name, history) in zip(axes.T, histories.items(), strict=True):
        loss_curve(history, levels, ax=loss)
        loss.set_xlabel("")
        loss.set_title(name, loc="left")
        read = history.dropna(subset=["probe"])
        steps, accuracy = [0, *read["step"]], np.array([before, *read["probe"]])
        probe.plot(steps, 100 * accuracy, "o-", color=METHOD_COLORS["clmex"], markersize=3.5)
        probe.axhline(100 * chance, color="#666666", linestyle="--", linewidth=1)
        probe.set(xlabel="optimiser step", ylabel="linear probe (%)", ylim=(0, 100))


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
