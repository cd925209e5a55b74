"""Losses over steps, accuracies by view and by label fraction, confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.data import view_degrees, view_order
from fermodels.data.names import number_text
from fermodels.plots.embeddings import SPARE_MARKERS
from fermodels.plots.images import degrees
from fermodels.plots.style import (
    METHOD_COLORS,
    axes_or_new,
    chance_line,
    legend_above,
    level_lines,
    method_colors,
    quiet,
    words,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


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

    Raises:
        ValueError: a column is missing or no loss is finite.
    """
    single = not isinstance(history, Mapping)
    histories = {"loss": history} if single else dict(history)
    colors = {"loss": METHOD_COLORS["clmex"]} if single else method_colors(list(histories))
    ax = axes_or_new(ax, 6.4, 3.4)
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
    level_lines(ax, {f"{name} ({value:.2f})": value for name, value in levels.items()})
    ax.set_xlabel("optimiser step")
    ax.set_ylabel(f"loss ({unit})")
    if not single:
        legend_above(ax, len(histories))
    quiet(ax)
    return ax


def _metric_columns(
    frame: pd.DataFrame, views: Sequence | None, yaws: Mapping[Any, float] | None
) -> list:
    """The columns to be drawn: views from left to right, then "profiles" and "all"."""
    pooled = [name for name in ("profiles", "all") if name in frame]
    if views is None:
        views = _view_columns(frame, pooled, yaws)
    elif missing := [view for view in views if view not in frame]:
        raise ValueError(f"results have no column {missing}; they have {list(frame)}")
    return view_order(views, yaws) + pooled


def _view_columns(frame: pd.DataFrame, pooled: list[str], yaws: Mapping | None) -> list:
    """The columns that `per_view_accuracy` has put there.

    Those whose angle is known are views, and what follows them up to "profiles"; where there is no
    such column, the shares just before "profiles".
    """
    columns = list(frame)
    known = [name for name, angle in view_degrees(columns, yaws).items() if angle is not None]
    end = columns.index(pooled[0]) if pooled else 0
    shares = [kind.kind == "f" for kind in frame.dtypes]
    if known:
        between = range(columns.index(known[0]) + 1, end)
        return known + [columns[at] for at in between if shares[at] and columns[at] not in known]
    start = end
    while start and shares[start - 1]:
        start -= 1
    return columns[start:end]


def _view_label(view: Any, yaws: Mapping[Any, float]) -> str:
    name = words(view) if isinstance(view, str) else f"{number_text(view)}°".replace("-", "−")
    return name + (f"\n{degrees(yaws[view])}" if view in yaws else "")


def per_view_bars(
    results: pd.DataFrame,
    *,
    by: str = "method",
    views: Sequence | None = None,
    yaws: Mapping[Any, float] | None = None,
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy per view: bars are means over runs, whiskers one standard deviation, dots runs.

    Args:
        results: a row per run, with the column `by` and the entries of `per_view_accuracy`
            (views, "profiles", "all") in [0, 1], in the order that it gives them.
        views: the columns that are views. Default: those whose names tell an angle, those in
            `yaws`, and what stands between them and "profiles".
        yaws: degrees of each view, to show under its name.
        chance: accuracy of a random guess, drawn as a line.

    Raises:
        ValueError: there is no column `by`, no view, or not one of `views`.
    """
    columns = _metric_columns(results, views, yaws)
    if not columns or by not in results:
        raise ValueError(
            f"results need the column {by!r} and view columns such as 'full_left' or 'all'; "
            f"they have {list(results)}"
        )
    groups = list(dict.fromkeys(results[by]))
    colors = method_colors(groups)
    ax = axes_or_new(ax, 1.6 + 0.9 * len(columns), 3.4)
    # Pooled columns stand apart from the views they sum up.
    centre = np.arange(len(columns)) + 0.35 * np.array([c in ("profiles", "all") for c in columns])
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
    labels = [_view_label(column, yaws or {}) for column in columns]
    ax.set_xticks(centre, labels)
    ax.set_ylim(0, 100)
    ax.set_ylabel("accuracy (%)")
    ax.set_xlabel("view")
    quiet(ax, "y")
    ax.tick_params(axis="x", length=0)
    if chance is not None:
        level_lines(ax, {chance_line(chance): 100 * chance}, zorder=3)
    legend_above(ax, len(groups))
    return ax


def label_fraction_curve(
    results: pd.DataFrame,
    metric: str = "all",
    *,
    by: str = "method",
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy over the share of labelled subjects: line = mean, band = ± one deviation, dots.

    `results` is `label_fraction_curve`'s frame, or several with the method in the column `by`;
    `metric` is a column in [0, 1].
    """
    missing = [column for column in ("fraction", metric) if column not in results]
    if missing:
        raise ValueError(f"results have no column {missing}; they have {list(results)}")
    ax = axes_or_new(ax, 5.4, 3.4)
    parts = dict(list(results.groupby(by, sort=False))) if by in results else {"": results}
    colors = method_colors(list(parts))
    for i, (name, part) in enumerate(parts.items()):
        color = colors[name] if name else METHOD_COLORS["clmex"]
        grouped = 100 * part.groupby("fraction")[metric].agg(["mean", "std"]).fillna(0)
        x, mean, deviation = 100 * grouped.index.to_numpy(), grouped["mean"], grouped["std"]
        ax.fill_between(x, mean - deviation, mean + deviation, color=color, alpha=0.15, lw=0)
        marker = SPARE_MARKERS[i % len(SPARE_MARKERS)]
        ax.plot(x, mean, color=color, marker=marker, markersize=5, linewidth=1.8, label=name)
        ax.scatter(
            100 * part["fraction"], 100 * part[metric], s=7, color=color, alpha=0.5, linewidth=0
        )
    ax.set_xscale("log")
    shares = sorted(100 * results["fraction"].unique())
    ax.set_xticks(shares, [f"{share:g}" for share in shares])
    ax.minorticks_off()
    ax.set_xlabel("labelled training subjects (%, logarithmic)")
    where = {"all": "", "profiles": ", profile views"}.get(metric, f", {words(metric)}")
    ax.set_ylabel(f"accuracy{where} (%)")
    if chance is not None:
        ax.set_ylim(bottom=min(ax.get_ylim()[0], 100 * chance - 3))
        level_lines(ax, {chance_line(chance): 100 * chance})
    quiet(ax, "y")
    if len(parts) > 1:
        legend_above(ax, len(parts))
    return ax


def confusion_heatmap(
    table: pd.DataFrame,
    *,
    label: str = "expression",
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """`evaluation.confusion` as a figure: shares of the true class in %, or counts of images.

    `label` is what is recognised, such as "emotion", for the axes.
    """
    import seaborn as sns

    counts = all(kind.kind in "iu" for kind in table.dtypes)
    values = table if counts else 100 * table
    size = 0.52 * len(table)
    ax = axes_or_new(ax, size + (2.0 if colorbar else 1.1), size + 0.8)
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
    ax.set_xlabel(f"predicted {label}")
    ax.set_ylabel(f"true {label}")
    ax.tick_params(length=0)
    ax.set_xticks(ax.get_xticks(), table.columns, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(ax.get_yticks(), table.index, rotation=0)
    return ax
