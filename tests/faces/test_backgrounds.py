"""What is behind a person: every kind, from its seed and its colours alone."""

from dataclasses import replace

import numpy as np
import pytest

from fermodels.faces.backgrounds import KINDS, Background, draw_background, noise

PLACE = Background("room", (0.2, 0.3, 0.6), (0.7, 0.6, 0.3), clutter=0.8, blur=0.0, seed=5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [16, 61])
def test_every_kind(kind, size):
    image = draw_background(replace(PLACE, kind=kind), size)
    assert image.shape == (size, size, 3) and image.dtype.kind == "f"
    assert image.min() >= 0 and image.max() <= 1
    np.testing.assert_array_equal(image, draw_background(replace(PLACE, kind=kind), size))


def test_a_wall_goes_from_its_color_at_the_bottom_to_that_at_the_top():
    image = draw_background(replace(PLACE, kind="wall"), 33)
    np.testing.assert_allclose(image[-1, 0], PLACE.bottom, atol=1e-6)
    np.testing.assert_allclose(image[0, 7], PLACE.top, atol=1e-6)
    np.testing.assert_allclose(image[16, 3], np.add(PLACE.bottom, PLACE.top) / 2, atol=1e-6)
    assert not np.ptp(image, axis=1).any()
    # Nothing on it that a seed could change.
    np.testing.assert_array_equal(image, draw_background(replace(PLACE, kind="wall", seed=6), 33))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_seeds_and_colors_make_other_places(kind):
    def draw(**changes):
        return draw_background(replace(PLACE, kind=kind, **changes), 48)

    base = draw()
    assert np.abs(draw(seed=6) - base).mean() > 0.02
    assert np.abs(draw(bottom=(0.9, 0.1, 0.1)) - base).mean() > 0.02
    assert base.std(axis=(0, 1)).max() > 0.05
    assert np.abs(draw(clutter=0.2) - base).mean() > 0.01


@pytest.mark.parametrize("kind", KINDS[1:])
def test_out_of_focus_it_is_smooth(kind):
    def roughness(blur):
        image = draw_background(replace(PLACE, kind=kind, blur=blur), 48)
        return np.abs(np.diff(image, axis=1)).max()

    assert roughness(0.1) < 0.5 * roughness(0.0)


def test_kinds_do_not_look_alike():
    images = [draw_background(replace(PLACE, kind=kind), 48) for kind in KINDS]
    for k, first in enumerate(images):
        for second in images[k + 1 :]:
            assert np.abs(first - second).mean() > 0.02


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="unknown background 'beach': known are wall, spots, room"):
        Background("beach")


def test_noise_is_smooth_and_of_about_unit_variance():
    rng = np.random.default_rng(0)
    fields = np.stack([noise(rng, 64, 8, 2) for _ in range(20)])
    assert fields.shape == (20, 64, 64, 2)
    assert 0.8 < fields.std() < 1.2 and abs(fields.mean()) < 0.1
    steps = np.abs(np.diff(fields, axis=1)).max()
    assert steps < 1.3 * 8 * 8 / 63  # from bump to bump, eight pixels
    np.testing.assert_array_equal(
        noise(np.random.default_rng(1), 64, 8), noise(np.random.default_rng(1), 64, 8)
    )
