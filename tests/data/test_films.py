"""Films frame by frame: which are wanted, and when they are shown."""

import numpy as np
import pytest

from fermodels.data.containers import MediaError
from fermodels.data.films import ALL, Sampling, open_film
from fermodels.data.media import encode_audio
from tests.fixtures.films import film, shown


@pytest.mark.parametrize(
    "sampling, numbers",
    [
        (ALL, list(range(25))),
        (Sampling(stride=1), list(range(25))),
        (Sampling(stride=10), [0, 10, 20]),
        (Sampling(every=0.2), [0, 5, 10, 15, 20]),
        (Sampling(every=0.3), [0, 8, 15, 23]),  # the first frame at or after each 0.3 s
        (Sampling(every=0.001), list(range(25))),
        (Sampling(every=60), [0]),
    ],
)
@pytest.mark.parametrize("first", [0.0, 2.4])
def test_the_frames_that_are_wanted(sampling, numbers, first):
    with open_film(film(first=first)) as opened:
        expected = opened.expected(sampling)
        frames = list(opened.frames(sampling))
    assert [frame.number for frame in frames] == numbers and expected == len(numbers)
    np.testing.assert_allclose([frame.time for frame in frames], np.array(numbers) / 25, atol=1e-3)


@pytest.mark.parametrize("matrix", ["upright", "right"])
def test_frames_are_upright(matrix):
    with open_film(film(seconds=0.2, matrix=matrix)) as opened:
        frame = next(opened.frames())
    assert frame.pixels.shape == shown(matrix).shape
    assert np.abs(frame.pixels.astype(int) - shown(matrix)).mean() < 8


@pytest.mark.parametrize(
    "settings", [{"every": 0.0}, {"every": float("nan")}, {"stride": 0}, {"every": 1, "stride": 1}]
)
def test_no_such_sampling(settings):
    with pytest.raises(ValueError, match="every|stride"):
        Sampling(**settings)


@pytest.mark.parametrize("data", [b"no film", encode_audio(np.zeros(1600, np.float32))])
def test_what_is_no_film(data):
    with pytest.raises(MediaError), open_film(data) as opened:
        list(opened.frames())


def test_a_film_that_is_cut_off_ends_there():
    noise = np.random.default_rng(0).integers(0, 255, (10, 96, 160, 3), dtype=np.uint8)
    whole = film(container="matroska", frames=list(noise))
    with open_film(whole[: len(whole) * 2 // 3]) as opened:
        frames = list(opened.frames())
    assert 0 < len(frames) < 10
