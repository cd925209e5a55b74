"""What the tests take for the same picture."""

import numpy as np

from tests.browser.page import same


def test_a_flickering_corner_is_the_same_picture_a_pale_line_is_not():
    white = np.full((40, 60, 3), 255, np.uint8)
    corner, line, smaller = white.copy(), white.copy(), white[:-1]
    corner[:3, :3] = 247
    line[10, 5:50] = 255 - 41
    assert same(white, white) and same(white, corner) and same(corner, white)
    assert not same(white, line) and not same(line, white) and not same(white, smaller)
