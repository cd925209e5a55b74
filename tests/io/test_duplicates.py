"""Files with the content of another, in importers of images and of clips."""

import json

import pytest

from fermodels.data import PreparedClips, PreparedImages
from tests.importers.fixtures import clip_sets, mosei
from tests.importers.fixtures.clips import write
from tests.importers.fixtures.images import (
    faces,
    jpeg,
    kdef_codes,
    kdef_files,
    multiface_files,
    write_folder,
)
from tests.importers.fixtures.importing import SMALL, reasons

pytestmark = pytest.mark.filterwarnings("ignore:.*has one view only")
PATTERN = r"(?P<subject>\w+)/(?P<expression>[a-z]+)_(?P<view>\w+)_(?P<session>light\d)"


def image(number, size=(60, 80)):
    return jpeg(faces().images([number])[0], size, 80)


def kdef(root):
    """F01 is in train, F05 in test, by the course's split; one image of both, one twice in F01."""
    files = dict(kdef_files(kdef_codes(["F01", "F05"]), 80))
    files["KDEF/AF05/AF05NES.JPG"] = files["KDEF/AF01/AF01NES.JPG"]
    files["KDEF/BF01/BF01HAS.JPG"] = files["KDEF/AF01/AF01HAS.JPG"]
    return write_folder(files.items(), root)


def classes(root):
    """FER2013 as folders: copies within a split and across, under one label and under two."""
    places = {
        "train/happy/1": 0, "train/happy/2": 0, "train/sad/3": 1, "train/sad/4": 2,
        "train/happy/10": 5, "val/sad/5": 2, "val/happy/6": 3, "test/sad/7": 3,
        "test/happy/8": 1, "test/happy/9": 4,
    }  # fmt: skip
    return write_folder([(f"{k}.jpg", image(5 * v)) for k, v in places.items()], root)


def people(root):
    """No splits: one image under two people."""
    views = ("full_left", "half_left", "straight", "half_right", "full_right")
    files = {f"{p}/happy/{v}.jpg": image(35 * n + i) for n, p in enumerate("ab") for i, v in
             enumerate(views)}  # fmt: skip
    files["b/happy/straight.jpg"] = files["a/happy/straight.jpg"]
    return write_folder(files.items(), root)


def children(root):
    rows = {"G01": ("happy_0_light1", "sad_0_light1"), "B01": ("happy_0_light1", "sad_0_light1")}
    names = [f"{subject}/{name}.jpg" for subject, pair in rows.items() for name in pair]
    return write_folder([(n, image(5 * min(i, 2))) for i, n in enumerate(names)], root)


def meld(root):
    raw = clip_sets.meld(root)
    base = raw / "MELD.Raw"
    copied = (base / "output_repeated_splits_test/dia0_utt0.mp4").read_bytes()
    write(base / "train/train_splits/dia0_utt1.mp4", copied)
    return raw


def ravdess(root):
    raw = clip_sets.ravdess(root)
    first = raw / "Actor_01/01-01-05-02-01-02-01.mp4"
    write(raw / "Actor_24/01-01-05-02-01-02-24.mp4", first.read_bytes())
    return raw


def voxceleb2(root):
    raw = clip_sets.voxceleb2(root)
    clip = raw / "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4"
    write(raw / "dev/mp4/id00012/21Uxsk56VDQ/00002.mp4", clip.read_bytes())
    return raw


VIEWS = "L60=-60,L30=-30,0=0,R30=30,R60=60"
# Importer: raw data, options, counts (files, within a split, across splits, across people, across
# labels, left out), and what is left out by default.
SETS = {
    "kdef": (kdef, (), (2, 1, 1, 1, 0, 1), {"KDEF/AF01/AF01NES.JPG": "KDEF/AF05/AF05NES.JPG"}),
    "image-folder": (
        classes,
        (),
        (4, 1, 3, 0, 2, 3),
        {
            "train/sad/3.jpg": "test/happy/8.jpg, under another label",
            "train/sad/4.jpg": "val/sad/5.jpg",
            "val/happy/6.jpg": "test/sad/7.jpg, under another label",
        },
    ),
    "image-folder of people": (people, (), (1, 1, 0, 1, 0, 0), {}),
    "ddcf": (children, ("--pattern", PATTERN, "--views", VIEWS), (1, 1, 0, 0, 1, 0), {}),
    "multiface": (
        lambda p: write_folder(multiface_files(frames=(1,)), p),
        (),
        (5, 5, 0, 0, 5, 0),
        {},
    ),
    "caer": (
        clip_sets.caer,
        (),
        (2, 0, 2, 0, 1, 2),
        {
            "train/Anger/0001.avi": "test/Anger/0002.avi",
            "train/Disgust/0001.avi": "validation/Fear/0003.avi, under another label",
        },
    ),
    "caer stills": (
        clip_sets.caer_s,
        (),
        (1, 0, 1, 0, 0, 1),
        {"train/Angry/0009.png": "test/Anger/0004.png"},
    ),
    "meld": (
        meld,
        (),
        (1, 0, 1, 1, 0, 1),
        {
            "MELD.Raw/train/train_splits/dia0_utt1.mp4": (
                "MELD.Raw/output_repeated_splits_test/dia0_utt0.mp4"
            )
        },
    ),
    "ravdess": (ravdess, (), (1, 1, 0, 1, 0, 0), {}),
    "voxceleb2": (voxceleb2, (), (1, 1, 0, 0, 0, 0), {}),
}
COUNTS = (
    *("files", "within_a_split", "across_splits", "across_people", "across_labels", "left_out"),
)


def imported(run, importer, raw, out, *options):
    code, printed, error = run(
        importer, raw, out, *SMALL, *options, "--report", out.with_suffix(".json")
    )
    assert code == 0, error
    images = importer in ("kdef", "image-folder", "ddcf", "multiface") or "stills" in str(out)
    report = json.loads(out.with_suffix(".json").read_text())
    return (PreparedImages if images else PreparedClips).read(out), report, printed


def copies(report):
    start = "byte for byte the same as "
    return {file: why.removeprefix(start) for file, why in reasons(report).items() if start in why}


@pytest.mark.parametrize("name", SETS)
def test_files_with_the_content_of_others_are_told_and_do_not_leak(run, tmp_path, name):
    build, options, counts, left_out = SETS[name]
    raw, out = build(tmp_path / "raw"), tmp_path / f"{name}.parquet"
    _, report, printed = imported(run, name.split()[0], raw, out, *options)
    found = report["duplicates"]
    assert tuple(found[name] for name in COUNTS) == counts
    assert copies(report) == left_out
    assert f"duplicates {counts[0]} files with the content of another" in printed
    assert all(" = ".join(names) in printed for names in found["examples"])


@pytest.mark.parametrize("how, kept", [("keep", 10), ("leaks", 7), ("drop", 6)])
def test_what_becomes_of_them_is_an_option(run, tmp_path, how, kept):
    raw, out = classes(tmp_path / "raw"), tmp_path / f"{how}.parquet"
    images, report, _ = imported(run, "image-folder", raw, out, "--duplicates", how)
    assert len(images) == report["kept"] == kept
    assert report["duplicates"]["left_out"] == len(copies(report)) == 10 - kept
    if how == "drop":
        assert copies(report)["train/happy/2.jpg"] == "train/happy/1.jpg"
    # The test part is whole, whatever becomes of the others.
    assert len(images.split("official")["test"]) == 3


def test_stretches_of_one_film_are_no_duplicates(run, tmp_path):
    """Films with the same bytes, of which other stretches are taken."""
    raw = mosei.raw_folder(tmp_path / "raw")
    films = sorted((raw / "Raw/Videos/Full/Combined").iterdir())
    assert len({film.read_bytes() for film in films}) == 1
    clips, report, _ = imported(run, "mosei", raw, tmp_path / "o.parquet")
    assert clips.present["video"].sum() > 2 and report["duplicates"] == {}


def test_an_import_without_any_says_nothing(run, tmp_path):
    raw = write_folder([(f"happy/{n}.jpg", image(5 * n)) for n in range(3)], tmp_path / "raw")
    _, report, printed = imported(run, "image-folder", raw, tmp_path / "o.parquet")
    assert report["duplicates"] == {} and "duplicate" not in printed


def test_duplicates_in_two_shards_are_found_when_they_are_merged(run, tmp_path):
    raw = classes(tmp_path / "raw")
    parts = [tmp_path / f"{number}.parquet" for number in (1, 2, 3)]
    for number, part in enumerate(parts, 1):
        code, printed, _ = run("image-folder", raw, part, *SMALL, "--shard", f"{number}/3")
        assert code == 0 and "byte for byte" not in printed
    out = tmp_path / "merged.parquet"
    code, printed, error = run("merge", *parts, out, "--report", tmp_path / "r.json")
    assert code == 0, error
    report = json.loads((tmp_path / "r.json").read_text())
    assert copies(report) == SETS["image-folder"][3] and "duplicates 4 files" in printed
    assert len(PreparedImages.read(out)) == 7
