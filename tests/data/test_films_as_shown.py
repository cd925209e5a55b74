"""One rule for every film on its way in: by an importer, and from one's own Parquet."""

import numpy as np
import pytest

pytest.importorskip("av")

from data_prep.io.footage import read_footage
from fermodels.data.media import MediaError, decode_audio, decode_video
from tests.fixtures.films import HEIGHT, MATRICES, WIDTH, film, shown


def by_importer(data):
    return read_footage(data, 8, 20).frames


def own_parquet(data):
    return decode_video(data)[0]


WAYS = [by_importer, own_parquet]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("matrix", MATRICES)
def test_every_turn(way, matrix):
    frames, want = way(film(0.2, matrix=matrix)), shown(matrix)
    assert frames.shape[1:] == want.shape
    assert np.abs(frames[0].astype(int) - want).mean() < 12


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "ratio, matrix, shape",
    [
        (2, "upright", (HEIGHT, 2 * WIDTH)),
        ("16/15", "upright", (HEIGHT, 171)),
        ("1/2", "upright", (2 * HEIGHT, WIDTH)),
        (2, "right", (2 * WIDTH, HEIGHT)),
        (100, "upright", (HEIGHT, WIDTH)),  # a damaged header
    ],
)
def test_square_pixels(way, ratio, matrix, shape):
    from fractions import Fraction

    frames = way(film(0.2, ratio=Fraction(ratio), matrix=matrix))
    assert frames.shape[1:3] == shape


def test_what_was_done_is_said():
    assert read_footage(film(), 8, 20).notes == []
    notes = read_footage(film(ratio=2, matrix="left"), 8, 20).notes
    assert notes == [
        "its pixels are not square (2:1): stretched",
        "turned as its display matrix says",
    ]


CONTAINERS = ["mp4", "mov", "matroska", "flv", "mpegts", "asf"]


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("first", [0, 10])
def test_a_clock_that_begins_late(container, first):
    data = film(2, sound=[(0, 2)], container=container, first=first)
    whole = read_footage(data, 8, 20)
    assert len(whole.frames) == 16 and 1.9 < len(whole.waveform) / 16_000 < 2.1
    assert whole.notes == [] and whole.seconds == pytest.approx(2, abs=0.15)
    stretch = read_footage(data, 8, 20, start=0.5, end=1.5)
    assert len(stretch.frames) == 8 and len(stretch.waveform) == 16_000
    assert np.abs(stretch.waveform).max() > 0.2 and stretch.notes == []
    with pytest.raises(MediaError, match="in the stretch from 60 s on"):
        read_footage(data, 8, 20, start=60, end=61)


def test_a_film_cut_off_is_still_told_where_its_clock_begins_late():
    data = film(4, container="matroska", first=10)
    found = read_footage(data[: int(0.8 * len(data))], 8, 20)
    assert "of 4.0" in found.notes[0]


def loud(waveform, *seconds):
    return [bool(np.abs(waveform[int(s * 16_000) :][:4000]).max(initial=0) > 0.1) for s in seconds]


@pytest.mark.parametrize("container", ["mp4", "matroska"])
@pytest.mark.parametrize("first", [0, 10])
def test_holes_in_the_sound_are_silent(container, first):
    data = film(3, sound=[(0, 1), (2, 1)], container=container, first=first)
    found = read_footage(data, 8, 20)
    assert loud(found.waveform, 0.3, 1.3, 2.4) == [True, False, True]
    assert len(found.waveform) / 16_000 == pytest.approx(3, abs=0.05)
    assert [note for note in found.notes if "pauses" in note] == found.notes != []
    sound = decode_audio(data)
    assert loud(sound, 0.3, 1.3, 2.4) == [True, False, True]
    assert len(sound) / 16_000 == pytest.approx(3, abs=0.1)


def test_a_hole_of_hours_does_not_fill_the_memory():
    data = film(1, sound=[(0, 0.5), (5000, 0.2)], container="matroska")
    assert len(read_footage(data, 8, 2).waveform) == 2 * 16_000
    with pytest.raises(MediaError, match="pauses for more than 600 seconds"):
        decode_audio(data)


def test_no_silence_is_invented_where_a_stretch_has_no_sound():
    data = film(4, sound=[(3, 1)])
    found = read_footage(data, 8, 20, start=0, end=1)
    assert found.waveform is None and found.notes == ["its audio track is empty in this stretch"]
