"""The face lab as an image, for paper and for front ends without widgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from fermodels import plots
from fermodels.explore.fields import Field
from fermodels.explore.track import Track, yaw_colors
from fermodels.plots.style import UNLABELLED_COLOR

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def lab_figure(
    image: np.ndarray,
    field: Field | None,
    maps: Mapping[str, np.ndarray],
    positions: Mapping[str, np.ndarray],
    probabilities: pd.DataFrame,
    track: Track | None,
    palette: Mapping[str, str],
    title: str,
) -> Figure:
    """The face (H, W, 3); per encoder its map (N, 2) with the face's place and track, and its
    probabilities below."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys([*maps, *probabilities]))
    columns = len(names) + 1
    figure, axes = plt.subplots(
        2,
        columns,
        figsize=(3.6 * columns + 1.2, 5.4),
        height_ratios=[2, 1],
        layout="constrained",
        squeeze=False,
    )
    axes[0, 0].imshow(image)
    axes[0, 0].set_title(title, fontsize=9, wrap=True)
    for ax in axes.flat:
        ax.set_axis_off()
    for i, name in enumerate(names, start=1):
        if name in maps:
            axes[0, i].set_axis_on()
            draw_map(axes[0, i], maps[name], field, palette, i == len(names))
            if track is not None:
                draw_track(axes[0, i], track, name)
            axes[0, i].plot(*positions[name], "o", ms=12, mfc="none", mec="white", mew=4)
            axes[0, i].plot(*positions[name], "o", ms=12, mfc="none", mec="black", mew=1.8)
        axes[0, i].set_title(name)
        if name in probabilities:
            axes[1, i].set_axis_on()
            draw_bars(axes[1, i], probabilities[name], palette)
    return figure


def draw_map(ax, coords: np.ndarray, field: Field, palette, legend: bool) -> None:
    shown = field.values
    # The expressions that all figures know have markers of their own beside their colours.
    own = None if set(shown) <= set(plots.EXPRESSION_COLORS) else palette
    plots.embedding_map(coords, shown, own, name="PCA", label=field.name, legend=legend, ax=ax)
    for dots in ax.collections:
        dots.set_alpha(0.35)  # the face and its track stand out
    ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")


def draw_track(ax, track: Track, name: str) -> None:
    points = track.points[name]
    ax.plot(*points.T, color="white", linewidth=4)
    ax.plot(*points.T, color="#222222", linewidth=1)
    ax.scatter(
        *points.T, s=26, c=yaw_colors(track.yaws), edgecolor="white", linewidth=0.5, zorder=3
    )
    for place in (0, -1):
        ax.annotate(
            f"{track.yaws[place]:+.0f}°".replace("-", "−"),
            points[place],
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=8,
        )


def draw_bars(ax, shares: pd.Series, palette) -> None:
    shares = shares.fillna(0.0)
    colors = [palette.get(name, UNLABELLED_COLOR) for name in shares.index]
    ax.barh(range(len(shares)), shares, color=colors)
    for place, share in enumerate(shares):
        ax.text(share + 0.02, place, f"{share:.2f}", va="center", fontsize=8)
    ax.set_yticks(range(len(shares)), shares.index)
    ax.set(xlim=(0, 1.15), xticks=[0, 0.5, 1], xlabel="probability")
    ax.invert_yaxis()
