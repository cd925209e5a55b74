"""Static pictures of clips and of what was learned from them.

As in `fermodels.figures`, a modality has the same colour in every picture, functions draw into
`ax` or into a figure of their own and return the Axes, and nothing global changes on import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels.figures import _axes, _chance, _level_lines, _quiet, method_colors

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from fermodels.clips import PreparedClips

# Apart from each other for normal sight and the three dichromacies, and not an emotion's colours.
MODALITY_COLORS = {"video": "#4B2E83", "audio": "#A0522D", "text": "#7CB98F"}
# Anything that uses several modalities.
TOGETHER_COLOR = "#777777"

_LOUD = 0.05  # of the loudest moment: below it, nobody speaks


def modality_color(name: str) -> str:
    """The fixed colour of a modality; of any other name, that of modalities taken together."""
    return MODALITY_COLORS.get(name, TOGETHER_COLOR)


def loudness(waveform, sample_rate: int = 16_000, window: float = 0.025) -> np.ndarray:
    """Root mean square of successive windows of `window` seconds, float32 (windows,)."""
    waveform = np.asarray(waveform, dtype=np.float32)
    size = max(1, round(window * sample_rate))
    whole = waveform[: len(waveform) // size * size].reshape(-1, size)  # (windows, size)
    return np.sqrt((whole**2).mean(axis=1))


def spoken_interval(waveform, sample_rate: int = 16_000) -> tuple[float, float]:
    """Seconds of the first and the last moment louder than a twentieth of the loudest."""
    window = 0.025
    level = loudness(waveform, sample_rate, window)
    loud = np.flatnonzero(level > _LOUD * level.max()) if len(level) and level.max() > 0 else []
    if len(loud) == 0:
        return 0.0, len(waveform) / sample_rate
    return float(loud[0] * window), float((loud[-1] + 1) * window)


def word_times(words: Sequence[str], start: float, end: float) -> list[tuple[float, float]]:
    """Estimated (start, end) in seconds of each word: the interval shared out by letters."""
    letters = np.array([len(word) + 1 for word in words], dtype=float)  # one for the gap
    edges = start + (end - start) * np.concatenate([[0], np.cumsum(letters) / letters.sum()])
    return [(float(a), float(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def spectrogram(
    mel,
    seconds: float,
    *,
    frequencies: Sequence[float] | None = None,
    label: str = "log power",
    colorbar: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """A spectrogram (bands, frames) over time, low bands below.

    Args:
        seconds: length of the recording.
        frequencies: Hz of the middle of each band, to label the axis with; without them it counts
            bands.
        label: of the colours (dark is quiet), beside the colour bar.
    """
    mel = np.asarray(mel)
    if mel.ndim != 2:
        raise ValueError(f"the spectrogram has shape {mel.shape}; expected (bands, frames)")
    if frequencies is not None and len(frequencies) != len(mel):
        raise ValueError(f"{len(frequencies)} frequencies for {len(mel)} bands")
    ax = _axes(ax, 6.4, 2.4)
    picture = ax.imshow(
        mel,
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0, seconds, -0.5, len(mel) - 0.5),
        interpolation="nearest",
    )
    if frequencies is None:
        ax.set_ylabel("band")
    else:
        wanted = [f for f in (250, 500, 1000, 2000, 4000) if frequencies[0] <= f <= frequencies[-1]]
        places = np.interp(wanted, frequencies, np.arange(len(mel)))
        ax.set_yticks(places, [f"{f:,}" for f in wanted])
        ax.set_ylabel("frequency (Hz)")
    ax.set_xlabel("time (s)")
    if colorbar:
        ax.figure.colorbar(picture, ax=ax, label=label, pad=0.02)
    return ax


def clip_strip(
    clips: PreparedClips,
    row: int,
    *,
    frames: int = 9,
    width: float = 9.0,
    title: str | None = None,
) -> np.ndarray:
    """One clip on one time axis: frames, log-mel spectrogram and words; a modality that the clip
    lacks is named in grey. Returns the three Axes.

    Word times are estimated: the spoken part, shared out by the length of the words.

    Args:
        frames: at most so many, evenly spaced; each stands where its moment is in the middle.
        width: of the figure, in inches.
        title: default: the name of the clip, its emotion and yaw.
    """
    import matplotlib.pyplot as plt
    import torch

    from fermodels.audio import log_mel

    moving, waveform, words = clips.frames(row), clips.waveform(row), clips.transcript(row)
    lengths = [len(moving[0]) / moving[1]] if moving is not None else []
    lengths += [len(waveform) / 16_000] if waveform is not None else []
    seconds = max(lengths, default=1.0)

    left, right, top = 0.75, 0.15, 0.3
    room = width - left - right
    shown, edges, aspect = _thinned(moving, frames)
    slot = room * (edges[1] - edges[0]) / seconds if len(shown) else 0.5
    heights = np.array([slot * aspect, 1.0, 0.34])
    gap, bottom = 0.07, 0.45
    height = heights.sum() + 2 * gap + bottom + top
    # Placed by hand: the frames keep their shape only if nothing is moved to make room.
    figure = plt.figure(figsize=(width, height), layout="none")
    axes, y = [], height - top
    for h in heights:
        y -= h
        box = (left / width, y / height, room / width, h / height)
        axes.append(figure.add_axes(box, sharex=axes[0] if axes else None))
        y -= gap

    for picture, start, end in zip(shown, edges[:-1], edges[1:], strict=True):
        axes[0].imshow(picture, extent=(start, end, 0, 1), aspect="auto")
    if waveform is not None:
        mel = log_mel(torch.as_tensor(waveform)).numpy()  # (n_mels, frames)
        spectrogram(mel, len(waveform) / 16_000, ax=axes[1])
        places = np.interp([250, 1000, 4000], mel_frequencies(len(mel)), np.arange(len(mel)))
        axes[1].set_yticks(places, ["250 Hz", "1 kHz", "4 kHz"], fontsize=8)
        axes[1].set_ylabel("")
    if words is not None:
        spoken = (0.0, seconds) if waveform is None else spoken_interval(waveform)
        said = words.split()
        for word, (start, end) in zip(said, word_times(said, *spoken), strict=True):
            axes[2].axvline(start, color="#BBBBBB", linewidth=0.8)
            axes[2].text((start + end) / 2, 0.5, word, ha="center", va="center", fontsize=9)
    there = {"video": moving, "audio": waveform, "text": words}
    absent = {"video": "no video", "audio": "no sound", "text": "no transcript"}
    for ax, (modality, value) in zip(axes, there.items(), strict=True):
        ax.set_xlim(0, seconds)
        ax.spines[:].set_visible(modality == "audio" and value is not None)
        ax.tick_params(labelbottom=ax is axes[2], bottom=ax is axes[2])
        if modality != "audio" or value is None:
            ax.set_ylim(0, 1)
            ax.set_yticks([])
            ax.set_xlabel("")
            ax.set_ylabel("")
        ax.text(
            (0.06 - left) / room,
            0.5,
            modality,
            transform=ax.transAxes,
            rotation=90,
            va="center",
            color=MODALITY_COLORS[modality],
            weight="bold",
            fontsize=9,
        )
        if value is None:
            ax.text(
                0.5, 0.5, absent[modality], transform=ax.transAxes, ha="center", color="#999999"
            )
    axes[1].set_xlabel("")
    axes[2].set_xlabel("time (s); words placed by estimate" if words else "time (s)", fontsize=9)
    axes[0].set_title(_title(clips, row) if title is None else title, fontsize=10, loc="left")
    return np.array(axes)


def _thinned(moving, at_most: int) -> tuple[list, np.ndarray, float]:
    """At most so many frames, the edges of their equal slots in seconds, height ÷ width."""
    if moving is None:
        return [], np.zeros(1), 1.0
    pictures, fps = moving
    count = min(at_most, len(pictures))
    chosen = ((np.arange(count) + 0.5) * len(pictures) / count).astype(int)
    edges = np.linspace(0, len(pictures) / fps, count + 1)
    return list(pictures[chosen]), edges, pictures.shape[1] / pictures.shape[2]


def _title(clips: PreparedClips, row: int) -> str:
    about = clips.table.iloc[row]
    label = int(clips.labels[row])
    parts = [str(about["clip"]), clips.emotions[label] if label >= 0 else "unlabelled"]
    if "yaw" in about:
        parts.append(f"yaw {about['yaw']:.0f}°".replace("-", "−"))
    return " · ".join(parts)


def mel_frequencies(bands: int, sample_rate: int = 16_000) -> np.ndarray:
    """Hz of the middles of `bands` mel bands, rounded, as `fermodels.audio.log_mel` has them."""
    from fermodels.audio import mel_filters

    # A Fourier transform of a second has a bin for every Hz.
    return mel_filters(sample_rate, sample_rate, bands).argmax(1).numpy()


def shares_bars(shares: pd.DataFrame, colors: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Stacked bars: a row of the table a bar, its columns shares in [0, 1] that sum to 1."""
    ax = _axes(ax, 7.0, 0.7 + 0.42 * len(shares))
    left = np.zeros(len(shares))
    places = np.arange(len(shares))
    for column, color in zip(shares, colors, strict=True):
        part = 100 * shares[column].to_numpy(float)
        ax.barh(places, part, 0.7, left=left, color=color, label=column)
        dark = np.dot(_rgb(color), (0.299, 0.587, 0.114)) < 0.6
        for y, start, size in zip(places, left, part, strict=True):
            if size >= 4:
                x, ink = start + size / 2, "white" if dark else "#222222"
                ax.text(x, y, f"{size:.0f} %", ha="center", va="center", color=ink, fontsize=9)
        left += part
    ax.set_yticks(places, shares.index)
    ax.invert_yaxis()
    ax.set(xlim=(0, 100), xlabel="share of the clips (%)")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(shares.columns))
    ax.tick_params(axis="y", length=0)
    _quiet(ax)
    return ax


def _rgb(color: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(color)


def modality_bars(
    scores: Mapping[str, Sequence[float]],
    *,
    chance: float | None = None,
    metric: str = "accuracy",
    dots: str = "a speaker",
    ax: Axes | None = None,
) -> Axes:
    """Bars of mean scores in [0, 1], one a modality or combination, with a dot for each score.

    Args:
        scores: name → scores, such as one a speaker or one a seed. "video", "audio" and "text"
            have their colours, everything else is grey.
        chance: score of a random guess, drawn as a line.
        metric: what is measured.
        dots: what a dot is, for the label; "" leaves dots out.
    """
    if not scores:
        raise ValueError("no scores to draw")
    ax = _axes(ax, 1.4 + 0.85 * len(scores), 3.3)
    for x, (name, values) in enumerate(scores.items()):
        values = 100 * np.atleast_1d(np.asarray(values, dtype=float))
        ax.bar(x, values.mean(), 0.72, color=modality_color(name))
        inside = {"ha": "center", "va": "bottom", "color": "white", "weight": "bold"}
        ax.text(x, 1.5, f"{values.mean():.0f} %", **inside, fontsize=9)
        if dots:
            spread = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else [0]
            ax.scatter(
                x + np.asarray(spread),
                np.sort(values),
                s=14,
                color="white",
                edgecolor="#222222",
                linewidth=0.7,
                zorder=3,
            )
    ax.set_xticks(range(len(scores)), [_wrapped(str(name)) for name in scores])
    ax.tick_params(axis="x", length=0)
    ax.set(ylim=(0, 100), ylabel=f"{metric} (%)" + (f", dot = {dots}" if dots else ""))
    _quiet(ax, "y")
    if chance is not None:
        _level_lines(ax, {_chance(chance): 100 * chance}, zorder=4)
    return ax


def _wrapped(name: str) -> str:
    """Room for a bar's name is about ten letters."""
    return name.replace("+", "+\n") if len(name) <= 10 else name.replace(" ", "\n")


# ------------------------------------------------------------------------- tasks and their toys

TASKS = ("contrastive", "clustering", "reconstruction")
TASK_COLORS = {"contrastive": "#D1495B", "clustering": "#2E86AB", "reconstruction": "#E1A100"}
# Of label budgets, the largest first.
BUDGET_COLORS = ("#0060B0", "#C43C00", "#666666", "#009E73")
# Clusters have no meaning, so their colours are none of those that emotions or senses have.
CLUSTER_COLORS = ("#4477AA", "#EE6677", "#228833", "#AA3377", "#BBAA22", "#66CCEE")


def task_diagram(axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """What supervises what in the three tasks of ConCluGen: three panels of nodes and arrows."""
    import matplotlib.pyplot as plt

    if axes is None:
        axes = plt.subplots(1, 3, figsize=(10.5, 2.9))[1]
    titles = ("pairs: who belongs to me?", "the crowd: which heap is mine?", "itself: rebuild me")
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
    axes[1].text(0, -0.42, "centre of a heap", ha="center", fontsize=8.5)
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
        embeddings: modality → (N, 2). A sense has its own marker and colour, unless `groups`.
        groups: the cluster of each of the N clips, as its colour.
        centroids: (K, 2), drawn as stars; with `groups`, dashed lines lead to them.
        moves: modality → (N, 2), an arrow at each embedding.
        names: of the N clips, written beside them.
        legend: name the senses.

    Raises:
        ValueError: an embedding has not two numbers.
    """
    ax = _axes(ax, 3.4, 3.4)
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
    """Cosines (B, B) of two senses of the same B clips; the diagonal is what belongs together.

    Args:
        similarity: row = clip in the first sense, column = clip in the second.
        modalities: the names of the two.
        numbers: write the cosines into the fields, and frame the diagonal.

    Raises:
        ValueError: the matrix is not square.
    """
    s = np.asarray(similarity, dtype=float)
    if s.ndim != 2 or s.shape[0] != s.shape[1]:
        raise ValueError(f"similarity has shape {s.shape}; expected a square, (B, B)")
    ax = _axes(ax, 4.2, 3.4)
    picture = ax.imshow(s, vmin=-1, vmax=1, cmap="RdBu_r")
    ax.figure.colorbar(picture, ax=ax, label="cosine", shrink=0.85)
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


# ---------------------------------------------------------------------------- trainings, studies


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

    Left, a filled dot for each task and each sense that a method used. Right, its score at every
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
        color, lift = BUDGET_COLORS[i % len(BUDGET_COLORS)], _lift(i, len(fractions))
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
    ax = _axes(ax, 1.8 + 0.3 * table.shape[1], 2.9)
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
    ax = _axes(ax, 7.4, 0.9 + 0.34 * len(methods))
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
            color=BUDGET_COLORS[i % len(BUDGET_COLORS)],
            label=f"{100 * fraction:g} % of the labels",
        )
    ax.axvline(0, color="#666666", linewidth=1)
    ax.set_yticks([-i for i in range(len(methods))], methods)
    ax.set_xlabel(f"{champion} minus the other (points of accuracy, ± 2 standard errors)")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(fractions))
    ax.tick_params(axis="y", length=0)
    _quiet(ax, "x")
    return ax


def _lift(i: int, count: int) -> float:
    """Where in its row the i-th of `count` budgets is drawn."""
    return 0.34 * ((count - 1) / 2 - i)
