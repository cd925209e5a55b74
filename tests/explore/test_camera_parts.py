"""The parts of the camera lab that need no widget and no network."""

import threading
import time

import numpy as np
import pytest

from data_prep.io.film_files import write_film
from fermodels.crops import YuNetFinder
from fermodels.explore import camera_guide
from fermodels.explore.camera_guide import ENOUGH, Guide, near
from fermodels.explore.camera_sight import Sight, look
from fermodels.explore.camera_turn import sentence
from fermodels.explore.film import LONGEST, Film
from fermodels.explore.latest import Latest
from fermodels.explore.track import YAWS, Track
from tests.fixtures.heads import five_views, scene

CROP = np.zeros((8, 8, 3), np.uint8)


# ------------------------------------------------------------------------------- latest wins


def test_of_what_comes_meanwhile_only_the_last_is_worked_on():
    begun, go, done = threading.Event(), threading.Event(), []

    def work(item):
        begun.set()
        assert go.wait(10)
        done.append(item)

    latest = Latest(work)
    latest.put(1)
    assert begun.wait(10)
    for item in range(2, 40):
        latest.put(item)
    go.set()
    assert latest.rest(10)
    assert done == [1, 39]
    latest.close()


def test_nothing_is_worked_on_after_it_was_dropped_or_closed():
    begun, go, done = threading.Event(), threading.Event(), []

    def work(item):
        done.append(item)
        begun.set()
        assert go.wait(10)

    latest = Latest(work)
    latest.put(1)
    assert begun.wait(10)
    latest.put(2)
    latest.drop()
    go.set()
    assert latest.rest(10) and done == [1]
    latest.close()
    latest.put(3)
    time.sleep(0.05)
    assert done == [1]


# ------------------------------------------------------------------------------------- sight


@pytest.fixture(scope="module")
def finder():
    return YuNetFinder()


@pytest.fixture(scope="module")
def views():
    return five_views()


def test_the_nearest_of_two_faces_is_taken_and_said(finder, views):
    two = scene(views[2], views[2], at=(0.25, 0.72), high=(96, 150))
    sight = look(two, finder, 48)
    assert sight.faces == 2 and "Two faces" in sight.words and "nearest" in sight.words
    box = sight.face.box
    assert (box.x0 + box.x1) / 2 == pytest.approx(0.72 * 320, abs=15)  # the larger one
    one = look(scene(views[2]), finder, 48)
    assert one.faces == 1 and one.words == "" and one.crop.shape == (48, 48, 3)
    assert abs(one.yaw) < 15 and one.sharpness > 0


def test_no_face_is_said(finder):
    sight = look(scene(), finder, 48)
    assert sight.faces == 0 and sight.crop is None and np.isnan(sight.yaw)
    assert "No face is found" in sight.words


def test_a_blurred_frame_is_less_sharp(finder, views):
    from PIL import Image, ImageFilter

    blurred = np.asarray(Image.fromarray(views[2]).filter(ImageFilter.GaussianBlur(1.5)))
    sharp, soft = (look(scene(face), finder, 48).sharpness for face in (views[2], blurred))
    assert soft < 0.8 * sharp


# ------------------------------------------------------------------------------------- guide


def seen(yaw, sharpness=1.0):
    return Sight((240, 320), 1, None, None, CROP, yaw, sharpness)


@pytest.mark.parametrize(
    "yaw, angle",
    [(0, 0), (14, 0), (-18, None), (-31, -45), (-59, -45), (61, None), (72, 90), (-85, -90)]
    + [(-120, -90), (float("nan"), None), (float("inf"), None)],
)
def test_which_angle_a_yaw_stands_for(yaw, angle):
    assert near(yaw) == angle


def test_of_each_angle_the_sharpest_of_the_nearest_frames_is_taken():
    guide = Guide()
    frames = [(-44, 1.0), (-46, 3.0), (-43, 2.0), (-37, 9.0), (1, 1.0), (-2, 4.0), (9.5, 8.0)]
    frames += [(-88, 1.0), (-75, 5.0), (-86, 2.0), (20, 99.0)]
    for yaw, sharpness in frames:
        guide.offer(seen(yaw, sharpness))
    assert [(v.angle, v.yaw) for v in guide.views] == [(-90, -86), (-45, -46), (0, -2)]
    assert guide.missing == (45.0, 90.0) and guide.can_end


def test_it_asks_for_one_angle_after_the_other_and_then_is_done():
    guide, asked = Guide(), []
    assert not guide.can_end
    while guide.wanted is not None:
        asked.append(guide.wanted)
        assert guide.words == camera_guide._ASKED[guide.wanted]
        for _ in range(ENOUGH):
            assert guide.offer(seen(guide.wanted)) == asked[-1]
    assert asked == [0.0, -45.0, -90.0, 45.0, 90.0]
    assert [view.angle for view in guide.views] == list(YAWS)
    assert guide.offer(Sight((9, 9), 0)) is None  # no face


def test_it_holds_few_frames_however_long_somebody_stays():
    guide = Guide()
    for i in range(1000):
        guide.offer(seen(0, i))
    assert guide.counts[0.0] == 1000
    assert len(guide._near[0.0]) == camera_guide._MOST and guide.views[0].sharpness == 999


# ---------------------------------------------------------------------------------- sentence


def track(**cosine):
    yaws = np.array([-88.0, -44, 1, 46, 86])
    return Track(
        yaws, np.ones(5, bool), {}, {name: np.array(values) for name, values in cosine.items()}
    )


def test_the_sentence_says_the_numbers():
    one = sentence(track(A=[0.5, 0.7, 1, 0.8, 0.6]))
    assert one.endswith("of at least 0.50 with A; it is lowest at −88°.")
    two = sentence(track(A=[0.5, 0.7, 1, 0.8, 0.41], B=[0.9, 0.9, 1, 0.85, 0.9]))
    assert two == (
        "Between −88° and 86°, the embedding keeps a cosine to the frontal view of at least 0.41 "
        "with A and 0.85 with B: it wanders further with A, furthest at 86°."
    )
    alike = sentence(track(A=[0.50, 0.7, 1, 0.8, 0.6], B=[0.9, 0.9, 1, 0.53, 0.9]))
    assert alike.endswith("equally far with both.")
    assert "−0.20 with A" in sentence(track(A=[-0.2, 0.7, 1, 0.8, 0.6]))


# -------------------------------------------------------------------------------------- film


def test_a_film_is_read_from_its_beginning_again_and_again(tmp_path):
    frames = [np.full((48, 64, 3), 40 * i, np.uint8) for i in range(5)]
    film = Film(write_film(tmp_path / "grey.mp4", frames, 10))
    for _ in range(2):
        shown = list(film)
        assert [round(seconds, 1) for seconds, _ in shown] == [0.0, 0.1, 0.2, 0.3, 0.4]
        means = [image.mean() for _, image in shown]
        assert means == pytest.approx([0, 40, 80, 120, 160], abs=3)
    assert film.next() is None
    film.rewind()
    assert film.next()[0] == 0.0


def test_a_large_film_is_made_no_larger_than_a_camera(tmp_path):
    film = Film(write_film(tmp_path / "wide.mp4", [np.zeros((720, 1280, 3), np.uint8)] * 2, 10))
    assert film.next()[1].shape == (360, LONGEST, 3)


@pytest.mark.parametrize("content, said", [(b"", "film.mp4"), (b"no film " * 99, "film.mp4")])
def test_what_is_no_film_is_refused(tmp_path, content, said):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        Film(path)
    with pytest.raises(FileNotFoundError, match=r"none\.mp4"):
        Film(tmp_path / "none.mp4")
