"""One picture for each topic of `python -m benchmarks`, from its result alone."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools import palette

from . import machine

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS = "fermodels"
COLORS = {OURS: "#0072b2", "pytorch-metric-learning": "#d55e00", "lightly": "#009e73"}


def save(result: dict[str, Any], path: Path) -> None:
    """Draws the topic's picture as PNG, with the machine below it."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from fermodels import plots

    plots.use_style()
    figure = _DRAWN.get(result["topic"], bars)(result)
    quick = "quick form, sizes and rounds too small to compare; " if result["quick"] else ""
    words = f"{quick}{machine.in_words(result['machine'])}; {result['command']}"
    below = 0.5 / figure.get_figheight()
    figure.set_layout_engine("constrained", rect=(0, below, 1, 1 - below))
    figure.text(0.01, 0.005, textwrap.fill(words, 130), fontsize=7, color="0.4", va="bottom")
    palette.save(figure, path, dpi=130)
    plt.close(figure)


def losses(result: dict[str, Any]) -> Figure:
    """Time and memory over the number of embeddings, a column for each case.

    With a line of panels for the time beside busy processes, if that was measured.
    """
    import matplotlib.pyplot as plt

    rows = result["rows"]
    cases = list(dict.fromkeys(row["case"] for row in rows))
    lines = {"loss and gradient (ms)": lambda row: row}
    if any("busy" in row for row in rows):
        many = result["settings"]["busy"]
        lines[f"beside {many} busy processes (ms)"] = lambda row: row.get("busy")
    figure, axes = plt.subplots(
        len(lines) + 1,
        len(cases),
        figsize=(3.6 * len(cases), 0.2 + 3 * (len(lines) + 1)),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for column, case in zip(axes.T, cases, strict=True):
        here = [row for row in rows if row["case"] == case]
        for name in dict.fromkeys(row["name"] for row in here):
            own = [row for row in here if row["name"] == name]
            look = {"color": COLORS.get(name, "0.5"), "label": name}
            for ax, part in zip(column, lines.values(), strict=False):
                _times(ax, [(row["n"], timed) for row in own if (timed := part(row))], look)
            held = [row for row in own if "memory_bytes" in row]
            memory = [row["memory_bytes"] / 2**20 for row in held]
            column[-1].plot([row["n"] for row in held], memory, "o-", **look)
        for ax in column:
            ax.set(xscale="log", yscale="log")
            ax.grid(alpha=0.3)
        column[0].set_title(case)
        column[0].legend(frameon=False, fontsize=8)
        column[-1].set_xlabel("embeddings N")
    for ax, label in zip(axes[:, 0], (*lines, "memory beyond the inputs (MiB)"), strict=True):
        ax.set_ylabel(label)
    return figure


def _times(ax: Axes, timed: list[tuple[int, dict[str, Any]]], look: dict[str, Any]) -> None:
    """Medians over N in milliseconds, from the fastest to the slowest in a shade."""
    sizes = [n for n, _ in timed]
    ax.plot(sizes, [1e3 * times["seconds"] for _, times in timed], "o-", **look)
    spread = [[1e3 * value for value in times["spread"]] for _, times in timed]
    if spread:
        low, high = zip(*spread, strict=True)
        ax.fill_between(sizes, low, high, color=look["color"], alpha=0.15, linewidth=0)


def speedrun(result: dict[str, Any]) -> Figure:
    """What the probe reads over the minutes of training, for each recipe."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(8, 4.4))
    colors = {"first release": "0.45", "today": COLORS[OURS]}
    for name, curve in result["curves"].items():
        minutes = [point["seconds"] / 60 for point in curve]
        read = [100 * point["probe"] for point in curve]
        ax.plot(minutes, read, "o-", markersize=3, color=colors[name], label=name)
    ax.set(xlabel="training (minutes)", ylabel="linear probe on validation people (%)")
    ax.set(xlim=(0, None), ylim=(0, 100))
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, loc="lower right")
    return figure


def bars(result: dict[str, Any]) -> Figure:
    """A bar for each row, a panel for each unit, whiskers for the spread, a mark for a limit."""
    import matplotlib.pyplot as plt

    rows = result["rows"]
    units = list(dict.fromkeys(row["unit"] for row in rows))
    counts = [sum(row["unit"] == unit for row in rows) for unit in units]
    figure, axes = plt.subplots(
        len(units),
        1,
        figsize=(8, 1.2 + 0.38 * sum(counts) + 0.5 * len(units)),
        height_ratios=counts,
        squeeze=False,
    )
    for ax, unit in zip(axes[:, 0], units, strict=True):
        own = [row for row in rows if row["unit"] == unit][::-1]
        ax.barh([row["name"] for row in own], [row["value"] for row in own], color=COLORS[OURS])
        for at, row in enumerate(own):
            spread = row.get("spread") or 0.0
            ends = row["value"] - spread, row["value"] + spread
            ax.plot(ends, [at, at], color="0.2", linewidth=1.5)
            limit = row.get("limit")
            if limit is not None:
                ax.plot([limit] * 2, [at - 0.4, at + 0.4], color="#d55e00", linewidth=2)
            ax.annotate(
                _number(row["value"]) + (f" (limit {limit:g})" if limit is not None else ""),
                (max(ends[1], limit or 0), at),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        ax.set_xlabel(unit)
        ax.margins(x=0.2)
        ax.set_xlim(left=0)
    return figure


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


_DRAWN: dict[str, Callable[[dict[str, Any]], Figure]] = {"losses": losses, "speedrun": speedrun}
