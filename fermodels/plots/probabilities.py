"""What a model says of a face while time passes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels.plots.style import UNLABELLED_COLOR, axes_or_new, expression_colors, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STRIP = (103, 109)  # where the strongest expression is shown, above 100 %


def probability_curve(
    seconds: Sequence[float] | np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    *,
    caution: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Probabilities of expressions over time, and above them a strip of the strongest.

    Args:
        seconds: (T,), increasing.
        probabilities: (T, C) in [0, 1]; rows of NaN where no face was found, which are grey.
        classes: names of the C expressions.
        caution: a line below the figure that says what it does not mean.

    Raises:
        ValueError: shapes that do not fit, or no moment.
    """
    seconds, shares = np.asarray(seconds, float), 100 * np.asarray(probabilities, float)
    if seconds.ndim != 1 or shares.shape != (len(seconds), len(classes)) or not len(seconds):
        raise ValueError(
            f"seconds {seconds.shape} and probabilities {np.shape(probabilities)} of "
            f"{len(classes)} expressions; expected (T,) and (T, {len(classes)}), T > 0"
        )
    ax = axes_or_new(ax, 8.0, 4.0)
    colors = expression_colors(classes)
    edges = _edges(seconds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a film without a face
        means = np.nan_to_num(np.nanmean(shares, axis=0))
    for column, name in enumerate(classes):
        marker = "o" if len(seconds) <= 30 else None
        ax.plot(
            seconds,
            shares[:, column],
            color=colors[name],
            linewidth=1.8,
            label=name,
            marker=marker,
            markersize=3.5,
            zorder=2 + means[column] / 100,  # the strongest lies on top
        )
    empty = np.isnan(shares).any(1)
    best = np.where(empty, 0, np.nan_to_num(shares).argmax(1))
    for start, end in _runs(np.where(empty, -1, best)):
        x = edges[start], edges[end] - edges[start]
        if empty[start]:
            ax.axvspan(edges[start], edges[end], color="#F0F0F0", linewidth=0, zorder=0)
        color = UNLABELLED_COLOR if empty[start] else colors[classes[best[start]]]
        ax.broken_barh([x], (_STRIP[0], _STRIP[1] - _STRIP[0]), facecolors=color, linewidth=0)
    ax.annotate(
        "strongest",
        (1.01, np.mean(_STRIP)),
        xycoords=ax.get_yaxis_transform(),
        fontsize=8.5,
        color="#444444",
        va="center",
        annotation_clip=False,
    )
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(-2, _STRIP[1])
    ax.set_yticks(range(0, 101, 25))
    ax.set_ylabel("probability (%)")
    ax.set_xlabel("time (s)")
    handles, labels = ax.get_legend_handles_labels()
    if empty.any():
        from matplotlib.patches import Patch

        handles, labels = [*handles, Patch(color=UNLABELLED_COLOR)], [*labels, "no face found"]
    ax.legend(
        handles,
        labels,
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=min(len(labels), 4),
    )
    quiet(ax, "y")
    if caution:
        ax.figure.supxlabel(caution, fontsize=7.5, color="#555555")
    return ax


def _edges(seconds: np.ndarray) -> np.ndarray:
    """(T + 1,): half-way between moments, and as far beyond the first and the last."""
    if len(seconds) == 1:
        return np.array([seconds[0] - 0.5, seconds[0] + 0.5])
    middles = (seconds[1:] + seconds[:-1]) / 2
    first, last = 2 * seconds[0] - middles[0], 2 * seconds[-1] - middles[-1]
    return np.concatenate([[first], middles, [last]])


def _runs(values: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of stretches of equal values."""
    changes = np.flatnonzero(np.diff(values)) + 1
    edges = [0, *changes.tolist(), len(values)]
    return list(zip(edges[:-1], edges[1:], strict=True))
