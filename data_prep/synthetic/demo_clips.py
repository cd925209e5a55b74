"""Clips in the codecs of raw data sets, and RAVDESS in small, out of our own rendered clips."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np

from data_prep.importers.ravdess import ACTORS, LABELS
from data_prep.io.vocabulary import expression
from fermodels._shared.places import shipped_data
from fermodels.data import PreparedClips
from fermodels.data.media import SAMPLE_RATE


@lru_cache(maxsize=1)
def _ours() -> PreparedClips:
    return PreparedClips.read(shipped_data("anny_clips"))


@lru_cache(maxsize=16)
def footage(number: int, size: int = 96) -> tuple[np.ndarray, float, np.ndarray]:
    """Frames (T, size, size, 3), frames a second and sound (S,) of one of our clips."""
    from PIL import Image

    clips = _ours()
    frames, fps = clips.frames(number)
    resized = [np.asarray(Image.fromarray(f).resize((size, size))) for f in frames]
    return np.stack(resized), fps, clips.waveform(number)


def video_bytes(
    number: int = 0,
    *,
    size: int = 96,
    container: str = "mp4",
    codec: str = "libx264",
    sound: str | None = "aac",
    channels: int = 2,
    times: Sequence[float] | None = None,
    frames: np.ndarray | None = None,
    fps: float | None = None,
    waveform: np.ndarray | None = None,
) -> bytes:
    """One clip in the codecs of a raw data set.

    Args:
        sound: codec of the sound, None for a file without.
        times: seconds of each frame, for a file whose frame rate varies.
    """
    ours, our_fps, our_sound = footage(number, size)
    frames = ours if frames is None else frames
    fps = our_fps if fps is None else fps
    waveform = our_sound if waveform is None else waveform
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options={"fflags": "+bitexact"}) as file:
        rate = Fraction(fps).limit_denominator(1001)
        video = file.add_stream(codec, rate=rate)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt, video.thread_count = "yuv420p", 1
        if codec == "libx264":
            video.options = {"preset": "ultrafast", "crf": "18", "bf": "0", "g": "12"}
        else:
            video.options = {"qmin": "2", "qmax": "3"}
        tick = Fraction(1, 1000) if times is not None else 1 / rate
        if times is not None:
            video.codec_context.time_base = tick
        if sound is not None:
            layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
            audio = file.add_stream(sound, rate=SAMPLE_RATE, layout=layout)
        for index, frame in enumerate(frames):
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            image.pts = index if times is None else round(times[index] * 1000)
            image.time_base = tick
            file.mux(video.encode(image))
        file.mux(video.encode(None))
        if sound is not None:
            _add_sound(file, audio, waveform, channels, layout)
    return buffer.getvalue()


def _add_sound(file, stream, waveform: np.ndarray, channels: int, layout: str) -> None:
    planes = np.repeat(waveform[None], channels, 0).astype(np.float32)
    packed = stream.codec_context.format.name == "s16"
    for start in range(0, planes.shape[1], 1024):
        block = planes[:, start : start + 1024]
        if packed:
            block = (block * 32767).astype(np.int16).T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
        else:
            block = np.ascontiguousarray(block)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        frame.time_base = Fraction(1, SAMPLE_RATE)
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def sound_bytes(number: int = 0, container: str = "wav", codec: str = "pcm_s16le") -> bytes:
    """The sound of one clip in a file of its own, as RAVDESS has it."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        _add_sound(file, stream, footage(number)[2], 1, "mono")
    return buffer.getvalue()


def ravdess_files(actors: int = ACTORS, takes: int = 1) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of RAVDESS's names: a clip per actor, emotion but calm, and take.

    Faces and voices are those of Anny Clips, which say other sentences than the two of RAVDESS.
    """
    table = _ours().table
    code = {expression(label, "ravdess"): f"{at:02d}" for at, label in enumerate(LABELS, 1)}
    speakers = {g: sorted(set(table["subject"][table["gender"] == g])) for g in ("male", "female")}
    for actor in range(1, actors + 1):
        speaker = speakers["male" if actor % 2 else "female"][(actor - 1) // 2]
        own = table[table["subject"] == speaker]
        for emotion, rows in own.groupby("emotion").indices.items():
            for take, row in enumerate(own.index[rows[:takes]], 1):
                name = f"01-01-{code[emotion]}-01-{2 - take % 2:02d}-{(take + 1) // 2:02d}"
                yield f"Actor_{actor:02d}/{name}-{actor:02d}.mp4", video_bytes(int(row))
