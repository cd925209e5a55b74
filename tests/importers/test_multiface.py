"""Multiface: the layout of its documentation, and views from the cameras' places."""

import json

import numpy as np
import pytest

from data_prep.importers.multiface import camera_angles, read_krt
from fermodels.data import VIEWS, PreparedImages
from tests.importers.fixtures.images import krt, multiface_files, write_folder, write_tar

OPTIONS = ("--crop", "none", "--jobs", "1", "--size", "32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(multiface_files(), tmp_path_factory.mktemp("multiface"))


@pytest.fixture
def imported(run, tmp_path):
    def imported(raw, *options):
        out, report = tmp_path / "multiface.parquet", tmp_path / "report.json"
        code, _, error = run("multiface", raw, out, "--report", report, *OPTIONS, *options)
        about = json.loads(report.read_text())
        return (code, error, about) if code else (PreparedImages.read(out), about)

    return imported


def test_yaw_and_pitch_follow_from_the_places_in_any_world():
    yaws = dict(zip("abcdefg", (-90, -61, -30, 0, 30, 61, 90), strict=True))
    angles = camera_angles(read_krt(krt(yaws)))
    assert list(angles) == list(yaws)
    for number, (camera, yaw) in enumerate(yaws.items()):
        assert angles[camera] == pytest.approx((yaw, 5 * (-1) ** number), abs=0.7)


def test_five_views_of_one_moment_of_each_expression(imported, folder):
    prepared, about = imported(folder)
    table = prepared.table
    assert len(prepared) == 2 * 5 and set(table["subject"]) == {"6795937"}
    assert prepared.views == VIEWS and set(table["session"]) == {"20180227"}
    off = np.abs(
        table["yaw"] - table["view"].map(dict(zip(VIEWS, (-90, -45, 0, 45, 90), strict=True)))
    )
    assert off.max() < 10 and table["camera"].nunique() == 5
    assert (table.groupby("instance")["view"].nunique() == 5).all()
    assert set(table["file"].str[-10:]) == {"000105.png"}  # the middle one of three
    assert not table["file"].str.contains("unwrapped|SEN_").any()
    assert any("27 images of spoken sentences" in text for text in about["warnings"])
    assert prepared.metadata["licence"] == "CC-BY-NC-4.0"


def test_more_moments(imported, folder):
    prepared, _ = imported(folder, "--frames", "2")
    assert len(prepared) == 2 * 2 * 5 and prepared.table["instance"].nunique() == 4
    assert len(imported(folder, "--frames", "9")[0]) == 2 * 3 * 5


def test_one_persons_folder_and_an_archive_give_the_same(imported, folder, tmp_path):
    whole, _ = imported(folder)
    one, _ = imported(folder / "m--20180227--0000--6795937--GHS")
    assert one.table.drop(columns="file").equals(whole.table.drop(columns="file"))
    archived, _ = imported(write_tar(multiface_files(), tmp_path / "a.tar"))
    assert archived.fingerprint() == whole.fingerprint()


def test_cameras_can_be_named(imported, folder):
    prepared, _ = imported(folder, "--views", "400002=-90,400010=0,400018=90")
    assert set(prepared.table["camera"]) == {"400002", "400010", "400018"}
    assert prepared.views == ("yaw-90", "straight", "yaw+90") and len(prepared) == 6


def test_views_without_a_camera_are_told(imported, tmp_path):
    raw = write_folder(multiface_files(yaws=(-60, -40, 0, 40, 60)), tmp_path / "raw")
    prepared, about = imported(raw)
    assert set(prepared.table["view"]) == {"half_left", "straight", "half_right"}
    assert sum("no camera within 20° of full_" in text for text in about["warnings"]) == 2


def test_frames_that_lack_a_camera_are_not_taken(imported, tmp_path):
    raw = write_folder(multiface_files(), tmp_path / "raw")
    for path in raw.glob("*/images/E057*/*/*.png"):
        if path.stem == "000105" and path.parent.name == "400010":
            path.unlink()
    prepared, _ = imported(raw)
    files = prepared.table[prepared.table["expression"] == "E057_Cheeks_Puffed"]["file"]
    assert len(files) == 5 and not files.str.contains("000105").any()


def test_without_cameras_it_says_what_to_fetch(imported, tmp_path):
    raw = write_folder(multiface_files(), tmp_path / "raw")
    file = next(raw.glob("*/KRT"))
    for content in ("400002\n1 2 3\n", krt({"a": 0.0}).replace("0.", "x."), "\xff"):
        file.write_text(content, encoding="latin-1")
        code, error, _ = imported(raw)
        assert code == 2 and "m--20180227--0000--6795937--GHS/KRT" in error
    file.unlink()
    code, error, _ = imported(raw)
    assert code == 2 and "fetch the metadata too" in error


def test_nothing_usable(imported, tmp_path):
    (tmp_path / "raw").mkdir()
    code, error, _ = imported(tmp_path / "raw")
    assert code == 2 and "images/<expression>/<camera>/<frame>.png" in error
    code, error, _ = imported(tmp_path / "raw", "--frames", "0")
    assert code == 2 and "--frames must be at least 1" in error
