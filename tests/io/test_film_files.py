"""Films that are written: what comes out is what went in, and nothing is half there."""

import av
import numpy as np
import pytest

from data_prep.io.film_files import write_film

HEIGHT, WIDTH = 48, 64


def drawn(count: int = 5) -> list[np.ndarray]:
    """A bright bar that wanders to the right over a slope of colours."""
    slope = np.linspace(30, 200, WIDTH, dtype=np.float32)[None, :, None]
    frames = []
    for number in range(count):
        frame = np.broadcast_to(slope * [1.0, 0.8, 0.5], (HEIGHT, WIDTH, 3)).astype(np.uint8)
        frame[:, 8 * number : 8 * number + 8] = 230
        frames.append(frame)
    return frames


def read(path) -> tuple[np.ndarray, float]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return np.stack(frames), float(stream.average_rate)


@pytest.mark.parametrize("ending", [".mp4", ".y4m"])
@pytest.mark.parametrize("fps", [25, 12.5, 30000 / 1001])
def test_a_film_shows_its_frames_at_its_pace(tmp_path, ending, fps):
    frames = drawn()
    path = write_film(tmp_path / f"film{ending}", iter(frames), fps)
    shown, pace = read(path)
    assert shown.shape == (5, HEIGHT, WIDTH, 3) and pace == pytest.approx(fps)
    assert np.abs(shown.astype(int) - np.stack(frames)).mean() < 4
    again = write_film(tmp_path / f"again{ending}", frames, fps)
    assert again.read_bytes() == path.read_bytes()


def test_a_raw_film_is_its_header_and_whole_frames(tmp_path):
    """As Chromium reads it: progressive, 4:2:0, and each frame of the same length."""
    data = write_film(tmp_path / "film.y4m", drawn(3), 25).read_bytes()
    header, _, rest = data.partition(b"\n")
    assert header == b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg"
    length = len(b"FRAME\n") + WIDTH * HEIGHT * 3 // 2
    assert len(rest) == 3 * length
    assert all(rest[at : at + 6] == b"FRAME\n" for at in range(0, len(rest), length))


@pytest.mark.parametrize("name", ["film", "film.avi", "film.MP4", "nowhere/film.mp4"])
def test_other_files_are_refused_before_a_frame_is_made(tmp_path, name):
    def frames():
        raise AssertionError("a frame was made")
        yield

    with pytest.raises((ValueError, OSError)):
        write_film(tmp_path / name, frames(), 25)


@pytest.mark.parametrize("ending", [".mp4", ".y4m"])
def test_a_film_that_breaks_off_leaves_nothing(tmp_path, ending):
    def frames():
        yield from drawn(2)
        raise RuntimeError("the head fell off")

    with pytest.raises(RuntimeError, match="fell off"):
        write_film(tmp_path / f"film{ending}", frames(), 25)
    assert not list(tmp_path.iterdir())
