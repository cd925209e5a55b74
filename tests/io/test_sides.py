"""Views whose left and right are swapped are noticed by the noses."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from data_prep.importers.rafd import ANGLES
from data_prep.io.report import ImportReport
from data_prep.io.sides import tell_of_sides
from data_prep.synthetic.demo import faces
from fermodels.data import encode_image
from tests.importers.fixtures.images import jpeg, write_folder


@pytest.fixture(scope="module")
def frame():
    """Twelve images from the side, and six from the front."""
    table = faces().table
    rows = np.concatenate([table.index[table["yaw"] == yaw][::200][:6] for yaw in (-45, 0, 45)])
    images = [encode_image(image, "PNG") for image in faces().images(rows)]
    return pd.DataFrame({"image": images, "yaw": table["yaw"][rows].tolist(), "face_found": True})


def told(frame):
    report = ImportReport("x", "")
    tell_of_sides(frame, report)
    return report.warnings


@pytest.mark.parametrize("swapped, warned", [(0, False), (6, False), (12, True)])
def test_most_noses_decide(frame, swapped, warned):
    frame = frame.copy()
    sides = frame.index[frame["yaw"] != 0][:swapped]
    frame.loc[sides, "yaw"] *= -1
    warnings = told(frame)
    assert len(warnings) == warned
    if warned:
        assert re.match(r"in (\d+) of \1 images from the side", warnings[0])
        assert "--mirrored" in warnings[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(yaw=-frame["yaw"], face_found=False),
        lambda frame: frame.assign(yaw=-frame["yaw"]).query("yaw != 0").iloc[:4],
        lambda frame: frame.assign(yaw=None),
        lambda frame: frame.drop(columns="face_found"),
        lambda frame: frame.assign(yaw=-4 * frame["yaw"]),  # from behind
        lambda frame: frame.assign(image=[frame["image"][6]] * len(frame), yaw=45.0),  # no side
    ],
    ids=["no face found", "too few", "angles not known", "no crops", "behind", "from the front"],
)
def test_where_nothing_can_be_told_nothing_is(frame, change):
    assert told(change(frame)) == []


@pytest.mark.parametrize("mirrored", [False, True])
def test_an_import_says_so(run, tmp_path, mirrored):
    of = {view: angle for angle, view in ANGLES.items()}
    table = faces().table.query("subject == 'F01' and session == 'A'")
    table = table[table["expression"].isin(["angry", "happy", "sad"])]
    files = [
        (
            f"Rafd{of[row.view]}_01_Caucasian_female_{row.expression}_left.jpg",
            jpeg(faces().images([row.Index])[0], (180, 240)),
        )
        for row in table.itertuples()
    ]
    raw, report = write_folder(files, tmp_path / "raw"), tmp_path / "report.json"
    options = ("--jobs", "1", "--report", report, *["--mirrored"] * mirrored)
    assert run("rafd", raw, tmp_path / "o.parquet", *options)[0] == 0
    warnings = json.loads(report.read_text())["warnings"]
    assert any("left and right seem to be swapped" in text for text in warnings) == mirrored
