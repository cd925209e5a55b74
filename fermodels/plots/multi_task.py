"""The tasks of ConCluGen: how they work, how they train and what they bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels._shared.tasks import TASKS
from fermodels.plots.clips import MODALITY_COLORS
from fermodels.plots.style import METHOD_COLORS, axes_or_new, method_colors, quiet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

#: Task of ConCluGen → colour.
TASK_COLORS = {task: METHOD_COLORS[task] for task in TASKS}
#: Colours of label fractions, the largest first.
FRACTION_COLORS = ("#0060B0", "#C43C00", "#666666", "#009E73")
#: Colours of clusters. They have no meaning, so these are none of those that emotions or modalities
#: have.
CLUSTER_COLORS = ("#4477AA", "#EE6677", "#228833", "#AA3377", "#BBAA22", "#66CCEE")


def task_diagram(axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """What supervises what in the three tasks of ConCluGen: three panels of nodes and arrows."""
    import matplotlib.pyplot as plt

    if axes is None:
        axes = plt.subplots(1, 3, figsize=(10.5, 2.9))[1]
    titles = (
        "pairs: who belongs to me?",
        "the crowd: which cluster is mine?",
        "itself: rebuild me",
    )
    for ax, task, title in zip(axes, TASKS, titles, strict=True):
        ax.set_title(f"{task}\n{title}", fontsize=10)
        ax.set(xlim=(-1.75, 1.75), ylim=(-1.15, 1.45), aspect="equal")
        ax.set_axis_off()
    corners = {"video": (-1.1, -0.6), "audio": (0.0, 1.1), "text": (1.1, -0.6)}
    for i, start in enumerate(corners):
        for end in list(corners)[i + 1 :]:
            _arrow(axes[0], corners[start], corners[end], TASK_COLORS["contrastive"], "<|-|>")
    centre = (0.0, -0.05)
    for place in corners.values():
        _arrow(axes[1], place, centre, TASK_COLORS["clustering"], "-|>")
    axes[1].scatter(*centre, marker="*", s=330, color=TASK_COLORS["clustering"], zorder=3)
    axes[1].text(0, -0.42, "centre of a cluster", ha="center", fontsize=8.5)
    for ax in axes[:2]:
        for name, place in corners.items():
            _node(ax, place, name, name)
    for y, name in zip((1.05, 0.15, -0.75), corners, strict=True):
        for x, text in ((-1.35, name), (0.0, "h"), (1.35, f"{name}?")):
            _node(axes[2], (x, y), text, name, hollow=text.endswith("?"))
        _arrow(axes[2], (-1.35, y), (0.0, y), TASK_COLORS["reconstruction"], "-|>")
        _arrow(axes[2], (0.0, y), (1.35, y), TASK_COLORS["reconstruction"], "-|>")
    return axes


def _node(ax: Axes, place: tuple[float, float], text: str, modality: str, hollow=False) -> None:
    color = MODALITY_COLORS[modality]
    face = "white" if hollow else color
    ax.scatter(*place, s=1250, color=face, edgecolor=color, linewidth=1.5, zorder=3)
    ink = color if hollow else "white"
    ax.text(*place, text, ha="center", va="center", color=ink, fontsize=8.5, zorder=4)


def _arrow(ax: Axes, start, end, color: str, style: str) -> None:
    """From node to node, without touching them."""
    options = {"arrowstyle": style, "color": color, "linewidth": 1.5}
    ax.annotate("", end, start, arrowprops=options | {"shrinkA": 20, "shrinkB": 20})


def unit_circle(
    embeddings: Mapping[str, ArrayLike],
    groups: Sequence[int] | None = None,
    centroids: ArrayLike | None = None,
    moves: Mapping[str, ArrayLike] | None = None,
    *,
    names: Sequence[str] | None = None,
    legend: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Embeddings of two numbers, scaled to length 1, on the circle.

    Args:
        embeddings: modality → (N, 2). A modality has its own marker and colour, unless `groups`.
        groups: the cluster of each of the N clips, as its colour.
        centroids: (K, 2), drawn as stars; with `groups`, dashed lines lead to them.
        moves: modality → (N, 2), an arrow at each embedding.
        names: of the N clips, written beside them.
        legend: name the modalities.

    Raises:
        ValueError: an embedding has not two numbers.
    """
    ax = axes_or_new(ax, 3.4, 3.4)
    ax.add_patch(_circle())
    centroids = None if centroids is None else _on_circle(centroids, "centroids")
    for i, (name, points) in enumerate(embeddings.items()):
        z = _on_circle(points, name)
        color = [MODALITY_COLORS.get(name, "#555555")] * len(z)
        if groups is not None:
            color = [CLUSTER_COLORS[g % len(CLUSTER_COLORS)] for g in groups]
        if groups is not None and centroids is not None:
            for start, group, ink in zip(z, groups, color, strict=True):
                ax.plot(*zip(start, centroids[group], strict=True), "--", color=ink, lw=0.7)
        if moves is not None:
            step = np.asarray(moves[name], dtype=float)
            options = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.011}
            ax.quiver(*z.T, *step.T, color=color, zorder=3, **options)
        ax.scatter(*z.T, c=color, marker="osD^"[i % 4], s=42, label=name, zorder=4, edgecolor="w")
        for text, place in zip(names or (), 1.17 * z, strict=False):
            ax.text(*place, text, color=color[0], ha="center", va="center", fontsize=9)
    if centroids is not None:
        inks = [CLUSTER_COLORS[k % len(CLUSTER_COLORS)] for k in range(len(centroids))]
        ax.scatter(*centroids.T, c=inks, marker="*", s=230, edgecolor="black", lw=0.8, zorder=5)
    if legend:
        ax.legend(loc="center", fontsize=8)
    ax.set(xlim=(-1.38, 1.38), ylim=(-1.38, 1.38), aspect="equal", xticks=[-1, 0, 1])
    ax.set(yticks=[-1, 0, 1], xlabel="z, dimension 1", ylabel="z, dimension 2")
    return ax


def _circle():
    from matplotlib.patches import Circle

    return Circle((0, 0), 1, fill=False, edgecolor="#CCCCCC", linewidth=1)


def _on_circle(points: ArrayLike, name: str) -> np.ndarray:
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{name} has shape {points.shape}; a circle takes (N, 2)")
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)


def pair_matrix(
    similarity: ArrayLike,
    modalities: tuple[str, str],
    *,
    numbers: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Cosines (B, B) of two modalities of the same B clips; the diagonal is what belongs together.

    Args:
        similarity: row = clip in the first modality, column = clip in the second.
        modalities: the names of the two.
        numbers: write the cosines into the fields, and frame the diagonal.

    Raises:
        ValueError: the matrix is not square.
    """
    s = np.asarray(similarity, dtype=float)
    if s.ndim != 2 or s.shape[0] != s.shape[1]:
        raise ValueError(f"similarity has shape {s.shape}; expected a square, (B, B)")
    ax = axes_or_new(ax, 4.2, 3.4)
    image = ax.imshow(s, vmin=-1, vmax=1, cmap="RdBu_r")
    ax.figure.colorbar(image, ax=ax, label="cosine", shrink=0.85)
    if numbers:
        for i in range(len(s)):
            ax.add_patch(_square(i, {"fill": False, "edgecolor": "black", "linewidth": 1.6}))
        for (i, j), value in np.ndenumerate(s):
            ink = "white" if abs(value) > 0.6 else "black"
            text = f"{value:.2f}".replace("-", "−")
            ax.text(j, i, text, ha="center", va="center", color=ink, fontsize=9)
        ax.set_xticks(range(len(s)), range(1, len(s) + 1))
        ax.set_yticks(range(len(s)), range(1, len(s) + 1))
    ax.tick_params(length=0)
    ax.set(xlabel=f"{modalities[1]} of clip", ylabel=f"{modalities[0]} of clip")
    return ax


def _square(i: int, options: dict):
    from matplotlib.patches import Rectangle

    return Rectangle((i - 0.5, i - 0.5), 1, 1, **options)


def task_curves(
    history: pd.DataFrame | Mapping[str, pd.DataFrame],
    levels: Mapping[str, float] | None = None,
    *,
    axes: Sequence[Axes] | None = None,
) -> Sequence[Axes]:
    """The loss of each task over the steps, a panel each; a history, or several by name.

    Args:
        history: what a ConCluGen run returned: `step` and a column for each task that it had.
            A value that is missing or NaN (clustering before its warm-up is over) is left out.
        levels: task → its loss at chance, drawn as a line.
        axes: as many as tasks.

    Raises:
        ValueError: no history has a column of a task.
    """
    import matplotlib.pyplot as plt

    single = not isinstance(history, Mapping)
    histories = {"": history} if single else dict(history)
    tasks = [task for task in TASKS if any(task in frame for frame in histories.values())]
    if not tasks:
        found = sorted({column for frame in histories.values() for column in frame})
        raise ValueError(f"no history has a column of a task, {', '.join(TASKS)}; only {found}")
    if axes is None:
        axes = plt.subplots(1, len(tasks), figsize=(3.7 * len(tasks), 3.0), squeeze=False)[1][0]
    colors = method_colors(list(histories))
    for ax, task in zip(axes, tasks, strict=True):
        for name, frame in histories.items():
            if task not in frame:
                continue
            curve = frame[["step", task]].dropna()
            window = max(1, len(curve) // 40)
            smooth = curve[task].rolling(window, center=True, min_periods=1).mean()
            color = TASK_COLORS[task] if single else colors[name]
            ax.plot(curve["step"], curve[task], color=color, alpha=0.25, linewidth=0.7)
            ax.plot(curve["step"], smooth, color=color, linewidth=1.8, label=name or None)
        if task in (levels or {}):
            ax.axhline(levels[task], color="#666666", ls="--", lw=1)
            note = f"chance {levels[task]:.2f}"
            ax.annotate(
                note,
                (1, levels[task]),
                (-2, 3),
                xycoords=ax.get_yaxis_transform(),
                textcoords="offset points",
                ha="right",
                fontsize=8.5,
                color="#444444",
            )
        unit = "mean squared error" if task == "reconstruction" else "nats"
        ax.set(title=task, xlabel="optimiser step", ylabel=f"loss ({unit})")
        ax.margins(y=0.12)
    if not single:
        axes[-1].legend(fontsize=8)
    return axes


def combination_chart(
    scores: pd.DataFrame,
    metric: str = "weighted_f1",
    *,
    chance: float | None = None,
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """The study of task combinations: what each method was given, and how good it became.

    Left, a filled dot for each task and each modality that a method used. Right, its score at every
    label budget: seeds as small dots, their mean as a tick, the range as a line.

    Args:
        scores: a row per run: `method`, `tasks` and `modalities` (names joined by "+", empty for
            none), `fraction` (share of the labelled speakers), `seed`, and the metric in [0, 1].
        metric: its column.
        chance: score of a guess, drawn as a line.

    Raises:
        ValueError: a column is missing.
    """
    import matplotlib.pyplot as plt

    needed = ["method", "tasks", "modalities", "fraction", "seed", metric]
    missing = [column for column in needed if column not in scores]
    if missing:
        raise ValueError(f"scores have no column {missing}; they have {list(scores)}")
    methods = list(dict.fromkeys(scores["method"]))
    place = {name: -i for i, name in enumerate(methods)}
    if axes is None:
        size = (10.0, 0.9 + 0.33 * len(methods))
        axes = plt.subplots(1, 2, figsize=size, sharey=True, width_ratios=[1, 2.3])[1]
    left, right = axes
    _ingredients(left, scores.drop_duplicates("method"), place)

    fractions = sorted(scores["fraction"].unique(), reverse=True)
    for i, fraction in enumerate(fractions):
        color, lift = FRACTION_COLORS[i % len(FRACTION_COLORS)], _lift(i, len(fractions))
        label = f"{100 * fraction:g} % of the labels"
        for name, runs in scores[scores["fraction"] == fraction].groupby("method"):
            values, y = 100 * runs[metric].to_numpy(), place[name] + lift
            right.plot([values.min(), values.max()], [y, y], color=color, lw=1.4, zorder=2)
            right.scatter(values, [y] * len(values), s=12, color=color, alpha=0.55, lw=0, zorder=3)
            right.scatter(
                values.mean(), y, s=95, marker="|", color=color, lw=2.4, zorder=4, label=label
            )
            label = None
    if chance is not None:
        line = {"color": "#666666", "ls": "--", "lw": 1, "label": f"chance {100 * chance:.0f} %"}
        right.axvline(100 * chance, **line)
    for ax in axes:
        for y in place.values():
            ax.axhline(y, color="#F0F0F0", lw=7, zorder=0)
    right.set_xlabel(f"{metric.replace('_', ' ').replace('f1', 'F1')} (%)")
    right.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4)
    right.tick_params(axis="y", length=0)
    return axes


def _ingredients(ax: Axes, methods: pd.DataFrame, place: Mapping[str, int]) -> None:
    columns = [*TASKS, *MODALITY_COLORS]
    xs = [i + 0.7 * (i >= len(TASKS)) for i in range(len(columns))]
    for row in methods.itertuples():
        used = {*str(row.tasks).split("+"), *str(row.modalities).split("+")}
        for x, column in zip(xs, columns, strict=True):
            color = {**TASK_COLORS, **MODALITY_COLORS}[column] if column in used else "#DDDDDD"
            ax.scatter(x, place[row.method], s=60, color=color, zorder=2)
    ax.set_xticks(xs, columns, rotation=35, ha="left", rotation_mode="anchor")
    ax.xaxis.tick_top()
    ax.set_yticks(list(place.values()), list(place))
    ax.set(xlim=(-0.6, xs[-1] + 0.6), ylim=(1 - len(place) - 0.6, 0.6))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def cluster_heatmap(clusters: Sequence[int], emotions: Sequence[str], ax: Axes | None = None):
    """How many clips of each emotion lie in each cluster in use, the largest clusters first.

    Args:
        clusters: (N,) the cluster of each clip.
        emotions: (N,) its emotion.

    Returns:
        The Axes; clusters are sorted by the emotion that is most frequent in them.
    """
    import pandas as pd
    import seaborn as sns

    table = pd.crosstab(pd.Series(emotions, name="emotion"), pd.Series(clusters, name="cluster"))
    order = np.lexsort((-table.to_numpy().max(0), table.to_numpy().argmax(0)))
    table = table.iloc[:, order]
    ax = axes_or_new(ax, 1.8 + 0.3 * table.shape[1], 2.9)
    small = table.shape[1] <= 30
    sns.heatmap(
        table,
        cmap="Blues",
        annot=small,
        fmt="d",
        annot_kws={"fontsize": 8},
        ax=ax,
        linewidths=0.5,
        cbar_kws={"label": "clips"},
        vmin=0,
    )
    ax.tick_params(length=0)
    ax.set(xlabel="cluster, sorted by its main emotion", ylabel="")
    return ax


def gain_chart(
    table: pd.DataFrame,
    champion: str,
    *,
    order: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """How much better one method is than each other, with twice the standard error as a line.

    Args:
        table: indexed by (method, fraction), with the columns "gain" and "2 s.e.", in points.
        champion: the method that is compared.
        order: of the others, from the top; default as they come.
    """
    known = set(table.index.get_level_values("method"))
    methods = [m for m in (order if order is not None else known) if m in known]
    fractions = sorted(table.index.get_level_values("fraction").unique(), reverse=True)
    ax = axes_or_new(ax, 7.4, 0.9 + 0.34 * len(methods))
    for i, fraction in enumerate(fractions):
        rows = table.xs(fraction, level="fraction")
        rows = rows.loc[[m for m in methods if m in rows.index]]
        y = [-methods.index(m) + _lift(i, len(fractions)) for m in rows.index]
        ax.errorbar(
            rows["gain"].to_numpy(float),
            y,
            xerr=rows["2 s.e."].to_numpy(float),
            fmt="o",
            markersize=5,
            color=FRACTION_COLORS[i % len(FRACTION_COLORS)],
            label=f"{100 * fraction:g} % of the labels",
        )
    ax.axvline(0, color="#666666", linewidth=1)
    ax.set_yticks([-i for i in range(len(methods))], methods)
    ax.set_xlabel(f"{champion} minus the other (points of accuracy, ± 2 standard errors)")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(fractions))
    ax.tick_params(axis="y", length=0)
    quiet(ax, "x")
    return ax


def _lift(i: int, count: int) -> float:
    """Where in its row the i-th of `count` budgets is drawn."""
    return 0.34 * ((count - 1) / 2 - i)
