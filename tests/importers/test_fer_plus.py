"""FER+: votes in the order of the pixels' rows, majorities, official splits, doubles."""

from functools import partial

import numpy as np
import pytest

from data_prep.importers.fer_plus import majority
from data_prep.io.nobody import NOBODY
from tests.importers.fixtures import image_sets
from tests.importers.fixtures.images import write_folder, write_zip
from tests.importers.fixtures.importing import image_importer, reasons

VOTES, PIXELS = "FERPlus/fer2013new.csv", "fer2013/fer2013.csv"
KEPT = {
    "fer0000001.png": ("neutral", "train"),
    "fer0000003.png": ("sad", "train"),
    "fer0028638.png": ("afraid", "val"),
    "fer0028639.png": ("contemptuous", "val"),
    "fer0032220.png": ("happy", "test"),
    "fer0032221.png": ("angry", "test"),
}


@pytest.fixture(scope="module")
def published():
    return dict(image_sets.fer_plus())


@pytest.fixture
def files(published):
    """To be changed."""
    return dict(published)


@pytest.fixture
def imported(run, tmp_path):
    return partial(image_importer(run, tmp_path), "fer-plus")


def test_the_rows_are_what_most_voted_for(imported, files):
    prepared, about = imported(files)
    table = prepared.table.set_index("instance")
    found = {name: (row["expression"], row["split"]) for name, row in table.iterrows()}
    assert found == KEPT and about["found"] == len(image_sets.FER_ROWS)
    assert {k: len(v) for k, v in prepared.split("official").items()} == {
        "train": 2, "val": 2, "test": 2
    }  # fmt: skip
    for row in image_sets.FER_ROWS:
        if row[1] in KEPT:
            votes = [n for n in table if n.startswith("votes_")]
            assert ",".join(str(table.loc[row[1], name]) for name in votes) == row[2]
    assert table.loc["fer0028639.png", "votes_contemptuous"] == 8
    assert "votes_unknown" in table and "votes_no_face" in table


def test_whatever_is_left_out_has_a_reason(imported, files):
    _, about = imported(files)
    assert reasons(about) == {
        "fer0000000.png": "no expression has more than half of the votes",
        f"{VOTES}, line 4": "no face, by the votes",
        "fer0000002.png": "byte for byte the same as fer0032220.png",
        "fer0000004.png": "no expression has more than half of the votes",
    }
    assert NOBODY in about["warnings"]


@pytest.mark.parametrize(
    "votes, best",
    [
        ("4,0,0,1,3,2,0,0,0,0", None),  # 4 of 9: the single vote does not count
        ("5,0,0,5,0,0,0,0,0,0", None),  # half is not more than half
        ("1,1,1,2,1,1,1,1,1,0", "3"),
        ("1,1,1,1,1,1,1,1,1,1", None),
        ("0,0,0,0,0,0,0,0,6,4", "8"),
        ("0,0,0,0,0,0,0,0,0,0", None),
    ],
)
def test_majorities(votes, best):
    counts = {str(at): int(count) for at, count in enumerate(votes.split(","))}
    assert majority(counts) == best


def test_pixels_are_of_the_right_row(imported, files):
    prepared, _ = imported(files, "--size", "48")
    pixels = files[PIXELS].decode().splitlines()[1:]
    for at, row in enumerate(image_sets.FER_ROWS):
        rows = prepared.table.index[prepared.table["instance"] == row[1]]
        if len(rows):
            expected = np.array(pixels[at].split(",")[1].split(), float).reshape(48, 48)
            image = prepared.images(rows)[0].mean(axis=2)
            assert np.abs(image - expected).mean() < 6


@pytest.mark.parametrize("kind", ["images", "zip"])
def test_images_in_folders_and_archives_give_the_same(imported, files, tmp_path, kind):
    whole, _ = imported(files)
    if kind == "zip":
        other, _ = imported(write_zip(files.items(), tmp_path / "fer.zip"))
        assert other.fingerprint() == whole.fingerprint()
    else:
        folders = write_folder(image_sets.fer_plus(images=True), tmp_path / "folders")
        other, about = imported(folders)
        assert other.table["expression"].tolist() == whole.table["expression"].tolist()
        assert other.table["file"].str.startswith("FERPlus/data/FER2013").all()
        assert (np.abs(other.images().astype(int) - whole.images()) < 2).all()
        double = "FERPlus/data/FER2013Train/fer0000002.png"
        assert reasons(about)[double].startswith("byte for byte the same as")


def test_copies_can_be_kept(imported, files):
    prepared, _ = imported(files, "--copies", "keep")
    assert set(prepared.table["instance"]) == {*KEPT, "fer0000002.png"}


def test_a_row_without_pixels_costs_one_row(imported, files):
    lines = files[PIXELS].decode().split("\n")
    lines[2] = "0,1 2 3,Training"
    lines[5] = lines[5].replace(" ", " 999 ", 1)
    files[PIXELS] = "\n".join(lines).encode()
    prepared, about = imported(files)
    assert set(prepared.table["instance"]) == set(KEPT) - {"fer0000001.png", "fer0000003.png"}
    why = "its pixels are not 48×48 numbers from 0 to 255"
    assert reasons(about)["fer0000001.png"] == reasons(about)["fer0000003.png"] == why


def test_a_row_without_votes_costs_one_row(imported, files):
    text = files[VOTES].decode()
    for old, new in (
        ("6,0,1,1,0,0,0,0,2,0", "6,0,one,1"),
        ("0,9,1,", "-9,9,1,"),
        ("0,0,0,0,7,1,0,0,2,0", f"0,0,0,0,{10**30},1,0,0,2,0"),
    ):
        text = text.replace(old, new)
    files[VOTES] = text.encode()
    prepared, about = imported(files)
    assert len(prepared) == 4
    assert reasons(about)["fer0000001.png"] == "its votes are not whole numbers"
    assert reasons(about)["fer0032220.png"] == "its votes are not 0 to 1,000"
    assert reasons(about)["fer0032221.png"] == "its votes are not 0 to 1,000"


def test_tables_that_do_not_belong_together_are_refused(imported, files):
    lines = files[PIXELS].decode().split("\n")
    files[PIXELS] = "\n".join([lines[0], *lines[2:]]).encode()
    code, error, _ = imported(files)
    assert code == 2 and "do not belong together row by row" in error
    assert f"row 6 is of 'Training' in {VOTES} and of 'PublicTest' in {PIXELS}" in error
    files[PIXELS] = "\n".join([*lines[:-2], ""]).encode()
    code, error, _ = imported(files)
    assert code == 2 and "row 10 is of 'PrivateTest'" in error and "(no such row)" in error


@pytest.mark.parametrize(
    "name, old, new, message",
    [
        (VOTES, "contempt", "scorn", "fer2013new.csv: its first line lacks contempt; it has usage"),
        (PIXELS, "pixels", "px", "fer2013.csv: its first line lacks pixels; it has emotion"),
    ],
)
def test_columns_that_are_missing_are_named(imported, files, name, old, new, message):
    files[name] = files[name].replace(old.encode(), new.encode(), 1)
    code, error, _ = imported(files)
    assert code == 2 and message in error


@pytest.mark.parametrize(
    "without, message",
    [
        (VOTES, "expected: fer2013new.csv (FER+) and, beside it, fer2013.csv"),
        (PIXELS, "expected: images for the votes of FERPlus/fer2013new.csv"),
    ],
)
def test_what_is_missing_is_said(imported, files, without, message):
    del files[without]
    code, error, about = imported(files)
    assert code == 2 and message in error
    if without == PIXELS:
        assert "no image of this name, and no fer2013.csv" in reasons(about)["fer0000001.png"]


def test_two_tables_of_one_name_are_refused(imported, files):
    files["copy/fer2013.csv"] = files[PIXELS]
    code, error, _ = imported(files)
    assert (
        code == 2 and "copy/fer2013.csv and fer2013/fer2013.csv are two of the same name" in error
    )
