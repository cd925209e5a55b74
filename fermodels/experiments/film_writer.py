"""An MP4 written frame by frame, with the sound of the film that the frames are of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fermodels.data.containers import first_track, opened, pyav
from fermodels.data.films import Film

_CLOCK = 90_000  # ticks a second, of an annotated film
_SOUNDS = frozenset(("aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"))  # what an MP4 holds


@contextmanager
def sound_of(path: Path) -> Iterator[tuple[Any, Any] | None]:
    """The container and the track of the sound of a film, or None."""
    with opened(path) as container:
        track = first_track(container, "audio")
        yield None if track is None else (container, track)


class FilmWriter:
    """An MP4 that takes frames one by one, and the sound of the film between them."""

    def __init__(
        self, output: Any, first: np.ndarray, film: Film, sound: tuple[Any, Any] | None
    ) -> None:
        from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

        self._output, self._begins = output, film.begins
        rate = Fraction(film.rate).limit_denominator(1001)
        self._video = output.add_stream("libx264", rate=rate)
        self._video.height, self._video.width = first.shape[:2]
        self._video.pix_fmt = "yuv420p"
        self._video.options = {"crf": "20", "preset": "veryfast"}
        # What the conversion from RGB uses, written down so that every player undoes just that.
        self._video.codec_context.colorspace = Colorspace.ITU601
        self._video.codec_context.color_range = ColorRange.MPEG
        self._video.codec_context.time_base = Fraction(1, _CLOCK)
        self._reformatter = VideoReformatter()
        self._last = -1
        self._packets = iter(()) if sound is None else self._sound_packets(*sound)
        self._next = next(self._packets, None)

    def write(self, pixels: np.ndarray, time: float) -> None:
        """A frame, shown from `time` seconds on."""
        frame = pyav().VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        size = {"width": self._video.width, "height": self._video.height}  # as the first one's
        frame = self._reformatter.reformat(frame, format="yuv420p", threads=1, **size)
        self._last = max(self._last + 1, round(time * _CLOCK))
        frame.pts, frame.time_base = self._last, Fraction(1, _CLOCK)
        self._take_sound(until=time)
        self._output.mux(self._video.encode(frame))

    def close(self) -> None:
        """The rest of the sound, and frames that the encoder still holds."""
        self._take_sound(until=float("inf"))
        self._output.mux(self._video.encode(None))

    def _take_sound(self, until: float) -> None:
        while self._next is not None and self._next.dts * self._next.time_base <= until:
            self._output.mux(self._next)
            self._next = next(self._packets, None)

    def _sound_packets(self, container: Any, track: Any) -> Iterator[Any]:
        """The sound as it is, or as AAC where an MP4 cannot hold it; up to where it breaks off."""
        av = pyav()
        copied = track.codec_context.codec.canonical_name in _SOUNDS
        if copied:
            stream = self._output.add_stream_from_template(track)
        else:
            stream = self._output.add_stream("aac", rate=track.rate)
        try:
            packets = container.demux(track) if copied else _as_aac(container, track, stream)
            for packet in packets:
                if packet.dts is None:
                    continue
                late = round(self._begins / packet.time_base)
                packet.dts -= late
                packet.pts = packet.dts if packet.pts is None else packet.pts - late
                packet.stream = stream
                yield packet
        except av.FFmpegError:
            return


def _as_aac(container: Any, track: Any, stream: Any) -> Iterator[Any]:
    codec = stream.codec_context
    resampler = pyav().AudioResampler(format=codec.format, layout=codec.layout, rate=codec.rate)
    for frame in container.decode(track):
        for block in resampler.resample(frame):
            yield from stream.encode(block)
    yield from stream.encode(None)
