"""What a model says of faces: over time, and drawn into their images."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from fermodels.plots import (
    EXPRESSION_COLORS,
    FaceNote,
    annotated,
    expression_colors,
    probability_curve,
)


def test_a_curve_and_the_strip_of_the_strongest():
    shares = np.array([[0.9, 0.1], [0.6, 0.4], [np.nan, np.nan], [0.2, 0.8]])
    axes = Figure().subplots()
    probability_curve([0, 1, 2, 3], shares, ["happy", "puzzled"], caution="no more", ax=axes)
    for line, column, name in zip(axes.get_lines(), shares.T, ("happy", "puzzled"), strict=True):
        np.testing.assert_allclose(line.get_ydata(), 100 * column)
        assert line.get_color() == expression_colors(["happy", "puzzled"])[name]
    strip = [bars.get_paths()[0].get_extents().intervalx.tolist() for bars in axes.collections]
    assert strip == [[-0.5, 1.5], [1.5, 2.5], [2.5, 3.5]]
    assert [text.get_text() for text in axes.get_legend().get_texts()][-1] == "no face found"
    assert axes.figure.get_supxlabel() == "no more"


@pytest.mark.parametrize("seconds, shape", [([], (0, 2)), ([0, 1], (2, 3)), ([0], (2, 2))])
def test_no_such_curve(seconds, shape):
    with pytest.raises(ValueError, match="expected"):
        probability_curve(seconds, np.zeros(shape), ["happy", "sad"], ax=Figure().subplots())


@pytest.mark.parametrize("height, width, factor", [(300, 401, 1), (240, 240, 1), (96, 120, 3)])
def test_what_is_drawn_into_an_image(height, width, factor):
    pixels = np.full((height, width, 3), 128, np.uint8)
    plain = annotated(pixels, [])
    assert plain.shape == (factor * height, factor * width + factor * width % 2, 3)
    note = FaceNote("happy 90 %", (20, 60, 80, 90), EXPRESSION_COLORS["happy"])
    drawn = annotated(pixels, [note], "not what a person feels")
    body, strip = drawn[: factor * height], drawn[factor * height :]
    assert drawn.shape[0] % 2 == drawn.shape[1] % 2 == 0 and len(strip) > 15
    assert (strip > 240).mean() > 0.5 and (strip < 150).any()
    changed = (body != plain[: len(body)]).any(2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert abs(columns[0] - 20 * factor) <= 2 and abs(rows[-1] - 90 * factor) <= 2
    assert not changed[70 * factor : 80 * factor, 40 * factor : 60 * factor].any()  # inside the box
    assert (body[60 * factor + 1, 60 * factor] == (0xF0, 0xA0, 0x00)).all()
    assert (pixels == 128).all()


@pytest.mark.parametrize("box", [(-50, -20, 450, 400), (390, 290, 420, 320), (0, 0, 3, 3)])
def test_boxes_at_the_edge_and_beyond(box):
    pixels = np.zeros((300, 400, 3), np.uint8)
    note = FaceNote("surprised 100 %", box, EXPRESSION_COLORS["surprised"])
    drawn = annotated(pixels, [note])
    label = (drawn == (0x56, 0xB4, 0xE9)).all(2)
    assert label[:300].sum() > 400  # the text is inside of the image
    same = annotated(pixels, [], "no more")[300:]
    assert np.array_equal(annotated(pixels, [note], "no more")[300:], same)


def test_colours_of_other_expressions_are_their_own():
    colors = expression_colors(["happy", "puzzled", "bored"])
    assert colors["happy"] == EXPRESSION_COLORS["happy"] and len(set(colors.values())) == 3
