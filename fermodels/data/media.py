"""Little videos and sounds as bytes: VP9 in WebM, Opus in Ogg, and both in one file for a browser.

Encoding uses one thread and no clock and no random number: the same input gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np

from fermodels.data.containers import (
    REPEATABLE,
    FrameConverter,
    MediaError,
    Pauses,
    announced_length,
    first_track,
    mono_resampler,
    opened,
    pyav,
)
from fermodels.data.video_track import VideoTrack

SAMPLE_RATE = 16_000

_MOST_SILENCE = 600  # seconds of pauses in a clip's sound, which takes memory
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_WEBM_CODECS = {"video": ("vp8", "vp9", "av1"), "audio": ("opus", "vorbis")}


def encode_video(frames: np.ndarray, fps: float, *, quality: int = 60) -> bytes:
    """Encode frames as VP9 in WebM.

    Args:
        frames: uint8 (T, H, W, 3) RGB, at least one.
        fps: frames a second.
        quality: 0 (smallest) to 100 (best). Colour is stored at half the resolution (4:2:0, as
            browsers want it), so that even 100 is not lossless.

    Raises:
        ValueError: frames or fps or quality are not of that kind.
    """
    frames = np.asarray(frames)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
        raise ValueError(f"expected uint8 frames (T, H, W, 3), got {frames.dtype} {frames.shape}")
    if not 0 < fps < 1000:
        raise ValueError(f"fps must be positive and below 1000, got {fps}")
    if not 0 <= quality <= 100:
        raise ValueError(f"quality must be 0 … 100, got {quality}")
    crf = str(round(63 * (1 - quality / 100)))
    options = {"crf": crf, "b": "0", "deadline": "good", "cpu-used": "1", "row-mt": "0"}
    buffer = io.BytesIO()
    with pyav().open(buffer, "w", format="webm", options=REPEATABLE) as container:
        track = VideoTrack(container, "libvpx-vp9", fps, options)
        for number, frame in enumerate(frames):
            track.write(frame, number)
        track.close()
    return buffer.getvalue()


def decode_video(data: bytes) -> tuple[np.ndarray, float]:
    """Decode the first video track of any file that FFmpeg reads.

    Frames come as a player shows them, upright and with square pixels. They are counted as they
    come: headers often announce more than there are.

    Returns:
        frames uint8 (T, H, W, 3) RGB, and frames a second.

    Raises:
        MediaError: there is no video track, or the bytes are cut off or broken.
    """
    with _track(data, "video") as (container, stream):
        decoded = list(container.decode(stream))
        if not decoded:
            raise MediaError("its video track has no frame")
        to_rgb = FrameConverter(stream)
        frames = [to_rgb(frame) for frame in decoded]
        sizes = {frame.shape for frame in frames}
        if len(sizes) > 1:
            raise MediaError(f"its frames have {len(sizes)} sizes")
        rate = stream.average_rate or stream.guessed_rate
        times = [frame.time for frame in decoded if frame.time is not None]
        if not rate and len(times) > 1 and times[-1] > times[0]:
            rate = (len(times) - 1) / (times[-1] - times[0])
        if not rate:
            raise MediaError("its video track does not say how many frames a second it has")
    return np.stack(frames), float(rate)  # (T, H, W, 3)


def encode_audio(
    waveform: np.ndarray, sample_rate: int = SAMPLE_RATE, *, bit_rate: int = 20_000
) -> bytes:
    """Encode sound as Opus in Ogg.

    Args:
        waveform: float (S,) mono, in [−1, 1]; what is outside is clipped.
        sample_rate: in Hz. 8, 12, 16, 24 and 48 kHz are stored as they are, others are resampled.
        bit_rate: aimed at, in bits a second.

    Raises:
        ValueError: the waveform is not of that kind, is empty, or is not finite.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or not len(waveform) or not np.issubdtype(waveform.dtype, np.floating):
        raise ValueError(
            f"expected a float waveform (S,) in [-1, 1], got {waveform.dtype} {waveform.shape}"
        )
    if not np.isfinite(waveform).all():
        raise ValueError(f"the waveform is {waveform[~np.isfinite(waveform)][0]} at some samples")
    waveform = waveform.astype(np.float32).clip(-1, 1)
    if sample_rate not in _OPUS_RATES:
        above = [rate for rate in _OPUS_RATES if rate >= sample_rate]
        rate = above[0] if above else _OPUS_RATES[-1]
        waveform, sample_rate = _resampled(waveform, sample_rate, rate), rate
    av = pyav()
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg", options=REPEATABLE) as container:
        stream = container.add_stream("libopus", rate=sample_rate, layout="mono")
        stream.bit_rate = bit_rate
        container.mux(stream.encode(_audio_frame(waveform, sample_rate)))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decode_audio(data: bytes, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Decode the first audio track of any file that FFmpeg reads.

    Channels are averaged, and pauses of the track are silent. What Opus adds before and after the
    sound is cut off, so that `decode_audio(encode_audio(waveform))` is as long as `waveform`.

    Returns:
        float32 (S,) mono at `sample_rate`.

    Raises:
        MediaError: there is no audio track, or the bytes are cut off or broken.
    """
    av = pyav()
    with _track(data, "audio") as (container, stream):
        rate = stream.rate
        to_float = av.AudioResampler(format="fltp")
        blocks, pauses = [], Pauses()
        for frame in container.decode(stream):
            silent = pauses.before(frame)
            if pauses.seconds > _MOST_SILENCE:
                raise MediaError(f"its sound pauses for more than {_MOST_SILENCE} seconds")
            for block in to_float.resample(frame):
                samples = block.to_ndarray()  # (channels, samples)
                blocks += [np.zeros((len(samples), round(silent * rate)), np.float32), samples]
                silent = 0.0
        if not blocks:
            raise MediaError("its audio track has no sample")
        waveform = np.concatenate(blocks, axis=1).mean(0, dtype=np.float32)  # (S,)
    return _resampled(waveform, rate, sample_rate)


def mux(video: bytes | None, audio: bytes | None, *, reencode: bool = False) -> bytes:
    """Put a video and a sound into one WebM that a browser plays, without encoding them again.

    Args:
        video: a file with a VP8, VP9 or AV1 track, or None.
        audio: a file with an Opus or Vorbis track, or None.
        reencode: encode a track of another codec as VP9 or Opus, instead of refusing it.

    Raises:
        MediaError: a track is missing, broken, or of a codec that WebM cannot hold.
        ValueError: both are None.
    """
    sources = {"video": video, "audio": audio}
    sources = {kind: data for kind, data in sources.items() if data is not None}
    if not sources:
        raise ValueError("mux needs a video, a sound, or both; got neither")
    for kind, data in sources.items():
        with _track(data, kind) as (_, stream):
            codec = stream.codec_context.codec.canonical_name
        if codec in _WEBM_CODECS[kind]:
            continue
        if not reencode:
            raise MediaError(
                f"its {kind} track is {codec}; WebM holds only {', '.join(_WEBM_CODECS[kind])}. "
                "Set reencode=True, or encode it when preparing the data."
            )
        again = encode_audio(decode_audio(data)) if kind == "audio" else None
        sources[kind] = again or encode_video(*decode_video(data))
    av = pyav()
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm", options=REPEATABLE) as container:
        packets = []
        for kind, data in sources.items():
            with _track(data, kind) as (source, stream):
                copy = container.add_stream_from_template(stream)
                for packet in source.demux(stream):
                    if packet.dts is not None:  # the last one is empty
                        packets.append((packet.dts * packet.time_base, packet))
                        packet.stream = copy
        # The header is written with the first packet, so all tracks must be there by then.
        for _, packet in sorted(packets, key=lambda item: item[0]):
            container.mux(packet)
    return buffer.getvalue()


@contextmanager
def _track(data: bytes, kind: str) -> Iterator[tuple[Any, Any]]:
    """The opened file and its first track of this kind; every failure inside is a MediaError."""
    data = bytes(data)
    if (announced := announced_length(data)) > len(data):
        raise MediaError(f"cut off: {len(data):,} bytes of at least {announced:,}")
    with opened(data) as container:
        stream = first_track(container, kind)
        if stream is None:
            others = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
            raise MediaError(f"no {kind} track; there is {others} in it")
        yield container, stream


def _audio_frame(waveform: np.ndarray, sample_rate: int) -> Any:
    frame = pyav().AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
    frame.sample_rate, frame.time_base = sample_rate, Fraction(1, sample_rate)
    frame.pts = 0  # otherwise the Ogg file says that it is longer than it is
    return frame


def _resampled(waveform: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """float32 (S,) at another rate, S·wanted/rate samples rounded."""
    if rate == wanted:
        return waveform
    resampler = mono_resampler(wanted)
    frames = resampler.resample(_audio_frame(waveform, rate)) + resampler.resample(None)
    out = np.concatenate([np.zeros(0, np.float32), *(f.to_ndarray()[0] for f in frames)])
    length = round(len(waveform) * wanted / rate)
    return np.pad(out[:length], (0, max(0, length - len(out))))
