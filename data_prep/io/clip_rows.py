"""From the bytes of a video or sound to the row of a prepared file: decode, crop, encode."""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Any

import numpy as np

from data_prep.io.footage import read_footage
from data_prep.io.importing import OUTSIDE, REPAIRED, Item, Skip
from fermodels import crops
from fermodels.data.media import SAMPLE_RATE, MediaError, encode_audio, encode_video

_LOOKED_AT = 7  # frames in which the face is searched


def add_clip_arguments(
    parser: ArgumentParser, max_seconds: float = 20.0, too_long: str = "cut"
) -> None:
    """The options that every importer of clips has, beside the common ones."""
    parser.add_argument("--fps", type=_positive, default=8.0, help="frames a second to keep")
    parser.add_argument(
        "--max-seconds", type=_positive, default=max_seconds, help="what is longer is too long"
    )
    parser.add_argument(
        "--too-long",
        choices=("cut", "skip"),
        default=too_long,
        help="keep the first --max-seconds of a longer clip, or leave it out",
    )


def crop_frames(frames: np.ndarray, how: str, size: int) -> tuple[np.ndarray, bool, float]:
    """All frames (T, H, W, 3) cropped to the same square, (T, size, size, 3), whether it is around
    a face, and the share of it that lies beyond the frames.

    One square for the whole clip, from a few frames spread over it: a square that followed the
    face in each frame would tremble, and hide how the head moves.
    """
    height, width = frames.shape[1:3]
    box = None
    if how == "face":
        finder = crops.face_finder()
        looked_at = np.linspace(0, len(frames) - 1, min(_LOOKED_AT, len(frames))).round()
        box = crops.median_box([finder.find(frames[int(at)]) for at in looked_at])
    square = crops.square_for(how, height, width, box)
    outside = crops.share_outside(square, height, width)
    cropped = np.stack([crops.cut(frame, square, size) for frame in frames])
    return cropped, box is not None, outside


def clip_row(
    item: Item, data: bytes, options: Namespace, stretch: tuple[float, float] | None = None
) -> dict[str, Any]:
    """The row of one clip: what is known of it, its video and its sound.

    The row has `face_found`, whether the crop is around a face, `crop_outside`, the share of it
    beyond the frames (both null without an image), and `seconds`, how long the clip is in the row.

    Args:
        stretch: the seconds from and to which the file is used; all of it without.
    """
    if not data:
        raise Skip("an empty file")
    start, end = stretch or (None, None)
    try:
        footage = read_footage(data, options.fps, options.max_seconds, start, end)
    except MediaError as error:
        raise Skip(str(error)) from error
    if footage.cut:
        if options.too_long == "skip":
            raise Skip(
                f"{footage.seconds:.0f} s, longer than --max-seconds {options.max_seconds:g}"
            )
        footage.notes.append(f"cut to its first {options.max_seconds:g} s")
    row: dict[str, Any] = {"video": None, "audio": None} | item.about | {"face_found": None}
    row[OUTSIDE] = None
    seconds = 0.0
    if footage.frames is not None:
        frames, row["face_found"], outside = crop_frames(footage.frames, options.crop, options.size)
        row[OUTSIDE] = round(outside, 3)
        row["video"] = encode_video(frames, options.fps)
        seconds = len(frames) / options.fps
    if footage.waveform is not None:
        row["audio"] = encode_audio(footage.waveform)
        seconds = max(seconds, len(footage.waveform) / SAMPLE_RATE)
    row["seconds"] = round(seconds, 3)
    return row | ({REPAIRED: "; ".join(footage.notes)} if footage.notes else {})


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 3600:
        raise ArgumentTypeError(f"{text!r} is no number above 0 and up to 3600")
    return value
