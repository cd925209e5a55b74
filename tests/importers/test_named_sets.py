"""RaFD, ManyFaces and Multi-PIE: what their names say, and what becomes of other names."""

import re

import numpy as np
import pandas as pd
import pytest

from data_prep.importers import multi_pie, rafd
from fermodels.data import VIEWS
from tests.importers.fixtures import image_sets
from tests.importers.fixtures.images import write_zip
from tests.importers.fixtures.importing import image_importer, reasons

FILES = {
    "rafd": dict(image_sets.rafd()),
    "manyfaces": dict(image_sets.manyfaces()),
    "multi-pie": dict(image_sets.multi_pie()),
}
# The files of one person, without faults.
FEW = {
    "rafd": re.compile(r"RafD/Rafd.*_01_.*"),
    "manyfaces": re.compile(r"images/raw/MF0004_0001_std_.*"),
    "multi-pie": re.compile(r"session01/multiview/001/01/.*"),
}
YAWS = dict(zip(VIEWS, (-90.0, -45.0, 0.0, 45.0, 90.0), strict=True))

_whole = {}


@pytest.fixture
def imported(run, tmp_path):
    return image_importer(run, tmp_path)


@pytest.fixture
def whole(imported):
    """The table and the report of all files of a data set, imported once."""

    def whole(name):
        if name not in _whole:
            _whole[name] = imported(name, FILES[name])
        return _whole[name]

    return whole


def few(name):
    return {path: data for path, data in FILES[name].items() if FEW[name].fullmatch(path)}


# --------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", FILES)
def test_mirrored_swaps_left_and_right(imported, name):
    straight, mirrored = imported(name, few(name))[0], imported(name, few(name), "--mirrored")[0]
    yaws = straight.table.set_index("file")["yaw"]
    turned = mirrored.table.set_index("file")["yaw"][yaws.index]
    assert (turned + yaws).dropna().eq(0).all() and turned.isna().equals(yaws.isna())
    for view, yaw in zip(mirrored.table["view"], mirrored.table["yaw"], strict=True):
        assert YAWS.get(view, yaw) == yaw or np.isnan(yaw)
    assert mirrored.metadata["command"].endswith("--mirrored")


@pytest.mark.parametrize("name", FILES)
def test_the_archive_gives_the_same_rows(imported, name, tmp_path):
    folder, _ = imported(name, few(name))
    archive, _ = imported(name, write_zip(list(few(name).items())[::-1], tmp_path / "raw.zip"))
    assert archive.fingerprint() == folder.fingerprint()


@pytest.mark.parametrize(
    "name, whose, other",
    [
        (
            *("rafd", "RaFD's"),
            "Rafd060_01_Caucasian_female_angry_left Rafd090_01_Caucasian_female_bored_left "
            "Rafd090_01_Caucasian_female_angry_up Rafd090_Caucasian_female_angry_left x "
            "Rafd090_01_Caucasian_female_angry_left(1)",
        ),
        (
            *("manyfaces", "ManyFaces'"),
            "MF0004_0001_std_neu MF0004_0001_half_neu_0 MF0004_0001_std_neu_l30 MF0004_std_neu_0 "
            "0004_0001_std_neu_0 MF0004_0001_std_xxx_0",
        ),
        ("multi-pie", "Multi-PIE's", "001_01_01_051 001_1_01_051_07 a_01_01_051_07"),
    ],
)
def test_other_names_are_reported(imported, name, whose, other):
    files = few(name)
    data = next(iter(files.values()))
    prepared, about = imported(name, files | {f"{one}.jpg": data for one in other.split()})
    why = f"its name is not one of {whose}"
    assert len(prepared) == len(files) and reasons(about) == {
        f"{o}.jpg": why for o in other.split()
    }


@pytest.mark.parametrize("name", FILES)
def test_something_else_is_said_to_be_something_else(imported, name):
    code, error, _ = imported(name, {"AF01ANFL.JPG": next(iter(FILES[name].values()))})
    assert code == 2 and "expected: images with names like" in error and "such as AF01ANFL" in error


@pytest.mark.parametrize("others", ["keep", "unlabelled", "skip"])
@pytest.mark.parametrize(
    "name, own", [("manyfaces", {"natural"}), ("multi-pie", {"squint", "scream"})]
)
def test_expressions_that_no_other_data_set_has(imported, name, own, others):
    prepared, about = imported(name, FILES[name], "--others", others)
    all_of_them = 4 if name == "manyfaces" else 56
    assert (set(prepared.expressions) & own == own) == (others == "keep")
    assert (prepared.labels == -1).sum() == (all_of_them if others == "unlabelled" else 0)
    assert len(prepared) == {"manyfaces": 48, "multi-pie": 196}[name] - (
        all_of_them if others == "skip" else 0
    )
    told = {"manyfaces": "natural: 4 images", "multi-pie": "scream: 28, squint: 28 images"}[name]
    assert about["warnings"][0].endswith(f"(--others): {told}")
    left_out = [why for why in reasons(about).values() if "other data sets do not have" in why]
    assert len(left_out) == (all_of_them if others == "skip" else 0)


# ---------------------------------------------------------------------------------------- RaFD


def test_rafd_rows_are_what_the_names_say(whole):
    prepared, about = whole("rafd")
    table = prepared.table
    assert len(prepared) == about["kept"] == 4 * 2 * 3 * 5 and about["junk"] == 1
    assert reasons(about) == {"RafD/readme.txt": "a file (.txt) that rafd has no use for"}
    assert prepared.views == VIEWS and prepared.expressions == ("angry", "contemptuous")
    for row in table.itertuples():
        angle, number, population, kind, original, gaze = row.file[9:-4].split("_")
        assert (row.subject, row.population, row.gaze) == (number, population, gaze)
        assert row.view == image_sets.RAFD_ANGLES[angle] and row.yaw == YAWS[row.view]
        assert (row.original_label, row.session, row.pitch) == (original, "1", 0)
        assert row.age_group == ("child" if kind == "kid" else "adult")
        assert pd.isna(row.gender) if kind == "kid" else row.gender == kind
    assert about["warnings"][:2] == [
        "4 of RaFD's 67 people are here",
        "360 images of these people are not here (120 each)",
    ]


def test_each_gaze_is_an_instance_of_five_views_and_whole_people_are_split(whole):
    prepared, about = whole("rafd")
    groups = prepared.table.groupby("instance")
    assert len(groups) == 4 * 2 * 3 and (groups["view"].nunique() == 5).all()
    assert (groups["gaze"].nunique() == 1).all() and (groups["subject"].nunique() == 1).all()
    assert about["counts"]["gaze"] == {"frontal": 40, "left": 40, "right": 40}
    parts = prepared.split()
    prepared.check_split(parts)
    assert sum(map(len, parts.values())) == len(prepared)


@pytest.mark.parametrize("name", rafd.EXPRESSIONS)
def test_every_expression_of_rafd_has_a_common_name(imported, name):
    data = next(iter(FILES["rafd"].values()))
    files = {f"Rafd{a}_07_Caucasian_male_{name}_left.jpg": data for a in ("000", "090")}
    prepared, _ = imported("rafd", files)
    assert prepared.expressions == ({"fearful": "afraid"}.get(name, name),)
    assert set(prepared.table["original_label"]) == {name}


def test_zeros_and_capitals_make_no_other_person_and_damage_costs_one_row(imported):
    data = next(iter(FILES["rafd"].values()))
    files = {
        "Rafd090_01_Caucasian_female_angry_left.jpg": data,
        "copy/Rafd090_1_caucasian_Female_ANGRY_left.JPG": data,
        "copy/Rafd045_001_Caucasian_female_angry_left.jpg": data,
        "Rafd000_01_Caucasian_female_angry_left.jpg": data[:400],
    }
    prepared, about = imported("rafd", files)
    assert prepared.table["subject"].tolist() == ["01", "01"]
    why = reasons(about)
    assert why.pop(list(files)[1]) == "a duplicate (the same bytes) of a file that is kept"
    assert "damaged or cut off" in why.pop(list(files)[3]) and not why


# ----------------------------------------------------------------------------------- ManyFaces


def test_manyfaces_rows_are_what_the_names_say(whole):
    prepared, about = whole("manyfaces")
    table = prepared.table
    assert len(prepared) == about["kept"] == 2 * 2 * (2 * 5 + 2) and prepared.views == VIEWS
    assert prepared.expressions == ("angry", "happy", "neutral", "natural")
    for row in table.itertuples():
        name = row.file.removeprefix("images/raw/").removesuffix(".jpg")
        lab, number, session, code, angle = name.split("_")
        # The same number in two laboratories is two people.
        assert (row.subject, row.lab, row.session) == (f"{lab}_{number}", lab, session)
        assert (row.original_label, row.view) == (code, image_sets.MANYFACES_ANGLES[angle])
        assert row.yaw == YAWS[row.view]
    assert (table.groupby("instance")["session"].nunique() == 1).all()
    assert (table.groupby("subject")["session"].nunique() == 2).all()
    assert about["counts"]["lab"] == {"MF0004": 24, "MF0012": 24}


def test_images_come_from_the_folder_that_has_the_most(whole, imported):
    prepared, about = whole("manyfaces")
    assert prepared.table["file"].str.startswith("images/raw/").all()
    why = reasons(about)
    assert len(why) == len(FILES["manyfaces"]) - len(prepared)
    name = "MF0004_0001_std_ang_0"
    assert why[f"images/align/{name}.png"].startswith("a duplicate (of the same name")
    assert why[f"images/align/{name}.tem"].startswith("a file (.tem)")
    assert why[f"images/cr2/{name}.CR2"].startswith("a duplicate")
    files = few("manyfaces")
    del files[f"images/raw/{name}.jpg"]
    files[f"images/align/{name}.png"] = FILES["manyfaces"][f"images/align/{name}.png"]
    files["images/cr2/MF0004_0002_std_ang_0.CR2"] = b"II*\0" + bytes(99)
    prepared, about = imported("manyfaces", files)
    assert f"images/align/{name}.png" in set(prepared.table["file"]) and len(prepared) == 12
    ((file, why),) = reasons(about).items()
    assert file.endswith("0002_std_ang_0.CR2") and "export it as JPEG" in why


# ----------------------------------------------------------------------------------- Multi-PIE


def test_multi_pie_rows_are_what_the_names_say(whole):
    prepared, about = whole("multi-pie")
    assert len(prepared) == about["kept"] == 2 * 7 * 7 * 2
    for row in prepared.table.itertuples():
        number, session, recording, camera, light = row.file[-20:-4].split("_")
        assert (row.subject, row.session, row.recording) == (number, session, recording)
        assert (row.camera, row.light) == (camera, light)
        assert row.original_label == multi_pie.RECORDINGS[session][int(recording) - 1]
    groups = prepared.table.groupby("instance")  # one moment is one light
    assert (groups["light"].nunique() == 1).all() and (groups["camera"].nunique() == 7).all()
    assert len(groups) == 2 * 7 * 2 and about["counts"]["light"] == {"00": 98, "07": 98}
    why = {name.rpartition("/")[2]: reason for name, reason in reasons(about).items()}
    assert (
        why.pop("001_01_01_01.png") == "an image of high resolution, which has no camera and light"
    )
    assert {name: reason for name, reason in why.items() if "high" not in reason} == {
        "001_01_03_051_07.png": "there is no recording 03 in session 01",
        "001_05_01_051_07.png": "session 05 is none of 01 to 04",
        "001_01_01_052_07.png": "camera 052 is not known",
        "001_01_01_051_20.png": "light 20 is none of 00 to 19",
        "001_01_01_051.png": "its name is not one of Multi-PIE's",
    }


@pytest.mark.filterwarnings("ignore:.*has one view only")
def test_the_expression_follows_from_session_and_recording(imported):
    takes = [
        (s, f"{n + 1:02d}") for s, names in multi_pie.RECORDINGS.items() for n in range(len(names))
    ]
    data = next(iter(FILES["multi-pie"].values()))
    prepared, _ = imported("multi-pie", {f"001_{s}_{n}_051_07.png": data for s, n in takes})
    table = prepared.table
    found = dict(zip(table["session"] + table["recording"], table["expression"], strict=True))
    assert found == {
        **{"0101": "neutral", "0102": "happy"},
        **{"0201": "neutral", "0202": "surprised", "0203": "squint"},
        **{"0301": "neutral", "0302": "happy", "0303": "disgusted"},
        **{"0401": "neutral", "0402": "neutral", "0403": "scream"},
    }


@pytest.mark.parametrize("mirrored", [False, True])
def test_cameras_stand_fifteen_degrees_apart(imported, mirrored):
    cameras = (*multi_pie.CAMERAS, *multi_pie.ABOVE)
    data = next(iter(FILES["multi-pie"].values()))
    files = {f"001_01_01_{camera}_07.png": data for camera in cameras}
    prepared, _ = imported("multi-pie", files, *["--mirrored"] * mirrored)
    table = prepared.table.set_index("camera")
    order = [f"{n:03d}" for n in (240, 10, 200, 190, 41, 50, 51, 140, 130, 80, 90, 120, 110)]
    yaws = np.arange(90, -91, -15) * (-1 if mirrored else 1)
    assert (
        table.loc[order, "yaw"].tolist() == yaws.tolist() and (table.loc[order, "pitch"] == 0).all()
    )
    assert prepared.views == (
        *("full_left", "yaw-75", "yaw-60", "half_left", "yaw-30", "yaw-15", "straight"),
        *("yaw+15", "yaw+30", "half_right", "yaw+60", "yaw+75", "full_right"),
        *("above_left", "above_right"),
    )
    assert table.loc["081", "view"] == ("above_right" if mirrored else "above_left")
    assert table.loc[["081", "191"], ["yaw", "pitch"]].isna().all(axis=None)


def test_cameras_and_lights_can_be_chosen(imported):
    options = ("--cameras", "110,80,051,190,240", "--lights", "7")
    prepared, about = imported("multi-pie", FILES["multi-pie"], *options)
    assert len(prepared) == 2 * 7 * 5 and prepared.views == VIEWS
    assert set(prepared.table["light"]) == {"07"}
    why = reasons(about)["session01/multiview/001/01/14_0/001_01_01_140_07.png"]
    assert why == "140 is not one of --cameras 110,080,051,190,240"
    assert "--cameras 110,080,051,190,240 --lights 07" in prepared.metadata["command"]
    code, error, _ = imported("multi-pie", FILES["multi-pie"], "--lights", "3")
    assert code == 2 and "00 is not one of --lights 03" in error


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--cameras", "052", "052: cameras are 110, 120"),
        ("--lights", "20", "20: lights are 00, 01"),
        ("--lights", ",", "nothing: lights are"),
    ],
)
def test_unknown_cameras_and_lights_are_refused(imported, capsys, option, value, message):
    with pytest.raises(SystemExit):
        imported("multi-pie", few("multi-pie"), option, value)
    assert message in capsys.readouterr().err
