"""What a camera makes of a drawn face: every option by hand."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fermodels.faces import Camera
from fermodels.faces.developing import develop
from fermodels.faces.sessions import Occluder

SIZE = 32
PLAIN = Camera()


def face(color=(120, 80, 40)) -> np.ndarray:
    """uint8 (S, S, 4): the left half in a colour, the rest empty, half covered between."""
    drawn = np.zeros((SIZE, SIZE, 4), np.uint8)
    drawn[:, :16] = (*color, 255)
    drawn[:, 16] = (*color, 127)
    return drawn


def wall(value=0.5) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), value, np.float32)


def ramp() -> np.ndarray:
    """A background with colours from dark to light."""
    rise = np.linspace(0.1, 0.9, SIZE, dtype=np.float32)
    return np.stack(np.broadcast_arrays(rise[:, None], rise[None], 0.4), axis=-1).astype(np.float32)


def taken(camera: Camera, drawn=None, background=None, take: int = 0) -> np.ndarray:
    drawn = np.zeros((SIZE, SIZE, 4), np.uint8) if drawn is None else drawn
    return develop(drawn, wall() if background is None else background, camera, take)


def test_a_plain_camera_puts_the_face_before_the_background():
    image = taken(PLAIN, face())
    assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.uint8
    assert (image[:, :16] == (120, 80, 40)).all() and (image[:, 17:] == 128).all()
    half = 127 / 255
    expected = np.array([120, 80, 40]) * half + 127.5 * (1 - half)
    np.testing.assert_allclose(image[:, 16], np.broadcast_to(expected, (SIZE, 3)), atol=1)


def test_exposure_and_white_balance_are_factors_of_light():
    """An image holds about the root of the light."""
    camera = replace(PLAIN, exposure=0.25)
    assert (taken(camera, face())[:, :16] == (60, 40, 20)).all()
    assert (taken(replace(PLAIN, exposure=4.0)) == 255).all()  # not beyond white
    warm = taken(replace(PLAIN, white_balance=(1.21, 1.0, 0.81)))
    np.testing.assert_allclose(warm[0, 0], [127.5 * 1.1, 127.5, 127.5 * 0.9], atol=1)


def test_saturation_and_contrast():
    gray = taken(replace(PLAIN, saturation=0.0), face())[0, 0]
    assert gray.tolist() == [round(0.299 * 120 + 0.587 * 80 + 0.114 * 40)] * 3
    luma = 0.299 * 120 + 0.587 * 80 + 0.114 * 40
    strong = taken(replace(PLAIN, saturation=1.5), face())[0, 0]
    np.testing.assert_allclose(strong, luma + 1.5 * (np.array([120, 80, 40]) - luma), atol=1)
    flat = taken(replace(PLAIN, contrast=0.5), face())[0, 0]
    np.testing.assert_allclose(flat, 127.5 + 0.5 * (np.array([120, 80, 40]) - 127.5), atol=1)
    assert (taken(replace(PLAIN, contrast=0.0), background=ramp()) == 128).all()


def test_blur_is_a_fraction_of_the_side():
    sharp, soft = (taken(replace(PLAIN, blur=b), face((255,) * 3)) for b in (0.0, 0.1))
    row = soft[16, :, 0].astype(int)
    assert (np.diff(row) <= 0).all() and row[16] < 230 and row[0] > 250 > 140 > row[-1]
    # σ = 0.1 · 32 pixels: half-way at the edge, 82.6 % of the step three pixels inside.
    middle, step = (255 + 128) / 2, 255 - 128
    assert abs(row[16] - middle) < 3
    assert abs(row[13] - (middle + 0.326 * step)) < 3 and abs(row[19] - (middle - 0.326 * step)) < 3
    assert np.abs(np.diff(sharp[16, :, 0].astype(int))).max() > 60


def test_noise_is_of_its_strength_and_another_in_every_image():
    camera = replace(PLAIN, noise=0.05, seed=3)
    first, again, other = (taken(camera, take=take).astype(int) for take in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert first.std() == pytest.approx(0.05 * 255, rel=0.1) and abs(first.mean() - 127.5) < 1
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.1
    second = taken(replace(camera, seed=4)).astype(int)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    # Without noise, neither matters.
    np.testing.assert_array_equal(taken(replace(PLAIN, seed=4), take=9), taken(PLAIN))


def test_compression_is_that_of_jpeg(tmp_path):
    image = taken(PLAIN, face(), ramp())
    for quality in (30, 90):
        Image.fromarray(image).save(tmp_path / "a.jpg", quality=quality)
        with Image.open(tmp_path / "a.jpg") as stored:
            expected = np.asarray(stored.convert("RGB"))
        found = taken(replace(PLAIN, jpeg=quality), face(), ramp())
        np.testing.assert_array_equal(found, expected)
        assert (found != image).any()


@pytest.mark.parametrize(
    "angle, inside, outside",
    [
        (0.0, (16, 30), (16, 2)),  # from the right
        (90.0, (30, 16), (2, 16)),  # from below
        (180.0, (16, 2), (16, 30)),
        (270.0, (2, 16), (30, 16)),
    ],
)
def test_something_reaches_in_from_an_edge(angle, inside, outside):
    thing = Occluder(angle, reach=0.3, width=0.3, color=(0.0, 0.0, 1.0))
    image = taken(replace(PLAIN, occluder=thing), face())
    hidden = (image[..., 2] > 180) & (image[..., 0] == 0)
    assert hidden[inside] and not hidden[outside] and not hidden[16, 16]
    assert 0.01 < hidden.mean() < 0.3 * 0.3 + 0.02
    # All the rest is as without it.
    np.testing.assert_array_equal(image[~hidden], taken(PLAIN, face())[~hidden])
    wide = replace(thing, width=0.6)
    more = taken(replace(PLAIN, occluder=wide), face())
    assert (more[..., 0] == 0).sum() > 1.3 * hidden.sum()
    far = replace(thing, reach=0.6)
    assert taken(replace(PLAIN, occluder=far), face())[16, 16, 0] == 0
