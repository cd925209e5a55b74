"""Stored readings of the judge: by row of a data set, and only of the file they were made of."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fermodels import course
from fermodels.course.judged import write_readings
from fermodels.data import PreparedImages
from studies import readability
from tests.fixtures.images import make_tiny


class Sure:
    """A judge that is sure of one expression after the other."""

    classes = ("happy", "sad", "neutral")

    def probabilities(self, images):
        p = np.full((len(images), 3), 0.2)
        p[np.arange(len(images)), np.arange(len(images)) % 3] = 0.6
        return p


@pytest.fixture
def tiny():
    return make_tiny(subjects=2, sessions=("A",), expressions=("happy", "sad"))


@pytest.fixture
def folder(tmp_path, monkeypatch, tiny):
    """Data that ship: two data sets and what was read in the first two."""
    monkeypatch.setenv("FERMODELS_DATA", str(tmp_path))
    for name in ("one", "two", "three"):
        tiny.write(tmp_path / f"{name}.parquet")
    table = readability.readings(tiny, Sure())
    found = {name: (tmp_path / f"{name}.parquet", table) for name in ("one", "two")}
    assert write_readings(tmp_path, found) == tmp_path / "readings.parquet"
    return tmp_path


def test_a_row_per_frontal_image(folder, tiny):
    found = course.readings("one")
    straight = tiny.table[tiny.table["view"] == "straight"]
    assert found.index.tolist() == straight.index.tolist()
    assert found["expression"].tolist() == straight["expression"].tolist()
    assert found["read"].tolist() == ["happy", "sad", "neutral", "happy"]
    assert found["probability"].tolist() == pytest.approx([0.6] * 4)
    assert course.readings("two").equals(found)


def test_images_without_a_label_are_read_too(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("FERMODELS_DATA", str(tmp_path))
    table = tiny.table.assign(image=tiny._blobs())
    table.loc[table["expression"] == "sad", "expression"] = None
    partly = PreparedImages(table, tiny.metadata)
    path = partly.write(tmp_path / "partly.parquet")
    write_readings(tmp_path, {"partly": (path, readability.readings(partly, Sure()))})
    found = course.readings("partly")
    assert found["expression"].tolist() == ["happy", None, "happy", None]
    assert found["read"].notna().all()


def test_of_another_file_they_are_refused(folder):
    make_tiny(subjects=3, sessions=("A",)).write(folder / "one.parquet")
    with pytest.raises(ValueError, match="of another one.parquet: .*python -m studies.readability"):
        course.readings("one")
    assert len(course.readings("two"))


def test_missing_readings_name_the_command(folder):
    with pytest.raises(FileNotFoundError, match="is of one, two, not of three"):
        course.readings("three")
    (folder / "readings.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="python -m studies.readability"):
        course.readings("one")


def test_another_table_is_no_reading(folder):
    table = pq.read_table(folder / "readings.parquet").replace_schema_metadata({})
    pq.write_table(table, folder / "readings.parquet")
    with pytest.raises(ValueError, match="holds no readings of a judge"):
        course.readings("one")


def test_the_command_stores_them_for_what_ships_only(tmp_path, monkeypatch, tiny):
    class Both(Sure):
        def __init__(self, crop):
            self.crop = crop

        def read(self, images):
            return ["happy"] * len(images)

    monkeypatch.setattr(readability, "Judge", Both)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("FERMODELS_DATA", "data")
    tiny.write("data/second_faces.parquet")
    assert readability.main(["data/second_faces.parquet"]) == 0
    assert not (tmp_path / "data/readings.parquet").exists()
    assert readability.main([]) == 0
    assert isinstance(found := course.readings("second_faces"), pd.DataFrame)
    assert found["read"].tolist() == ["happy", "sad", "neutral", "happy"]
