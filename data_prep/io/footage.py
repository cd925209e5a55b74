"""Videos in the wild → frames at an even rate and a mono sound of the same stretch of time.

Headers announce frames that are not there, frame rates vary, some files have no sound, some break
off. What can be used is used, and what was wrong with it is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fermodels.data.containers import (
    FrameConverter,
    MediaError,
    Pauses,
    clock_at_the_beginning,
    first_track,
    mono_resampler,
    opened,
)
from fermodels.data.media import SAMPLE_RATE

# Frames of one clip in memory; larger images are made smaller at once, before any crop.
_MOST_BYTES = 256 << 20
_LONGEST_EDGE = 1280
_MOST_PIXELS = 8192 * 4320
# A file that breaks off before this share of what it announces is not the clip any more.
_LEAST_SHARE = 0.5
_MOMENT = 0.04  # seconds that one frame is looked for
_TOLERANCE = 0.25  # seconds that a track may be shorter than announced without a word
# Containers whose header tells the end on the file's clock, not the time from where that begins.
_ENDS_BY_THE_CLOCK = ("matroska", "asf")


@dataclass
class Footage:
    """A stretch of a file.

    Attributes:
        frames: uint8 (T, H, W, 3) RGB at an even rate, or None.
        waveform: float32 (S,) mono at 16 kHz, or None.
        seconds: how long the file is from `start` on, as far as it was found out.
        cut: it is longer than what was read.
        notes: what was wrong and put right, in words.
    """

    frames: np.ndarray | None
    waveform: np.ndarray | None
    seconds: float
    cut: bool = False
    notes: list[str] = field(default_factory=list)


def read_footage(
    source: bytes | Path,
    fps: float,
    max_seconds: float,
    start: float | None = None,
    end: float | None = None,
    sound: bool = True,
) -> Footage:
    """Decode a file, or the stretch from `start` to `end` seconds of it, as a player shows it.

    Frames are upright and have square pixels; where the sound pauses, the waveform is silent.
    Seconds count from where the file begins, whatever its own clock says then.

    Args:
        source: bytes of a file, or its path, in any format that FFmpeg reads.
        fps: frames a second of the result. Each of its frames is the one that a player shows at
            that moment, so that files of a varying rate keep their timing.
        max_seconds: what is longer is cut there.
        sound: False leaves it alone.

    Raises:
        MediaError: neither video nor sound in it, broken from the start or soon after, of absurd
            dimensions, or nothing in the stretch asked for.
    """
    if not (fps > 0 and max_seconds > 0):
        raise ValueError(f"fps and max_seconds must be positive, got {fps} and {max_seconds}")
    length = max_seconds if end is None else min(max_seconds, end - (start or 0.0))
    if length <= 0:
        raise MediaError(f"the stretch from {start} to {end} s is empty")
    with opened(source) as container:
        video = first_track(container, "video")
        audio = first_track(container, "audio") if sound else None
        if video is None and audio is None:
            raise MediaError("neither video nor sound in it, or of an unknown codec")
        if video is not None:
            _check_dimensions(video)
        zero = clock_at_the_beginning(container)
        reader = _Reader(fps, length, start, zero)
        if start is not None and start > 1:
            _seek(container, start + zero)
        reader.read(container, video, audio)
        announced = _announced_seconds(container, video, audio, zero)
        announced = max(0.0, announced - (reader.empty_before(zero) if start is None else start))
    return reader.footage(announced, video is not None, audio is not None, end)


def frame_at(source: bytes | Path, seconds: float) -> tuple[np.ndarray, list[str]]:
    """The frame uint8 (H, W, 3) RGB that a player shows at a moment, and what was put right.

    Raises:
        MediaError: the film ends before, has no image, or cannot be read.
    """
    found = read_footage(source, 1 / _MOMENT, _MOMENT, seconds, seconds + _MOMENT, sound=False)
    return found.frames[0], found.notes


class _Reader:
    """Takes decoded frames and sounds as they come."""

    def __init__(self, fps: float, length: float, start: float | None, zero: float) -> None:
        self.fps, self.length, self.start = fps, length, start
        self.count = max(1, math.ceil(length * fps - 1e-6))
        self.frames: list[np.ndarray] = []
        self.sounds: list[np.ndarray] = []
        # Without a stretch, it begins with the first frame.
        self.origin: float | None = None if start is None else start + zero
        self.sound_from: float | None = None
        self.last_frame = self.last_sound = -math.inf  # seconds on the file's clock
        self.past: set[str] = set()
        self.pending: Any = None
        self.problem = ""
        self.damaged = 0
        self.pauses = Pauses()
        self.size: tuple[int, int] | None = None

    def read(self, container: Any, video: Any, audio: Any) -> None:
        streams = [s for s in (video, audio) if s is not None]
        self._to_mono = mono_resampler(SAMPLE_RATE)
        self._to_rgb = FrameConverter(video) if video is not None else None
        self._interval = 1 / float(video.average_rate or 25) if video is not None else 0.04
        number = 0
        for kind, frame in self._decoded(container, streams):
            if kind == "video":
                time = frame.time if frame.time is not None else number * self._interval
                number += 1
                self._see(frame, float(time))
            else:
                self._hear(frame)
            if len(self.past) == len(streams):
                break
        self._flush()

    def empty_before(self, zero: float) -> float:
        """Seconds without an image before the first, as in an AVI of which they are a part."""
        return 0.0 if self.origin is None or self.damaged else max(0.0, self.origin - zero)

    def _decoded(self, container: Any, streams: list) -> Iterator[tuple[str, Any]]:
        """Frames of all tracks in the order of the file; a broken packet ends its track."""
        import av

        broken = set()
        try:
            for packet in container.demux(streams):
                kind = packet.stream.type
                if kind in self.past or kind in broken:
                    continue
                try:
                    for frame in packet.decode():
                        yield kind, frame
                except av.FFmpegError as error:
                    if kind == "video" and self.pending is None and not self.frames:
                        continue  # after a cut, frames before the first whole image fail
                    broken.add(kind)
                    self.problem = f"its {kind} breaks off ({error.strerror or error})"
        except av.FFmpegError as error:
            self.problem = f"it breaks off ({error.strerror or error})"

    def _see(self, frame: Any, time: float) -> None:
        if self.origin is None:
            self.origin = time
        self.damaged += bool(frame.is_corrupt)
        self.last_frame = max(self.last_frame, time)
        if time >= self.origin + self.length:
            self._emit(until=self.origin + self.length)
            self.past.add("video")
            return
        self._emit(until=time)
        self.pending = frame

    def _emit(self, until: float) -> None:
        """Frames of the even rate that are due before the file's next frame."""
        if self.pending is None:
            return
        image = None
        while len(self.frames) < self.count:
            due = self.origin + len(self.frames) / self.fps
            if due >= until - 1e-6:
                return
            if image is None:
                image = self._image(self.pending)
            self.frames.append(image)

    def _image(self, frame: Any) -> np.ndarray:
        return self._to_rgb(frame, self._fit)

    def _fit(self, width: int, height: int) -> tuple[int, int]:
        # Also later frames of another size come in that of the first.
        if self.size is None:
            self.size = _fitting(width, height, self.count)
        return self.size

    def _hear(self, frame: Any) -> None:
        time, pause = frame.time, self.pauses.before(frame)
        if pause and self.sounds:
            silence = np.zeros(round(min(pause, self.length + 1) * SAMPLE_RATE), np.float32)
            self.sounds.append(silence)
            self.last_sound += pause
        try:
            blocks = self._to_mono.resample(frame)
        except ValueError:
            self.problem = "its sound changes its format on the way"
            self.past.add("audio")
            return
        for block in blocks:
            sound = block.to_ndarray()[0]
            if self.sound_from is None:
                self.sound_from = 0.0 if time is None else float(time)
                self.last_sound = self.sound_from
            self.last_sound += len(sound) / SAMPLE_RATE
            self.sounds.append(sound)
        origin = self.origin if self.origin is not None else self.sound_from
        if origin is not None and self.last_sound >= origin + self.length + 0.5:
            self.past.add("audio")

    def _flush(self) -> None:
        if self.pending is not None:
            self._emit(until=min(self.last_frame + self._interval, self.origin + self.length))
            shown = self.last_frame + self._interval > self.origin
            if shown and not self.frames:  # a file shorter than one frame of the even rate
                self.frames.append(self._image(self.pending))
        for block in self._to_mono.resample(None) if self.sounds else ():
            self.sounds.append(block.to_ndarray()[0])

    def footage(
        self, announced: float, has_video: bool, has_audio: bool, end: float | None
    ) -> Footage:
        frames = np.stack(self.frames) if self.frames else None
        waveform = self._waveform()
        if frames is None and waveform is None:
            what = self.problem or ("no frame and no sound" if has_audio else "no frame")
            if self.start is not None:
                what += f" in the stretch from {self.start:g} s on"
            raise MediaError(what)
        notes = []
        seen = len(self.frames) / self.fps if frames is not None else 0.0
        heard = len(waveform) / SAMPLE_RATE if waveform is not None else 0.0
        got = max(seen, heard)
        wanted = self.length if end is not None else min(self.length, announced or got)
        if got < wanted - _TOLERANCE:
            if got < _LEAST_SHARE * wanted:
                raise MediaError(
                    f"{self.problem or 'cut off'}: {got:.2f} of {wanted:.2f} seconds are there"
                )
            notes.append(f"{got:.2f} of {wanted:.2f} seconds are there")
        elif self.problem:
            notes.append(self.problem)
        if has_video and frames is not None and waveform is not None and seen < heard - 1.0:
            notes.append(f"the image ends {heard - seen:.1f} s before the sound")
        notes += self._to_rgb.notes if self._to_rgb is not None else []
        if waveform is not None and self.pauses.seconds:
            notes.append(f"its sound pauses for {self.pauses.seconds:.2f} s: silent there")
        if self.damaged:
            notes.append(f"{self.damaged} damaged frames")
        for there, got_it, name in ((has_video, frames, "video"), (has_audio, waveform, "audio")):
            if there and got_it is None:
                where = "" if self.start is None else " in this stretch"
                notes.append(f"its {name} track is empty{where}")
        total = max(announced, got)
        return Footage(frames, waveform, total, end is None and total > self.length + 1e-3, notes)

    def _waveform(self) -> np.ndarray | None:
        if not self.sounds:
            return None
        sound = np.concatenate(self.sounds).astype(np.float32)
        origin = self.sound_from if self.origin is None else self.origin
        late = round((self.sound_from - origin) * SAMPLE_RATE)
        if late >= self.length * SAMPLE_RATE:  # it begins after all that is wanted
            return None
        sound = np.pad(sound, (late, 0)) if late > 0 else sound[-late:]
        sound = sound[: round(self.length * SAMPLE_RATE)]
        if not len(sound):
            return None
        return np.nan_to_num(sound, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)


def _check_dimensions(stream: Any) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > _MOST_PIXELS:
        raise MediaError(f"its video announces {width}×{height} pixels")


def _seek(container: Any, start: float) -> None:
    import av

    # To the last whole image before; what lies between is decoded and left out.
    container.seek(int((start - 0.5) * av.time_base))


def _announced_seconds(container: Any, video: Any, audio: Any, zero: float) -> float:
    """What the header says of the longest track, 0 where it says nothing."""
    import av

    seconds = [
        float(s.duration * s.time_base) for s in (video, audio) if s is not None and s.duration
    ]
    if video is not None and video.frames and video.average_rate:
        # The duration of an AVI follows from how much of the file there is.
        seconds.append(video.frames / float(video.average_rate))
    if not seconds and container.duration:
        seconds = [container.duration / av.time_base]
    if any(name in container.format.name for name in _ENDS_BY_THE_CLOCK):
        seconds = [end - zero for end in seconds]
    return max(seconds, default=0.0)


def _fitting(width: int, height: int, count: int) -> tuple[int, int]:
    """Width and height of the frames kept: as they are, or smaller so that `count` fit."""
    most = _MOST_BYTES / 3 / count
    scale = min(1.0, _LONGEST_EDGE / max(width, height), math.sqrt(most / (width * height)))
    return max(2, round(width * scale)), max(2, round(height * scale))
