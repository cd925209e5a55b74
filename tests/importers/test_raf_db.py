"""RAF-DB: the list of labels, its two kinds of images, the compound set beside it, doubles."""

from functools import partial

import pytest

from data_prep.io.nobody import NOBODY
from tests.importers.fixtures import image_sets
from tests.importers.fixtures.images import write_folder, write_zip
from tests.importers.fixtures.importing import image_importer, reasons

LIST = "basic/EmoLabel/list_patition_label.txt"


@pytest.fixture(scope="module")
def published():
    return dict(image_sets.raf_db())


@pytest.fixture
def files(published):
    """To be changed."""
    return dict(published)


@pytest.fixture
def imported(run, tmp_path):
    return partial(image_importer(run, tmp_path), "raf-db")


def test_the_rows_are_what_the_list_says(imported, files):
    prepared, about = imported(files)
    table = prepared.table.set_index("instance")
    assert table["expression"].to_dict() == {
        "train_00001.jpg": "sad",
        "train_00003.jpg": "surprised",
        "train_00010.jpg": "afraid",
        "test_0001.jpg": "disgusted",
        "test_0002.jpg": "angry",
        "test_0003.jpg": "neutral",
        "test_0004.jpg": "neutral",
    }
    assert table["original_label"].to_dict() == {
        name: label for name, (label, _, _) in image_sets.RAF_DB.items() if name in table.index
    }
    assert table["file"].str.contains("/aligned/").all()
    assert {k: len(v) for k, v in prepared.split("official").items()} == {"train": 3, "test": 4}
    assert about["found"] == 10


def test_nobody_knows_who_is_shown_and_from_where(imported, files):
    prepared, about = imported(files)
    assert not prepared.known_subjects.any() and prepared.views == ("unknown",)
    assert prepared.table["subject"].nunique() == len(prepared)
    assert prepared.table["yaw"].isna().all() and NOBODY in about["warnings"]
    assert NOBODY in prepared.metadata["description"]


def test_whatever_is_left_out_has_a_reason(imported, files):
    _, about = imported(files)
    why = reasons(about)
    originals = [name for name in files if "basic/Image/original" in name]
    assert {why.pop(name) for name in originals} == {"not one of the aligned images (--images)"}
    assert why == {
        f"train_00099.jpg ({LIST}, line 9)": "listed, but there is no such aligned image",
        f"train_00100.jpg ({LIST}, line 10)": "label 9 is none of 1 to 7",
        "basic/Image/aligned/train_00050_aligned.jpg": "not in the list of labels",
        "basic/Image/aligned/train_00002_aligned.jpg": (
            "byte for byte the same as basic/Image/aligned/test_0004_aligned.jpg, under another "
            "label"
        ),
        "compound/EmoLabel/list_patition_label.txt": (
            "the list of the compound set, which is another data set"
        ),
        "compound/Image/aligned/test_0001_aligned.jpg": "not in the list of labels",
    }


def test_copies_can_be_kept(imported, files):
    prepared, about = imported(files, "--copies", "keep")
    assert len(prepared) == 8 and not any("byte for byte" in r for r in reasons(about).values())
    assert about["warnings"][0] == (
        "1 images are copies of others, byte for byte; 1 contents were in more than one split, 1 "
        "under more than one label: --copies skip takes each once"
    )


def test_original_images_can_be_taken(imported, files):
    prepared, _ = imported(files, "--images", "original")
    assert prepared.table["file"].str.startswith("basic/Image/original/").all()
    assert len(prepared) == 7


def test_the_basic_folder_alone_and_an_archive_give_the_same(imported, files, tmp_path):
    whole, _ = imported(files)
    basic = {name.removeprefix("basic/"): data for name, data in files.items() if name[0] == "b"}
    inside, _ = imported(write_folder(basic.items(), tmp_path / "inside"))
    archive, _ = imported(write_zip(files.items(), tmp_path / "RAF-DB.zip"))
    assert archive.fingerprint() == whole.fingerprint() and len(inside) == len(whole)


@pytest.mark.parametrize(
    "line, why",
    [
        ("train_00001.jpg", "not the name of an image and its label"),
        ("train_00001.jpg happy", "not the name of an image and its label"),
        ("train_00001.jpg 4", "train_00001.jpg is listed twice"),
    ],
)
def test_lines_that_say_nothing_are_named(imported, files, line, why):
    files[LIST] += line.encode()
    prepared, about = imported(files)
    assert len(prepared) == 7 and reasons(about)[f"{LIST}, line 11"] == why


def test_names_without_a_split_are_named(imported, files):
    files[LIST] += b"face_1.jpg 3"
    _, about = imported(files)
    why = reasons(about)[f"face_1.jpg ({LIST}, line 11)"]
    assert why == "its name begins neither with train_ nor with test_"


def test_the_compound_set_alone_is_refused(imported, files):
    compound = {name: data for name, data in files.items() if name.startswith("compound")}
    code, error, _ = imported(compound)
    assert code == 2 and "RAF-DB's compound set. Give the folder of the basic set" in error


def test_two_lists_are_refused(imported, files):
    files["copy/EmoLabel/list_patition_label.txt"] = files[LIST]
    code, error, _ = imported(files)
    assert code == 2 and "two lists of labels" in error and LIST in error


@pytest.mark.parametrize("part", ["aligned", "EmoLabel"])
def test_what_is_missing_is_said(imported, files, part):
    code, error, _ = imported({name: data for name, data in files.items() if part not in name})
    assert code == 2 and ("aligned images" if part == "aligned" else "list_patition") in error
