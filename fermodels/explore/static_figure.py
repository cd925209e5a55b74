"""The maps as an image, for paper and for places without WebGL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels import plots
from fermodels.explore.fields import Field
from fermodels.explore.maps import LINE_COLOR, MARK_COLOR

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def static_figure(
    coords: Mapping[str, np.ndarray],
    field: Field,
    shown: np.ndarray,
    paths: Sequence[np.ndarray],
    selection: np.ndarray,
    mark: int | None = None,
    name: str = "UMAP",
) -> Figure:
    """A map (N, 2) per encoder beside each other, with one legend.

    `shown`, bool (N,), is drawn; `paths` are joined by lines; `selection` is circled; a
    cross goes through the row `mark`.
    """
    import matplotlib.pyplot as plt

    count = len(coords)
    figure, axes = plt.subplots(
        1, count, figsize=(4.2 * count + 1.4, 4), layout="constrained", squeeze=False
    )
    rows = np.flatnonzero(shown)
    label = field.name.replace("_", " ")
    many = len(paths) > 60
    for ax, (encoder, where) in zip(axes[0], coords.items(), strict=True):
        if len(rows):
            plots.embedding_map(
                where[rows],
                field.values[rows],
                field.palette,
                name=name,
                label=label,
                legend=ax is axes[0, -1],
                ax=ax,
            )
        for path in paths:
            ax.plot(*where[path].T, color=LINE_COLOR, linewidth=0.5, alpha=0.2 if many else 0.8)
        ring = selection[shown[selection]]
        ax.scatter(*where[ring].T, s=40, facecolor="none", edgecolor="black", linewidth=0.8)
        if mark is not None:
            ax.axvline(where[mark, 0], color=MARK_COLOR, linewidth=0.8)
            ax.axhline(where[mark, 1], color=MARK_COLOR, linewidth=0.8)
        ax.set(title=encoder, xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    return figure
