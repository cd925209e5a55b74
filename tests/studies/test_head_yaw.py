"""`python -m studies.head_yaw`: the fit, the errors by bin, and that found faces are kept."""

import numpy as np
import pandas as pd
import pytest

from fermodels.crops.pose import WEIGHTS
from studies import head_yaw

FRONT = np.array([[-20.0, 0], [20, 0], [0, 24], [-17, 41], [17, 41]])


def faces(yaws, depth: float = 17.0) -> pd.DataFrame:
    """Landmarks of one face, turned by hand."""
    rows = []
    for yaw in yaws:
        angle = np.deg2rad(yaw)
        landmarks = FRONT * [np.cos(angle), 1]
        landmarks[2, 0] += depth * np.sin(angle)
        rows.append(["A", float(yaw), *landmarks.ravel()])
    return pd.DataFrame(rows, columns=["person", "yaw", *head_yaw.MARKS])


def test_the_fit_finds_the_angle_whatever_was_not_found_or_is_behind():
    known = faces(range(-90, 91, 5))
    weights = head_yaw.fit(known)
    np.testing.assert_allclose(head_yaw.features(known) @ weights, known["yaw"], atol=6)
    lost = faces([10.0, 170.0])
    lost.loc[0, head_yaw.MARKS] = np.nan
    np.testing.assert_allclose(head_yaw.fit(pd.concat([known, lost])), weights)


def test_errors_are_counted_by_bin_and_mirrored_views_together():
    seen = faces([-80, -50, -5, 5, 50, 90, 95])
    seen.loc[seen["yaw"] == 50, head_yaw.MARKS] = np.nan
    rows = {row["yaw"]: row for row in head_yaw.errors("set", seen, np.zeros(2))}
    assert set(rows) == {"0 to 15", "45 to 60", "75 to 90", "0 to 75"}
    assert rows["0 to 15"]["median error"] == 5 and rows["0 to 15"]["found"] == 1
    assert rows["45 to 60"]["images"] == 2 and rows["45 to 60"]["found"] == 0.5
    assert rows["45 to 60"]["median error"] == 50
    assert rows["75 to 90"]["images"] == 3 and rows["75 to 90"]["median error"] == 90
    assert rows["0 to 75"]["images"] == 4 and rows["0 to 75"]["found"] == 0.75


def test_faces_are_found_once_and_kept(tmp_path):
    asked = []

    def images():
        asked.append(1)
        yield "A", 10.0, np.full((64, 64, 3), 120, np.uint8)

    for _ in range(2):
        table = head_yaw.found(tmp_path / "set.parquet", images)
        assert list(table["person"]) == ["A"] and table[head_yaw.MARKS].isna().all(axis=None)
    assert len(asked) == 1


def test_the_weights_that_ship_are_those_of_the_results():
    stored = pd.read_json(head_yaw.RESULTS / "head_yaw.json", typ="series")
    assert list(WEIGHTS) == pytest.approx(stored["weights"], abs=0.002)


def test_the_results_keep_what_the_readme_says():
    table = pd.read_csv(head_yaw.RESULTS / "head_yaw.csv").set_index(["set", "yaw"])
    film = table.loc["film"]
    assert (film["found"] == 1).all() and film.loc["0 to 75", "median error"] < 12
    assert table.loc[("second faces", "0 to 75"), "median error"] < 12
