"""Files with the content of another, in importers of images and of clips."""

import json

import pytest

from fermodels.data import PreparedClips, PreparedImages
from tests.importers.fixtures.importing import SMALL, reasons
from tests.importers.fixtures.with_duplicates import SETS

pytestmark = pytest.mark.filterwarnings("ignore:.*has one view only")
COUNTS = ("files", "within_a_split", "across_splits", "across_people", "across_labels", "left_out")
# By COUNTS, and what is left out by default: the copy of which file.
FOUND = {
    "kdef": ((2, 1, 1, 1, 0, 1), {"KDEF/AF01/AF01NES.JPG": "KDEF/AF05/AF05NES.JPG"}),
    "image-folder": (
        (4, 1, 3, 0, 2, 3),
        {
            "train/sad/3.jpg": "test/happy/8.jpg, under another label",
            "train/sad/4.jpg": "val/sad/5.jpg",
            "val/happy/6.jpg": "test/sad/7.jpg, under another label",
        },
    ),
    "image-folder of people": ((1, 1, 0, 1, 0, 0), {}),
    "ddcf": ((1, 1, 0, 0, 1, 0), {}),
    "multiface": ((15, 5, 0, 5, 5, 0), {}),
    "mosei": (None, {}),  # films of the same bytes, of which other stretches are taken
    "mosei without videos": (None, {}),
    "caer": (
        (2, 0, 2, 0, 1, 2),
        {
            "train/Anger/0001.avi": "test/Anger/0002.avi",
            "train/Disgust/0001.avi": "validation/Fear/0003.avi, under another label",
        },
    ),
    "caer stills": ((1, 0, 1, 0, 0, 1), {"train/Angry/0009.png": "test/Anger/0004.png"}),
    "meld": (
        (1, 0, 1, 1, 0, 1),
        {
            "MELD.Raw/train/train_splits/dia0_utt1.mp4": (
                "MELD.Raw/output_repeated_splits_test/dia0_utt0.mp4"
            )
        },
    ),
    "ravdess": ((1, 1, 0, 1, 0, 0), {}),
    "rafd": ((80, 40, 0, 0, 0, 0), {}),
    "manyfaces": ((4, 4, 0, 0, 4, 0), {}),
    "multi-pie": ((146, 50, 0, 0, 10, 0), {}),
    "raf-db": (
        (1, 0, 1, 0, 1, 1),
        {
            "basic/Image/aligned/train_00002_aligned.jpg": (
                "basic/Image/aligned/test_0004_aligned.jpg, under another label"
            )
        },
    ),
    "fer-plus": ((1, 0, 1, 0, 0, 1), {"fer0000002.png": "fer0032220.png"}),
    "crema-d": (None, {}),
    "mead-images": ((32, 19, 0, 0, 0, 0), {}),
    "mead-clips": ((3, 3, 0, 0, 0, 0), {}),
    "voxceleb2": ((1, 1, 0, 0, 0, 0), {}),
}


def imported(run, name, tmp_path, *options):
    """The prepared data set, its report, and what was printed."""
    build, own, _ = SETS[name]
    out = tmp_path / "out.parquet"
    command = (name.split()[0], build(tmp_path / "raw"), out, *SMALL, *own, *options)
    code, printed, error = run(*command, "--report", tmp_path / "report.json")
    assert code == 0, error
    clips = ("caer", "crema-d", "mead-clips", "meld", "ravdess", "voxceleb2")
    report = json.loads((tmp_path / "report.json").read_text())
    is_image = name not in clips and "mosei" not in name
    return (PreparedImages if is_image else PreparedClips).read(out), report, printed


def copies(report):
    start = "byte for byte the same as "
    return {file: why.removeprefix(start) for file, why in reasons(report).items() if start in why}


@pytest.mark.parametrize("name", SETS)
def test_files_with_the_content_of_others_are_told_and_do_not_leak(run, tmp_path, name):
    counts, left_out = FOUND[name]
    _, report, printed = imported(run, name, tmp_path)
    found = report["duplicates"]
    assert copies(report) == left_out
    if counts is None:
        assert found == {} and "duplicate" not in printed
        return
    assert tuple(found[name] for name in COUNTS) == counts
    assert f"duplicates {counts[0]} files with the content of another" in printed
    assert found["examples"] and all(" = ".join(names) in printed for names in found["examples"])


@pytest.mark.parametrize("how, kept", [("keep", 10), ("leaks", 7), ("drop", 6)])
def test_what_becomes_of_them_is_an_option(run, tmp_path, how, kept):
    images, report, _ = imported(run, "image-folder", tmp_path, "--duplicates", how)
    assert len(images) == report["kept"] == kept
    assert report["duplicates"]["left_out"] == len(copies(report)) == 10 - kept
    warned = [text for text in report["warnings"] if "--duplicates leaks leaves them out" in text]
    assert len(warned) == (how == "keep")
    if how == "drop":
        assert copies(report)["train/happy/2.jpg"] == "train/happy/1.jpg"
    # The test part is whole, whatever becomes of the others.
    assert len(images.split("official")["test"]) == 3
