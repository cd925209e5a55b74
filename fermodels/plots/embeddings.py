"""Embeddings: their similarities, and maps of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels.data import view_order
from fermodels.data.names import natural_key
from fermodels.plots.style import (
    EXPRESSION_COLORS,
    EXPRESSION_MARKERS,
    UNLABELLED_COLOR,
    are_views,
    axes_or_new,
    quiet,
    view_colors,
    view_markers,
    words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPARE_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">", "h", "*")
_LEGEND_LIMIT = 12
_UNLABELLED = "unlabelled"


def similarity_matrix(
    embeddings,
    groups: Sequence | None = None,
    *,
    vmin: float = -1,
    vmax: float = 1,
    label: str = "image",
    ax: Axes | None = None,
) -> Axes:
    """Cosine similarity of each pair of embeddings (N, D), rows in the order given.

    `groups`, a label per row, rules off and names the runs of equal labels, so sort the rows by
    it first: by instance, to see whether the views of a moment belong together.
    """
    x = np.asarray(embeddings, dtype=np.float64)
    if x.ndim != 2:
        raise ValueError(f"embeddings have shape {x.shape}; expected (N, D)")
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    ax = axes_or_new(ax, 5.2, 4.2)
    image = ax.imshow(
        x @ x.T, vmin=vmin, vmax=vmax, cmap="RdBu_r" if vmin < 0 else "Blues", aspect="equal"
    )
    ax.figure.colorbar(image, ax=ax, label="cosine similarity", shrink=0.85)
    if groups is not None:
        groups = list(groups)
        if len(groups) != len(x):
            raise ValueError(f"{len(groups)} group labels for {len(x)} embeddings")
        starts = [i for i in range(len(groups)) if i == 0 or groups[i] != groups[i - 1]]
        ends = [*starts[1:], len(groups)]
        for start in starts[1:]:
            ax.axhline(start - 0.5, color="#222222", linewidth=0.6)
            ax.axvline(start - 0.5, color="#222222", linewidth=0.6)
        middle = [(a + b - 1) / 2 for a, b in zip(starts, ends, strict=True)]
        names = [words(groups[start]) for start in starts]
        ax.set_xticks(middle, names, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_yticks(middle, names)
        ax.tick_params(length=0)
    ax.set_xlabel(label)
    ax.set_ylabel(label)
    return ax


def embedding_map(
    coords,
    values: Sequence,
    palette: Mapping | None = None,
    *,
    name: str = "UMAP",
    label: str | None = None,
    legend: bool = True,
    size: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Scatter of projected embeddings, coloured by a category or by a number.

    Args:
        coords: (N, 2), as `project` returns them.
        values: N expressions, view names or other categories (whole numbers, such as class
            indices, are categories, too), or floats such as yaw in degrees. Missing categories
            (None) are drawn in grey, as "unlabelled".
        palette: colour per category. Default: the fixed colours and markers of expressions and
            views, else distinct hues.
        name: what the axes are called. They have no unit, and so no ticks.
        label: title of the legend, or of the colour bar for floats: name the unit there.
        legend: categories are listed beside the map, up to twelve of them.
        size: area of a dot in square points. Default: by their number, large enough to tell colour
            and marker in print.
    """
    import pandas as pd

    if isinstance(getattr(values, "dtype", None), pd.api.extensions.ExtensionDtype):
        # Whole numbers of which one is missing must not become floats.
        values = np.asarray(values, None if pd.api.types.is_float_dtype(values) else object)
    coords, values = np.asarray(coords), np.asarray(values)
    if coords.ndim != 2 or coords.shape[1] != 2 or len(values) != len(coords):
        raise ValueError(
            f"coords {coords.shape} and values {values.shape}; expected (N, 2) and (N,)"
        )
    ax = axes_or_new(ax, 5.2 if legend else 4.0, 3.8)
    size = float(np.clip(12000 / max(len(coords), 1), 12, 36)) if size is None else size
    # Drawn in a random but fixed order: no class covers the others by coming last.
    order = np.random.default_rng(0).permutation(len(coords))
    if values.dtype.kind == "f":
        dots = ax.scatter(*coords[order].T, c=values[order], s=size, cmap="viridis", linewidth=0)
        if legend:
            ax.figure.colorbar(dots, ax=ax, label=label or "value", shrink=0.85)
    else:
        missing = pd.isna(values)
        values = np.where(missing, _UNLABELLED, values.astype(object)) if missing.any() else values
        categories, colors, markers = _categories(values, palette)
        color = np.array([colors[v] for v in values.tolist()], dtype=object)
        shape = np.array([markers[v] for v in values.tolist()], dtype=object)
        # matplotlib draws one marker per call, so the markers alternate in a few rounds.
        for chunk in np.array_split(order, min(8, len(order))):
            for marker in dict.fromkeys(shape[chunk].tolist()):
                dots = chunk[shape[chunk] == marker]
                ax.scatter(
                    *coords[dots].T,
                    s=size,
                    c=color[dots].tolist(),
                    marker=marker,
                    edgecolor="white",
                    linewidth=0.25,
                )
        few = len(categories) <= _LEGEND_LIMIT
        if legend and few:
            handles = [
                ax.scatter([], [], s=28, color=colors[c], marker=markers[c], label=words(c))
                for c in categories
            ]
            ax.legend(
                handles=handles,
                title=label,
                frameon=False,
                loc="upper left",
                bbox_to_anchor=(1, 1),
                alignment="left",
                handletextpad=0.3,
            )
        elif legend:
            ax.set_title(f"{len(categories)} colours: one per {label or 'category'}", fontsize=9)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel(f"{name} 1")
    ax.set_ylabel(f"{name} 2")
    quiet(ax)
    return ax


def _categories(values: np.ndarray, palette: Mapping | None) -> tuple[list, dict, dict]:
    """(categories in the order of the legend, colour of each, marker of each)."""
    import seaborn as sns

    present = set(values.tolist()) - {_UNLABELLED}
    if present <= set(EXPRESSION_COLORS):
        categories = [e for e in EXPRESSION_COLORS if e in present]
        colors, markers = EXPRESSION_COLORS, EXPRESSION_MARKERS
    elif are_views(present):
        categories = view_order(list(present))
        colors, markers = view_colors(categories), view_markers(categories)
    else:
        in_order = sorted(present, key=natural_key) if palette is None else palette
        categories = [name for name in in_order if name in present]
        colors = dict(zip(categories, sns.husl_palette(len(categories), s=0.8), strict=True))
        shapes = SPARE_MARKERS if len(categories) <= _LEGEND_LIMIT else "o" * len(categories)
        markers = dict(zip(categories, shapes, strict=False))
    if palette is not None:
        missing = present - set(palette)
        if missing:
            raise ValueError(f"the palette has no colour for {sorted(missing, key=str)[:5]}")
        colors = dict(palette)
    if _UNLABELLED in values.tolist():
        categories = [*categories, _UNLABELLED]
        colors, markers = (
            {_UNLABELLED: UNLABELLED_COLOR} | dict(colors),
            {_UNLABELLED: "."} | dict(markers),
        )
    return categories, colors, markers
