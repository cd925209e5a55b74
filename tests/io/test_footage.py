"""Videos as they are found: varying rates, no sound, broken ends, headers that promise more."""

import numpy as np
import pytest

from data_prep.io.footage import frame_at, read_footage
from fermodels.data.media import SAMPLE_RATE, MediaError, encode_audio
from tests.fixtures.films import film
from tests.importers.fixtures.clips import (
    footage,
    sound_bytes,
    video_bytes,
    without_index,
)


def like(frame, other) -> float:
    return float(np.abs(frame.astype(int) - other.astype(int)).mean())


def numbered(count: int, size: int = 64) -> np.ndarray:
    """Grey frames that say which one they are: 10, 20, 30, …"""
    levels = np.arange(1, count + 1, dtype=np.uint8) * 10
    return np.broadcast_to(levels[:, None, None, None], (count, size, size, 3)).copy()


def levels(frames: np.ndarray) -> list[int]:
    return [round(float(frame.mean()) / 10) for frame in frames]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"container": "avi", "codec": "mpeg4", "sound": "mp3"},
        {"container": "matroska"},
        {"channels": 6},
    ],
)
def test_images_and_sound_of_the_usual_codecs(options):
    frames, fps, sound = footage(0)
    found = read_footage(video_bytes(0, **options), fps, 20)
    assert abs(len(found.frames) - len(frames)) <= 1 and found.frames.dtype == np.uint8
    apart = np.array([[like(a, b) for b in frames] for a in found.frames])
    assert apart.min(axis=1).max() < 6
    # AVI has no times, and MPEG-4's first frame comes twice.
    moment = np.clip(np.arange(len(apart)), None, len(frames) - 1)
    assert np.abs(apart.argmin(axis=1) - moment).max() <= 1
    assert abs(len(found.waveform) - len(sound)) < 0.15 * SAMPLE_RATE
    shared = min(len(sound), len(found.waveform))
    lag = np.correlate(found.waveform[:shared], sound[: shared - 2400], "valid").argmax()
    assert lag < 0.1 * SAMPLE_RATE  # MP3 adds 69 ms before the sound, and AVI does not say so
    aligned = found.waveform[lag:shared]
    assert np.corrcoef(aligned, sound[: len(aligned)])[0, 1] > 0.98
    assert not found.cut and found.notes == []


def test_an_even_rate_from_a_varying_one():
    # Each frame is shown until the next comes: 0.0, 0.1, 0.5, 0.55 and 1.0 seconds.
    data = video_bytes(0, frames=numbered(5), times=[0.0, 0.1, 0.5, 0.55, 1.0], sound=None)
    found = read_footage(data, 10.0, 20)
    assert (
        levels(found.frames)[:10] == [1, 2, 2, 2, 2, 3, 4, 4, 4, 4]
        and levels(found.frames)[10] == 5
    )


def test_frames_of_a_higher_rate_are_left_out_not_slowed_down():
    found = read_footage(video_bytes(0, frames=numbered(24), fps=24.0, sound=None), 8.0, 20)
    assert levels(found.frames) == [1, 4, 7, 10, 13, 16, 19, 22]


def test_a_video_without_sound_and_a_sound_without_video():
    silent = read_footage(video_bytes(0, sound=None), 8.0, 20)
    assert silent.waveform is None and silent.frames is not None and silent.notes == []
    heard = read_footage(sound_bytes(0), 8.0, 20)
    assert heard.frames is None and heard.waveform.dtype == np.float32
    assert len(heard.waveform) == len(footage(0)[2])


def test_what_is_longer_is_cut_and_said():
    found = read_footage(video_bytes(0), 8.0, 1.0)
    assert found.cut and len(found.frames) == 8 and len(found.waveform) == SAMPLE_RATE
    assert 1.5 < found.seconds < 1.8
    assert not read_footage(video_bytes(0), 8.0, 2.0).cut


def test_a_stretch_of_a_longer_file():
    data = video_bytes(0, frames=numbered(24), fps=4.0, sound=None)
    found = read_footage(data, 4.0, 20, start=3.0, end=4.5)
    assert levels(found.frames) == [13, 14, 15, 16, 17, 18] and not found.cut
    with_sound = read_footage(video_bytes(0), 8.0, 20, start=0.5, end=1.0)
    sound = footage(0)[2][8000:16000]
    assert len(with_sound.waveform) == 8000
    assert np.corrcoef(with_sound.waveform, sound)[0, 1] > 0.98
    with pytest.raises(MediaError, match="in the stretch from 60 s on"):
        read_footage(data, 4.0, 20, start=60.0, end=61.0)
    with pytest.raises(MediaError, match="empty"):
        read_footage(data, 4.0, 20, start=2.0, end=2.0)


@pytest.mark.parametrize(
    ("second", "level"), [(0.0, 1), (0.26, 2), (1.0, 5), (3.49, 14), (5.9, 24)]
)
@pytest.mark.parametrize("sound", [None, "aac"])
def test_the_frame_of_a_moment(second, level, sound):
    data = video_bytes(0, frames=numbered(24), fps=4.0, sound=sound)
    image, notes = frame_at(data, second)
    assert levels(image[None]) == [level] and image.shape == (64, 64, 3) and notes == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (video_bytes(0, frames=numbered(4), fps=4.0), "no frame in the stretch from 3 s on"),
        (sound_bytes(0), "neither video nor sound"),
        (b"no film", "FFmpeg cannot read it"),
    ],
)
def test_moments_that_a_film_does_not_have(data, why):
    with pytest.raises(MediaError, match=why):
        frame_at(data, 3.0)


def test_frames_that_are_announced_but_not_there():
    data = video_bytes(0, frames=numbered(24), fps=8.0, sound=None, container="avi", codec="mpeg4")
    movie = data.index(b"movi")
    cut = movie + int((len(data) - movie) * 0.7)
    found = read_footage(data[:cut], 8.0, 20)
    assert 12 <= len(found.frames) < 24
    assert "of 3.00 seconds are there" in found.notes[0]
    with pytest.raises(MediaError, match=r"of 3\.00 seconds are there"):
        read_footage(data[: movie + (len(data) - movie) // 5], 8.0, 20)


@pytest.mark.parametrize("first", [0.0, 3.0])
@pytest.mark.parametrize("container", ["avi", "matroska", "mov", "mp4", "mpegts"])
def test_a_whole_film_whose_first_image_comes_late_is_not_cut_off(container, first):
    sound = () if container == "avi" else ((0, 2),)  # whose sound cannot come late
    found = read_footage(film(2, sound, container=container, first=first), 8.0, 20)
    assert 15 <= len(found.frames) <= 17 and found.notes == []
    assert not sound or len(found.waveform) / SAMPLE_RATE == pytest.approx(2, abs=0.2)


def test_a_file_without_its_index_cannot_be_read():
    with pytest.raises(MediaError, match="FFmpeg cannot read it"):
        read_footage(without_index(video_bytes(0)), 8.0, 20)


@pytest.mark.parametrize("data", [b"", b"no video at all", bytes(5000)])
def test_what_is_no_video(data):
    with pytest.raises(MediaError):
        read_footage(data, 8.0, 20)


def test_a_shorter_file_than_a_frame_keeps_its_one_image():
    data = video_bytes(0, frames=numbered(1), fps=25.0, sound=None)
    assert len(read_footage(data, 1.0, 20).frames) == 1


def test_large_images_are_made_smaller_to_fit_into_memory(monkeypatch):
    from data_prep.io import footage as module

    monkeypatch.setattr(module, "_MOST_BYTES", 3 * 16 * 32 * 32)
    found = read_footage(video_bytes(0, frames=numbered(16), fps=8.0, sound=None), 8.0, 2.0)
    assert found.frames.shape == (16, 32, 32, 3) and levels(found.frames) == list(range(1, 17))
    monkeypatch.setattr(module, "_MOST_PIXELS", 64 * 63)
    with pytest.raises(MediaError, match="announces 64×64 pixels"):
        read_footage(video_bytes(0, frames=numbered(2), sound=None), 8.0, 2.0)


def test_a_video_of_absurd_length_does_not_fill_the_memory():
    # Two images, ten days apart.
    times = [0.0, 864_000.0]
    data = video_bytes(0, frames=numbered(2), times=times, container="matroska", sound=None)
    found = read_footage(data, 2.0, 2.0)
    assert len(found.frames) == 4 and found.cut and found.seconds > 800_000


def test_sound_in_opus_is_read_as_well():
    sound = footage(1)[2]
    found = read_footage(encode_audio(sound), 8.0, 20)
    assert abs(len(found.waveform) - len(sound)) < 0.1 * SAMPLE_RATE


class Finder:
    """Sees a face of 20 pixels, which moves, in every frame but the first."""

    name = "test"

    def __init__(self):
        self.seen = []

    def find(self, image):
        from fermodels.crops.yunet import Box

        level = round(float(image.mean()) / 10)
        self.seen.append(level)
        left = 10 + level
        return None if level == 1 else Box(left, 20, left + 20, 40, 0.9)


def test_one_square_for_all_frames_around_the_median_face(monkeypatch):
    from data_prep.io import clip_rows

    frames = numbered(13)
    finder = Finder()
    monkeypatch.setattr(clip_rows.crops, "face_finder", lambda: finder)
    squares = []
    monkeypatch.setattr(
        clip_rows.crops,
        "cut",
        lambda frame, square, size: squares.append(square) or frame[:size, :size],
    )
    cropped, found, outside = clip_rows.crop_frames(frames, "face", 16)
    assert found and outside == 0 and cropped.shape == (13, 16, 16, 3)
    assert finder.seen == [1, 3, 5, 7, 9, 11, 13]
    (square,) = set(squares)
    assert square.left + square.side / 2 == 10 + 8 + 10  # the middle of frame 8, the median

    cropped, found, _ = clip_rows.crop_frames(frames[:1], "face", 16)
    assert not found and squares[-1] == clip_rows.crops.centre_square(64, 64)
    assert clip_rows.crop_frames(frames[:, :32], "none", 16)[2] == 0.5
    assert squares[-1] == clip_rows.crops.whole_square(32, 64) and finder.seen[-1] == 1
