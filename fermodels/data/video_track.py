"""Video that is written frame by frame, in colours that every player shows alike."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from fermodels.data.containers import pyav


def frame_rate(fps: float) -> Fraction:
    """Frames a second as containers keep them, such as 30000/1001 for 29.97."""
    return Fraction(float(fps)).limit_denominator(1001)


class PlanarConverter:
    """uint8 (H, W, 3) RGB → PyAV's frames in 4:2:0, by the rules of standard definition, 16…235."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()

    def __call__(self, pixels: np.ndarray, **size: int) -> Any:
        frame = pyav().VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        return self._reformatter.reformat(frame, format="yuv420p", threads=1, **size)


class VideoTrack:
    """A track of a container that is open for writing.

    Args:
        codec: FFmpeg's name of it, and `options` its options.
        rate: frames a second.
        clock: ticks a second of `write`; without it, a frame is a tick.
        threads: of one come the same bytes each time; 0 for as many as there are processors.
    """

    def __init__(
        self,
        container: Any,
        codec: str,
        rate: float,
        options: dict[str, str],
        *,
        clock: int | None = None,
        threads: int = 1,
    ) -> None:
        from av.video.reformatter import ColorRange, Colorspace

        rate = frame_rate(rate)
        self._container, self._stream = container, container.add_stream(codec, rate=rate)
        self._stream.pix_fmt, self._stream.options = "yuv420p", options
        self._stream.thread_count = threads
        # What the conversion from RGB uses, written down so that every player undoes just that.
        context = self._stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU601, ColorRange.MPEG
        context.time_base = self._tick = 1 / Fraction(clock or rate)
        self._planar, self._size = PlanarConverter(), {}

    def write(self, pixels: np.ndarray, tick: int) -> None:
        """A frame uint8 (H, W, 3) RGB, shown from `tick` on; all get the size of the first."""
        if not self._size:
            height, width = self._stream.height, self._stream.width = pixels.shape[:2]
            self._size = {"width": width, "height": height}
        frame = self._planar(pixels, **self._size)
        frame.pts, frame.time_base = tick, self._tick
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Frames that the encoder still holds."""
        self._container.mux(self._stream.encode(None))
