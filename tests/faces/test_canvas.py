"""Meshes to pixels: coverage, perspective, and where the camera is."""

import numpy as np
import pytest

from fermodels.faces import head_model
from fermodels.faces.canvas import SUPERSAMPLING, Canvas, Viewpoint, _average

# A square of 20 cm across the line of sight, in the plane y = 0, facing −y.
SQUARE = np.array([[-0.1, 0, -0.1], [0.1, 0, -0.1], [0.1, 0, 0.1], [-0.1, 0, 0.1]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3]])
FRONT = Viewpoint((0.0, -2.0, 0.0), (0.0, 0.0, 0.0), 0.2)


@pytest.fixture(scope="module", autouse=True)
def anny_first():
    """What comes after in this process may import it, which crashes once a window is open."""
    head_model()


@pytest.fixture(scope="module")
def canvas(anny_first):
    canvas = Canvas(64)
    yield canvas
    canvas.close()


def drawn(canvas, points, faces, color=(200, 100, 50), view=FRONT) -> np.ndarray:
    """uint8 (64, 64, 4) of a mesh in one colour, or in a colour a point."""
    canvas.load(points, faces)
    colors = np.broadcast_to(np.array(color, np.uint8), (len(points), 3))
    return canvas.draw(colors, view)


def covered(image: np.ndarray) -> float:
    return float(image[..., 3].mean() / 255)


def test_a_square_covers_its_quarter_in_its_color(canvas):
    image = drawn(canvas, SQUARE, FACES)
    assert image.shape == (64, 64, 4) and image.dtype == np.uint8
    full = image[..., 3] == 255
    assert full.sum() == 32 * 32 and full[16:48, 16:48].all() and covered(image) == 0.25
    assert (image[full, :3] == (200, 100, 50)).all()
    assert not image[~full].any()


def test_right_is_right_and_up_is_up(canvas):
    corner = SQUARE / 2 + [0.1, 0, 0.1]
    rows, columns = np.nonzero(drawn(canvas, corner, FACES)[..., 3])
    assert rows.max() < 32 <= columns.min()
    # From behind, right is left.
    behind = Viewpoint((0.0, 2.0, 0.0), (0.0, 0.0, 0.0), 0.2)
    rows, columns = np.nonzero(drawn(canvas, corner, FACES, view=behind)[..., 3])
    assert rows.max() < 32 and columns.max() <= 32


def test_what_is_near_is_large_and_before_what_is_far(canvas):
    """Perspective by hand: at 1.5 m of 2 m, a third larger."""
    near = SQUARE - [0, 0.5, 0]
    assert covered(drawn(canvas, near, FACES)) == pytest.approx(0.25 * (2 / 1.5) ** 2, rel=0.05)
    far = SQUARE + [0, 0.5, 0]
    assert covered(drawn(canvas, far, FACES)) == pytest.approx(0.25 * (2 / 2.5) ** 2, rel=0.05)
    both = np.concatenate([far, near / 2 - [0, 0.25, 0]])
    colors = np.repeat([[255, 0, 0], [0, 0, 255]], 4, axis=0)
    for order in ([0, 1], [1, 0]):  # whatever is drawn first
        faces = np.concatenate([(FACES, FACES + 4)[k] for k in order])
        image = drawn(canvas, both, faces, colors)
        assert image[32, 32].tolist() == [0, 0, 255, 255]
        assert image[20, 20].tolist() == [255, 0, 0, 255]


def test_the_targets_plane_keeps_its_size_whatever_the_lens(canvas):
    for distance in (0.5, 1.0, 4.0):
        view = Viewpoint((0.0, -distance, 0.0), (0.0, 0.0, 0.0), 0.2)
        assert covered(drawn(canvas, SQUARE, FACES, view=view)) == pytest.approx(0.25, rel=0.03)
    wide = Viewpoint((0.0, -2.0, 0.0), (0.0, 0.0, 0.0), 0.4)
    assert covered(drawn(canvas, SQUARE, FACES, view=wide)) == pytest.approx(1 / 16, rel=0.05)


def test_roll_turns_the_image(canvas):
    bar = SQUARE * [1, 1, 0.1]
    for roll, across in ((0.0, True), (90.0, False), (180.0, True)):
        view = Viewpoint((0.0, -2.0, 0.0), (0.0, 0.0, 0.0), 0.2, roll)
        rows, columns = np.nonzero(drawn(canvas, bar, FACES, view=view)[..., 3])
        assert (np.ptp(columns) > 3 * np.ptp(rows)) == across, roll
    right = SQUARE / 4 + [0.1, 0, 0]
    view = Viewpoint((0.0, -2.0, 0.0), (0.0, 0.0, 0.0), 0.2, 30.0)
    rows, columns = np.nonzero(drawn(canvas, right, FACES, view=view)[..., 3])
    across, down = columns.mean() - 31.5, rows.mean() - 31.5
    assert np.degrees(np.arctan2(abs(down), across)) == pytest.approx(30, abs=3)


def test_a_moved_and_another_mesh(canvas):
    first = drawn(canvas, SQUARE, FACES)
    colors = np.full((4, 3), 255, np.uint8)
    canvas.move(SQUARE / 2)
    assert covered(canvas.draw(colors, FRONT)) == 1 / 16
    canvas.choose(FACES[:1])
    assert covered(canvas.draw(colors, FRONT)) == pytest.approx(1 / 32, rel=0.1)
    other = np.concatenate([SQUARE / 2, SQUARE / 4])  # with more points
    assert drawn(canvas, other, FACES)[32, 32, 3] == 255
    np.testing.assert_array_equal(drawn(canvas, SQUARE, FACES), first)


def test_colors_of_an_edge_are_those_of_the_mesh_alone():
    """Half covered is half opaque: the colour is not mixed with the emptiness around it."""
    large = np.zeros((4, 4, 4), np.uint8)
    large[:, :3] = (200, 100, 50, 255)
    image = _average(large, 2)
    assert image[0].tolist() == [[200, 100, 50, 255], [200, 100, 50, 127]]
    assert SUPERSAMPLING == 2 and not _average(np.zeros((4, 4, 4), np.uint8), 2).any()


def test_unit_vectors_to_the_camera():
    away = FRONT.towards(np.array([[0.0, 0, 0], [0.0, -2.0, 3.0], [5.0, -2.0, 0.0]]))
    np.testing.assert_allclose(away, [[0, -1, 0], [0, 0, -1], [-1, 0, 0]], atol=1e-6)


@pytest.mark.parametrize("size", [0, 15, 513])
def test_sizes_outside_16_to_512_are_refused(size):
    with pytest.raises(ValueError, match=f"between 16 and 512 pixels, got {size}"):
        Canvas(size)


@pytest.mark.parametrize("width", [15, 1025])
def test_widths_outside_16_to_1024_are_refused(width):
    with pytest.raises(ValueError, match=f"between 16 and 1024 pixels, got {width}"):
        Canvas(64, width)


@pytest.mark.parametrize("size", [16, 33])
def test_images_have_the_size(size):
    canvas = Canvas(size)
    assert drawn(canvas, SQUARE, FACES).shape == (size, size, 4)
    canvas.close()


def test_a_wider_image_shows_the_same_and_more_at_its_sides(canvas):
    wide = Canvas(64, 100)
    image = drawn(wide, SQUARE, FACES)
    wide.close()
    assert image.shape == (64, 100, 4)
    np.testing.assert_array_equal(image[:, 18:82], drawn(canvas, SQUARE, FACES))
    assert not image[:, :18].any() and not image[:, 82:].any()
