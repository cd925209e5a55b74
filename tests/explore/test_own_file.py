"""Files of one's own face: consent, forgetting, putting several people together."""

import numpy as np
import pytest

from fermodels.data import VIEWS, PreparedError, PreparedImages
from fermodels.explore import merge_people
from fermodels.explore.__main__ import main
from fermodels.explore.camera_guide import View
from fermodels.explore.own_file import CONSENT, forget, read_own, write_instance
from fermodels.explore.track import YAWS


def views(seed=0, angles=YAWS, size=24):
    rng = np.random.default_rng(seed)
    crops = rng.integers(0, 256, (len(angles), size, size, 3), dtype=np.uint8)
    return [View(angle, angle + 1.23, 0.5, crop) for angle, crop in zip(angles, crops, strict=True)]


def person(path, *expressions, seed=0):
    for i, expression in enumerate(expressions):
        write_instance(path, views(seed + i), expression, consent=True)
    return path


def test_an_instance_is_a_prepared_file(tmp_path):
    path = tmp_path / "me.parquet"
    taken = views()
    write_instance(path, taken, "Happy", consent=True, session="glasses")
    write_instance(path, views(1, YAWS[1:3]), "happy", consent=True)
    write_instance(path, views(2), "half a smile", consent=True)
    file = PreparedImages.read(path)
    table = file.table
    assert len(file) == 12 and set(table["subject"]) == {"me"}
    assert list(table["instance"].unique()) == [
        "me-happy-001",
        "me-happy-002",
        "me-half a smile-001",
    ]
    assert table["view"].tolist()[:7] == [*VIEWS, *VIEWS[1:3]]
    assert table["yaw"].tolist()[:2] == pytest.approx([-88.8, -43.8])
    assert table["session"].tolist()[4:6] == ["glasses", "camera"]
    assert "half a smile" in file.expressions and file.expressions.count("happy") == 1
    np.testing.assert_array_equal(file.images(range(5)), [view.crop for view in taken])


def test_the_file_carries_the_consent(tmp_path):
    path = person(tmp_path / "me.parquet", "sad", "happy")
    (consent,) = read_own(path).metadata["consent"]
    assert consent["subject"] == "me" and consent["text"] == CONSENT and len(consent["date"]) == 10


@pytest.mark.parametrize("consent", [False, None, "yes", 1])
def test_without_consent_nothing_is_written(tmp_path, consent):
    with pytest.raises(ValueError, match="has to agree"):
        write_instance(tmp_path / "me.parquet", views(), "happy", consent=consent)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "taken, expression, said",
    [(views(), "  ", "name the expression"), (views(angles=(0.0,)), "sad", "two views")],
)
def test_half_an_instance_is_not_written(tmp_path, taken, expression, said):
    with pytest.raises(ValueError, match=said):
        write_instance(tmp_path / "me.parquet", taken, expression, consent=True)
    assert not list(tmp_path.iterdir())


def test_files_of_others_stay_as_they_are(tmp_path, tiny_prepared):
    path = tiny_prepared.subset(range(20)).write(tmp_path / "faces.parquet")
    before = path.read_bytes()
    with pytest.raises(PreparedError, match="not a file of the camera lab"):
        write_instance(path, views(), "sad", consent=True)
    with pytest.raises(PreparedError, match="not a file of the camera lab"):
        forget(path)
    with pytest.raises(PreparedError, match="not a file of the camera lab"):
        merge_people([path], tmp_path / "all.parquet")
    assert path.read_bytes() == before


def test_a_file_without_consent_is_refused(tmp_path):
    path = person(tmp_path / "me.parquet", "sad")
    file = PreparedImages.read(path)
    del file.metadata["consent"]
    file.write(path)
    with pytest.raises(PreparedError, match="agreed"):
        read_own(path)


def test_forgetting_deletes_the_file(tmp_path):
    path = person(tmp_path / "me.parquet", "sad")
    assert forget(path) is True and not list(tmp_path.iterdir())
    assert forget(path) is False


def test_people_are_renamed_apart(tmp_path):
    one = person(tmp_path / "one.parquet", "sad", "happy")
    two = person(tmp_path / "two.parquet", "sad", "half a smile", seed=5)
    three = person(tmp_path / "three.parquet", "angry", seed=9)
    both = tmp_path / "both.parquet"
    merge_people([one, two], both)
    whole = merge_people([three, both], tmp_path / "all.parquet")
    again = PreparedImages.read(tmp_path / "all.parquet")
    assert again.fingerprint() == whole.fingerprint() and len(again) == 25
    by_person = again.table.groupby("subject")["instance"].unique().map(list).to_dict()
    assert by_person == {
        "person1": ["person1-angry-001"],
        "person2": ["person2-sad-001", "person2-happy-001"],
        "person3": ["person3-sad-001", "person3-half a smile-001"],
    }
    assert [one["subject"] for one in again.metadata["consent"]] == sorted(by_person)
    assert len(again.split(fractions={"train": 0.67, "test": 0.33})["test"]) in (5, 10)
    np.testing.assert_array_equal(again.images(range(15, 20)), read_own(two).images(range(5)))
    with pytest.raises(PreparedError, match="several people"):
        write_instance(both, views(), "sad", consent=True)


def test_merging_says_what_is_wrong(tmp_path):
    one = person(tmp_path / "one.parquet", "sad")
    for paths, out in (([one, one], "all"), ([one], "one"), ([], "all")):
        with pytest.raises(ValueError, match="twice|name the files"):
            merge_people(paths, tmp_path / f"{out}.parquet")
    other = tmp_path / "large.parquet"
    write_instance(other, views(size=32), "sad", consent=True)
    with pytest.raises(PreparedError):
        merge_people([one, other], tmp_path / "all.parquet")
    assert not (tmp_path / "all.parquet").exists()


def test_the_command_merges(tmp_path, capsys):
    one = person(tmp_path / "one.parquet", "sad")
    two = person(tmp_path / "two.parquet", "happy", seed=3)
    out = tmp_path / "all.parquet"
    assert main(["merge", str(one), str(two), "--out", str(out)]) == 0
    assert "2 people" in capsys.readouterr().out and len(PreparedImages.read(out)) == 10
    assert main(["merge", str(one), str(tmp_path / "none.parquet"), "--out", str(out)]) == 2
    assert "none.parquet" in capsys.readouterr().err
