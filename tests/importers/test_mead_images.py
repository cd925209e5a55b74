"""MEAD as images: seven cameras, moments of takes, gaps; folders and archives of each person."""

import json

import numpy as np
import pytest

from data_prep.importers.mead_images import VIEWS, YAWS
from fermodels.data import PreparedImages
from tests.importers.fixtures import mead
from tests.importers.fixtures.clips import write
from tests.importers.fixtures.images import write_folder, write_tar
from tests.importers.fixtures.importing import reasons

BOTH = ("neutral", "angry")
OPTIONS = ("--crop", "none", "--jobs", "1", "--size", "48")


@pytest.fixture(scope="module")
def files():
    return mead.mead()


@pytest.fixture(scope="module")
def folder(files, tmp_path_factory):
    return write_folder(files.items(), tmp_path_factory.mktemp("mead") / "MEAD")


@pytest.fixture
def imported(run, tmp_path):
    def imported(raw, *options):
        out, report = tmp_path / "mead.parquet", tmp_path / "report.json"
        code, _, error = run("mead-images", raw, out, "--report", report, *OPTIONS, *options)
        about = json.loads(report.read_text())
        return (code, error, about) if code else (PreparedImages.read(out), about)

    return imported


@pytest.fixture
def whole(imported, tmp_path):
    """One take of an emotion, as all cameras saw it."""
    raw = write_folder(mead.takes("W009", [("angry", 1)], ["001"]), tmp_path / "whole")
    return lambda *options: imported(raw, *options)[0]


def test_an_instance_is_a_moment_as_all_cameras_saw_it(whole):
    images = whole()
    table = images.table.set_index("camera", drop=False)
    assert len(table) == 7 and table["instance"].nunique() == table["session"].nunique() == 1
    assert images.views == tuple(VIEWS.values())
    assert images.views[:5] == ("full_left", "half_left", "straight", "half_right", "full_right")
    assert table["yaw"].to_dict() == YAWS and table.loc["left_60", "view"] == "full_left"
    assert table.loc[["top", "down"], "pitch"].isna().all()
    assert (table["pitch"].drop(["top", "down"]) == 0).all()
    row = table.loc["front"]
    assert row[["subject", "gender", "expression"]].tolist() == ["W009", "female", "angry"]
    assert row[["level", "take", "second", "original_label"]].tolist() == [1, "001", 1.0, "angry"]
    assert row["file"] == "W009/video/front/angry/level_1/001.mp4"
    assert images.metadata["name"] == "mead" and "research only" in images.metadata["licence"]


def test_left_and_right_change_places_and_pitch_is_given(whole):
    table = whole("--mirrored", "--pitch", "30").table.set_index("camera")
    assert table["yaw"].to_dict() == {camera: 0.0 - yaw for camera, yaw in YAWS.items()}
    assert table.loc["left_30", "view"] == "half_right" and table.loc["front", "view"] == "straight"
    assert table.loc[["top", "front", "down"], "pitch"].tolist() == [30, 0, -30]


def test_moments_are_the_same_in_all_cameras(whole):
    """Films show a neutral face for half a second, then the emotion."""
    options = ("--crop", "centre", "--size", "96")  # just the face as it was rendered
    images = whole("--frames", "3", "--first", "0.2", "--every", "0.4", *options)
    table = images.table
    assert sorted(set(table["second"])) == [0.2, 0.6, 1.0] and len(table) == 21
    assert (table.groupby("instance")["view"].nunique() == 7).all()
    assert table["instance"].nunique() == 3 and table["session"].nunique() == 3
    pixels = images.images()
    for camera in YAWS:
        shown = {emotion: mead.still("W009", emotion, camera)[:, 32:-32] for emotion in BOTH}
        for second, emotion in ((0.2, "neutral"), (0.6, "angry"), (1.0, "angry")):
            at = (table["camera"] == camera) & (table["second"] == second)
            (image,) = pixels[at]
            apart = {e: np.abs(image - still.astype(float)).mean() for e, still in shown.items()}
            assert min(apart, key=apart.get) == emotion and apart[emotion] < 8, (camera, second)


def test_gaps_are_reported_and_instances_have_the_views_that_are_there(imported, folder):
    images, about = imported(folder)
    table = images.table
    seen = table.groupby("instance")["view"].nunique()
    assert seen["M003-angry-level_1-001-1s"] == 7 and seen["W017-angry-level_1-001-1s"] == 1
    assert seen["M003-angry-level_1-002-1s"] == 6  # no film by right_60
    assert seen["M003-neutral-level_1-001-1s"] == 6  # left_60 ends before
    assert seen["M003-neutral-level_1-002-1s"] == 6  # top is broken
    assert set(table.loc[table["subject"] == "W017", "view"]) == {"down"}
    assert about["kept"] == len(table) == 8 * 7 - 3 + 1 + 2
    # Numbers are the sessions, so that a batch compares emotions.
    shown = table[table["subject"] == "M003"].groupby("session")["expression"].nunique()
    assert shown["level_1-001-1s"] == 2 and shown["level_3-002-1s"] == 1 and len(shown) == 6
    told = "\n".join(about["warnings"])
    assert "6 of 11 instances are not seen by all 7 cameras: 3 by 6, 3 by 1" in told
    assert "W017: no film of front, left_30, left_60, right_30, right_60, top, only of down" in told
    assert "only of left_30 (M011 known to be incomplete)" in told
    assert "M003: no take of angry (level 3), contempt (level 1, 2), disgusted, fear, " in told
    assert images.expressions[1] == "contemptuous" and len(images.expressions) == 8


def test_what_is_no_take_is_named(imported, folder):
    why = reasons(imported(folder)[1])
    place = "M003/video/left_60/neutral/level_1/001.mp4 at 1 s"
    assert why[place] == "no frame in the stretch from 1 s on"
    assert "FFmpeg cannot read it" in why["M003/video/top/neutral/level_1/002.mp4 at 1 s"]
    assert "none of the cameras" in why["M003/video/back/angry/level_1/001.mp4"]
    assert "none of the emotions" in why["M003/video/front/bored/level_1/001.mp4"]
    assert why["M003/copies/video/front/angry/level_1/001.mp4"].endswith(
        "the same take and camera as M003/video/front/angry/level_1/001.mp4"
    )
    assert why["video/front/angry/level_1/001.mp4"] == "in no folder of a person, such as M003"
    assert "that mead-images has no use for" in why["M003/audio/angry/level_1/001.m4a"]


def test_archives_of_each_person_are_read_as_folders(imported, files, folder, tmp_path):
    packed = {n: d for n, d in files.items() if n[0] in "MW" and "/copies/" not in n}
    raw = mead.in_tars(packed, tmp_path / "tars")
    tars, _ = imported(raw)
    unpacked, _ = imported(folder)
    assert tars.table.drop(columns="file").equals(unpacked.table.drop(columns="file"))
    assert np.array_equal(tars.images(), unpacked.images())
    path = raw / "W017/video/1.tar"
    assert "W017/video/1.tar/1/down/angry/level_1/001.mp4" in set(tars.table["file"])
    path.write_bytes(path.read_bytes()[:900])  # costs its person alone
    images, about = imported(raw)
    assert set(images.table["subject"]) == {"M003", "M011"}
    assert "damaged or cut off" in reasons(about)["W017/video/1.tar"]


@pytest.mark.parametrize("kind", ["W011", "W011.tar", "W011/video.tar"])
def test_what_is_there_of_one_person(imported, tmp_path, kind):
    files = dict(mead.takes("W011", [("angry", 1), ("neutral", 1)], ["001"], sounds=False))
    raw = write_folder(files.items(), tmp_path / "raw") / "W011"
    if kind != "W011":
        inside = [(name.removeprefix("W011/"), data) for name, data in files.items()]
        raw = write_tar(inside, tmp_path / "raw" / kind)
    images, _ = imported(raw)
    assert set(images.table["subject"]) == {"W011"} and len(images) == 14


def test_some_takes_of_each_emotion(imported, folder):
    images, about = imported(folder, "--takes", "1")
    assert set(images.table["take"]) == {"001"}
    assert reasons(about)["M003/video/top/angry/level_2/002.mp4"] == "beyond --takes 1"


def test_faces_are_found_in_films(imported, tmp_path):
    raw = write_folder(mead.takes("W009", [("angry", 1)], ["001"]), tmp_path / "raw")
    images, _ = imported(raw, "--crop", "face")
    assert images.table["face_found"].sum() >= 5 and images.metadata["face_finder"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--frames", "0"), "--frames must be at least 1"),
        (("--takes", "0"), "--takes must be at least 1"),
        (("--first", "-1"), "--first must be 0 seconds or more"),
        (("--every", "nan"), "--every must be at least 0.04 seconds"),
        (("--pitch", "0"), "--pitch must be above 0"),
        (("--first", "60"), "no frame in the stretch from"),
    ],
)
def test_options_that_make_no_sense(imported, folder, options, message):
    code, error, _ = imported(folder, *options)
    assert code == 2 and message in error


def test_what_is_seen_instead(imported, tmp_path):
    write(tmp_path / "raw/M003/something.txt", b"x")
    code, error, _ = imported(tmp_path / "raw")
    assert code == 2 and "such as M003/something.txt" in error
    write(tmp_path / "raw/M003/audio/angry/level_1/001.m4a", mead.m4a())
    code, error, _ = imported(tmp_path / "raw")
    assert code == 2 and "but no film" in error and "M003/video/front/angry" in error
