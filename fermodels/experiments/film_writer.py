"""An MP4 written frame by frame, with the sound of the film that the frames are of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fermodels.data.containers import first_track, opened, pyav
from fermodels.data.films import Film
from fermodels.data.video_track import VideoTrack

_CLOCK = 90_000  # ticks a second, of an annotated film
_QUALITY = {"crf": "20", "preset": "veryfast"}
_SOUNDS = frozenset(("aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"))  # what an MP4 holds


@contextmanager
def sound_of(path: Path) -> Iterator[tuple[Any, Any] | None]:
    """The container and the track of the sound of a film, or None."""
    with opened(path) as container:
        track = first_track(container, "audio")
        yield None if track is None else (container, track)


class FilmWriter:
    """An MP4 that takes frames one by one, and the sound of the film between them."""

    def __init__(self, output: Any, film: Film, sound: tuple[Any, Any] | None) -> None:
        self._output, self._begins = output, film.begins
        self._video = VideoTrack(output, "libx264", film.rate, _QUALITY, clock=_CLOCK, threads=0)
        self._last = -1
        self._packets = iter(()) if sound is None else self._sound_packets(*sound)
        self._next = next(self._packets, None)

    def write(self, pixels: np.ndarray, time: float) -> None:
        """A frame, shown from `time` seconds on."""
        self._last = max(self._last + 1, round(time * _CLOCK))
        self._video.write(pixels, self._last)  # the first before any sound: it brings the size
        self._take_sound(until=time)

    def close(self) -> None:
        """The rest of the sound, and frames that the encoder still holds."""
        self._take_sound(until=float("inf"))
        self._video.close()

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
