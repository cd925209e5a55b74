import io
import subprocess
import sys

import numpy as np
import pytest

from fermodels.data.media import (
    SAMPLE_RATE,
    MediaError,
    decode_audio,
    decode_video,
    encode_audio,
    encode_video,
    mux,
)

pytest.importorskip("av")


def picture(count=6, height=48, width=64):
    """A smooth scene with a bright square that moves to the right."""
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    frames = []
    for t in range(count):
        frame = np.stack([60 + 120 * x, 200 - 100 * y, 90 + 40 * x * y], -1)
        frame[10:30, 4 + 6 * t : 24 + 6 * t] = (230, 200, 60)
        frames.append(frame)
    return np.stack(frames).round().astype(np.uint8)


def chirp(samples=16_000, rate=SAMPLE_RATE):
    t = np.arange(samples) / rate
    return (0.4 * np.sin(2 * np.pi * (200 + 400 * t) * t)).astype(np.float32)


def other_file(codec, format, *, frames=None, waveform=None, rate=SAMPLE_RATE):
    """A file as it might come from elsewhere: another codec, another container, stereo."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format) as container:
        if frames is not None:
            stream = container.add_stream(codec, rate=8)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            shots = [av.VideoFrame.from_ndarray(frame, format="rgb24") for frame in frames]
        else:
            stream = container.add_stream(codec, rate=rate, layout="stereo")
            samples = (waveform * 32767).round().astype(np.int16).T.reshape(1, -1)
            shot = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            shot.sample_rate = rate
            shots = [shot]
        for shot in [*shots, None]:
            container.mux(stream.encode(shot))
    return buffer.getvalue()


def test_video_round_trip():
    frames = picture()
    again, fps = decode_video(encode_video(frames, 8))
    assert again.shape == frames.shape and again.dtype == np.uint8 and fps == 8
    assert np.sqrt(((again.astype(float) - frames) ** 2).mean()) < 5


@pytest.mark.parametrize("color", [(200, 40, 60), (30, 180, 40), (20, 60, 220)])
def test_colors_are_converted_back(color):
    frames = np.zeros((2, 32, 32, 3), np.uint8) + np.array(color, np.uint8)
    again, _ = decode_video(encode_video(frames, 8))
    assert abs(again.mean((0, 1, 2)) - color).max() < 5  # BT.709 would be off by 20


@pytest.mark.parametrize("fps", [1, 12.5, 24, 29.97, 60])
def test_fps(fps):
    assert decode_video(encode_video(picture(3), fps))[1] == pytest.approx(fps, rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 16, 16), (2, 17, 31), (1, 1, 1)])
def test_small_and_odd_frames(shape):
    frames = np.full((*shape, 3), 120, np.uint8)
    again, fps = decode_video(encode_video(frames, 8))
    assert again.shape == frames.shape and fps == 8
    assert abs(again.astype(int) - 120).max() <= 4


def test_quality_trades_bytes_for_likeness():
    rng = np.random.default_rng(0)
    frames = picture() // 2 + rng.integers(0, 40, (6, 48, 64, 3), dtype=np.uint8)
    blobs = [encode_video(frames, 8, quality=quality) for quality in (20, 60, 95)]
    errors = [(abs(decode_video(blob)[0].astype(float) - frames)).mean() for blob in blobs]
    assert [len(blob) for blob in blobs] == sorted(len(blob) for blob in blobs)
    assert errors == sorted(errors, reverse=True) and errors[0] > errors[2] + 1


def test_encoding_gives_the_same_bytes_in_another_process():
    code = (
        "import hashlib; from tests.data.test_media import *;"
        "blobs = encode_video(picture(), 8), encode_audio(chirp());"
        "print(*(hashlib.sha256(b).hexdigest() for b in (*blobs, mux(*blobs))))"
    )
    runs = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2)]
    assert runs[0] == runs[1] and len(runs[0].split()) == 3


@pytest.mark.parametrize("samples", [1, 17, 320, 961, 16_000, 33_333])
def test_a_sound_keeps_its_length(samples):
    waveform = chirp(samples)
    again = decode_audio(encode_audio(waveform))
    assert again.shape == (samples,) and again.dtype == np.float32


def test_sound_round_trip_is_not_shifted():
    waveform = chirp()
    again = decode_audio(encode_audio(waveform))
    middle = slice(500, -500)
    likeness = [np.corrcoef(waveform[middle], np.roll(again, k)[middle])[0, 1] for k in (-1, 0, 1)]
    assert np.argmax(likeness) == 1 and likeness[1] > 0.995


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_sample_rates(rate):
    waveform = chirp(rate // 2, rate)  # half a second
    blob = encode_audio(waveform, rate)
    assert decode_audio(blob, rate).shape == waveform.shape
    at_16 = decode_audio(blob)
    assert at_16.shape == (8_000,)
    middle = slice(500, -500)
    assert np.corrcoef(at_16[middle], chirp(8_000)[middle])[0, 1] > 0.98


def test_bit_rate():
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.3, 0.3, 32_000).astype(np.float32)
    sizes = [len(encode_audio(noise, bit_rate=rate)) for rate in (12_000, 20_000, 32_000)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_loud_samples_are_clipped_not_wrapped():
    again = decode_audio(encode_audio(np.full(8_000, 1.5, np.float32) * np.sign(chirp(8_000))))
    assert abs(again).max() < 1.6 and np.corrcoef(again, np.sign(chirp(8_000)))[0, 1] > 0.9


def test_channels_are_averaged():
    left = chirp(8_000)
    blob = other_file("pcm_s16le", "wav", waveform=np.stack([left, np.zeros_like(left)]))
    assert np.allclose(decode_audio(blob), left / 2, atol=1e-4)


def test_other_containers_and_codecs():
    frames = picture(5)
    for codec, format in (("mpeg4", "mp4"), ("mpeg4", "avi"), ("ffv1", "matroska")):
        again, fps = decode_video(other_file(codec, format, frames=frames))
        assert again.shape == frames.shape and fps == 8, codec
        assert abs(again.astype(float) - frames).mean() < 6, codec
    sound = np.stack([chirp(8_000)] * 2)
    for codec, format in (("flac", "flac"), ("pcm_s16le", "wav")):
        assert np.allclose(
            decode_audio(other_file(codec, format, waveform=sound)), sound[0], atol=1e-4
        )


def test_frames_are_counted_not_believed():
    """AVI's header says how many frames there are; here it says three more."""
    blob = bytearray(other_file("mpeg4", "avi", frames=picture(5)))
    for mark, offset in ((b"avih", 24), (b"strh", 40)):
        at = blob.index(mark) + offset
        assert int.from_bytes(blob[at : at + 4], "little") == 5
        blob[at : at + 4] = (8).to_bytes(4, "little")
    assert len(decode_video(bytes(blob))[0]) == 5


def test_mux_copies_both_tracks():
    video, audio = encode_video(picture(), 8), encode_audio(chirp())
    both = mux(video, audio)
    assert both[:4] == b"\x1aE\xdf\xa3" and len(both) < len(video) + len(audio) + 1500
    assert np.array_equal(decode_video(both)[0], decode_video(video)[0])
    assert np.array_equal(decode_audio(both), decode_audio(audio))
    assert decode_video(both)[1] == 8


def test_mux_of_one():
    video, audio = encode_video(picture(), 8), encode_audio(chirp())
    assert np.array_equal(decode_video(mux(video, None))[0], decode_video(video)[0])
    assert np.array_equal(decode_audio(mux(None, audio)), decode_audio(audio))
    with pytest.raises(MediaError, match="no audio track"):
        decode_audio(mux(video, None))
    with pytest.raises(ValueError, match="got neither"):
        mux(None, None)


def test_mux_of_what_webm_does_not_hold():
    video = other_file("mpeg4", "mp4", frames=picture())
    audio = other_file("flac", "flac", waveform=np.stack([chirp()] * 2))
    with pytest.raises(MediaError, match="video track is mpeg4; WebM holds only vp8, vp9, av1"):
        mux(video, encode_audio(chirp()))
    with pytest.raises(MediaError, match="audio track is flac; WebM holds only opus, vorbis"):
        mux(encode_video(picture(), 8), audio)
    both = mux(video, audio, reencode=True)
    assert decode_video(both)[0].shape == picture().shape and decode_audio(both).shape == (16_000,)


def test_wrong_track():
    video, audio = encode_video(picture(), 8), encode_audio(chirp())
    with pytest.raises(MediaError, match="no audio track; there is video in it"):
        decode_audio(video)
    with pytest.raises(MediaError, match="no video track; there is audio in it"):
        decode_video(audio)
    with pytest.raises(MediaError, match="no video track"):
        mux(audio, audio)


@pytest.mark.parametrize("data", [b"", b"x", b"not a video at all", b"OggS", b"\x1aE\xdf\xa3"])
def test_not_media(data):
    for decode in (decode_video, decode_audio):
        with pytest.raises(MediaError):
            decode(data)


@pytest.fixture(scope="module")
def whole():
    stereo = np.stack([chirp()] * 2)
    video, audio = encode_video(picture(), 8), encode_audio(chirp(40_000))  # several Ogg pages
    return {
        "webm": (decode_video, video),
        "ogg": (decode_audio, audio),
        "both": (decode_video, mux(video, audio)),
        "wav": (decode_audio, other_file("pcm_s16le", "wav", waveform=stereo)),
        "mp4": (decode_video, other_file("mpeg4", "mp4", frames=picture())),
    }


@pytest.mark.parametrize("kind", ["webm", "ogg", "both", "wav", "mp4"])
def test_cut_off(whole, kind):
    """FFmpeg alone would return the frames that are left, without a word."""
    decode, blob = whole[kind]
    decode(blob)
    for end in (-1, -100, len(blob) * 9 // 10, len(blob) // 2, len(blob) // 4, 40, 6):
        with pytest.raises(MediaError):
            decode(blob[:end])


def test_cut_off_between_two_pages():
    blob = encode_audio(chirp(40_000))
    with pytest.raises(MediaError, match="cut off"):
        decode_audio(blob[: blob.rindex(b"OggS")])


def test_flipped_bytes_do_not_crash():
    blob = bytearray(encode_video(picture(), 8))
    rng = np.random.default_rng(0)
    for _ in range(20):
        bad = bytearray(blob)
        for at in rng.integers(0, len(blob), 40):
            bad[at] = rng.integers(256)
        try:
            frames, _ = decode_video(bytes(bad))
        except MediaError:
            continue
        assert frames.ndim == 4


@pytest.mark.parametrize(
    "frames",
    [np.zeros((2, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8), np.zeros((0, 8, 8, 3), np.uint8)],
)
def test_encode_video_refuses(frames):
    with pytest.raises(ValueError, match="expected uint8 frames"):
        encode_video(frames, 8)


def test_encode_video_refuses_settings():
    with pytest.raises(ValueError, match="fps must be positive"):
        encode_video(picture(1), 0)
    with pytest.raises(ValueError, match="quality must be"):
        encode_video(picture(1), 8, quality=101)


def test_encode_audio_refuses():
    for wrong in (np.zeros(10, np.int16), np.zeros((2, 10), np.float32), np.zeros(0, np.float32)):
        with pytest.raises(ValueError, match="expected a float waveform"):
            encode_audio(wrong)
    with pytest.raises(ValueError, match="waveform is nan at some samples"):
        encode_audio(np.array([0.0, np.nan]))


def test_without_pyav(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match="pip install av"):
        encode_audio(chirp())


def test_importing_is_light():
    code = "import sys, fermodels.data.media, fermodels.data.clips; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"av", "pandas", "pyarrow", "torch", "PIL"} & set(loaded)
