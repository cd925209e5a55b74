"""Stored pictures have 256 colours, and what was drawn in one colour keeps it."""

import numpy as np
import pytest
from PIL import Image

from tools.palette import with_palette

LEGEND = [(0, 96, 176), (196, 60, 0), (240, 160, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233)]


def shaded(size=200, seed=0):
    """A picture with more shades than a palette has: what a face and a map full of points do."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    skin = np.stack([120 + 110 * x, 70 + 120 * y, 60 + 90 * x * y], axis=-1)
    return np.clip(skin + rng.normal(0, 6, skin.shape), 0, 255).astype(np.uint8)


def rgb(image):
    return np.asarray(image.convert("RGB")).astype(int)


def test_marks_of_a_legend_keep_their_colors_beside_a_thousand_shades():
    pixels = shaded()
    for number, color in enumerate(LEGEND):
        pixels[5 + 20 * number : 10 + 20 * number, 5:10] = color
    small = with_palette(Image.fromarray(pixels))
    assert small.mode == "P" and len(small.getcolors()) <= 256
    found = rgb(small)
    for number, color in enumerate(LEGEND):
        assert (found[5 + 20 * number : 10 + 20 * number, 5:10] == color).all()
    assert np.abs(found - pixels).mean() < 6
    # By median cut alone they do not, which is why it is not alone.
    cut = rgb(Image.fromarray(pixels).quantize(256, method=Image.Quantize.MEDIANCUT))
    assert any((cut[7 + 20 * n, 7] != color).any() for n, color in enumerate(LEGEND))


def test_a_triangle_of_a_few_pixels_is_not_another_color():
    pixels = shaded()
    for number, color in enumerate(LEGEND):
        for row, width in enumerate((1, 3, 3, 5)):
            pixels[5 + 20 * number + row, 7 - width // 2 : 8 + width // 2] = color
    found = rgb(with_palette(Image.fromarray(pixels)))
    for number, color in enumerate(LEGEND):
        assert np.abs(found[7 + 20 * number, 7] - color).max() < 16


@pytest.mark.parametrize("colors", [1, 2, 100, 112, 113, 400])
def test_any_number_of_solid_colors(colors):
    rng = np.random.default_rng(colors)
    drawn = np.unique(rng.integers(0, 256, (colors, 3), dtype=np.uint8), axis=0)
    pixels = np.repeat(np.repeat(drawn[:, None], 5, axis=0), 25, axis=1)  # (5 · colors, 25, 3)
    found = rgb(with_palette(Image.fromarray(pixels)))
    exact = (found == pixels).all(axis=-1).mean()
    assert exact == 1 if len(drawn) <= 112 else np.abs(found - pixels).mean() < 12


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 3), (2, 300)])
def test_any_shape(shape):
    pixels = shaded(300)[: shape[0], : shape[1]]
    small = with_palette(Image.fromarray(pixels))
    assert small.size == shape[::-1] and np.abs(rgb(small) - pixels).mean() < 4


def test_the_same_picture_gives_the_same_bytes():
    image = Image.fromarray(shaded(60))
    assert with_palette(image).tobytes() == with_palette(image).tobytes()
