"""CMU-MOSEI's labels, its standard folds, and the transcript of its raw segments."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_prep.importers.csd import CsdError, Sequence, split_key
from fermodels.data.columns import split_of

# The order of the columns of "All Labels" (README of the CMU Multimodal SDK, CMU_MOSEI).
COLUMNS = ("sentiment", "happy", "sad", "anger", "surprise", "disgust", "fear")
EMOTIONS = COLUMNS[1:]
LARGEST = 3.0  # of sentiment, to both sides, and of emotions


@dataclass(frozen=True)
class Segment:
    """One labelled stretch of a video; seconds are None in an aligned file without intervals."""

    clip: str
    video: str
    start: float | None
    end: float | None
    sentiment: float
    emotions: tuple[float, ...]
    repaired: str | None = None


@dataclass
class Labels:
    """All segments, those left out as (clip, why), and how many values are out of range."""

    segments: list[Segment] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    beyond: int = 0


def read_labels(sequence: Sequence) -> Labels:
    """Labels of "All Labels".

    A clip is called `<video>[k]` after its row, as the aligned files call it. Rows are unsorted and
    overlap; each stands for itself.

    Raises:
        CsdError: the columns are not those of CMU-MOSEI.
    """
    names = sequence.metadata("dimension names")
    if isinstance(names, list) and [str(n).strip().lower() for n in names] != list(COLUMNS):
        raise CsdError(
            f"{sequence.file}: the columns of {sequence.root!r} are {', '.join(map(str, names))}, "
            f"not {', '.join(COLUMNS)}"
        )
    labels = Labels()
    for key in sequence.keys:
        try:
            features, intervals = sequence.read(key)
            if features.dtype.kind not in "fiu" or features.shape[1] != len(COLUMNS):
                raise CsdError(
                    f"{sequence.file}: {sequence.root}/{key} is {features.dtype} "
                    f"{features.shape}; labels are N×{len(COLUMNS)} numbers"
                )
        except CsdError as error:
            labels.skipped.append((key, str(error)))
            continue
        video, number = split_key(key)
        for row, values in enumerate(features.astype(np.float64)):
            clip = f"{video}[{row if number is None else number}]"
            if number is not None and row > 0:
                labels.skipped.append((clip, "a second row of labels for one aligned clip"))
                continue
            interval = None if intervals is None else intervals[row]
            _add(labels, clip, video, values, interval)
    return labels


def _add(
    labels: Labels, clip: str, video: str, values: np.ndarray, interval: np.ndarray | None
) -> None:
    if not np.isfinite(values).all():
        labels.skipped.append((clip, "labels that are no numbers"))
        return
    start = end = repaired = None
    if interval is not None:
        start, end = map(float, interval)
        if not (np.isfinite(interval).all() and end > max(start, 0.0)):
            labels.skipped.append((clip, f"an interval from {start:g} to {end:g} s"))
            return
        if start < 0:
            start, repaired = 0.0, "began below zero, set to 0 s"
    labels.beyond += bool((np.abs(values) > LARGEST).any())
    emotions = tuple(float(np.float32(v)) for v in values[1:])
    labels.segments.append(
        Segment(clip, video, start, end, float(np.float32(values[0])), emotions, repaired)
    )


def read_folds(path: Path) -> dict[str, str]:
    """Video id → train, val or test, from a file of the user's.

    `cmu_mosei_std_folds.py` of the CMU Multimodal SDK as it is (read, not run), JSON or YAML of
    lists (`train: [...]`, `valid: [...]`, `test: [...]`), or CSV with the columns video and split.
    Ids stay text, also those of digits alone.

    Raises:
        ValueError: it is none of these, or a video is in two folds.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: the folds cannot be read ({error})") from error
    if path.suffix == ".csv":
        try:
            pairs = _pairs_of_csv(text, path)
        except csv.Error as error:
            raise ValueError(f"{path}: no table ({error})") from error
    else:
        readers = {".py": _lists_of_python, ".json": json.loads}
        try:
            lists = readers.get(path.suffix, _lists_of_yaml)(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
            raise ValueError(f"{path}: the folds cannot be read ({error})") from error
        pairs = _pairs_of_lists(lists, path)
    folds: dict[str, str] = {}
    for video, split in pairs:
        if folds.setdefault(video, split) != split:
            raise ValueError(f"{path}: {video!r} is in the folds {folds[video]!r} and {split!r}")
    if not folds:
        raise ValueError(f"{path}: no video in it")
    return folds


def _lists_of_python(text: str) -> dict[str, object]:
    lists = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            lists[node.targets[0].id] = ast.literal_eval(node.value)
    return lists


def _lists_of_yaml(text: str) -> object:
    import yaml

    try:
        # This loader leaves every value text: 0123456 would otherwise become the number 42798.
        return yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _pairs_of_lists(lists: object, path: Path) -> list[tuple[str, str]]:
    pairs = []
    for name, videos in lists.items() if isinstance(lists, Mapping) else ():
        words = re.split(r"[^a-z]+", str(name).lower())
        split = next(filter(None, map(split_of, words)), None)
        if split and isinstance(videos, (list, tuple)):
            # Of lists in lists, a YAML of a few lines can hold billions.
            if other := [video for video in videos if not isinstance(video, (str, int))]:
                raise ValueError(f"{path}: {name} holds a {type(other[0]).__name__}, not only ids")
            pairs += [(str(video), split) for video in videos]
    if not pairs:
        raise ValueError(
            f"{path}: no lists of video ids called train, valid and test (or "
            "standard_train_fold, …) in it"
        )
    return pairs


def _pairs_of_csv(text: str, path: Path) -> list[tuple[str, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {"video", "split"} <= set(reader.fieldnames or ()):
        raise ValueError(f"{path}: columns video and split are needed, not {reader.fieldnames}")
    pairs = []
    for row in reader:
        split = split_of(row["split"] or "")
        if split is None:
            raise ValueError(
                f"{path}, line {reader.line_num}: split {row['split']!r} is not one of train, "
                "valid and test"
            )
        pairs.append(((row["video"] or "").strip(), split))
    return pairs


@dataclass(frozen=True)
class Line:
    """A line of a raw transcript: which piece of the video, from when to when, and what is said."""

    piece: str
    start: float
    end: float
    text: str


def read_transcript(data: bytes) -> list[Line]:
    """Lines `video___piece___start___end___text`; others are passed over.

    The text may hold underscores itself.
    """
    lines = []
    for line in data.decode("utf-8", "replace").splitlines():
        fields = line.strip().split("___", 4)
        try:
            _, piece, start, end, text = fields
            times = float(start), float(end)
        except ValueError:
            continue
        if piece.isdecimal():
            lines.append(Line(piece, *times, text.strip(" _")))
    return lines
