"""MELD: tables and clips with all their faults."""

import json
import tarfile

import numpy as np
import pytest

from data_prep.importers.meld_table import read_table, seconds
from data_prep.io.report import NothingUsable
from fermodels.data import PreparedError
from tests.importers.fixtures import clip_sets
from tests.importers.fixtures.clips import footage, video_bytes, write
from tests.importers.fixtures.importing import SMALL, imported, reasons, repairs

HEADER = clip_sets.MELD_HEADER
ROW = '1,Hi,Joey,joy,positive,0,0,1,1,"00:00:01,000","00:00:02,000"'


def table(*rows: str, newline: str = "\n", header: str = HEADER, encoding: str = "utf-8"):
    return read_table(newline.join([header, *rows, ""]).encode(encoding), "t.csv")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return clip_sets.meld(tmp_path_factory.mktemp("meld") / "raw")


def test_the_key_is_split_dialogue_and_utterance(run, raw):
    clips, table, report = imported(run, "meld", raw)
    # dia0_utt0 is three clips, one of each split, each with the words of its own row.
    words = table["transcript"]
    assert (
        words["train-dia0-utt0"] == "I’m fine, thanks." and words["dev-dia0-utt0"] == "Hello there"
    )
    assert words["test-dia0-utt0"] == "Why?" and words["train-dia0-utt1"] == 'She said "no".'
    assert len(clips) == 6 and report["kept"] == 6 and report["found"] == 10
    assert dict(zip(table["clip"], table["split"], strict=True)) == {
        **{f"train-dia{x}": "train" for x in ("0-utt0", "0-utt1", "125-utt2")},
        "dev-dia0-utt0": "val",
        **{f"test-dia{x}": "test" for x in ("0-utt0", "1-utt1")},
    }
    # Sr No. 2 is on two rows of train, and both are there.
    assert {"train-dia0-utt1", "train-dia125-utt2"} <= set(table["clip"])
    images, fps = clips.frames(int(np.flatnonzero(clips.table["clip"] == "dev-dia0-utt0")[0]))
    assert fps == 8 and images.shape[1:] == (32, 32, 3)
    assert clips.present["audio"].all() and clips.present["video"].all()


def test_labels_are_of_one_vocabulary_and_the_original_is_kept(run, raw):
    clips, table, report = imported(run, "meld", raw)
    assert table.loc["train-dia125-utt2", ["emotion", "original_label"]].tolist() == [
        "happy",
        "joy",
    ]
    assert table.loc["dev-dia0-utt0", "emotion"] == "disgusted"
    assert clips.emotions == (
        *("neutral", "happy", "surprised", "angry", "sad", "disgusted", "afraid"),
    )
    assert table.loc["train-dia125-utt2", "sentiment"] == "positive"
    assert "boredom" in reasons(report)["MELD.Raw/train_sent_emo.csv, line 8"]


def test_what_is_broken_stray_double_or_missing_is_left_out_and_named(run, raw):
    _, _, report = imported(run, "meld", raw)
    why = reasons(report)
    base = "MELD.Raw/"
    assert "FFmpeg cannot read it" in why[base + "train/train_splits/dia125_utt3.mp4"]
    assert why[base + "dev_splits_complete/dia66_utt9.mp4"].startswith("a clip without a row")
    assert why["dev dia110_utt7"] == "a row without a clip"
    test = base + "output_repeated_splits_test/"
    assert why[test + "dia1_utt1.mp4"] == "final_videos_testdia1_utt1.mp4 is taken instead"
    assert why[base + "train_sent_emo.csv, line 7"].endswith("is in line 2 already")
    assert "70 s, longer than --max-seconds 20" in why[base + "train/train_splits/dia200_utt0.mp4"]
    assert report["junk"] == 2 and not any("._" in file for file in why)
    assert "its row in" in why[base + "train/train_splits/dia300_utt0.mp4"]
    assert len(why) == 8


def test_the_final_videos_of_test_are_taken_or_the_plain_ones(run, raw):
    for choice, number in (("final", 8), ("plain", 7)):
        clips, _, _ = imported(run, "meld", raw, "--doubles", choice)
        row = int(np.flatnonzero(clips.table["clip"] == "test-dia1-utt1")[0])
        sound, ours = clips.waveform(row), footage(number)[2]
        assert abs(len(sound) - len(ours)) < 2000
        shared = min(len(sound), len(ours))
        assert np.corrcoef(sound[:shared], ours[:shared])[0, 1] > 0.8


def test_minutes_are_cut_if_asked_for(run, raw):
    clips, table, report = imported(run, "meld", raw, "--too-long", "cut", "--max-seconds", "3")
    row = int(np.flatnonzero(clips.table["clip"] == "train-dia200-utt0")[0])
    assert len(clips.frames(row)[0]) == 24 and clips.waveform(row) is None
    what = repairs(report)["MELD.Raw/train/train_splits/dia200_utt0.mp4"]
    assert "cut to its first 3 s" in what
    # Its row says that it ends before it starts.
    assert "times left out" in what
    assert np.isnan(table.loc["train-dia200-utt0", ["start", "end"]].astype(float)).all()


def test_actors_are_on_all_sides_of_the_official_splits(run, raw):
    clips, table, report = imported(run, "meld", raw)
    assert table.loc["dev-dia0-utt0", "subject"] == "val/Joey"
    assert table.loc["train-dia0-utt1", ["subject", "speaker"]].tolist() == ["train/Joey", "Joey"]
    assert "1 speakers, such as Joey, are in more than one" in report["warnings"][0]
    assert sorted(clips.split("official")) == ["test", "train", "val"]

    clips, table, report = imported(run, "meld", raw, "--subjects", "speaker")
    assert (
        table.loc["dev-dia0-utt0", "subject"] == table.loc["train-dia0-utt1", "subject"] == "Joey"
    )
    assert not report["warnings"] and set(table["official_split"]) == {"train", "val", "test"}
    with pytest.raises(PreparedError):
        clips.split("official")


def test_the_same_from_an_archive(run, raw, tmp_path):
    with tarfile.open(tmp_path / "MELD.Raw.tar.gz", "w:gz") as archive:
        archive.add(raw / "MELD.Raw", "MELD.Raw")
    clips, _, _ = imported(run, "meld", tmp_path / "MELD.Raw.tar.gz")
    folder, _, _ = imported(run, "meld", raw)
    assert clips.fingerprint() == folder.fingerprint()


@pytest.mark.parametrize(
    "files, message",
    [
        (("train.tar.gz", "dev.tar.gz", "train_sent_emo.csv"), "unpack them beside the tables"),
        (("train_splits/dia0_utt0.mp4",), "clips, but no table"),
        (("train_sent_emo.csv",), "tables, but no clip"),
        (("something.txt",), "such as something.txt"),
    ],
)
def test_what_is_seen_instead(run, tmp_path, files, message):
    for name in files:
        write(tmp_path / "raw" / name, f"{HEADER}\n{ROW}\n".encode())
    code, _, error = run("meld", tmp_path / "raw", tmp_path / "o.parquet", *SMALL)
    assert code == 2 and message in error and "train_sent_emo.csv, dev_sent_emo.csv" in error
    assert NothingUsable.__name__ not in error and not (tmp_path / "o.parquet").exists()


def test_a_table_that_cannot_be_read_is_named(run, tmp_path):
    write(tmp_path / "raw/train_sent_emo.csv", b"a,b\n1,2\n")
    write(tmp_path / "raw/train_splits/dia0_utt0.mp4", b"x")
    code, _, error = run("meld", tmp_path / "raw", tmp_path / "o.parquet", *SMALL)
    assert code == 2 and "train_sent_emo.csv is no table of MELD: no column Utterance" in error


def test_clips_in_no_split_and_twice(run, tmp_path):
    base = tmp_path / "raw"
    write(base / "train_sent_emo.csv", f"{HEADER}\n{ROW}\n".encode())
    write(base / "b/train_splits/dia0_utt0.mp4", video_bytes(0))
    write(base / "c/train_splits/dia0_utt0.mp4", video_bytes(1))
    write(base / "d/dia0_utt0.mp4", video_bytes(2))
    write(base / "x/train_sent_emo.csv", f"{HEADER}\n{ROW}\n".encode())
    clips, _, report = imported(run, "meld", base)
    assert len(clips) == 1 and reasons(report) == {
        "c/train_splits/dia0_utt0.mp4": "the same clip as b/train_splits/dia0_utt0.mp4",
        "d/dia0_utt0.mp4": "in no folder of a split, such as train_splits",
        "x/train_sent_emo.csv": "a second table of this split: train_sent_emo.csv is taken",
    }


@pytest.mark.parametrize(
    "text, expected",
    [
        ("00:16:16,059", 976.059),
        ("0:10:44,769", 644.769),
        ("1:00:00,5", 3600.5),
        (" 00:00:01.250 ", 1.25),
    ],
)
def test_times_with_a_comma_and_one_or_two_digits_of_hours(text, expected):
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "16:16,059", "00:16:16", "zz:00:00,000", "-1:00:00,000"])
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match="no time such as"):
        seconds(text)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_of_both_kinds(newline):
    rows, skipped = table(ROW, '2,"Two\nlines",Joey,joy,positive,0,1,1,1,,', newline=newline)
    assert [row.text for row in rows] == ["Hi", "Two\nlines"] and not skipped
    assert rows[0].episode == "1" and rows[0].end == 2.0  # no carriage return in the last column


def test_a_byte_order_mark_and_another_encoding():
    # Without its first column, which nobody needs, the mark would belong to a column's name.
    header, row = HEADER.removeprefix("Sr No.,"), ROW.removeprefix("1,")
    (row,), _ = table(row, header=header, encoding="utf-8-sig")
    assert row.text == "Hi" and row.repaired is None
    (row,), _ = table(ROW.replace("Hi", "Café – “hi”"), encoding="cp1252")
    assert row.text == "Café – “hi”" and "Windows-1252" in row.repaired


def test_numbers_repeat_and_rows_without_them_are_left_out():
    bad = ROW.replace(",0,0,", ",x,0,"), ROW.replace(",joy,", ",,"), "1,cut off"
    rows, skipped = table(ROW, *bad, ROW.replace(",0,0,", ",0,1,"))
    assert [row.key for row in rows] == [(0, 0), (0, 1)]
    assert [where for where, _ in skipped] == ["t.csv, line 3", "t.csv, line 4", "t.csv, line 5"]
    assert "Dialogue_ID is 'x'" in skipped[0][1] and skipped[1][1] == "no emotion"


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"\0\0\0", json.dumps({"a": 1}).encode()])
def test_what_is_no_table_is_refused_by_name(data):
    with pytest.raises(ValueError, match=r"t\.csv"):
        read_table(data, "t.csv")
