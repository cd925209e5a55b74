"""Files of video and sound, opened with PyAV: FFmpeg's libraries in a wheel, imported when used."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_MOST_STRETCH = 4.0  # pixels more oblong than this are those of a damaged header
_PAUSE = 0.1  # seconds

# Of a file that is written: without it, it holds the date, FFmpeg's version, a random identity.
REPEATABLE = {"fflags": "+bitexact"}

# What FFmpeg reads cannot be asked for by ending: of most of its formats it knows none.
FILM_ENDINGS = frozenset(
    (
        *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".m2ts", ".m2v", ".m4v"),
        *(".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".qt", ".rm"),
        *(".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
    )
)


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
def opened(source: bytes | Path, format: str | None = None) -> Iterator[Any]:
    """The container in bytes or at a path; whatever FFmpeg says inside is a MediaError.

    Args:
        format: FFmpeg's name of what it is; without it, FFmpeg finds out.
    """
    av = pyav()
    file = io.BytesIO(source) if isinstance(source, (bytes, bytearray)) else str(source)
    try:
        with av.open(file, format=format, metadata_errors="ignore") as container:
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


def clock_at_the_beginning(container: Any) -> float:
    """Seconds on the file's clock where a player begins; encoders' delays before 0 are no part."""
    return max(0.0, (container.start_time or 0) / pyav().time_base)


class FrameConverter:
    """Frames of a video track → uint8 (H, W, 3) RGB, as a player shows them.

    That is with square pixels, which anamorphic films have not, and turned by the display matrix,
    which phones write for portraits instead of turning the frames.

    Attributes:
        notes: what of this was done, in words.
    """

    def __init__(self, stream: Any) -> None:
        from av.video.reformatter import VideoReformatter

        # One converter of one thread: its threads cost far more than they save on small frames.
        self._reformatter = VideoReformatter()
        ratio = float(stream.sample_aspect_ratio or 1)
        self._ratio = ratio if 1 / _MOST_STRETCH <= ratio <= _MOST_STRETCH else 1.0
        self.notes: list[str] = []

    def __call__(
        self, frame: Any, fit: Callable[[int, int], tuple[int, int]] | None = None
    ) -> np.ndarray:
        """One frame of PyAV.

        Args:
            fit: (width, height) with square pixels, before it is turned → those that it comes in.
        """
        width, height = frame.width, frame.height
        if self._ratio != 1:
            width, height = round(width * max(1, self._ratio)), round(height / min(1, self._ratio))
            self._note(f"its pixels are not square ({self._ratio:.3g}:1): stretched")
        if fit is not None:
            width, height = fit(width, height)
        scaling = {}
        if (width, height) != (frame.width, frame.height):
            scaling = {"width": width, "height": height, "interpolation": "AREA"}
        pixels = self._reformatter.reformat(frame, format="rgb24", threads=1, **scaling)
        return self._turned(pixels.to_ndarray(), frame)

    def _turned(self, pixels: np.ndarray, frame: Any) -> np.ndarray:
        from av.sidedata.sidedata import Type

        data = frame.side_data.get(Type.DISPLAYMATRIX)
        if data is None:
            return pixels
        # The column at p and the row at q are shown at x = a·p + c·q, y = b·p + d·q.
        a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
        across = abs(b) + abs(c) > abs(a) + abs(d)
        if across:
            pixels = pixels.swapaxes(0, 1)
        left, upside_down = (c < 0, b < 0) if across else (a < 0, d < 0)
        if across or left or upside_down:
            self._note("turned as its display matrix says")
        return np.ascontiguousarray(pixels[:: -1 if upside_down else 1, :: -1 if left else 1])

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


class Pauses:
    """Where a track of sound pauses: there its clock goes on, and it has no samples.

    Attributes:
        seconds: of all pauses so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._end: float | None = None

    def before(self, frame: Any) -> float:
        """Seconds without sound between the frame before and this one of PyAV."""
        time, end = frame.time, self._end
        pause = 0.0 if time is None or end is None else float(time) - end
        if pause < _PAUSE:  # clocks are rounded, some to hundredths of a second
            pause = 0.0
        begin = (end or 0.0) if time is None else float(time)
        self._end = begin + frame.samples / frame.sample_rate
        self.seconds += pause
        return pause


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
