"""CREMA-D: what names and tables say, films and sounds in pairs, pointers in place of files."""

import tarfile

import numpy as np
import pytest

from data_prep.importers.crema_d import EMOTIONS, KNOWN_FAULTS, LEVELS, SENTENCES
from tests.importers.fixtures import crema_d
from tests.importers.fixtures.clips import footage, sound_bytes, write
from tests.importers.fixtures.importing import SMALL, imported, reasons, repairs


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return crema_d.crema_d(tmp_path_factory.mktemp("crema") / "CREMA-D")


def heard(clips, name: str, number: int) -> bool:
    """Whether a clip has the sound of our clip of that number."""
    row = int(np.flatnonzero(clips.table["clip"] == name)[0])
    found, ours = clips.waveform(row), footage(number)[2]
    shared = min(len(found), len(ours))
    return np.corrcoef(found[:shared], ours[:shared])[0, 1] > 0.8


def test_names_say_who_acts_what_in_which_sentence(run, raw):
    clips, table, report = imported(run, "crema-d", raw)
    row = table.loc["1001_IEO_ANG_HI"]
    assert row[["subject", "emotion", "original_label"]].tolist() == ["1001", "angry", "ANG"]
    assert row[["level", "sentence", "transcript"]].tolist() == [
        *("high", "IEO", "It's eleven o'clock"),
    ]
    assert table.loc["1003_WSI_DIS_LO", ["level", "emotion"]].tolist() == ["low", "disgusted"]
    assert clips.emotions == ("angry", "disgusted", "afraid", "happy", "neutral", "sad")
    assert report["kept"] == len(clips) == 7 and "split" not in table
    assert clips.metadata["licence"].startswith("ODbL 1.0") and clips.metadata["name"] == "crema-d"


def test_every_code_is_understood(run, tmp_path):
    raw, sound = tmp_path / "raw", sound_bytes(0)
    for actor, sentence in enumerate(SENTENCES, 1001):
        for emotion, level in zip(EMOTIONS, (*LEVELS, "XX", "HI"), strict=True):
            write(raw / f"{actor}_{sentence}_{emotion}_{level}.wav", sound)
    _, table, report = imported(run, "crema-d", raw)
    assert len(table) == 12 * 6 and not report["skipped"]
    assert table["transcript"].nunique() == 12 and set(table["level"]) == set(LEVELS.values())
    assert sum("is not there: what it tells" in text for text in report["warnings"]) == 2
    assert not {"age", "face_vote"} & set(table)


def test_films_and_the_sounds_beside_them(run, raw):
    clips, table, report = imported(run, "crema-d", raw)
    assert table["modality"].to_dict() == {
        **dict.fromkeys(("1001_IEO_ANG_HI", "1001_TIE_NEU_XX", "1040_ITH_SAD_XX"), "audio-video"),
        **dict.fromkeys(("1002_IOM_SAD_XX", "1003_WSI_DIS_LO"), "video"),
        **dict.fromkeys(("1002_DFA_HAP_XX", "1003_TSI_FEA_MD"), "audio"),
    }
    for modality in ("video", "audio"):
        assert clips.present[modality].tolist() == table["modality"].str.contains(modality).tolist()
    # The .wav is taken, not the film's own sound, which is that of clip 0; then that of the film.
    assert heard(clips, "1001_IEO_ANG_HI", 1) and heard(clips, "1001_TIE_NEU_XX", 1)
    assert heard(clips, "1002_DFA_HAP_XX", 2)  # .mp3, where nothing else is
    assert report["counts"]["modality"] == {"audio": 2, "audio-video": 3, "video": 2}
    assert any("2 clips have an image but no sound" in text for text in report["warnings"])
    assert any("2 clips have a sound but no image" in text for text in report["warnings"])
    why = reasons(report)
    assert why["AudioMP3/1001_IEO_ANG_HI.mp3"] == "AudioWAV/1001_IEO_ANG_HI.wav is taken instead"


def test_what_cannot_be_used_of_a_pair_is_left_out(run, raw):
    _, _, report = imported(run, "crema-d", raw)
    assert repairs(report) == {
        "VideoFlash/1003_TSI_FEA_MD.flv": "its film cannot be used: no frame",
        "VideoFlash/1040_ITH_SAD_X.flv": "misnamed in CREMA-D: it is 1040_ITH_SAD_XX",
    }
    why = reasons(report)
    both = why["VideoFlash/1005_ITS_ANG_XX.flv"]
    assert both.startswith("its film cannot be used: FFmpeg") and "its sound cannot be" in both
    assert why["VideoFlash/1001_XYZ_ANG_YY.flv"] == "its name has an unknown sentence and level"
    assert why["AudioWAV/1100_IEO_ANG_HI.wav"] == "its name has an unknown actor"
    assert why["SentenceFilenames.csv"] == "a file (.csv) that crema-d has no use for"
    assert report["junk"] == 1 and not any(".git" in name for name in why)


def test_tables_tell_of_people_and_votes(run, raw):
    _, table, _ = imported(run, "crema-d", raw)
    who = ["age", "gender", "race", "ethnicity"]
    assert table.loc["1001_IEO_ANG_HI", who].tolist() == [51, "male", "Caucasian", "Not Hispanic"]
    assert table.loc["1002_DFA_HAP_XX", ["age", "gender", "ethnicity"]].tolist() == [
        *(21, "female", "Hispanic"),
    ]
    assert table.loc["1002_DFA_HAP_XX", ["race"]].isna().all()  # "Unknown"
    assert table.loc[["1003_TSI_FEA_MD", "1040_ITH_SAD_XX"], who].isna().all(axis=None)
    votes = ["face_vote", "face_level", "voice_vote", "both_vote"]
    assert table.loc["1001_IEO_ANG_HI", votes].tolist() == [
        *("angry:afraid", "30.67:51.00", "neutral", "angry"),
    ]
    assert table.loc["1002_DFA_HAP_XX", "voice_vote"] == "disgusted:happy"
    assert table.loc[["1002_DFA_HAP_XX"], ["both_vote", "both_level"]].isna().all(axis=None)
    assert table.loc["1040_ITH_SAD_XX", "voice_vote"] == "sad"
    assert table.loc["1002_IOM_SAD_XX", votes].isna().all()


def test_known_faults_are_left_out_unless_asked_for(run, raw):
    _, table, report = imported(run, "crema-d", raw)
    why = reasons(report)
    assert not set(KNOWN_FAULTS) & set(table.index) and len(KNOWN_FAULTS) == 4
    for name, reason in KNOWN_FAULTS.items():
        assert why[f"VideoFlash/{name}.flv"] == why[f"AudioWAV/{name}.wav"] == reason
    _, table, _ = imported(run, "crema-d", raw, "--known-faults", "keep")
    assert set(KNOWN_FAULTS) <= set(table.index)


def test_pointers_of_git_lfs_are_said_by_name(run, raw, tmp_path):
    _, _, report = imported(run, "crema-d", raw)
    for name in ("AudioWAV/1003_WSI_DIS_LO.wav", "VideoFlash/1004_MTI_NEU_XX.flv"):
        assert reasons(report)[name] == "a pointer of Git LFS (130 bytes), not the file"
    assert any(t.startswith("3 pointers of Git LFS, such as ") for t in report["warnings"])
    write(tmp_path / "raw/VideoFlash/1001_IEO_ANG_HI.flv", crema_d.POINTER)
    code, _, error = run("crema-d", tmp_path / "raw", tmp_path / "o.parquet", *SMALL)
    assert code == 2 and "1 pointers of Git LFS, such as VideoFlash/1001_IEO_ANG_HI.flv" in error
    assert "git lfs pull" in error
    write(tmp_path / "other/something.txt", b"x")
    code, _, error = run("crema-d", tmp_path / "other", tmp_path / "o.parquet", *SMALL)
    assert code == 2 and "such as something.txt" in error and "1001_IEO_ANG_HI.flv" in error


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_the_same_from_an_archive(run, raw, tmp_path, ending):
    with tarfile.open(tmp_path / f"a.{ending}", "w:gz" if ending == "tar.gz" else "w") as archive:
        archive.add(raw, "CREMA-D")
    clips, _, _ = imported(run, "crema-d", tmp_path / f"a.{ending}")
    assert clips.fingerprint() == imported(run, "crema-d", raw)[0].fingerprint()


@pytest.mark.parametrize("name", ["VideoDemographics.csv", "processedResults/summaryTable.csv"])
def test_a_table_that_cannot_be_read_is_named(run, tmp_path, name):
    write(tmp_path / "raw/AudioWAV/1001_IEO_ANG_HI.wav", sound_bytes(0))
    write(tmp_path / "raw" / name, b"a,b\n1,2\n")
    _, table, report = imported(run, "crema-d", tmp_path / "raw")
    assert "has no column" in reasons(report)[name] and len(table) == 1
