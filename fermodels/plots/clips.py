"""Clips: frames, sound and words over time, and what each modality brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels.plots.style import axes_or_new, chance_line, level_lines, quiet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from fermodels.data import PreparedClips

#: Modality → colour: apart from each other for normal sight and the three dichromacies, and not an
#: emotion's colours.
MODALITY_COLORS = {"video": "#4B2E83", "audio": "#A0522D", "text": "#7CB98F"}
#: The colour of whatever uses several modalities.
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
    ax = axes_or_new(ax, 6.4, 2.4)
    image = ax.imshow(
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
        ax.figure.colorbar(image, ax=ax, label=label, pad=0.02)
    return ax


def clip_strip(
    clips: PreparedClips,
    row: int,
    *,
    frames: int = 6,
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

    from fermodels.features.spectrograms import log_mel

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

    for image, start, end in zip(shown, edges[:-1], edges[1:], strict=True):
        axes[0].imshow(image, extent=(start, end, 0, 1), aspect="auto")
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
    images, fps = moving
    count = min(at_most, len(images))
    chosen = ((np.arange(count) + 0.5) * len(images) / count).astype(int)
    edges = np.linspace(0, len(images) / fps, count + 1)
    return list(images[chosen]), edges, images.shape[1] / images.shape[2]


def _title(clips: PreparedClips, row: int) -> str:
    about = clips.table.iloc[row]
    label = int(clips.labels[row])
    parts = [str(about["clip"]), clips.emotions[label] if label >= 0 else "unlabelled"]
    if "yaw" in about:
        parts.append(f"yaw {about['yaw']:.0f}°".replace("-", "−"))
    return " · ".join(parts)


def mel_frequencies(bands: int, sample_rate: int = 16_000) -> np.ndarray:
    """Hz of the middles of `bands` mel bands, rounded, as `fermodels.audio.log_mel` has them."""
    from fermodels.features.spectrograms import mel_filters

    # A Fourier transform of a second has a bin for every Hz.
    return mel_filters(sample_rate, sample_rate, bands).argmax(1).numpy()


def shares_bars(shares: pd.DataFrame, colors: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Stacked bars: a row of the table a bar, its columns shares in [0, 1] that sum to 1."""
    ax = axes_or_new(ax, 7.0, 0.7 + 0.42 * len(shares))
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
    quiet(ax)
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
    ax = axes_or_new(ax, 1.4 + 0.85 * len(scores), 3.3)
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
    quiet(ax, "y")
    if chance is not None:
        level_lines(ax, {chance_line(chance): 100 * chance}, zorder=4)
    return ax


def _wrapped(name: str) -> str:
    """Room for a bar's name is about ten letters."""
    return name.replace("+", "+\n") if len(name) <= 10 else name.replace(" ", "\n")
