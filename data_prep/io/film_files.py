"""Films written frame by frame: H.264 in .mp4, or raw in .y4m, which browsers take for a camera."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fermodels._shared.files import replacing
from fermodels._shared.paths import output_file
from fermodels.data.containers import REPEATABLE, pyav
from fermodels.data.video_track import PlanarConverter, VideoTrack, frame_rate

ENDINGS = (".mp4", ".y4m")
_QUALITY = {"preset": "veryfast", "crf": "18"}  # of H.264: constant, 0 is lossless


def check_film(path: str | os.PathLike) -> Path:
    """The path of a film that is to be written.

    Raises:
        ValueError: its ending is none of `ENDINGS`, or its folder does not exist.
        OSError: nothing can be written there.
    """
    out = output_file(path)
    if out.suffix not in ENDINGS or not out.parent.is_dir():
        raise ValueError(f"{out}: must be a {' or '.join(ENDINGS)} file in a folder that exists")
    return out


def write_film(path: str | os.PathLike, frames: Iterable[np.ndarray], fps: float) -> Path:
    """Writes frames as they come; the file is there when all are written.

    Args:
        frames: uint8 (H, W, 3) RGB each, of one size, H and W even.
        fps: frames a second.

    Raises:
        ValueError: see :func:`check_film`.
    """
    out = check_film(path)
    with replacing(out) as temporary:
        write = _write_raw if out.suffix == ".y4m" else _write_mp4
        write(temporary, frames, fps)
    return out


def _write_raw(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    rate = frame_rate(fps)
    with open(path, "wb") as file:
        for number, frame in enumerate(map(PlanarConverter(), frames)):
            if number == 0:
                size = f"W{frame.width} H{frame.height}"
                speed = f"F{rate.numerator}:{rate.denominator}"
                file.write(f"YUV4MPEG2 {size} {speed} Ip A1:1 C420jpeg\n".encode())
            file.write(b"FRAME\n" + frame.to_ndarray().tobytes())  # (3 · H / 2, W)


def _write_mp4(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    with pyav().open(str(path), "w", format="mp4", options=REPEATABLE) as container:
        track = VideoTrack(container, "libx264", fps, _QUALITY)
        for number, pixels in enumerate(frames):
            track.write(pixels, number)
        track.close()
