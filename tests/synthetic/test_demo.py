"""The stand-ins of notebook 08 have the faults that it tells of, and importers can read them."""

import json

import numpy as np

from data_prep.synthetic.demo import OWN_EXPRESSIONS, own_files, write_folder
from data_prep.synthetic.demo_clips import ravdess_files
from fermodels.data import PreparedClips, PreparedImages


def test_own_images(run, tmp_path):
    raw, out, report = tmp_path / "photos", tmp_path / "own.parquet", tmp_path / "own.json"
    write_folder(own_files(), raw)
    command = ("image-folder", raw, out, "--crop", "centre", "--jobs", "1", "--report", report)
    assert run(*command)[0] == 0
    found = json.loads(report.read_text())
    assert [(entry["file"], entry["what"]) for entry in found["repaired"]] == [
        ("ben/happy/half_left.jpg", "turned as its EXIF says")
    ]
    assert {entry["file"] for entry in found["skipped"]} == {
        "anna/angry/full_right.HEIC",
        "ben/neutral/IMG_2031.jpg",
    }
    own = PreparedImages.read(out)
    assert set(own.table["subject"]) == {"anna", "ben"} and own.expressions == (
        *sorted(set(OWN_EXPRESSIONS) - {"surprised"}),
        "surprised",
    )
    # Two cannot be used, one is there twice.
    assert len(own) == 2 * len(OWN_EXPRESSIONS) * 5 - 2 + 1
    # Turned upright, it is nearly the mirror image of the same moment from the other side.
    happy = own.subset(own.table.index[own.table["instance"] == "ben-1-happy"])
    pictures = dict(zip(happy.table["view"], happy.images().astype(float), strict=True))
    left, right = pictures["half_left"], pictures["half_right"][:, ::-1]
    others = [np.rot90(left, k) for k in (1, 2, 3)]
    assert abs(left - right).mean() < 0.7 * min(abs(x - right).mean() for x in others)


def test_ravdess(run, tmp_path):
    raw, out = (
        write_folder(ravdess_files(actors=2, takes=2), tmp_path / "raw"),
        tmp_path / "o.parquet",
    )
    code, printed, _ = run("ravdess", raw, out, "--crop", "none", "--size", "32", "--jobs", "1")
    assert code == 0 and "28 rows from 28 files" in printed
    clips = PreparedClips.read(out)
    assert clips.table["gender"].value_counts().to_dict() == {"male": 14, "female": 14}
    assert clips.present["video"].all() and clips.present["audio"].all()
    assert set(clips.table["repetition"]) == {1} and "calm" not in set(clips.table["emotion"])
