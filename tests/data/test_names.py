"""One rule for how codes and names are compared and sorted, and for the angles of views."""

import itertools
import unicodedata

import numpy as np
import pandas as pd
import pytest

from fermodels.data import VIEWS, PreparedImages, mirror_views, view_degrees, view_order
from fermodels.data.columns import as_text
from fermodels.data.names import name_key, natural_key, number_of, number_text, one_spelling

SAME = [
    ("half_left", "Half Left", "HALF-LEFT", " half  left ", "half_Left"),
    ("josé", unicodedata.normalize("NFD", "José"), "JOSÉ"),
    ("straße", "STRASSE"),
    ("-90", "−90", " -90 ", "–90"),
    ("90", "+90", "９０"),
    ("yaw-30", "YAW-30", "yaw −30".replace(" ", "")),
    ("l_30", "L 30"),
    ("l-30", "L-30"),
    ("1-2", "1_2", "1 2"),
    ("-", "−"),
    ("",),
]


@pytest.mark.parametrize("names", SAME, ids=lambda names: names[0] or "empty")
def test_what_is_one_name_and_what_is_not(names):
    assert len(set(map(name_key, names))) == 1
    others = [name for group in SAME if group is not names for name in group]
    assert name_key(names[0]) not in set(map(name_key, others))


def test_the_first_spelling_stays():
    assert one_spelling(["Bored", "sad", "bored", "BORED"]) == ["Bored", "sad", "Bored", "Bored"]


SORTED = [
    ["", "9", "10", "a", "a9", "a10", "b2c3", "b2c10"],
    ["-90", "-45", "0", "7.5", "45", "100", "fold"],
    [str(i) for i in range(1, 13)],
    [f"Fold{i}" for i in range(1, 13)],
    ["im-9", "im-10"],
    ["7", "1" + "0" * 5000],
]


@pytest.mark.parametrize("names", SORTED, ids=lambda names: names[1][:9])
def test_names_are_sorted_as_people_do(names):
    for order in (sorted(names), names[::-1]):
        assert sorted(order, key=natural_key) == names


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_000", "1-2", "x7", "9" * 5000, "1e5"])
def test_what_is_no_number(text):
    assert number_of(text) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((kind(year), "2021") for kind in (int, float, np.int16, np.float32) for year in (2021,)),
        (1_700_000_000_123_456_789, "1700000000123456789"),
        (np.float32(0.1), "0.1"),
        (-12.3456789, "-12.3456789"),
        (-0.0, "0"),
        (1.5e-7, "1.5e-7"),
        (float("nan"), "nan"),
        (-np.inf, "-inf"),
    ],
)
def test_numbers_keep_all_their_digits(value, text):
    assert number_text(value) == text


def test_numbers_of_which_one_is_missing_are_no_decimals():
    table = pd.DataFrame({"a": [1, None, 2.5], "b": pd.array([1, None, 3], "Float64")})
    assert as_text(table, "a", "").tolist() == ["1", "nan", "2.5"]
    assert as_text(table, "b", "").tolist() == ["1", "nan", "3"]


# ------------------------------------------------------------------------------------- views

ORDERS = {
    "the course's": list(VIEWS),
    "degrees": ["yaw-90", "straight", "yaw+90"],
    "one side": ["straight", "yaw+7.5", "yaw+30", "yaw+110"],
    "numbers": [-60.0, -7.5, 0.0, 45.0, 100.0],
    "whole numbers": [-60, 0, 60],
    "signed text": ["-90", "-45", "0", "45", "90"],
    "a unit": ["30° ", "45°", "100 deg"],
    "cameras": ["2", "9", "10"],
    "others last": ["yaw-30", "straight", "below", "top", "unknown"],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_views_are_in_order_of_their_angle(order):
    for given in itertools.islice(itertools.permutations(order), 0, None, 7):
        assert view_order([*given, *given]) == order
    assert view_order(pd.Categorical(order)) == order
    assert view_order(pd.Series([*order, None], dtype=object)) == order


def test_angles_that_names_do_not_tell_can_be_given():
    yaws = {"front": 0.0, "left": -30.0, "right": np.float32(30), "top": np.nan}
    views = ["front", "left", "right", "top", "straight"]
    assert view_degrees(views, yaws) == {
        "front": 0.0, "left": -30.0, "right": 30.0, "top": None, "straight": 0.0
    }  # fmt: skip
    assert view_order(views, yaws) == ["left", "front", "straight", "right", "top"]
    assert view_degrees(["1", "2"]) == {"1": None, "2": None}
    assert view_degrees(["1", "-2"]) == {"1": 1.0, "-2": -2.0}
    assert view_degrees(["1", "2"], {"2": 15}) == {"1": 1.0, "2": 15.0}


@pytest.mark.parametrize(
    ("views", "mirrored"),
    [
        (VIEWS, VIEWS[::-1]),
        (["yaw-30", "straight", "yaw+30"], ["yaw+30", "straight", "yaw-30"]),
        (["-22.5", "0", "22.5"], ["22.5", "0", "-22.5"]),
        ([-60, 0, 60], [60, 0, -60]),
        (["Left", "front", "Right", "top"], ["Right", "front", "Left", "top"]),
        (["camera 1", "camera 2"], ["camera 1", "camera 2"]),
    ],
)
def test_a_mirrored_view_is_the_one_opposite(views, mirrored):
    assert [views[i] for i in mirror_views(views)] == list(mirrored)


def test_a_view_whose_opposite_is_missing_cannot_be_mirrored():
    with pytest.raises(ValueError, match="become the view at -30°, which is not among them"):
        mirror_views(["straight", "yaw+30"])
    with pytest.raises(ValueError, match="become the view at 30°"):
        mirror_views(["a", "b"], {"a": -30, "b": 0})


def test_one_class_in_several_spellings_of_its_folders(tmp_path):
    from PIL import Image

    for name in ("train/Bored/1.png", "val/bored/2.png", "val/HAPPY/10.png", "val/HAPPY/9.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), "red").save(tmp_path / name)
    images = PreparedImages.from_folder(tmp_path, size=9, labels="folders")
    assert images.table["expression"].tolist() == ["Bored", "Bored", "happy", "happy"]
    assert images.table["instance"].tolist()[2:] == ["val/HAPPY/9.png", "val/HAPPY/10.png"]


def test_official_splits_are_the_same_in_any_spelling(tiny_prepared):
    subjects = tiny_prepared.table["subject"].tolist()
    spelt = {"f000": "Train", "m001": "train", "f002": "TEST", "m003": "Fold 2", "f004": "fold 10"}
    table = tiny_prepared.table.assign(image=tiny_prepared._blobs())
    table["split"] = [spelt.get(subject) for subject in subjects]
    prepared = PreparedImages(table, tiny_prepared.metadata)
    parts = prepared.split("official")
    assert list(parts) == ["train", "test", "Fold 2", "fold 10"]
    assert len(parts["train"]) == 140
    table.loc[0, "split"] = "train"  # the other images of f000 are in Train
    PreparedImages(table, tiny_prepared.metadata)


WORDS = {
    "train": ("train", "Training", "TRAIN "),
    "val": ("val", "Valid", "validation", "dev", "Development"),
    "test": ("test", "testing", " Test"),
}


@pytest.mark.parametrize("number", range(5))
def test_the_words_for_the_three_splits_are_one_part_each(tiny_prepared, number):
    words = {name: several[number % len(several)] for name, several in WORDS.items()}
    people = dict(zip(sorted(set(tiny_prepared.table["subject"])), 2 * list(words), strict=True))
    table = tiny_prepared.table.assign(image=tiny_prepared._blobs())
    table["split"] = [words[people[subject]] for subject in table["subject"]]
    parts = PreparedImages(table, tiny_prepared.metadata).split("official")
    assert {name: len(rows) for name, rows in parts.items()} == dict.fromkeys(WORDS, 140)


def test_sets_that_spell_a_label_in_two_ways_are_not_put_together(tiny_prepared):
    from fermodels.data import PreparedError

    table = tiny_prepared.table.assign(image=tiny_prepared._blobs())
    table = table.assign(subject="x" + table["subject"], instance="x" + table["instance"])
    table["expression"] = table["expression"].str.title()
    names = [name.title() for name in tiny_prepared.expressions]
    other = PreparedImages(table, {"name": "other", "expressions": names})
    with pytest.raises(
        PreparedError, match="expressions 'afraid' and 'Afraid', which differ in sp"
    ):
        PreparedImages.concat([tiny_prepared, other])
