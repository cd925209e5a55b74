"""Films frame by frame, in constant memory: which frames are wanted, and when they are shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fermodels.data.containers import (
    FrameConverter,
    MediaError,
    clock_at_the_beginning,
    first_track,
    opened,
)
from fermodels.data.image_files import MAX_PIXELS

_SOON = 1e-6  # seconds by which a frame may come early: times are rounded


class FilmFrame(NamedTuple):
    """Its number in the film, seconds from the film's beginning, and uint8 (H, W, 3) RGB."""

    number: int
    time: float
    pixels: np.ndarray


@dataclass(frozen=True)
class Sampling:
    """Which frames of a film are wanted.

    Args:
        every: seconds from one to the next; the first frame is one of them.
        stride: every so many frames. Without either, all of them.

    Raises:
        ValueError: both are given, or one is not positive.
    """

    every: float | None = None
    stride: int | None = None

    def __post_init__(self) -> None:
        if self.every is not None and self.stride is not None:
            raise ValueError("say which frames by seconds (every) or by number (stride), not both")
        if self.every is not None and not (self.every > 0 and math.isfinite(self.every)):
            raise ValueError(f"frames come every so many seconds, above 0; got {self.every}")
        if self.stride is not None and self.stride < 1:
            raise ValueError(f"the stride is a number of frames, 1 or more; got {self.stride}")


ALL = Sampling()


@dataclass
class Film:
    """An open film.

    Attributes:
        rate: frames a second, as far as the file says; else 25.
        seconds: how long it says that it is, None where it says nothing.
        notes: what was wrong and put right while it was read, in words.
    """

    container: Any
    stream: Any
    begins: float  # on the file's clock
    rate: float
    seconds: float | None
    notes: list[str] = field(default_factory=list)

    def expected(self, sampling: Sampling = ALL) -> int | None:
        """How many frames `frames` will give, as far as the file says; None where it does not."""
        if self.seconds is None:
            return None
        if sampling.every is not None:
            return max(1, math.ceil(self.seconds / max(sampling.every, 1 / self.rate) - _SOON))
        return max(1, math.ceil(self.seconds * self.rate / (sampling.stride or 1) - _SOON))

    def frames(
        self,
        sampling: Sampling = ALL,
        fit: Callable[[int, int], tuple[int, int]] | None = None,
    ) -> Iterator[FilmFrame]:
        """The frames that are wanted, as a player shows them, once and in their order.

        A film that breaks off ends there, which `notes` then say.

        Args:
            sampling: which are wanted.
            fit: of the size, as in `FrameConverter`; without it, as the film has it.

        Raises:
            MediaError: there is no frame that can be decoded.
        """
        to_rgb, due, number = FrameConverter(self.stream), -math.inf, -1
        for number, frame in enumerate(self._decoded()):
            time = number / self.rate if frame.time is None else frame.time - self.begins
            if sampling.every is not None:
                if time < due - _SOON:
                    continue
                due = (math.floor((time + _SOON) / sampling.every) + 1) * sampling.every
            elif number % (sampling.stride or 1):
                continue
            yield FilmFrame(number, float(time), to_rgb(frame, fit))
        self.notes += to_rgb.notes
        if number < 0:
            raise MediaError(f"no frame of it can be decoded{self._why()}")

    def _decoded(self) -> Iterator[Any]:
        import av

        seen = False
        try:
            for packet in self.container.demux(self.stream):
                try:
                    for frame in packet.decode():
                        seen = True
                        yield frame
                except av.FFmpegError as error:
                    if seen:  # after a cut, frames before the first whole image fail
                        self.notes.append(f"its video breaks off ({error.strerror or error})")
                        return
        except av.FFmpegError as error:
            self.notes.append(f"it breaks off ({error.strerror or error})")

    def _why(self) -> str:
        return f": {self.notes[-1]}" if self.notes else ""


@contextmanager
def open_film(source: bytes | Path) -> Iterator[Film]:
    """A film in any format that FFmpeg reads.

    Raises:
        MediaError: it cannot be opened, has no video, or one of absurd dimensions.
    """
    with opened(source) as container:
        stream = first_track(container, "video")
        if stream is None:
            raise MediaError("no video in it, or one of an unknown codec")
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MAX_PIXELS:
            raise MediaError(f"its video announces {width}×{height} pixels")
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        begins = clock_at_the_beginning(container)
        yield Film(container, stream, begins, rate, _seconds(container, stream, rate))


def _seconds(container: Any, stream: Any, rate: float) -> float | None:
    import av

    if stream.frames:
        return stream.frames / rate
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None
