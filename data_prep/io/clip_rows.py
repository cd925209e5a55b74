"""From the bytes of a video or sound to the row of a prepared file: decode, crop, encode."""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.io.footage import Footage, read_footage
from data_prep.io.importing import OUTSIDE, REPAIRED, Item, Skip
from fermodels import crops
from fermodels.data.media import SAMPLE_RATE, MediaError, encode_audio, encode_video

if TYPE_CHECKING:
    import pandas as pd

    from data_prep.io.report import ImportReport

_APART = 1.0  # seconds that image and sound may differ in length without a word
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
    item: Item,
    data: bytes,
    options: Namespace,
    stretch: tuple[float, float] | None = None,
    sound: bytes | None = None,
) -> dict[str, Any]:
    """The row of one clip: what is known of it, its video and its sound.

    The row has `face_found`, whether the crop is around a face, `crop_outside`, the share of it
    beyond the frames (both null without an image), and `seconds`, how long the clip is in the row.

    Args:
        stretch: the seconds from and to which the file is used; all of it without.
        sound: a file of its own that has the sound, from the same moment on. What cannot be used of
            the two is left out.
    """
    if sound is None:
        footage = _footage(data, options, *(stretch or (None, None)))
    else:
        footage = _together(data, sound, options)
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


def paired_row(
    item: Item, data: bytes, options: Namespace, sound: bytes | None = None
) -> dict[str, Any]:
    """The row of a film, of its sound, or of both; `modality` says what of it is there."""
    row = clip_row(item, data, options, sound=sound)
    there = [name for name in ("audio", "video") if row[name] is not None]
    return row | {"modality": "-".join(there)}


def tell_of_modalities(table: pd.DataFrame, report: ImportReport) -> pd.DataFrame:
    """For `Plan.finish`: reports the clips that lack the image or the sound."""
    for modality, what in (("video", "an image but no sound"), ("audio", "a sound but no image")):
        clips = table.loc[table["modality"].eq(modality), "clip"]
        if len(clips):
            report.warn(f"{len(clips):,} clips have {what}, such as {', '.join(clips[:3])}")
    return table


def _footage(
    data: bytes, options: Namespace, start: float | None = None, end: float | None = None
) -> Footage:
    if not data:
        raise Skip("an empty file")
    try:
        return read_footage(data, options.fps, options.max_seconds, start, end)
    except MediaError as error:
        raise Skip(str(error)) from error


def _together(data: bytes, sound: bytes, options: Namespace) -> Footage:
    """The image of a film and the sound of another file; the film's own where that has none."""
    found, notes = [], []
    for name, source in (("film", data), ("sound", sound)):
        try:
            found.append(_footage(source, options))
        except Skip as why:
            notes.append(f"its {name} cannot be used: {why}")
    if not found:
        raise Skip("; ".join(notes))
    # The last has the say: where there are both files, that of the sound.
    frames = next((one.frames for one in found if one.frames is not None), None)
    heard = next((one.waveform for one in found[::-1] if one.waveform is not None), None)
    if frames is not None and heard is not None:
        seen, lasts = len(frames) / options.fps, len(heard) / SAMPLE_RATE
        if abs(seen - lasts) > _APART:
            notes.append(f"its image lasts {seen:.1f} s and its sound {lasts:.1f} s")
    notes += dict.fromkeys(note for one in found for note in one.notes)
    seconds, cut = max(one.seconds for one in found), any(one.cut for one in found)
    return Footage(frames, heard, seconds, cut, notes)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 3600:
        raise ArgumentTypeError(f"{text!r} is no number above 0 and up to 3600")
    return value
