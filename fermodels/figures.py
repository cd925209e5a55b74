"""Static pictures: image grids, loss curves, accuracies, embeddings.

Each function draws into `ax`, or into a figure of its own, and returns the Axes. An expression,
a view and a method have the same colour in every picture. Nothing global is changed on import;
`use_style()` sets the look of a notebook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels.evaluate import view_order

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from fermodels.prepared import PreparedImages

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
_SPARE_COLORS = ("#CC79A7", "#C43C00", "#56B4E9", "#882255", "#999933")
_SPARE_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">", "h", "*")
_LEGEND_LIMIT = 12


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
            colors[name] = _SPARE_COLORS[spare % len(_SPARE_COLORS)]
            spare += 1
    return colors


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def _words(name) -> str:
    return str(name).replace("_", " ")


def _quiet(ax: Axes, grid: str | None = None) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.set_axisbelow(True)
        ax.grid(axis=grid, color="#E4E4E4", linewidth=0.8)


# --------------------------------------------------------------------------------- images


def _as_uint8(images) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
        raise ValueError(f"images have shape {images.shape}; expected (N, H, W, 3) with N > 0")
    if images.dtype == np.uint8:
        return images
    return (images.clip(0, 1) * 255).round().astype(np.uint8)


def _montage(tiles: Sequence[np.ndarray | None], columns: int, gap: tuple[int, int]) -> np.ndarray:
    """Tiles (H, W, 3) side by side on white, `gap` = (rows, columns) of pixels between them."""
    height, width = next(tile for tile in tiles if tile is not None).shape[:2]
    rows = -(-len(tiles) // columns)
    step_y, step_x = height + gap[0], width + gap[1]
    sheet = np.full((rows * step_y - gap[0], columns * step_x - gap[1], 3), 255, np.uint8)
    for i, tile in enumerate(tiles):
        if tile is not None:
            y, x = i // columns * step_y, i % columns * step_x
            sheet[y : y + height, x : x + width] = tile
    return sheet


def contact_sheet(
    images,
    columns: int = 8,
    titles: Sequence[str] | None = None,
    *,
    tile: float = 0.8,
    ax: Axes | None = None,
) -> Axes:
    """Images (N, H, W, 3), uint8 or float in [0, 1], in rows of `columns`.

    `titles`, one per image, stand above their images. `tile` is the width of one in inches.
    """
    images = _as_uint8(images)
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(titles)} titles for {len(images)} images")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    # Room for a line of 8-point text above each row, in pixels of the image.
    text_rows = round(0.19 / tile * width) if titles is not None else 0
    gap = (max(1, width // 32) + text_rows, max(1, width // 32))
    sheet = _montage(list(images), columns, gap)
    scale = tile / width
    ax = _axes(ax, sheet.shape[1] * scale, (sheet.shape[0] + text_rows) * scale)
    ax.imshow(sheet)
    ax.set_axis_off()
    for i, title in enumerate(titles if titles is not None else ()):
        x = i % columns * (width + gap[1]) + width / 2
        y = i // columns * (height + gap[0]) - 0.03 / scale
        ax.text(x, y, str(title), ha="center", va="bottom", fontsize=8)
    if rows and titles is not None:
        ax.set_ylim(sheet.shape[0] - 0.5, -text_rows - 0.5)
    return ax


def instance_grid(
    prepared: PreparedImages,
    subject: str,
    session: str | None = None,
    *,
    tile: float = 0.64,
    ax: Axes | None = None,
) -> Axes:
    """All takes of a subject in one session (default: the first): a row per expression, a column
    per view with its yaw in degrees. A photograph that was not taken leaves a gap.

    Raises ValueError for a subject or session that is not in the file.
    """
    table = prepared.table
    own = table[table["subject"] == subject]
    if own.empty:
        some = ", ".join(map(str, table["subject"].drop_duplicates().head(5)))
        raise ValueError(f"no subject {subject!r} in this file; there are {some}, …")
    sessions = sorted(own["session"].unique())
    session = sessions[0] if session is None else session
    own = own[own["session"] == session]
    if own.empty:
        raise ValueError(f"subject {subject!r} has no session {session!r}; there are {sessions}")

    # One take per expression: a second one would need a row of its own.
    own = own.drop_duplicates(["expression", "view"])
    expressions = [e for e in prepared.expressions if e in set(own["expression"])]
    views = view_order(own["view"])
    images = dict(
        zip(
            zip(own["expression"], own["view"], strict=True),
            _as_uint8(prepared.images(own.index.to_numpy())),
            strict=True,
        )
    )
    height, width = next(iter(images.values())).shape[:2]
    tiles = [images.get((e, v)) for e in expressions for v in views]
    gap = max(1, width // 32)
    sheet = _montage(tiles, len(views), (gap, gap))
    ax = _axes(ax, len(views) * tile + 0.9, len(expressions) * tile * height / width + 0.5)
    ax.imshow(sheet)
    yaw = own.groupby("view")["yaw"].mean()
    between = " " if tile >= 0.6 else "\n"  # "half right" is wider than a small picture
    ax.set_xticks(
        [j * (width + gap) + width / 2 for j in range(len(views))],
        [f"{_words(v).replace(' ', between)}\n{_degrees(yaw[v])}" for v in views],
    )
    ax.set_yticks([i * (height + gap) + height / 2 for i in range(len(expressions))], expressions)
    ax.tick_params(length=0, labelsize=9)
    ax.tick_params(axis="x", top=True, bottom=False, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)
    return ax


def _degrees(yaw: float) -> str:
    return f"{'−' if round(yaw) < 0 else ''}{abs(round(yaw))}°"


# --------------------------------------------------------------------------------- curves


def loss_curve(
    history: pd.DataFrame | Mapping[str, pd.DataFrame],
    levels: Mapping[str, float] | None = None,
    *,
    smooth: int | None = None,
    unit: str = "nats",
    ax: Axes | None = None,
) -> Axes:
    """Training loss over steps, with the levels that say what has been learned.

    Args:
        history: frame with the columns `step` and `loss`, or one per method, by name.
        levels: losses to mark by a labelled line, such as {"chance, ln 244": log(244)}.
        smooth: running mean over so many rows, drawn over the pale raw curve (default: a
            fiftieth of the rows; 1 draws the raw curve alone).
        unit: of the loss.

    Raises ValueError where a column is missing or no loss is finite.
    """
    single = not isinstance(history, Mapping)
    histories = {"loss": history} if single else dict(history)
    colors = {"loss": METHOD_COLORS["clmex"]} if single else method_colors(list(histories))
    ax = _axes(ax, 6.4, 3.4)
    ranges, last = [], 0.0
    for name, frame in histories.items():
        missing = [column for column in ("step", "loss") if column not in frame]
        if missing:
            raise ValueError(f"history {name!r} has no column {missing}; it has {list(frame)}")
        frame = frame.dropna(subset=["step", "loss"])
        step, loss = frame["step"].to_numpy(float), frame["loss"].to_numpy(float)
        if not np.isfinite(loss).any():
            raise ValueError(f"history {name!r} has no finite loss to draw")
        window = max(1, len(loss) // 50) if smooth is None else smooth
        if window > 1:
            ax.plot(step, loss, color=colors[name], alpha=0.25, linewidth=0.8)
            # Centred, so that the mean does not lag behind the curve it sums up.
            loss = frame["loss"].rolling(window, center=True, min_periods=1).mean().to_numpy(float)
        marker = "o" if len(loss) <= 30 else None
        ax.plot(
            step, loss, color=colors[name], linewidth=1.8, label=name, marker=marker, markersize=3.5
        )
        finite = loss[np.isfinite(loss)]
        # A first step far above the rest must not flatten the curve.
        ranges += [finite.min(), np.quantile(finite, 0.995)]
        last = max(last, step.max())

    levels = dict(levels or {})
    low, high = min([*ranges, *levels.values()]), max([*ranges, *levels.values()])
    room = 0.06 * (high - low or 1)
    ax.set_ylim(low - room, high + room)
    ax.set_xlim(0, last * 1.01 or 1)
    _level_lines(ax, {f"{name} ({value:.2f})": value for name, value in levels.items()})
    ax.set_xlabel("optimiser step")
    ax.set_ylabel(f"loss ({unit})")
    if not single:
        _legend_above(ax, len(histories))
    _quiet(ax)
    return ax


def _legend_above(ax: Axes, columns: int) -> None:
    """A legend in one line above the axes, where it hides no data."""
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=min(columns, 4))


def _chance(share: float) -> str:
    return f"chance\n{100 * share:.0f} %"


def _level_lines(ax: Axes, levels: Mapping[str, float], zorder: float = 1) -> None:
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


def _metric_columns(frame: pd.DataFrame) -> list[str]:
    views = [c for c in frame if c in VIEW_COLORS]
    return view_order(views) + [c for c in ("profiles", "all") if c in frame]


def per_view_bars(
    results: pd.DataFrame,
    *,
    by: str = "method",
    yaws: Mapping[str, float] | None = None,
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy per view: bars are means over runs, whiskers one standard deviation, dots runs.

    Args:
        results: a row per run, with the column `by` and the entries of `per_view_accuracy`
            (view names, "profiles", "all") in [0, 1].
        yaws: degrees of each view, to show under its name.
        chance: accuracy of a random guess, drawn as a line.
    """
    columns = _metric_columns(results)
    if not columns or by not in results:
        raise ValueError(
            f"results need the column {by!r} and view columns such as 'full_left' or 'all'; "
            f"they have {list(results)}"
        )
    groups = list(dict.fromkeys(results[by]))
    colors = method_colors(groups)
    ax = _axes(ax, 1.6 + 0.9 * len(columns), 3.4)
    # Pooled columns stand apart from the views they sum up.
    centre = np.arange(len(columns)) + 0.35 * np.isin(columns, ["profiles", "all"])
    width = 0.8 / len(groups)
    for g, group in enumerate(groups):
        runs = 100 * results.loc[results[by] == group, columns].to_numpy(float)  # (R, columns)
        x = centre + (g - (len(groups) - 1) / 2) * width
        deviation = runs.std(0, ddof=1) if len(runs) > 1 else None
        ax.bar(
            x,
            runs.mean(0),
            0.92 * width,
            yerr=deviation,
            color=colors[group],
            label=str(group),
            error_kw={"elinewidth": 1, "capsize": 2, "ecolor": "#222222"},
        )
        if len(runs) > 1:
            spread = np.linspace(-0.18, 0.18, len(runs))[:, None] * width  # (R, 1)
            ax.scatter(
                x + spread, runs, s=9, color="white", edgecolor="#222222", linewidth=0.6, zorder=3
            )
    labels = [_words(c) + (f"\n{_degrees(yaws[c])}" if c in (yaws or {}) else "") for c in columns]
    ax.set_xticks(centre, labels)
    ax.set_ylim(0, 100)
    ax.set_ylabel("accuracy (%)")
    ax.set_xlabel("view")
    _quiet(ax, "y")
    ax.tick_params(axis="x", length=0)
    if chance is not None:
        _level_lines(ax, {_chance(chance): 100 * chance}, zorder=3)
    _legend_above(ax, len(groups))
    return ax


def budget_curve(
    results: pd.DataFrame,
    metric: str = "all",
    *,
    by: str = "method",
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy over the share of labelled subjects: line = mean, band = ± one deviation, dots.

    `results` is `label_budget_curve`'s frame, or several with the method in the column `by`;
    `metric` is a column in [0, 1].
    """
    missing = [column for column in ("fraction", metric) if column not in results]
    if missing:
        raise ValueError(f"results have no column {missing}; they have {list(results)}")
    ax = _axes(ax, 5.4, 3.4)
    parts = dict(list(results.groupby(by, sort=False))) if by in results else {"": results}
    colors = method_colors(list(parts))
    for i, (name, part) in enumerate(parts.items()):
        color = colors[name] if name else METHOD_COLORS["clmex"]
        grouped = 100 * part.groupby("fraction")[metric].agg(["mean", "std"]).fillna(0)
        x, mean, deviation = 100 * grouped.index.to_numpy(), grouped["mean"], grouped["std"]
        ax.fill_between(x, mean - deviation, mean + deviation, color=color, alpha=0.15, lw=0)
        marker = _SPARE_MARKERS[i % len(_SPARE_MARKERS)]
        ax.plot(x, mean, color=color, marker=marker, markersize=5, linewidth=1.8, label=name)
        ax.scatter(
            100 * part["fraction"], 100 * part[metric], s=7, color=color, alpha=0.5, linewidth=0
        )
    ax.set_xscale("log")
    shares = sorted(100 * results["fraction"].unique())
    ax.set_xticks(shares, [f"{share:g}" for share in shares])
    ax.minorticks_off()
    ax.set_xlabel("labelled training subjects (%, logarithmic)")
    where = {"all": "", "profiles": ", profile views"}.get(metric, f", {_words(metric)}")
    ax.set_ylabel(f"accuracy{where} (%)")
    if chance is not None:
        ax.set_ylim(bottom=min(ax.get_ylim()[0], 100 * chance - 3))
        _level_lines(ax, {_chance(chance): 100 * chance})
    _quiet(ax, "y")
    if len(parts) > 1:
        _legend_above(ax, len(parts))
    return ax


# -------------------------------------------------------------------------------- matrices


def confusion_heatmap(
    table: pd.DataFrame, *, colorbar: bool = True, ax: Axes | None = None
) -> Axes:
    """`evaluate.confusion` as a picture: shares of the true class in %, or counts of images."""
    import seaborn as sns

    counts = all(kind.kind in "iu" for kind in table.dtypes)
    values = table if counts else 100 * table
    size = 0.52 * len(table)
    ax = _axes(ax, size + (2.0 if colorbar else 1.1), size + 0.8)
    options = {"cbar_kws": {"label": "images" if counts else "share of the true class (%)"}}
    sns.heatmap(
        values,
        vmin=0,
        vmax=None if counts else 100,
        cmap="Blues",
        annot=True,
        fmt="d" if counts else ".0f",
        annot_kws={"fontsize": 9},
        linewidths=0.5,
        linecolor="white",
        square=True,
        cbar=colorbar,
        ax=ax,
        **(options if colorbar else {}),
    )
    ax.set_xlabel("predicted expression")
    ax.set_ylabel("true expression")
    ax.tick_params(length=0)
    ax.set_xticks(ax.get_xticks(), table.columns, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(ax.get_yticks(), table.index, rotation=0)
    return ax


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
    ax = _axes(ax, 5.2, 4.2)
    picture = ax.imshow(
        x @ x.T, vmin=vmin, vmax=vmax, cmap="RdBu_r" if vmin < 0 else "Blues", aspect="equal"
    )
    ax.figure.colorbar(picture, ax=ax, label="cosine similarity", shrink=0.85)
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
        names = [_words(groups[start]) for start in starts]
        ax.set_xticks(middle, names, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_yticks(middle, names)
        ax.tick_params(length=0)
    ax.set_xlabel(label)
    ax.set_ylabel(label)
    return ax


# ------------------------------------------------------------------------------ embeddings


def project(
    x,
    method: str = "umap",
    seed: int = 0,
    *,
    neighbors: int = 15,
    min_dist: float = 0.1,
) -> np.ndarray:
    """Embeddings (N, D) in two dimensions, float32 (N, 2).

    Rows are scaled to length 1 first, so both methods see what the cosine sees. "pca" is linear
    and exact. "umap" (McInnes et al. 2018, arXiv 1802.03426) keeps neighbourhoods, not distances
    between clusters; it repeats itself for a seed on one machine, but not between machines, and
    its first import takes up to half a minute.
    """
    x = np.asarray(x, dtype=np.float32)
    if x.ndim != 2 or len(x) < 3 or not np.isfinite(x).all():
        raise ValueError(
            f"embeddings of shape {x.shape}: expected finite (N, D) with N of 3 or more"
        )
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    if method == "pca":
        from sklearn.decomposition import PCA

        return PCA(2, random_state=seed).fit_transform(x).astype(np.float32)
    if method == "umap":
        import umap

        # A fixed seed runs on one thread anyway; saying so keeps the library from warning.
        reducer = umap.UMAP(
            n_neighbors=min(neighbors, len(x) - 1), min_dist=min_dist, random_state=seed, n_jobs=1
        )
        return np.asarray(reducer.fit_transform(x), dtype=np.float32)
    raise ValueError(f"unknown method {method!r}; choose 'umap' or 'pca'")


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
        values: N expressions, view names or other categories, or floats such as yaw in degrees.
        palette: colour per category. Default: the fixed colours and markers of expressions and
            views, else distinct hues.
        name: what the axes are called. They have no unit, and so no ticks.
        label: title of the legend, or of the colour bar for floats: name the unit there.
        legend: categories are listed beside the map, up to twelve of them.
    """
    coords, values = np.asarray(coords), np.asarray(values)
    if coords.ndim != 2 or coords.shape[1] != 2 or len(values) != len(coords):
        raise ValueError(
            f"coords {coords.shape} and values {values.shape}; expected (N, 2) and (N,)"
        )
    ax = _axes(ax, 5.2 if legend else 4.0, 3.8)
    size = float(np.clip(12000 / len(coords), 8, 36)) if size is None else size
    # Drawn in a random but fixed order: no class covers the others by coming last.
    order = np.random.default_rng(0).permutation(len(coords))
    if values.dtype.kind == "f":
        dots = ax.scatter(*coords[order].T, c=values[order], s=size, cmap="viridis", linewidth=0)
        if legend:
            ax.figure.colorbar(dots, ax=ax, label=label or "value", shrink=0.85)
    else:
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
                ax.scatter([], [], s=28, color=colors[c], marker=markers[c], label=_words(c))
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
    _quiet(ax)
    return ax


def _categories(values: np.ndarray, palette: Mapping | None) -> tuple[list, dict, dict]:
    """(categories in the order of the legend, colour of each, marker of each)."""
    import seaborn as sns

    present = set(values.tolist())
    if present <= set(EXPRESSION_COLORS):
        categories = [e for e in EXPRESSION_COLORS if e in present]
        colors, markers = EXPRESSION_COLORS, EXPRESSION_MARKERS
    elif present <= set(VIEW_COLORS):
        categories = view_order(values)
        colors, markers = VIEW_COLORS, VIEW_MARKERS
    else:
        categories = sorted(present)
        colors = dict(zip(categories, sns.husl_palette(len(categories), s=0.8), strict=True))
        shapes = _SPARE_MARKERS if len(categories) <= _LEGEND_LIMIT else "o" * len(categories)
        markers = dict(zip(categories, shapes, strict=False))
    if palette is not None:
        missing = present - set(palette)
        if missing:
            raise ValueError(f"the palette has no colour for {sorted(missing, key=str)[:5]}")
        colors = dict(palette)
    return categories, colors, markers
