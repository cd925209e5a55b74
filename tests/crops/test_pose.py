"""The yaw of a found face: its sign, its symmetries, and how well it follows a rendered turn."""

import numpy as np
import pytest
from PIL import Image

from fermodels.crops import Box, Face, face_finder, head_yaw
from fermodels.crops.pose import yaw_features

# From the front: right eye, left eye, nose, right and left corner of the mouth.
FRONT = np.array([[-20.0, 0], [20, 0], [0, 24], [-17, 41], [17, 41]])


def face(landmarks) -> Face:
    return Face(Box(0, 0, 100, 100, 0.9), np.asarray(landmarks, float))


def turned(yaw: float, depth: float = 17.0) -> np.ndarray:
    """The same face turned by hand, seen from far away; the nose is before the head's axis."""
    angle = np.deg2rad(yaw)
    landmarks = FRONT.copy()
    landmarks[:, 0] *= np.cos(angle)
    landmarks[2, 0] += depth * np.sin(angle)
    return landmarks


def rolled(landmarks, degrees: float) -> np.ndarray:
    a = np.deg2rad(degrees)
    return landmarks @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


def mirrored(landmarks) -> np.ndarray:
    return (landmarks * [-1, 1])[[1, 0, 2, 4, 3]]


def test_a_nose_to_the_left_edge_is_to_the_left():
    """As `YAWS`: −90 is full left."""
    assert head_yaw(face(FRONT)) == pytest.approx(0, abs=1e-9)
    assert head_yaw(face(turned(-60))) < -40
    assert head_yaw(face(turned(60))) > 40


def test_the_yaw_grows_with_the_turn_and_ends_at_the_profiles():
    yaws = [head_yaw(face(turned(yaw))) for yaw in range(-90, 91, 5)]
    assert (np.diff(yaws) >= 0).all() and np.diff(yaws)[4:-4].min() > 1
    assert -90 <= yaws[0] < -75 and 75 < yaws[-1] <= 90
    assert head_yaw(face(turned(85, depth=60))) == 90


@pytest.mark.parametrize("yaw", [-80, -35, 10, 50])
@pytest.mark.parametrize("roll", [-170, -20, 20, 90])
@pytest.mark.parametrize("size", [0.2, 7.0])
def test_roll_size_and_place_do_not_matter(yaw, roll, size):
    there = size * rolled(turned(yaw), roll) + [300, -40]
    assert head_yaw(face(there)) == pytest.approx(head_yaw(face(turned(yaw))), abs=1e-6)


def test_the_mirrored_face_is_turned_the_other_way():
    rng = np.random.default_rng(0)
    for yaw in rng.uniform(-90, 90, 20):
        landmarks = rolled(turned(yaw) + rng.normal(0, 2, (5, 2)), rng.uniform(-20, 20))
        there = yaw_features(mirrored(landmarks))
        np.testing.assert_allclose(there, -yaw_features(landmarks), atol=1e-9)


@pytest.mark.parametrize(
    "landmarks, message",
    [
        (FRONT[:4], "five finite landmarks"),
        (FRONT * np.nan, "five finite landmarks"),
        (FRONT * 0 + 3, r"eyes and mouth of a face are both at \[3.0, 3.0\]"),
    ],
)
def test_what_is_no_face_is_refused(landmarks, message):
    with pytest.raises(ValueError, match=message):
        head_yaw(face(landmarks))


# ----------------------------------------------------------------------------- a rendered turn

YAWS = np.arange(-75, 76, 15)


@pytest.fixture(scope="module")
def turn() -> np.ndarray:
    """Somebody whom the fit has not seen at `YAWS`, uint8 (11, 160, 160, 3)."""
    from fermodels.faces import Camera, FaceRenderer, Session, prototype_weights, sample_person

    person = sample_person(np.random.default_rng(5), "female", 30.0)
    session = Session(cameras=(Camera(zoom=1.9),))
    renderer = FaceRenderer(160)
    images = renderer.render(person, session, prototype_weights("content"), tuple(map(float, YAWS)))
    renderer.close()
    return images


def found(image: np.ndarray) -> float:
    return head_yaw(face_finder().faces(image, most=1)[0])


def test_the_yaw_follows_a_rendered_turn(turn):
    yaws = np.array([found(image) for image in turn])
    assert (np.diff(yaws) > 0).all()
    off = np.abs(yaws - YAWS)
    assert np.median(off) < 8 and off.max() < 16


def test_a_mirrored_image_gives_the_negated_yaw(turn):
    for image in turn[[0, 3, 5, 8]]:
        assert found(np.ascontiguousarray(image[:, ::-1])) == pytest.approx(-found(image), abs=5)


@pytest.mark.parametrize("roll", [-20, 20])
def test_a_rolled_head_is_turned_as_far(turn, roll):
    for image in turn[[1, 3, 5, 7, 9]]:
        tilted = Image.fromarray(image).rotate(
            roll, Image.Resampling.BILINEAR, fillcolor=tuple(image[0, 0].tolist())
        )
        assert found(np.asarray(tilted)) == pytest.approx(found(image), abs=9)
