"""RAVDESS: what a name says, and which of three files of a recording is taken."""

import zipfile

import pytest

from tests.importers.fixtures import clip_sets
from tests.importers.fixtures.clips import sound_bytes, write
from tests.importers.fixtures.importing import SMALL, imported, reasons


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return clip_sets.ravdess(tmp_path_factory.mktemp("ravdess") / "raw")


def test_names_say_everything(run, raw):
    clips, table, report = imported(run, "ravdess", raw)
    row = table.loc["01-01-05-02-01-02-24"]
    assert row[["subject", "gender", "emotion"]].tolist() == ["actor24", "female", "angry"]
    assert row[["vocal_channel", "intensity", "repetition"]].tolist() == ["speech", "strong", 2]
    assert row["transcript"] == "Kids are talking by the door"
    song = table.loc["02-02-06-01-02-01-01"]
    assert song[["subject", "gender", "emotion"]].tolist() == ["actor01", "male", "afraid"]
    assert song[["original_label", "vocal_channel"]].tolist() == ["fearful", "song"]
    assert song["transcript"] == "Dogs are sitting by the door"
    assert table.loc["03-01-02-01-02-01-01", "emotion"] == "calm"  # not neutral
    assert clips.emotions[:2] == ("neutral", "calm") and len(clips.emotions) == 8
    assert report["counts"]["gender"] == {"female": 3, "male": 3}
    assert clips.metadata["licence"] == "CC BY-NC-SA 4.0" and "split" not in table


def test_images_without_sound_and_sounds_without_image_are_clips(run, raw):
    clips, table, report = imported(run, "ravdess", raw)
    there = {
        name: (bool(clips.present["video"][i]), bool(clips.present["audio"][i]))
        for i, name in enumerate(clips.table["clip"])
    }
    assert there["01-01-05-02-01-02-01"] == (True, True)
    assert there["02-02-06-01-02-01-01"] == (True, False)
    assert there["03-01-02-01-02-01-24"] == (False, True)
    assert table.loc["03-01-02-01-02-01-24", "modality"] == "audio" and len(clips) == 6


def test_a_recording_is_taken_once_unless_asked_otherwise(run, raw):
    _, _, report = imported(run, "ravdess", raw)
    why = reasons(report)
    for actor in ("01", "24"):
        for modality, ending in (("02", "mp4"), ("03", "wav")):
            name = f"Actor_{actor}/{modality}-01-05-02-01-02-{actor}.{ending}"
            assert "there with image and sound" in why[name]
    clips, table, _ = imported(run, "ravdess", raw, "--every-modality")
    assert len(clips) == 10
    assert table.loc["03-01-05-02-01-02-01", "recording"] == "01-05-02-01-02-01"


def test_names_outside_the_grammar_are_left_out(run, raw):
    why = reasons(imported(run, "ravdess", raw)[2])
    assert why["Actor_24/03-01-09-01-02-01-24.wav"] == "its name has an unknown emotion"
    assert why["Actor_24/01-01-01-01-01-01-25.mp4"] == "its name has an unknown actor"
    assert "modality 01 (audio-video) in a .wav" in why["Actor_24/01-01-01-01-01-01-24.wav"]


def test_the_same_file_twice_and_a_zip_as_it_is_downloaded(run, tmp_path):
    path = tmp_path / "Audio_Speech_Actors_01-24.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Actor_01/03-01-01-01-01-01-01.wav", sound_bytes(0))
        archive.writestr("audio_speech/Actor_01/03-01-01-01-01-01-01.wav", sound_bytes(0))
    clips, _, report = imported(run, "ravdess", path)
    assert len(clips) == 1 and list(reasons(report).values()) == [
        "the same clip as Actor_01/03-01-01-01-01-01-01.wav"
    ]


def test_zips_in_a_folder_are_to_be_unpacked(run, tmp_path):
    write(tmp_path / "raw/Video_Speech_Actor_01.zip", b"PK")
    code, _, error = run("ravdess", tmp_path / "raw", tmp_path / "o.parquet", *SMALL)
    assert code == 2 and "Video_Speech_Actor_01.zip: unpack them into this folder" in error
    assert "Actor_01/01-01-03-01-02-01-01.mp4" in error
