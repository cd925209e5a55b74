"""CAER and CAER-S: one name for Anger and Angry, copies across splits, nobody's name."""

import json
import os
import zipfile

import pytest

from fermodels.data import PreparedImages
from tests.importers.fixtures import clip_sets
from tests.importers.fixtures.clips import write
from tests.importers.fixtures.images import write_zip
from tests.importers.fixtures.importing import SMALL, imported, reasons


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return clip_sets.caer(tmp_path_factory.mktemp("caer"))


def stills(run, raw, *options):
    out, report = raw.parent / "s.parquet", raw.parent / "s.json"
    code, _, error = run("caer", raw, out, "--report", report, *SMALL, *options)
    assert code == 0, error
    with pytest.warns(UserWarning, match="one view only"):
        images = PreparedImages.read(out)
    return images, json.loads(report.read_text())


def test_clips_with_the_official_splits(run, raw):
    clips, table, report = imported(run, "caer", raw)
    assert len(clips) == 9 and clips.present["video"].all() and clips.present["audio"].all()
    assert table.loc["validation/Happy/0001", ["split", "emotion"]].tolist() == ["val", "happy"]
    assert {k: len(v) for k, v in clips.split("official").items()} == {
        "train": 5,
        "val": 2,
        "test": 2,
    }
    assert clips.emotions == (
        *("angry", "disgusted", "afraid", "happy", "neutral", "sad", "surprised"),
    )
    assert report["junk"] == 1


def test_copies_are_found_by_content_and_test_keeps_its_own(run, raw):
    _, table, report = imported(run, "caer", raw)
    assert reasons(report) == {
        "train/Anger/0001.avi": "byte for byte the same as test/Anger/0002.avi",
        "train/Disgust/0001.avi": (
            "byte for byte the same as validation/Fear/0003.avi, under another label"
        ),
    }
    assert "test/Anger/0002" in table.index and "train/Anger/0001" not in table.index
    found = report["duplicates"]
    assert (found["across_splits"], found["across_labels"], found["left_out"]) == (2, 1, 2)


def test_nobody_knows_who_is_who(run, raw):
    clips, table, report = imported(run, "caer", raw)
    assert table["subject"].nunique() == len(clips)
    assert "every row is a subject of its own" in report["warnings"][0]
    assert "a subject of its own" in clips.metadata["description"]


def test_stills_and_the_two_spellings_of_anger(run, tmp_path):
    images, report = stills(run, clip_sets.caer_s(tmp_path))
    table = images.table.set_index("subject")
    assert table.loc["train/Angry/0001", ["expression", "original_label"]].tolist() == [
        *("angry", "Angry"),
    ]
    assert table.loc["test/Anger/0004", ["expression", "original_label"]].tolist() == [
        *("angry", "Anger"),
    ]
    assert images.image_size == (32, 32) and images.views == ("any",)
    assert reasons(report)["train/Angry/0009.png"].endswith("the same as test/Anger/0004.png")
    assert "the folder 'Bored' is none of Anger" in reasons(report)["test/Bored/0001.png"]
    assert {k: len(v) for k, v in images.split("official").items()} == {"train": 3, "test": 2}


def test_a_damaged_still_costs_one_row(run, tmp_path):
    raw = clip_sets.caer_s(tmp_path)
    write(raw / "train/Sad/0003.png", (raw / "train/Sad/0003.png").read_bytes()[:300])
    images, report = stills(run, raw)
    assert len(images) == 4 and "damaged or cut off" in reasons(report)["train/Sad/0003.png"]


def test_a_damaged_member_of_a_zip_costs_one_row(run, tmp_path):
    raw = clip_sets.caer_s(tmp_path / "folder")
    names = {path.relative_to(raw): path.read_bytes() for path in raw.rglob("*.png")}
    size = max(map(len, names.values()))
    # Of one size, so that their contents are compared.
    files = [(str(name), data + bytes(size - len(data))) for name, data in names.items()]
    data = bytearray(write_zip(files, tmp_path / "CAER-S.zip").read_bytes())
    with zipfile.ZipFile(tmp_path / "CAER-S.zip") as archive:
        member = archive.getinfo("train/Sad/0003.png")
    at = member.header_offset + 30 + len(member.filename) + member.compress_size // 2
    data[at : at + 40] = bytes(40)
    write(tmp_path / "zip/CAER-S.zip", bytes(data))
    images, report = stills(run, tmp_path / "zip/CAER-S.zip")
    assert len(images) == 4 and "cannot be read" in reasons(report)["train/Sad/0003.png"]


def test_names_that_are_no_text(run, tmp_path):
    raw = clip_sets.caer_s(tmp_path)
    place = os.path.join(os.fsencode(raw / "train/Sad"), b"caf\xe9.png")
    os.rename(raw / "train/Sad/0003.png", place)
    images, _ = stills(run, raw)
    assert "train/Sad/caf\\udce9" in set(images.table["subject"])


def test_clips_and_stills_are_two_data_sets(run, tmp_path):
    clip_sets.caer_s(tmp_path)
    write(tmp_path / "CAER/train/Anger/0001.avi", b"x")
    code, _, error = run("caer", tmp_path, tmp_path / "o.parquet", *SMALL)
    assert code == 2 and "1 clips (CAER) and 6 stills (CAER-S): give the folder of one" in error


def test_what_is_seen_instead(run, tmp_path):
    write(tmp_path / "raw/Anger/0001.avi", b"x")
    code, _, error = run("caer", tmp_path / "raw", tmp_path / "o.parquet", *SMALL)
    assert code == 2 and "such as Anger/0001.avi, but none in train/" in error
