"""Files of video and sound, opened with PyAV: FFmpeg's libraries in a wheel, imported when used."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


class MediaError(ValueError):
    """Bytes that hold no such track, are cut off, or cannot be decoded."""


def pyav() -> Any:
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "videos and sounds are read and written by PyAV, which is not installed: pip install av"
        ) from error
    return av


@contextmanager
def opened(source: bytes | Path) -> Iterator[Any]:
    """The container in bytes or at a path; whatever FFmpeg says inside is a MediaError."""
    av = pyav()
    file = io.BytesIO(source) if isinstance(source, (bytes, bytearray)) else str(source)
    try:
        with av.open(file, metadata_errors="ignore") as container:
            yield container
    except av.FFmpegError as error:
        raise MediaError(f"FFmpeg cannot read it: {error.strerror or error}") from error


def first_track(container: Any, kind: str) -> Any:
    """The first "video" or "audio" track of a known codec, or None.

    The cover of an album, which is a video track of one frame, is none.
    """
    from av.stream import Disposition

    for stream in getattr(container.streams, kind):
        if stream.codec_context is None or stream.disposition & Disposition.attached_pic:
            continue
        stream.thread_count = 1  # decoding a short clip takes less than starting threads
        return stream
    return None


def rgb_converter() -> Callable[..., np.ndarray]:
    """(a frame of PyAV, options of scaling) → uint8 (H, W, 3)."""
    from av.video.reformatter import VideoReformatter

    # One converter of one thread: its threads cost far more than they save on small frames.
    reformatter = VideoReformatter()

    def convert(frame: Any, **scaling: Any) -> np.ndarray:
        return reformatter.reformat(frame, format="rgb24", threads=1, **scaling).to_ndarray()

    return convert


def mono_resampler(rate: int) -> Any:
    """Frames of sound → frames of float mono at `rate`, with FFmpeg's mix of the channels."""
    return pyav().AudioResampler(format="fltp", layout="mono", rate=rate)


def announced_length(data: bytes) -> int:
    """How many bytes the file says that it has, as far as it says; FFmpeg reads half ones silently.

    Known are WebM/Matroska, Ogg, MP4 and RIFF (WAV, AVI). 0 for others.
    """
    if data[:4] == b"\x1aE\xdf\xa3":
        return _matroska_length(data)
    if data[:4] == b"OggS":
        return _ogg_length(data)
    if data[:4] == b"RIFF":
        return 8 + int.from_bytes(data[4:8], "little")
    if data[4:8] == b"ftyp":
        return _mp4_length(data)
    return 0


def _matroska_length(data: bytes) -> int:
    at = 0
    for _ in range(2):  # the EBML header, the segment
        if at + 5 > len(data):
            return at + 5
        at += 4  # the element's identity
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        if size == (1 << 7 * width) - 1:  # not known: written live
            return at
        at += size
    return at


def _mp4_length(data: bytes) -> int:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0: up to the end of the file
            return at
        at += size
    return at


def _ogg_length(data: bytes) -> int:
    at, last = 0, b""
    while data[at : at + 4] == b"OggS":
        last = data[at : at + 27]
        if len(last) < 27:
            return at + 27
        body = at + 27 + last[26]
        at = body + sum(data[at + 27 : body])
    ends = bool(last[5] & 4)  # the mark of a last page
    return at if ends else max(at, len(data)) + 1
