"""Films written frame by frame: H.264 in .mp4, or raw in .y4m, which browsers take for a camera."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fermodels._shared.files import replacing
from fermodels._shared.paths import output_file
from fermodels.data.containers import pyav

ENDINGS = (".mp4", ".y4m")
# Constant quality of H.264, 0 is lossless; and without the date and FFmpeg's version in the file.
_QUALITY = "18"
_REPEATABLE = {"fflags": "+bitexact"}


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
    rate = Fraction(float(fps)).limit_denominator(1001)
    with replacing(out) as temporary:
        write = _write_raw if out.suffix == ".y4m" else _write_mp4
        write(temporary, _planar(frames), rate)
    return out


def _planar(frames: Iterable[np.ndarray]) -> Iterator[Any]:
    """PyAV's frames in 4:2:0, by the rules of standard definition, 16…235."""
    av = pyav()
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    for pixels in frames:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        yield reformatter.reformat(frame, format="yuv420p", threads=1)


def _write_raw(path: Path, frames: Iterator[Any], rate: Fraction) -> None:
    with open(path, "wb") as file:
        for number, frame in enumerate(frames):
            if number == 0:
                size = f"W{frame.width} H{frame.height}"
                speed = f"F{rate.numerator}:{rate.denominator}"
                file.write(f"YUV4MPEG2 {size} {speed} Ip A1:1 C420jpeg\n".encode())
            file.write(b"FRAME\n" + frame.to_ndarray().tobytes())  # (3 · H / 2, W)


def _write_mp4(path: Path, frames: Iterator[Any], rate: Fraction) -> None:
    av = pyav()
    from av.video.reformatter import ColorRange, Colorspace

    with av.open(str(path), "w", format="mp4", options=_REPEATABLE) as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.pix_fmt, stream.thread_count = "yuv420p", 1
        stream.options = {"preset": "veryfast", "crf": _QUALITY}
        stream.codec_context.colorspace = Colorspace.ITU601
        stream.codec_context.color_range = ColorRange.MPEG
        for number, frame in enumerate(frames):
            if number == 0:
                stream.width, stream.height = frame.width, frame.height
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
